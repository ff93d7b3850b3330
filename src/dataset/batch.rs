//! `batch`: several samples become one, inside an epoch.

use super::{Dataset, Fetched, SampleKey, at_least_one, index_in};
use crate::error::{Error, Fault, Result};
use crate::order::{Description, Op, epoch_of};

/// The most samples that one batch may ask room for before any of them is there.
const RESERVED_MAX: u64 = 4096;

/// A way to make one batch of several samples.
///
/// Any closure `Fn(Vec<T>) -> Result<U, E>` is one.
pub trait Collate<T> {
    /// The batch.
    type Batch;

    /// Makes the batch; `samples` has at least one element.
    ///
    /// # Errors
    /// Why these samples do not go together.
    fn collate(&self, samples: Vec<T>) -> Result<Self::Batch, Fault>;

    /// Adds the options that decide the result.
    fn describe(&self, op: Op) -> Op {
        op
    }
}

impl<T, U, E: Into<Fault>, F: Fn(Vec<T>) -> Result<U, E>> Collate<T> for F {
    type Batch = U;

    fn collate(&self, samples: Vec<T>) -> Result<U, Fault> {
        self(samples).map_err(Into::into)
    }
}

/// Leaves a batch as the `Vec` of its samples.
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
pub struct Batch<D, C = AsVec> {
    dataset: D,
    collate: C,
    size: u64,
    drop_remainder: bool,
    samples: u64,
}

impl<D: Dataset, C> Batch<D, C> {
    pub(super) fn new(dataset: D, size: u64, collate: C) -> Self {
        let samples = dataset.len();
        Self { dataset, collate, size, drop_remainder: false, samples }
    }

    /// Leaves out the last batch where it would be shorter than the others.
    #[must_use]
    pub fn drop_remainder(self) -> Self {
        Self { drop_remainder: true, ..self }
    }
}

/// The op that a batch of this kind is described by, in the random-access and the ordered part.
pub(crate) fn batch_op<T, C: Collate<T>>(size: u64, drop_remainder: bool, collate: &C) -> Op {
    collate.describe(Op::new("batch").with("size", size).with("drop_remainder", drop_remainder))
}

impl<D: Dataset, C: Collate<D::Sample>> Dataset for Batch<D, C> {
    type Sample = C::Batch;

    #[inline]
    fn len(&self) -> u64 {
        match (self.size, self.drop_remainder) {
            (0, _) => 0,
            (size, true) => self.samples / size,
            (size, false) => self.samples.div_ceil(size),
        }
    }

    fn get(&self, index: u64) -> Fetched<Self::Sample> {
        let (epoch, number) = epoch_of(index, self.len());
        let from = number.saturating_mul(self.size);
        let to = from.saturating_add(self.size).min(self.samples);
        if from >= to {
            return Err(Fault::new(format!("there is no batch {index}")));
        }
        // The last index must fit into 64 bits; the one after it need not.
        index_in(epoch, to - 1, self.samples)?;
        let start = index_in(epoch, from, self.samples)?;
        let mut samples = Vec::with_capacity((to - from).min(RESERVED_MAX) as usize);
        for offset in 0..to - from {
            match self.dataset.get(start + offset)? {
                Some(sample) => samples.push(sample),
                None => {
                    let fault = Fault::new("a batch cannot be made over a gap");
                    return Err(fault.at("batch", from + offset));
                }
            }
        }
        self.collate.collate(samples).map(Some).map_err(|fault| fault.at("batch", number))
    }

    fn key(&self, _: u64) -> Option<SampleKey> {
        None
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        description.push(batch_op(self.size, self.drop_remainder, &self.collate));
    }

    fn is_reshuffled(&self) -> bool {
        self.dataset.is_reshuffled()
    }

    fn is_repeated(&self) -> bool {
        self.dataset.is_repeated()
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()?;
        at_least_one("batch.size", self.size)?;
        if self.dataset.has_gaps() {
            return Err(Error::Setting {
                name: "batch".into(),
                value: "made over a filter's gaps".into(),
                allowed: "`.ordered().batch(..)`, which closes the gaps first".into(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::source::range;

    /// A dataset that panics outside of any closure.
    pub(crate) struct Panicking<D>(pub(crate) D);

    impl<D: Dataset> Dataset for Panicking<D> {
        type Sample = D::Sample;

        fn len(&self) -> u64 {
            self.0.len()
        }

        fn get(&self, _: u64) -> Fetched<D::Sample> {
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
    fn a_batch_larger_than_memory_fails_without_asking_for_it() {
        let batches =
            range(0..1 << 40).try_map(|x| if x > 9 { Err(Fault::new("no")) } else { Ok(x) });
        assert!(batches.batch(1 << 39).get(0).is_err());
        assert!(range(0..0).batch(3).get(0).is_err());
    }
}
