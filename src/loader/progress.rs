//! The progress of a loader, and the backend that it uses.

use super::Loader;
use crate::backend::Info;
use crate::order::{Plan, Skips};

/// The progress of a loader.
///
/// ```
/// use windrow::{Dataset, Loader, range};
/// let mut loader = Loader::builder(range(0..10).batch(5)).epochs(2).build()?;
/// loader.next().expect("four batches")?;
/// let progress = loader.progress();
/// assert_eq!((progress.epoch, progress.batches, progress.positions), (0, 1, Some(4)));
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The epoch, from 0; the number of epochs after the end of the last one.
    pub epoch: u64,
    /// The number of epochs; `None` for a loader without an end.
    pub epochs: Option<u64>,
    /// The number of positions consumed so far, those of earlier epochs included.
    pub position: u64,
    /// The number of positions in all epochs; `None` for a loader without an end, and for a source
    /// without a length.
    pub positions: Option<u64>,
    /// The number of batches received so far, those before a resume included.
    pub batches: u64,
    /// The number of positions skipped so far. A position is a sample, or a batch if workers make
    /// batches.
    pub skipped: u64,
    /// The position that each worker is filling now; `None` for an idle worker.
    pub workers: Vec<Option<u64>>,
}

impl<B> Loader<B> {
    /// Returns the number of skipped samples and the positions of the first ones, whose errors are
    /// in the log.
    #[must_use]
    pub fn skips(&self) -> Skips {
        self.stream.skips()
    }

    /// Returns the progress of the loader.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            epoch: self.point.mark.epoch,
            epochs: self.epochs.count(),
            position: self.point.mark.position,
            positions: self
                .epochs
                .count()
                .filter(|_| self.stream.has_length())
                .map(|epochs| self.plan.start_of(epochs)),
            batches: self.point.batches,
            skipped: self.skips().count(),
            workers: self.stream.activity(),
        }
    }

    /// Returns the epoch of the next batch, from 0; the number of epochs after the end of the last
    /// one.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.point.mark.epoch
    }

    /// Returns the number of batches in an epoch without failed samples.
    ///
    /// Returns `None` if the number is unknown in advance: after a filter, or with a stage of
    /// unknown length.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, range};
    /// let loader = Loader::builder(range(0..10).batch(4)).epochs(3).build()?;
    /// assert_eq!((loader.batches_per_epoch(), loader.len()), (Some(3), Some(9)));
    /// let evens = range(0..10).filter(|x| x % 2 == 0).ordered().batch(4);
    /// assert_eq!(Loader::builder(evens).build()?.batches_per_epoch(), None);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    #[must_use]
    pub fn batches_per_epoch(&self) -> Option<u64> {
        self.stream.len_of_epoch()
    }

    /// Returns the number of batches in all epochs, those before a resume included.
    ///
    /// Returns `None` if [`batches_per_epoch`](Self::batches_per_epoch) is unknown or the loader
    /// has no end.
    #[must_use]
    pub fn len(&self) -> Option<u64> {
        self.batches_per_epoch()?.checked_mul(self.epochs.count()?)
    }

    /// Returns whether all epochs are without a batch; `None` if that is unknown.
    #[must_use]
    pub fn is_empty(&self) -> Option<bool> {
        self.len().map(|len| len == 0)
    }

    /// Returns the plan, on which the order depends.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the backend that makes the samples.
    #[must_use]
    pub fn backend(&self) -> Info {
        self.stream.info()
    }

    /// Returns the number of workers that make the samples.
    #[must_use]
    pub fn workers(&self) -> u32 {
        u32::try_from(self.stream.activity().len()).unwrap_or(u32::MAX)
    }
}
