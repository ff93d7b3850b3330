//! `repeat`: the same dataset for several epochs.

use super::{Dataset, Fetched, SampleKey};
use crate::error::Result;
use crate::order::{Description, Op};

/// A dataset gone through several times: see [`Dataset::repeat`].
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

    #[inline]
    fn len(&self) -> u64 {
        self.len
    }

    #[inline]
    fn get(&self, index: u64) -> Fetched<Self::Sample> {
        // An index past the end of the dataset below is its next epoch, which is all there is to it.
        self.dataset.get(index)
    }

    fn key(&self, index: u64) -> Option<SampleKey> {
        self.dataset.key(index)
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        description.push(Op::new("repeat").with("epochs", self.epochs));
    }

    fn has_gaps(&self) -> bool {
        self.dataset.has_gaps()
    }

    fn is_reshuffled(&self) -> bool {
        self.dataset.is_reshuffled()
    }

    fn is_repeated(&self) -> bool {
        self.epochs > 1 || self.dataset.is_repeated()
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()
    }
}
