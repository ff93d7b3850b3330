//! The files of consecutive samples, whatever their format.

use std::fmt::Debug;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

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

/// The writer of one group of a sink that writes files.
#[derive(Debug)]
pub struct FileWriter<'a, S> {
    sink: &'a dyn Shards<S>,
    len: u64,
    open: Option<OpenShard<'a, S>>,
    /// Why a file could not be finished; then the group has failed.
    failed: Option<Fault>,
}

#[derive(Debug)]
struct OpenShard<'a, S> {
    block: u64,
    rows: u64,
    shard: Box<dyn Shard<S> + 'a>,
}

impl<'a, S> FileWriter<'a, S> {
    pub(super) fn new(sink: &'a dyn Shards<S>, len: u64) -> Self {
        Self { sink, len, open: None, failed: None }
    }

    fn add(&mut self, index: u64, sample: &S) -> Result<Written, Fault> {
        let block = index / self.sink.per_file();
        // A group has several blocks if the caller keeps their indices together.
        if self.open.as_ref().is_some_and(|open| open.block != block) {
            self.close();
        }
        if let Some(fault) = &self.failed {
            return Err(fault.clone());
        }
        let open = match &mut self.open {
            Some(open) => open,
            none => {
                let shard = self.sink.shard(block, self.len)?;
                none.insert(OpenShard { block, rows: 0, shard })
            }
        };
        open.shard.add(index, sample)?;
        open.rows += 1;
        Ok(Written { file: open.shard.name(), row: open.rows - 1 })
    }

    /// Finishes the files of the open block, unless no sample came.
    fn close(&mut self) {
        let Some(open) = self.open.take().filter(|open| open.rows > 0) else { return };
        if let Err(fault) = open.shard.finish() {
            self.failed.get_or_insert(fault);
        }
    }
}

impl<S> Writer<S> for FileWriter<'_, S> {
    type Output = Written;

    fn write(&mut self, index: u64, sample: S) -> Result<Written, BoxError> {
        self.add(index, &sample).map_err(|fault| fault.at(self.sink.op(), index).into())
    }

    fn finish(mut self) -> Result<(), BoxError> {
        self.close();
        match self.failed {
            Some(fault) => Err(fault.by(self.sink.op()).into()),
            None => Ok(()),
        }
    }
}
