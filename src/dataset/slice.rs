//! `slice`, `step_by`, `sample` and `shard`: a part of the indices, in their order.

use std::ops::{Bound, RangeBounds};

use super::{Dataset, RESHUFFLED, as_below, at_least_one, index_in};
use crate::error::{Error, Fault, Result};
use crate::order::{Description, Op, Shard, epoch_of};

/// A part of a dataset's samples: see [`Dataset::slice`].
///
/// `start` and `end` are indices of the dataset. Those of a shard are offsets in the shard.
#[derive(Debug, Clone)]
pub struct Slice<D> {
    dataset: D,
    start: u64,
    end: u64,
    step: u64,
    below: u64,
    kind: Kind,
}

/// The method that selected the indices.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Range,
    Sample,
    Shard(Shard),
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
        Self { dataset, start: start.min(end), end, step: 1, below, kind: Kind::Range }
    }

    pub(super) fn shard(dataset: D, shard: Shard) -> Self {
        let end = shard.len_of(dataset.len());
        let below = dataset.len();
        Self { dataset, start: 0, end, step: 1, below, kind: Kind::Shard(shard) }
    }

    pub(super) fn sample(dataset: D, count: u64) -> Self {
        Self { kind: Kind::Sample, ..Self::new(dataset, ..count) }
    }

    /// Keeps the first of every `step` samples of this slice.
    #[must_use]
    pub fn step_by(self, step: u64) -> Self {
        Self { step: self.step.saturating_mul(step), ..self }
    }

    /// Returns the index in the dataset below.
    #[inline]
    fn index_below(&self, index: u64) -> Result<u64, Fault> {
        let (epoch, offset) = epoch_of(index, self.len());
        // No loader requests an index of an empty slice; the index stands for the first one
        // below.
        let offset = self.start.saturating_add(offset.saturating_mul(self.step));
        let offset = match self.kind {
            Kind::Shard(shard) => shard.index_of(offset, self.below),
            _ => offset,
        };
        index_in(epoch, offset, self.below)
    }

    /// Refuses to cut an order that differs in each epoch, except in `sample` and `shard`.
    fn check_order(&self) -> Result<()> {
        let refused = |value: String, allowed: &str| {
            let name = self.op().name().to_owned();
            Err(Error::Setting { name, value, allowed: allowed.into() })
        };
        let cuts = match self.kind {
            Kind::Range => self.len() < self.below,
            Kind::Shard(_) => self.step > 1,
            Kind::Sample if !self.dataset.is_reshuffled() => {
                return refused(
                    format!("{} of an order that is the same in each epoch", self.end),
                    "`shuffle` before `sample`, or `slice` for the first ones",
                );
            }
            Kind::Sample => false,
        };
        if !cuts || !self.dataset.is_reshuffled() {
            return Ok(());
        }
        let Self { start, end, step, .. } = self;
        let step = if *step > 1 { format!(" by {step}") } else { String::new() };
        refused(
            format!("{start}..{end}{step} of {RESHUFFLED}"),
            "the slice or `split` before that op, or `shuffle_once` in the place of `shuffle`, for \
             the same samples in each epoch; `sample` for other samples in each epoch",
        )
    }

    fn op(&self) -> Op {
        let op = match self.kind {
            Kind::Range => Op::new("slice").with("start", self.start).with("end", self.end),
            Kind::Sample => Op::new("sample").with("count", self.end),
            Kind::Shard(shard) => shard_op(shard),
        };
        op.with("step", self.step)
    }
}

impl<D: Dataset> Dataset for Slice<D> {
    type Sample = D::Sample;

    as_below!(has_gaps is_reshuffled is_repeated is_same_each_epoch at_index_below element_spec tree);

    #[inline]
    fn len(&self) -> u64 {
        if self.step == 0 { 0 } else { (self.end - self.start).div_ceil(self.step) }
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        description.push(self.op());
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()?;
        at_least_one("slice.step", self.step)?;
        self.check_order()
    }
}

/// Returns the op of a shard. The text names only the choices that a shard has made, so
/// fingerprints stay as they are when there are more choices.
fn shard_op(shard: Shard) -> Op {
    let op = Op::new("shard")
        .with("index", shard.index())
        .with("count", shard.count())
        .with("drop_remainder", shard.drops_remainder());
    let op = if shard.pads_remainder() { op.with("pad_remainder", true) } else { op };
    if shard.is_strided() { op.with("strided", true) } else { op }
}

#[cfg(test)]
mod tests {
    use crate::dataset::Dataset;
    use crate::order::Shard;
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

    #[test]
    fn a_part_of_an_order_that_changes_is_refused_with_both_ways_out() {
        let message = range(0..100).shuffle(1).slice(80..).check().unwrap_err().to_string();
        assert_eq!(
            message,
            "slice is 80..100 of an order that is new in each epoch, as after `shuffle`, \
             `weighted_sample` or `class_balanced`; allowed: the slice or `split` before that op, \
             or `shuffle_once` in the place of `shuffle`, for the same samples in each epoch; `sample` for other samples in each epoch"
        );
        let numbers = || range(0..100).shuffle(1);
        let shard = Shard::new(0, 2).unwrap();
        let refused: [Box<dyn Dataset<Sample = Vec<u64>>>; 9] = [
            Box::new(numbers().map(|x| vec![x]).slice(..80)),
            Box::new(numbers().filter(|x| x % 2 == 0).map(|x| vec![x]).step_by(2)),
            Box::new(numbers().batch(10).slice(8..)),
            Box::new(numbers().repeat(3).batch(10).slice(..10)),
            Box::new(numbers().shuffle_once(2).batch(10).slice(..8)),
            Box::new(numbers().shard(shard).batch(10).slice(..4)),
            Box::new(numbers().shard(shard).step_by(2).batch(1)),
            Box::new(numbers().sample(50).batch(10).slice(..4)),
            Box::new(range(0..100).shuffle_like_grain(1).batch(10).slice(..8)),
        ];
        for (number, dataset) in refused.iter().enumerate() {
            let message = dataset.check().map_err(|error| error.to_string()).unwrap_err();
            let says = ["split", "shuffle_once", "sample"].map(|way| message.contains(way));
            assert_eq!(says, [true; 3], "{number}: {message}");
        }
    }

    #[test]
    fn what_leaves_nothing_out_or_is_cut_first_is_let_be() {
        let shard = Shard::new(0, 2).unwrap();
        let fine: [Box<dyn Dataset<Sample = u64>>; 7] = [
            Box::new(range(0..100).shuffle(1).slice(..)),
            Box::new(range(0..100).shuffle(1).slice(..200).step_by(1)),
            Box::new(range(0..100).slice(..80).shuffle(1)),
            Box::new(range(0..100).shuffle_once(1).slice(..80).shuffle(1)),
            Box::new(range(0..100).shuffle(1).shard(shard)),
            Box::new(range(0..100).shuffle(1).repeat(3).sample(250).step_by(5)),
            Box::new(range(0..100).repeat(3).slice(..250)),
        ];
        fine.iter().for_each(|dataset| dataset.check().unwrap());
    }

    #[test]
    fn a_sample_of_an_order_that_stays_is_refused() {
        let message = range(0..9).shuffle_once(1).sample(3).check().unwrap_err().to_string();
        assert_eq!(
            message,
            "sample is 3 of an order that is the same in each epoch; allowed: `shuffle` before \
             `sample`, or `slice` for the first ones"
        );
    }

    #[test]
    fn shards_of_a_shuffled_epoch_are_all_its_samples_once() {
        let shuffled = || range(0..103).shuffle(5);
        for cut in [|shard| shard, Shard::strided, Shard::pad_remainder] {
            let shard = |index| shuffled().shard(cut(Shard::new(index, 4).unwrap()));
            let shards = [0, 1, 2, 3].map(shard);
            for epoch in 0..3 {
                let of = |part: &super::Slice<_>| {
                    let all = epoch * part.len()..(epoch + 1) * part.len();
                    all.map(|index| part.get(index).unwrap().unwrap()).collect::<Vec<u64>>()
                };
                let mut all: Vec<u64> = shards.iter().flat_map(of).collect();
                all.sort_unstable();
                all.dedup();
                assert_eq!(all, (0..103).collect::<Vec<_>>(), "epoch {epoch}");
            }
        }
    }

    #[test]
    fn descriptions_of_shards_name_the_choices_made() {
        let text = |shard: Shard| {
            let mut description = crate::order::Description::default();
            range(0..9).shard(shard).describe(&mut description);
            description.to_string()
        };
        let shard = Shard::new(1, 2).unwrap();
        let plain = "range(start=0,end=9)|shard(index=1,count=2,drop_remainder=false,step=1)";
        assert_eq!(text(shard), plain);
        let told = "pad_remainder=true,strided=true,step=1)";
        assert!(text(shard.strided().pad_remainder()).ends_with(told));
    }

    #[test]
    fn a_step_over_a_shard_skips_samples_of_the_shard() {
        let part = range(0..20).shard(Shard::new(1, 3).unwrap().strided()).step_by(2);
        let all: Vec<_> = (0..part.len()).map(|index| part.get(index).unwrap().unwrap()).collect();
        assert_eq!(all, [1, 7, 13, 19]);
        assert_eq!(part.get(4), part.get(0));
    }
}
