//! Tar archives as WebDataset reads them.

use std::path::Path;

use super::atomic::{AtomicFile, publish};
use super::member::Member;
use super::names::{check_distinct, no_field, numbered};
use super::shard::Shard;
use crate::dataset::Record;
use crate::error::Fault;
use crate::source::tar_header;

/// The size of a block of an archive, in bytes.
const BLOCK: usize = 512;

/// An archive: a file for each field of each sample, with the index as the key.
#[derive(Debug)]
pub(super) struct TarShard<'a> {
    folder: &'a Path,
    name: String,
    /// The number of indices of the run.
    len: u64,
    file: AtomicFile,
}

impl<'a> TarShard<'a> {
    pub(super) fn create(folder: &'a Path, stem: &str, len: u64) -> Result<Self, Fault> {
        let name = format!("{stem}.tar");
        Ok(Self { folder, len, file: AtomicFile::create(folder, &name)?, name })
    }
}

impl Shard<Record> for TarShard<'_> {
    fn add(&mut self, index: u64, sample: &Record) -> Result<(), Fault> {
        if sample.is_empty() {
            return Err(no_field());
        }
        let members = sample.iter().map(|(field, tensor)| Member::new(field, tensor));
        let members = members.collect::<Result<Vec<_>, _>>()?;
        check_distinct(members.iter().map(|member| &*member.name))?;
        let key = numbered(index, self.len);
        for member in members {
            self.file.write(&tar_header(&format!("{key}.{}", member.name), member.size()))?;
            self.file.write(&member.header)?;
            self.file.write(member.data)?;
            let over = (member.size() % BLOCK as u64) as usize;
            self.file.write(&[0; BLOCK][..(BLOCK - over) % BLOCK])?;
        }
        Ok(())
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn finish(mut self: Box<Self>) -> Result<(), Fault> {
        self.file.write(&[0; 2 * BLOCK])?;
        publish(self.folder, vec![self.file])
    }
}
