//! `repeat`: the same dataset for several epochs.

use super::{Dataset, SampleResult, as_below};
use crate::order::{Description, Op};

/// A dataset repeated several times: see [`Dataset::repeat`].
#[derive(Debug, Clone)]
pub struct Repeat<D> {
    dataset: D,
    epochs: u64,
    len: u64,
}

impl<D: Dataset> Repeat<D> {
    pub(super) fn new(dataset: D, epochs: u64) -> Self {
        let len = dataset.len().saturating_mul(epochs);
        Self { dataset, epochs, len }
    }
}

impl<D: Dataset> Dataset for Repeat<D> {
    type Sample = D::Sample;

    as_below!(has_gaps is_reshuffled check key);

    #[inline]
    fn len(&self) -> u64 {
        self.len
    }

    #[inline]
    fn get(&self, index: u64) -> SampleResult<Self::Sample> {
        // An index past the end of the dataset below is already its next epoch.
        self.dataset.get(index)
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        description.push(Op::new("repeat").with("epochs", self.epochs));
    }

    fn is_repeated(&self) -> bool {
        self.epochs > 1 || self.dataset.is_repeated()
    }
}
