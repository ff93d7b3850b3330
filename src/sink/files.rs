//! A file for each sample: all fields as safetensors, or one field alone.

use std::path::Path;

use super::atomic::{AtomicFile, publish};
use super::member::Member;
use super::names::no_field;
use super::safetensors::{self, Part};
use super::shard::Shard;
use crate::dataset::Record;
use crate::error::Fault;

/// The file of one sample.
#[derive(Debug)]
pub(super) struct SampleFile<'a> {
    folder: &'a Path,
    stem: String,
    field: Option<&'a str>,
    name: String,
    file: Option<AtomicFile>,
}

impl<'a> SampleFile<'a> {
    pub(super) fn new(folder: &'a Path, stem: String, field: Option<&'a str>) -> Self {
        Self { folder, stem, field, name: String::new(), file: None }
    }

    fn create(&mut self, end: &str) -> Result<AtomicFile, Fault> {
        self.name = format!("{}.{end}", self.stem);
        AtomicFile::create(self.folder, &self.name)
    }
}

impl Shard<Record> for SampleFile<'_> {
    fn add(&mut self, _: u64, sample: &Record) -> Result<(), Fault> {
        let file = if let Some(field) = self.field {
            let member = Member::new(field, sample.field(field)?)?;
            let mut file = self.create(&member.name)?;
            file.write(&member.header)?;
            file.write(member.data)?;
            file
        } else if sample.is_empty() {
            return Err(no_field());
        } else {
            safetensors::check_names(sample)?;
            let parts = sample.iter().map(|(name, tensor)| Part {
                name,
                dtype: tensor.dtype(),
                shape: tensor.shape().to_vec(),
                data: tensor.bytes(),
            });
            let mut file = self.create("safetensors")?;
            safetensors::write(&mut file, parts.collect())?;
            file
        };
        self.file = Some(file);
        Ok(())
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn finish(self: Box<Self>) -> Result<(), Fault> {
        publish(self.folder, self.file.into_iter().collect())
    }
}
