//! `reverse`: the last sample first.

use super::{Dataset, as_below, index_in};
use crate::error::{Fault, Result};
use crate::order::{Description, Op, epoch_of};

/// A dataset from its last sample to its first: see [`Dataset::reverse`].
#[derive(Debug, Clone)]
pub struct Reverse<D> {
    dataset: D,
    len: u64,
}

impl<D: Dataset> Reverse<D> {
    pub(super) fn new(dataset: D) -> Self {
        let len = dataset.len();
        Self { dataset, len }
    }

    /// Returns the index in the dataset below.
    #[inline]
    fn index_below(&self, index: u64) -> Result<u64, Fault> {
        let (epoch, offset) = epoch_of(index, self.len);
        if offset >= self.len {
            return Ok(index); // Nothing is reversed; the source says so.
        }
        index_in(epoch, self.len - 1 - offset, self.len)
    }
}

impl<D: Dataset> Dataset for Reverse<D> {
    type Sample = D::Sample;

    as_below!(has_gaps is_reshuffled is_repeated is_same_each_epoch check at_index_below element_spec tree);

    #[inline]
    fn len(&self) -> u64 {
        self.len
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        description.push(Op::new("reverse"));
    }
}

#[cfg(test)]
mod tests {
    use crate::dataset::Dataset;
    use crate::source::range;

    #[test]
    fn each_epoch_is_reversed() {
        let last_first = range(0..5).reverse();
        let all: Vec<u64> = (0..10).map(|index| last_first.get(index).unwrap().unwrap()).collect();
        assert_eq!(all, [4, 3, 2, 1, 0, 4, 3, 2, 1, 0]);
        // Python's `range(20)[10:2:-3]`.
        let part = range(0..20).slice(3..=10).reverse().step_by(3);
        let all: Vec<u64> = (0..3).map(|index| part.get(index).unwrap().unwrap()).collect();
        assert_eq!((part.len(), all), (3, vec![10, 7, 4]));
        assert!(range(0..0).reverse().get(0).is_err());
    }
}
