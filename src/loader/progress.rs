//! How far a loader is, and what it runs on.

use super::Loader;
use crate::backend::Info;
use crate::order::{Plan, Skips};

/// How far a loader is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The epoch, counted from 0; after the end of the last one, the number of epochs.
    pub epoch: u64,
    /// How many epochs there are; `None` where there is no end.
    pub epochs: Option<u64>,
    /// Positions consumed so far, those of earlier epochs included.
    pub position: u64,
    /// Positions in all epochs; `None` where there is no end.
    pub positions: Option<u64>,
    /// Batches received so far, those before a resume included.
    pub batches: u64,
    /// Positions skipped so far: samples, or batches where workers make batches.
    pub skipped: u64,
    /// What each worker is filling right now; `None` for an idle one.
    pub workers: Vec<Option<u64>>,
}

impl<B> Loader<B> {
    /// How many samples were skipped, and where the first were; the log has the errors of the first.
    #[must_use]
    pub fn skips(&self) -> Skips {
        self.stream.skips()
    }

    /// How far the loader is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            epoch: self.point.mark.epoch,
            epochs: self.epochs.count(),
            position: self.point.mark.position,
            positions: self.epochs.count().map(|epochs| self.plan.start_of(epochs)),
            batches: self.point.batches,
            skipped: self.skips().count(),
            workers: self.stream.activity(),
        }
    }

    /// The epoch that the next batch is of, from 0; after the end of the last one, their number.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.point.mark.epoch
    }

    /// How many batches an epoch has if every sample can be made; `None` where nobody can know
    /// before: after a filter, or with a stage that does not tell.
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

    /// How many batches all epochs have, those before a resume included; `None` where
    /// [`batches_per_epoch`](Self::batches_per_epoch) is unknown or there is no end.
    #[must_use]
    pub fn len(&self) -> Option<u64> {
        self.batches_per_epoch()?.checked_mul(self.epochs.count()?)
    }

    /// Whether there is no batch in any epoch, where that is known.
    #[must_use]
    pub fn is_empty(&self) -> Option<bool> {
        self.len().map(|len| len == 0)
    }

    /// What the order depends on.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The backend that makes the samples.
    #[must_use]
    pub fn backend(&self) -> Info {
        self.stream.info()
    }

    /// How many workers make the samples.
    #[must_use]
    pub fn workers(&self) -> u32 {
        u32::try_from(self.stream.activity().len()).unwrap_or(u32::MAX)
    }
}
