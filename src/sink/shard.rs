//! The files of consecutive samples, whatever their format.

use std::fmt::Debug;
use std::num::NonZeroU64;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::atomic::remove;
use super::{Partition, Writer};
use crate::error::{BoxError, Fault};

/// One file, or one file for each field, while its samples arrive.
///
/// Dropping a shard before [`finish`](Self::finish) leaves no file.
pub(super) trait Shard<S>: Debug + Send {
    /// Adds the sample of an index. After an error, the shard has nothing of this sample.
    fn add(&mut self, index: u64, sample: &S) -> Result<(), Fault>;

    /// Returns the name of the file, with `*` for the field if each field has a file.
    fn name(&self) -> String;

    /// Makes the files durable, and gives them their names. At least one sample was added.
    fn finish(self: Box<Self>) -> Result<(), Fault>;
}

/// A sink whose files are blocks of consecutive indices.
pub(super) trait Shards<S>: Debug + Send + Sync {
    /// Returns the name of the sink in errors.
    fn op(&self) -> String;

    /// Returns the number of consecutive indices that share a file.
    fn per_file(&self) -> NonZeroU64;

    /// Begins the files of a block of indices, in a run over `len` indices.
    fn shard(&self, block: u64, len: u64) -> Result<Box<dyn Shard<S> + '_>, Fault>;

    /// Returns the names of the files that an earlier run may have written for a block.
    fn names(&self, block: u64, len: u64) -> Result<Vec<String>, Fault>;

    /// Returns the folder of the files.
    fn folder(&self) -> &Path;

    fn partition(&self) -> Partition {
        match self.per_file() {
            NonZeroU64::MIN => Partition::Each,
            per_file => Partition::Blocks(per_file),
        }
    }
}

/// The place of a sample among the files of a sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Written {
    /// The name of the file in the folder. If each field has a file, `*` stands for the field.
    pub file: String,
    /// The number of the sample in the file, from 0.
    pub row: u64,
}

/// The writer of one block of a sink that writes files.
///
/// The first index of the group names the block. An index of another block is refused.
#[derive(Debug)]
pub struct FileWriter<'a, S> {
    sink: &'a dyn Shards<S>,
    block: u64,
    len: u64,
    /// The files of the block, from the first sample on.
    shard: Option<Box<dyn Shard<S> + 'a>>,
    rows: u64,
}

impl<'a, S> FileWriter<'a, S> {
    /// Begins the block of a group, in a run over `len` indices.
    pub(super) fn new(sink: &'a dyn Shards<S>, group: &[u64], len: u64) -> Self {
        let block = group.first().map_or(0, |first| *first / sink.per_file());
        Self { sink, block, len, shard: None, rows: 0 }
    }

    fn add(&mut self, index: u64, sample: &S) -> Result<Written, Fault> {
        let block = index / self.sink.per_file();
        if block != self.block {
            return Err(Fault::new(format!(
                "the index is in file {block} of the sink, and the writer began file {}; begin a \
                 writer for each group of `Sink::partition`",
                self.block
            )));
        }
        let shard = match &mut self.shard {
            Some(shard) => shard,
            none => none.insert(self.sink.shard(block, self.len)?),
        };
        shard.add(index, sample)?;
        self.rows += 1;
        Ok(Written { file: shard.name(), row: self.rows - 1 })
    }

    /// Finishes the files. A block without samples has no file, so what an earlier run wrote of the
    /// block is removed.
    fn close(self) -> Result<(), Fault> {
        match self.shard.filter(|_| self.rows > 0) {
            Some(shard) => shard.finish(),
            None => remove(self.sink.folder(), &self.sink.names(self.block, self.len)?),
        }
    }
}

impl<S> Writer<S> for FileWriter<'_, S> {
    type Output = Written;

    fn write(&mut self, index: u64, sample: S) -> Result<Written, BoxError> {
        self.add(index, &sample).map_err(|fault| fault.at(self.sink.op(), index).into())
    }

    fn finish(self) -> Result<(), BoxError> {
        let sink = self.sink;
        self.close().map_err(|fault| fault.by(sink.op()).into())
    }
}
