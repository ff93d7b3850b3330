//! Sources without a length: read from start to end by one reader, and transformed by the workers.
//!
//! A reader puts the samples of an [`IterableSource`] into a bounded table by position. A worker
//! takes the sample of its position and applies the ops. So the order of the samples is the order of
//! the source, whatever the number of workers. A state has the source's own cursor. Absent on
//! purpose: random access, shuffling, what a state is.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the reader is a thread, since a source may wait"
)]

mod cursors;
mod dataset;
mod from_iter;
mod lines;
mod pass;
mod read_time;
mod reader;
mod table;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use dataset::{IterableDataset, Reads, from_iterable};
pub use from_iter::{FromIter, from_iter};
pub use lines::{Lines, lines};

use crate::dataset::ElementSpec;
use crate::error::BoxError;
use crate::order::Op;

/// The positions of an epoch. Positions count on through the epochs, so each epoch has as many.
const EPOCH_LEN: u64 = 1 << 44;

/// A source without a length, which returns its samples one after another.
///
/// The items of [`open`](Self::open) are samples with the cursor right after each of them. The same
/// cursor must always give the same samples. A resume checks only that a cursor can be read, and
/// that the source does not end before the place of the state. Other samples than before go
/// unnoticed.
///
/// An item that is an error takes the place of a sample, and the next item follows. After 1,000
/// errors in a row the stream ends with an error. The stream also ends if the source panics or cannot
/// be opened. The state is then the one before, so a later run can go on there.
///
/// An epoch has fewer than 2^44 samples.
///
/// ```
/// use windrow::iterable::{IterableSource, from_iterable};
/// use windrow::order::Op;
/// use windrow::{Fault, Loader};
///
/// /// The powers of two below a number, which know their place.
/// struct Powers(u64);
///
/// impl IterableSource for Powers {
///     type Sample = u64;
///     type Cursor = u64;
///     type Error = Fault;
///     type Iter = Box<dyn Iterator<Item = Result<(u64, Option<u64>), Fault>> + Send>;
///
///     fn open(&self, _: u64, cursor: Option<u64>) -> Result<Self::Iter, Fault> {
///         let end = self.0;
///         let powers = std::iter::successors(cursor.or(Some(1)), |power| Some(power * 2));
///         Ok(Box::new(powers.take_while(move |power| *power < end).map(|p| Ok((p, Some(p * 2))))))
///     }
///
///     fn op(&self) -> Op {
///         Op::new("powers").with("end", self.0)
///     }
/// }
///
/// let pipeline = || from_iterable(Powers(100)).map(|x| x + 1).ordered().batch(2);
/// let mut loader = Loader::builder(pipeline()).workers(2).build()?;
/// assert_eq!(*loader.next().unwrap()?, [2, 3]);
/// let mut again = Loader::builder(pipeline()).workers(0).resume(&loader.state()).build()?;
/// assert_eq!(*again.next().unwrap()?, [5, 9]);
/// # Ok::<(), windrow::Error>(())
/// ```
pub trait IterableSource: Send + Sync + 'static {
    /// The type of the samples. A clone serves as the sample of a second attempt.
    type Sample: Clone + Send + 'static;
    /// The type of the cursors, at most 64 KiB each as JSON.
    type Cursor: Serialize + DeserializeOwned;
    /// The error of a sample or of the source: [`Fault`](crate::Fault), [`BoxError`] or any error
    /// type.
    type Error: Into<BoxError>;
    /// The samples, each with the cursor right after it. A sample without a cursor is a place where
    /// the source cannot be opened.
    type Iter: Iterator<Item = Result<(Self::Sample, Option<Self::Cursor>), Self::Error>>
        + Send
        + 'static;

    /// Opens the source at a cursor, or at its start.
    ///
    /// `epoch` counts from 0. The loader opens the source anew for each epoch.
    ///
    /// # Errors
    /// Returns the reason why the source cannot be opened there.
    fn open(&self, epoch: u64, cursor: Option<Self::Cursor>) -> Result<Self::Iter, Self::Error>;

    /// Returns the description of the source: its name, and all else that tells its content from
    /// another. A state refuses a source with another description.
    fn op(&self) -> Op;

    /// Returns the spec of the samples, as far as it is known: by default, nothing.
    fn element_spec(&self) -> ElementSpec {
        ElementSpec::unknown()
    }
}
