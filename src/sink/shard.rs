//! The files of consecutive samples, whatever their format.

use std::fmt::Debug;

use crate::dataset::Record;
use crate::error::Fault;

/// One file, or one file for each field, while its samples arrive.
///
/// Dropping a shard before [`finish`](Self::finish) leaves no file.
pub(super) trait Shard: Debug + Send {
    /// Adds the sample of an index. After an error, the shard has nothing of this sample.
    fn add(&mut self, index: u64, sample: &Record) -> Result<(), Fault>;

    /// Returns the name of the file, with `*` for the field if each field has a file.
    fn name(&self) -> String;

    /// Makes the files durable, and gives them their names. At least one sample was added.
    fn finish(self: Box<Self>) -> Result<(), Fault>;
}
