//! `batch`: combines several samples of one epoch into one.

use super::probe::{apart, below};
use super::{
    Dataset, ElementSpec, SampleKey, SampleResult, as_below, at_least_one, index_in, next_op,
    wrong_spec,
};
use crate::error::{BoxError, Error, Fault, Result};
use crate::order::{Description, Op, Shard, epoch_of};

/// The most samples for which a batch reserves memory in advance.
const RESERVED_MAX: u64 = 4096;

/// A function that combines several samples into one batch.
///
/// Every closure `Fn(Vec<T>) -> Result<U, E>` implements this trait.
pub trait Collate<T> {
    /// The type of a batch.
    type Batch;

    /// Combines the samples into a batch; `samples` has at least one element.
    ///
    /// # Errors
    /// Returns a fault if the samples do not fit together.
    fn collate(&self, samples: Vec<T>) -> Result<Self::Batch, Fault>;

    /// Adds the options that affect the result to the op's description.
    fn describe(&self, op: Op) -> Op {
        op
    }

    /// Returns the spec of a batch of `size` samples, `None` if the number is unknown; by default,
    /// nothing is known.
    ///
    /// # Errors
    /// Returns the reason why no such samples make a batch.
    fn element_spec(
        &self,
        samples: &ElementSpec,
        size: Option<u64>,
    ) -> Result<ElementSpec, String> {
        _ = (samples, size);
        Ok(ElementSpec::unknown())
    }
}

impl<T, U, E: Into<BoxError>, F: Fn(Vec<T>) -> Result<U, E>> Collate<T> for F {
    type Batch = U;

    fn collate(&self, samples: Vec<T>) -> Result<U, Fault> {
        self(samples).map_err(Fault::other)
    }
}

/// A [`Collate`] that keeps a batch as the `Vec` of its samples.
#[derive(Debug, Clone, Copy, Default)]
pub struct AsVec;

impl<T> Collate<T> for AsVec {
    type Batch = Vec<T>;

    #[inline]
    fn collate(&self, samples: Vec<T>) -> Result<Vec<T>, Fault> {
        Ok(samples)
    }
}

/// A dataset of batches: see [`Dataset::batch`].
#[derive(Debug, Clone)]
pub struct Batched<D, C = AsVec> {
    dataset: D,
    collate: C,
    size: u64,
    drop_remainder: bool,
    samples: u64,
    /// The part of each batch that this rank makes; `None` for the whole batch.
    part: Option<Shard>,
}

impl<D: Dataset, C> Batched<D, C> {
    pub(super) fn new(dataset: D, size: u64, collate: C) -> Self {
        let samples = dataset.len();
        Self { dataset, collate, size, drop_remainder: false, samples, part: None }
    }

    /// Leaves out the last batch if it is shorter than the others.
    #[must_use]
    pub fn drop_remainder(self) -> Self {
        Self { drop_remainder: true, ..self }
    }

    /// Makes only this rank's part of each batch; all ranks together make the whole batch.
    ///
    /// The rank and the number of ranks are no part of the fingerprint. All ranks are at the same
    /// position. A state of any rank therefore resumes every rank of any other number of ranks,
    /// with the same `size` of the whole batch. A digest covers one rank's parts only.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, order::Shard, range};
    /// let rank = |index, count| Ok::<_, windrow::Error>(
    ///     Loader::builder(range(0..12).batch(6).split_across(Shard::new(index, count)?)),
    /// );
    /// let mut one_of_two = rank(1, 2)?.build()?;
    /// let first = one_of_two.next().unwrap()?;
    /// assert_eq!(*first, [3, 4, 5]);
    /// let mut one_of_three = rank(1, 3)?.resume(&first.state()).build()?;
    /// assert_eq!(*one_of_three.next().unwrap()?, [8, 9]);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    #[must_use]
    pub fn split_across(self, part: Shard) -> Self {
        Self { part: Some(part), ..self }
    }

    /// Checks that the batches can be split across the ranks.
    fn check_part(&self) -> Result<()> {
        let Some(part) = self.part else { return Ok(()) };
        let wrong = |name: &str, value: String, allowed: String| {
            Err(Error::Setting { name: name.into(), value, allowed })
        };
        let ranks = part.count();
        let changed = match (part.drops_remainder(), part.pads_remainder()) {
            (true, _) => Some("drop_remainder"),
            (_, true) => Some("pad_remainder"),
            _ => None,
        };
        if let Some(changed) = changed {
            let allowed = "a shard that keeps its remainder, because the samples left out or \
                           repeated would depend on the number of ranks";
            return wrong("split_across", format!("a shard with {changed}"), allowed.into());
        }
        if self.size < ranks {
            return wrong(
                "batch.size",
                self.size.to_string(),
                format!("{ranks} or more, at least one sample for each rank"),
            );
        }
        match self.samples % self.size {
            last if last > 0 && last < ranks && !self.drop_remainder => wrong(
                "batch",
                format!("made of {} samples", self.samples),
                format!(
                    "a last batch of {ranks} samples or more, one for each rank, or drop_remainder"
                ),
            ),
            _ => Ok(()),
        }
    }
}

/// Returns the op that describes a batch, in the random-access part and in the ordered part.
pub(crate) fn batch_op<T, C: Collate<T>>(size: u64, drop_remainder: bool, collate: &C) -> Op {
    collate.describe(Op::new("batch").with("size", size).with("drop_remainder", drop_remainder))
}

impl<D: Dataset, C: Collate<D::Sample>> Dataset for Batched<D, C> {
    type Sample = C::Batch;

    as_below!(is_reshuffled is_repeated is_same_each_epoch tree);

    #[inline]
    fn len(&self) -> u64 {
        match (self.size, self.drop_remainder) {
            (0, _) => 0,
            (size, true) => self.samples / size,
            (size, false) => self.samples.div_ceil(size),
        }
    }

    fn get(&self, index: u64) -> SampleResult<Self::Sample> {
        let (epoch, number) = epoch_of(index, self.len());
        let from = number.saturating_mul(self.size);
        let to = from.saturating_add(self.size).min(self.samples);
        if from >= to {
            return Err(Fault::new(format!(
                "batch {index} does not exist: an epoch has no batches"
            )));
        }
        let whole = to - from;
        let own = self.part.map_or(whole, |part| part.len_of(whole));
        if own == 0 {
            return Err(Fault::new(format!("this rank has no sample of batch {index}")));
        }
        // The last index must fit into 64 bits; the index after the last need not.
        index_in(epoch, to - 1, self.samples)?;
        let start = index_in(epoch, from, self.samples)?;
        let mut samples = Vec::with_capacity(own.min(RESERVED_MAX) as usize);
        for offset in 0..own {
            let offset = self.part.map_or(offset, |part| part.index_of(offset, whole));
            match below(0, || self.dataset.get(start + offset))? {
                Some(sample) => samples.push(sample),
                None => {
                    let fault = Fault::new(
                        "a batch needs every sample, but this one is a gap; use `.ordered().batch(..)`",
                    );
                    return Err(fault.at("batch", from + offset));
                }
            }
        }
        let batch = apart(|| self.collate.collate(samples));
        batch.map(Some).map_err(|fault| fault.at("batch", number))
    }

    fn key(&self, _: u64) -> Option<SampleKey> {
        None
    }

    fn element_spec(&self) -> ElementSpec {
        self.declared().unwrap_or_default()
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        description.push(batch_op(self.size, self.drop_remainder, &self.collate));
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()?;
        at_least_one("batch.size", self.size)?;
        self.check_part()?;
        if self.dataset.has_gaps() {
            return Err(Error::Setting {
                name: "batch".into(),
                value: "made over a filter's gaps".into(),
                allowed: "`.ordered().batch(..)`, which closes the gaps first".into(),
            });
        }
        let op = || batch_op(self.size, self.drop_remainder, &self.collate);
        let wrong = |why: String| wrong_spec(next_op(&self.dataset), &op(), &why);
        self.declared().map(drop).map_err(wrong)
    }
}

impl<D: Dataset, C: Collate<D::Sample>> Batched<D, C> {
    /// Returns the spec of the batches, or the reason why there can be none.
    fn declared(&self) -> Result<ElementSpec, String> {
        let whole = self.samples.is_multiple_of(self.size.max(1));
        let all_full = self.part.is_none() && (self.drop_remainder || whole);
        self.collate.element_spec(&self.dataset.element_spec(), all_full.then_some(self.size))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::source::range;

    /// A dataset that panics outside every closure.
    pub(crate) struct Panicking<D>(pub(crate) D);

    impl<D: Dataset> Dataset for Panicking<D> {
        type Sample = D::Sample;

        fn len(&self) -> u64 {
            self.0.len()
        }

        fn get(&self, _: u64) -> SampleResult<D::Sample> {
            panic!("outside")
        }
    }

    #[test]
    fn batches_stay_inside_their_epoch() {
        let batches = range(0..10).batch(3);
        assert_eq!(batches.len(), 4);
        assert_eq!(batches.get(3).unwrap(), Some(vec![9]));
        assert_eq!(batches.get(4).unwrap(), Some(vec![0, 1, 2]));
        let whole = range(0..10).repeat(2).batch(3).drop_remainder();
        assert_eq!((whole.len(), whole.get(3).unwrap()), (6, Some(vec![9, 0, 1])));
    }

    #[test]
    fn a_batch_over_gaps_is_refused_before_it_runs() {
        let message = range(0..9).filter(|x| x % 2 == 0).batch(3).check().unwrap_err().to_string();
        assert!(message.contains("ordered()"), "{message}");
        assert!(range(0..9).batch(0).check().unwrap_err().to_string().contains("batch.size is 0"));
    }

    #[test]
    fn the_ranks_of_any_number_make_the_same_batches() {
        for (len, size, drop) in [(40, 8, false), (37, 8, false), (37, 8, true), (8, 8, false)] {
            let batches = || {
                let batches = range(0..len).shuffle(3).batch(size);
                if drop { batches.drop_remainder() } else { batches }
            };
            for ranks in 1..=5 {
                let part = |rank| batches().split_across(Shard::new(rank, ranks).unwrap());
                for index in 0..2 * batches().len() {
                    let parts = (0..ranks).flat_map(|rank| part(rank).get(index).unwrap().unwrap());
                    assert_eq!(parts.collect::<Vec<_>>(), batches().get(index).unwrap().unwrap());
                }
                assert!(part(0).check().is_ok());
                let mut described = (Description::default(), Description::default());
                part(0).describe(&mut described.0);
                batches().describe(&mut described.1);
                assert_eq!(described.0, described.1);
            }
        }
    }

    #[test]
    fn strided_ranks_deal_out_each_batch_in_turns() {
        let part =
            |rank| range(0..10).batch(5).split_across(Shard::new(rank, 2).unwrap().strided());
        assert_eq!(part(0).get(1).unwrap(), Some(vec![5, 7, 9]));
        assert_eq!(part(1).get(3).unwrap(), Some(vec![6, 8]));
    }

    #[test]
    fn a_rank_without_samples_is_refused_before_it_runs() {
        let refused = |len, size, shard: Shard| {
            range(0..len).batch(size).split_across(shard).check().unwrap_err().to_string()
        };
        let ranks = Shard::new(0, 4).unwrap();
        assert!(refused(40, 3, ranks).starts_with("batch.size is 3; allowed: 4 or more"));
        assert!(refused(43, 8, ranks).contains("a last batch of 4 samples"));
        assert!(range(0..43).batch(8).drop_remainder().split_across(ranks).check().is_ok());
        assert!(refused(40, 8, ranks.drop_remainder()).contains("depend on the number"));
        assert!(refused(40, 8, ranks.pad_remainder()).contains("a shard with pad_remainder"));
    }

    #[test]
    fn a_batch_larger_than_memory_fails_without_asking_for_it() {
        let batches =
            range(0..1 << 40).try_map(|x| if x > 9 { Err(Fault::new("no")) } else { Ok(x) });
        assert!(batches.batch(1 << 39).get(0).is_err());
        assert!(range(0..0).batch(3).get(0).is_err());
    }
}
