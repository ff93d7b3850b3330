//! NumPy's files: one for each field, with the samples along the first axis.

use std::path::Path;

use super::atomic::{AtomicFile, publish};
use super::columns::Columns;
use super::member::no_npy;
use super::names::{check_distinct, check_field};
use super::shard::Shard;
use crate::dataset::{Dtype, Record};
use crate::error::Fault;
use crate::source::npy_header;

/// The files of consecutive samples, which share the beginning of their names.
#[derive(Debug)]
pub(super) struct NpyShard<'a> {
    folder: &'a Path,
    stem: String,
    columns: Columns,
}

impl<'a> NpyShard<'a> {
    pub(super) fn new(folder: &'a Path, stem: String) -> Self {
        Self { folder, stem, columns: Columns::default() }
    }
}

impl Shard<Record> for NpyShard<'_> {
    fn add(&mut self, index: u64, sample: &Record) -> Result<(), Fault> {
        for (field, tensor) in sample.iter() {
            check_field(field)?;
            if tensor.dtype() == Dtype::BF16 {
                return Err(no_npy(field));
            }
        }
        check_distinct(sample.iter().map(|(field, _)| field))?;
        self.columns.add(index, sample)
    }

    fn name(&self) -> String {
        format!("{}.*.npy", self.stem)
    }

    fn finish(self: Box<Self>) -> Result<(), Fault> {
        let columns = &self.columns;
        let written = columns.columns.iter().map(|column| {
            let header = npy_header(column.dtype, &columns.shape(column));
            let name = format!("{}.{}.npy", self.stem, column.name);
            let mut file = AtomicFile::create(self.folder, &name)?;
            file.write(&header.ok_or_else(|| no_npy(&column.name))?)?;
            file.write(&column.data)?;
            file.seal()?;
            Ok(file)
        });
        publish(self.folder, written.collect::<Result<_, Fault>>()?)
    }
}
