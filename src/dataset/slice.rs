//! `slice`, `step_by` and `shard`: some of the indices, in their order.

use std::ops::{Bound, RangeBounds};

use super::{Dataset, Fetched, at_least_one, index_in};
use crate::error::Result;
use crate::order::{Description, Op, Shard, epoch_of};

/// Some of a dataset's samples: see [`Dataset::slice`].
#[derive(Debug, Clone)]
pub struct Slice<D> {
    dataset: D,
    start: u64,
    end: u64,
    step: u64,
    below: u64,
    shard: Option<Shard>,
}

impl<D: Dataset> Slice<D> {
    pub(super) fn new(dataset: D, range: impl RangeBounds<u64>) -> Self {
        let below = dataset.len();
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&start) => start.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&end) => end.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => below,
        };
        let end = end.min(below);
        Self { dataset, start: start.min(end), end, step: 1, below, shard: None }
    }

    pub(super) fn shard(dataset: D, shard: Shard) -> Self {
        let range = shard.range(dataset.len());
        Self { shard: Some(shard), ..Self::new(dataset, range) }
    }

    /// Keeps the first of every `step` of these samples.
    #[must_use]
    pub fn step_by(self, step: u64) -> Self {
        Self { step: self.step.saturating_mul(step), ..self }
    }
}

impl<D: Dataset> Dataset for Slice<D> {
    type Sample = D::Sample;

    #[inline]
    fn len(&self) -> u64 {
        if self.step == 0 { 0 } else { (self.end - self.start).div_ceil(self.step) }
    }

    #[inline]
    fn get(&self, index: u64) -> Fetched<Self::Sample> {
        let (epoch, offset) = epoch_of(index, self.len());
        // An index of an empty slice is asked for by nobody; it stands for the first one below.
        let offset = self.start.saturating_add(offset.saturating_mul(self.step));
        self.dataset.get(index_in(epoch, offset, self.below)?)
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        description.push(match self.shard {
            Some(shard) => Op::new("shard")
                .with("index", shard.index())
                .with("count", shard.count())
                .with("drop_remainder", shard.drops_remainder())
                .with("step", self.step),
            None => Op::new("slice")
                .with("start", self.start)
                .with("end", self.end)
                .with("step", self.step),
        });
    }

    fn has_gaps(&self) -> bool {
        self.dataset.has_gaps()
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()?;
        at_least_one("slice.step", self.step)
    }
}

#[cfg(test)]
mod tests {
    use crate::dataset::Dataset;
    use crate::source::range;

    #[test]
    fn slices_of_slices_and_epochs_follow_grain() {
        let part = range(0..20).slice(2..18).step_by(2).slice(1..6).step_by(2);
        let all: Vec<_> = (0..part.len()).map(|i| part.get(i).unwrap().unwrap()).collect();
        assert_eq!(all, [4, 8, 12]);
        let part = range(0..20).slice(..5);
        assert_eq!([5, 13, 42].map(|i| part.get(i).unwrap().unwrap()), [0, 3, 2]);
    }

    #[test]
    fn ranges_past_the_end_are_cut() {
        assert_eq!(range(0..5).slice(3..90).len(), 2);
        assert_eq!(range(0..5).slice(7..=90).len(), 0);
        assert_eq!(range(0..5).slice(1..=u64::MAX).len(), 4);
        assert!(range(0..5).step_by(0).check().is_err());
    }
}
