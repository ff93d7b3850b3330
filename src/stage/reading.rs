//! The reader of a source without a length, as the loader sees it.

use std::fmt::Debug;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use crate::dataset::probe::Clock;
use crate::error::{Error, Result};
use crate::order::SourceCursor;

/// A place from which a source without a length is read.
#[doc(hidden)]
#[derive(Debug, Clone, Default)]
pub struct ReadStart {
    /// The epoch.
    pub epoch: u64,
    /// The first position from which on all samples are needed.
    pub position: u64,
    /// The positions before that whose samples are needed, in rising order.
    pub held: Vec<u64>,
    /// The places where the source can be opened again, in rising order.
    pub places: Vec<SourceCursor>,
}

/// The bounds of the samples that are read and that no worker has taken.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct ReadAhead {
    /// The number of samples.
    pub samples: u64,
    /// The number of bytes.
    pub bytes: u64,
    /// Whether a worker may take a sample again, because an attempt failed.
    pub again: bool,
}

/// How far a reader is.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadTo {
    /// The position after the last sample that was read.
    pub position: u64,
    /// Whether the epoch has no more samples, or the reader failed.
    pub ended: bool,
}

/// The reader of a source without a length.
///
/// The samples wait in the reader until workers take them. One epoch is read at a time.
#[doc(hidden)]
pub trait Reading: Debug + Send + Sync {
    /// Sets the bounds of the samples that wait.
    fn set_read_ahead(&self, bounds: ReadAhead);

    /// Ends the current pass and prepares the next one, without opening the source.
    ///
    /// # Errors
    /// Returns [`Error::State`] for a cursor that is none of this source.
    fn begin(&self, start: ReadStart) -> Result<()>;

    /// Starts a thread that reads; returns `false` if the platform starts no thread.
    fn spawn(self: Arc<Self>) -> bool;

    /// Reads the next sample in the caller's thread.
    fn pull(&self);

    /// Times the source with this clock from now on.
    fn set_clock(&self, clock: Clock);

    /// Returns the nanoseconds that the reader spent in the source; 0 without a clock.
    fn nanos(&self) -> u64;

    /// Returns how far the reader is.
    fn read_to(&self) -> ReadTo;

    /// Returns the error that ended the pass, once.
    fn failure(&self) -> Option<Error>;

    /// Registers a waker for the next sample or the end, unless the reader is further than `seen`.
    /// Returns `false` if it is.
    fn wake(&self, waker: &Waker, seen: ReadTo) -> bool;

    /// Drops the samples before a position, which no worker takes again.
    fn release(&self, position: u64);

    /// Returns the places where a resume opens the source, for a state that needs the samples at
    /// `held` and from `position` on. The stream is at `front`.
    fn cursors(&self, position: u64, held: &[u64], front: u64) -> Vec<SourceCursor>;

    /// Ends the current pass, and waits at most `limit` for its thread.
    fn stop(&self, limit: Duration);
}
