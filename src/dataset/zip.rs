//! `zip`: pairs of the samples of two datasets.

use super::probe::{apart, below};
use super::{Dataset, PipelineTree, SampleKey, SampleResult, in_member, index_in, step};
use crate::error::{Error, Fault, Result};
use crate::order::{Description, Op, epoch_of};

/// Pairs of the samples of two datasets: see [`Dataset::zip`].
#[derive(Debug, Clone)]
pub struct Zip<A, B> {
    first: A,
    second: B,
    len: u64,
    shortest: bool,
}

impl<A: Dataset, B: Dataset> Zip<A, B> {
    pub(super) fn new(first: A, second: B) -> Self {
        let len = first.len().min(second.len());
        Self { first, second, len, shortest: false }
    }

    /// Ends each epoch with the shorter dataset, and leaves out the other samples of the longer one.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// let pairs = range(0..5).zip(range(10..13));
    /// assert!(pairs.check().is_err());
    /// assert_eq!(pairs.shortest().len(), 3);
    /// ```
    #[must_use]
    pub fn shortest(self) -> Self {
        Self { shortest: true, ..self }
    }

    /// Returns the index in a dataset of `len` samples.
    fn index_below(&self, index: u64, len: u64) -> Result<u64, Fault> {
        let (epoch, offset) = epoch_of(index, self.len);
        index_in(epoch, offset, len)
    }
}

impl<A: Dataset, B: Dataset> Dataset for Zip<A, B> {
    type Sample = (A::Sample, B::Sample);

    #[inline]
    fn len(&self) -> u64 {
        self.len
    }

    fn get(&self, index: u64) -> SampleResult<Self::Sample> {
        let at = self.index_below(index, self.first.len())?;
        let Some(first) = below(0, || self.first.get(at))? else { return Ok(None) };
        let at = self.index_below(index, self.second.len())?;
        let second = below(1, || self.second.get(at))?;
        Ok(second.map(|second| apart(|| (first, second))))
    }

    /// Returns the key of the first dataset's sample.
    fn key(&self, index: u64) -> Option<SampleKey> {
        self.first.key(self.index_below(index, self.first.len()).ok()?)
    }

    fn describe(&self, description: &mut Description) {
        self.first.describe(description);
        description.push(Op::new("with"));
        self.second.describe(description);
        description.push(Op::new("zip").with("shortest", self.shortest));
    }

    fn tree(&self, ops: &mut dyn Iterator<Item = Op>) -> PipelineTree {
        let first = self.first.tree(ops);
        ops.next(); // `with`
        let second = self.second.tree(ops);
        step(self, ops, vec![first, second])
    }

    fn has_gaps(&self) -> bool {
        self.first.has_gaps() || self.second.has_gaps()
    }

    fn is_reshuffled(&self) -> bool {
        self.first.is_reshuffled() || self.second.is_reshuffled()
    }

    fn is_repeated(&self) -> bool {
        self.first.is_repeated() || self.second.is_repeated()
    }

    fn is_same_each_epoch(&self) -> bool {
        self.first.is_same_each_epoch() && self.second.is_same_each_epoch()
    }

    fn check(&self) -> Result<()> {
        self.first.check().map_err(|error| in_member(0, error))?;
        self.second.check().map_err(|error| in_member(1, error))?;
        let (first, second) = (self.first.len(), self.second.len());
        if first == second || self.shortest {
            return Ok(());
        }
        Err(Error::Setting {
            name: "zip".into(),
            value: format!("made of {first} and {second} samples"),
            allowed: "two datasets of the same length; call `shortest` on the result to leave out \
                      the rest of the longer one"
                .into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::dataset::Dataset;
    use crate::source::range;

    #[test]
    fn pairs_have_the_same_index_of_the_same_epoch() {
        let pairs = range(0..4).shuffle(1).zip(range(10..17).shuffle(2)).shortest();
        for epoch in 0..3 {
            for offset in 0..4 {
                let first = range(0..4).shuffle(1).get(epoch * 4 + offset).unwrap().unwrap();
                let second = range(10..17).shuffle(2).get(epoch * 7 + offset).unwrap().unwrap();
                assert_eq!(pairs.get(epoch * 4 + offset).unwrap(), Some((first, second)));
            }
        }
        let three = range(0..4).zip(range(1..5)).zip(range(2..6)).map(|((a, b), c)| [a, b, c]);
        assert_eq!(three.get(2).unwrap(), Some([2, 3, 4]));
    }

    #[test]
    fn a_gap_on_either_side_is_a_gap() {
        let even = || range(0..4).filter(|x| x % 2 == 0);
        for pairs in [even().zip(even()).get(1), even().zip(even()).get(3)] {
            assert_eq!(pairs.unwrap(), None);
        }
        assert_eq!(range(0..4).zip(even()).get(1).unwrap(), None);
        assert_eq!(even().zip(range(0..4)).get(2).unwrap(), Some((2, 2)));
        assert!(range(0..4).zip(even()).has_gaps());
    }

    #[test]
    fn unequal_lengths_are_refused_with_both_lengths() {
        assert_eq!(
            range(0..3).zip(range(0..2)).check().unwrap_err().to_string(),
            "zip is made of 3 and 2 samples; allowed: two datasets of the same length; call \
             `shortest` on the result to leave out the rest of the longer one"
        );
        let empty = range(0..3).zip(range(0..0)).shortest();
        assert_eq!((empty.len(), empty.check().is_ok(), empty.get(0).is_err()), (0, true, true));
    }
}
