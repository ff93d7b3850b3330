//! Sinks: what a run does with each sample, inside the workers.
//!
//! A run makes the sample of every index and gives the sample to a sink. The sink writes the sample
//! to its destination and returns a value for the caller. Indices that must be written together
//! form a *group*, which one worker writes in order.

mod atomic;
mod columns;
mod files;
mod jsonl;
mod lines;
mod member;
mod names;
mod npy;
mod record;
mod safetensors;
mod shard;
mod spec;
mod tar;

pub(crate) use atomic::sync_folder;
pub use lines::JsonLines;
pub use record::RecordSink;
pub use shard::{FileWriter, Written};
pub use spec::{SinkKind, SinkSpec};

use std::num::NonZeroU64;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{BoxError, Result};

/// A destination of samples.
///
/// A run opens one [`Writer`] for each group of indices, in whichever worker is free. An effect
/// counts as done when [`Writer::finish`] has returned, and not before. A run that was killed writes
/// unfinished groups again from their first index. A writer therefore replaces what an earlier
/// writer of the same group left behind.
pub trait Sink<S> {
    /// The value that a write returns to the caller.
    type Output;

    /// The writer of one group.
    type Writer<'a>: Writer<S, Output = Self::Output>
    where
        Self: 'a;

    /// Returns a description of the sink for people and for the fingerprint of a run's record. Sinks
    /// that write other bytes have other descriptions.
    fn describe(&self) -> String;

    /// Returns which indices form groups, in a run over `len` indices. By default each index is
    /// a group by itself.
    fn partition(&self, len: u64) -> Partition {
        let _ = len;
        Partition::Each
    }

    /// Begins a group. The indices are in ascending order and not empty; `len` is the number of
    /// indices of the whole pipeline.
    ///
    /// # Errors
    /// Returns an error if the destination cannot be opened.
    fn begin(&self, group: &[u64], len: u64) -> Result<Self::Writer<'_>>;
}

/// The writer of one group of indices.
pub trait Writer<S> {
    /// The value that a write returns to the caller.
    type Output;

    /// Writes the sample of an index. A run calls this method once for each index of the group that
    /// has a sample, in ascending order.
    ///
    /// # Errors
    /// Returns an error if the sample cannot be written. The index then counts as failed, and the
    /// run goes on with the next index of the group.
    fn write(&mut self, index: u64, sample: S) -> Result<Self::Output, BoxError>;

    /// Ends the group, and makes the effects of all writes durable and visible at once.
    ///
    /// # Errors
    /// Returns an error if the effects cannot be made durable. All indices of the group then count
    /// as failed.
    fn finish(self) -> Result<(), BoxError>;
}

/// A description of a sink, which crosses to worker processes as JSON. Each worker opens the sink.
pub trait OpenSink: Serialize + DeserializeOwned + 'static {
    /// The type of the sink.
    type Sink: 'static;

    /// Opens the sink.
    ///
    /// # Errors
    /// Returns an error if the description is wrong, or if the destination cannot be used.
    fn open(&self) -> Result<Self::Sink>;
}

/// The groups of indices that one worker must take in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Partition {
    /// Each index is a group by itself.
    Each,
    /// Every block of this many consecutive indices, from index 0 on, is a group.
    Blocks(NonZeroU64),
    /// Each list is a group. Indices in no list are groups by themselves.
    Groups(Vec<Vec<u64>>),
}
