//! The typed way to say an ordered part.

use super::{Bare, Batching, Limit, Stage, Stages, Then};
use crate::dataset::{AsVec, Collate, Dataset};

/// A dataset and the stages after it: see [`Dataset::ordered`].
#[derive(Debug, Clone)]
pub struct Ordered<D, S = Bare> {
    dataset: D,
    stages: S,
}

impl<D: Dataset> Ordered<D> {
    pub(crate) fn new(dataset: D) -> Self {
        Self { dataset, stages: Bare }
    }
}

impl<D, S> Ordered<D, S> {
    /// A dataset with stages that are put together already.
    pub(crate) fn from_parts(dataset: D, stages: S) -> Self {
        Self { dataset, stages }
    }
}

/// A batching stage after others: what [`Ordered::batch_with`] makes.
pub type ThenBatch<D, S, C> =
    Ordered<D, Then<S, Batching<<S as Stages<<D as Dataset>::Sample>>::Out, C>>>;
/// A limit after other stages: what [`Ordered::limit`] makes.
pub type ThenLimit<D, S> = Ordered<D, Then<S, Limit<<S as Stages<<D as Dataset>::Sample>>::Out>>>;

impl<D: Dataset, S: Stages<D::Sample>> Ordered<D, S> {
    /// Adds a stage.
    pub fn then<N: Stage<S::Out>>(self, stage: N) -> Ordered<D, Then<S, N>> {
        Ordered { dataset: self.dataset, stages: Then::new(self.stages, stage) }
    }

    /// Puts `size` samples together into a `Vec`, over gaps and over the ends of epochs; the last
    /// one may be shorter.
    pub fn batch(self, size: u64) -> ThenBatch<D, S, AsVec> {
        self.then(Batching::new(size, AsVec))
    }

    /// Puts `size` samples together in a way of your own.
    pub fn batch_with<C: Collate<S::Out>>(self, size: u64, collate: C) -> ThenBatch<D, S, C> {
        self.then(Batching::new(size, collate))
    }

    /// Ends the stream after `count` results.
    pub fn limit(self, count: u64) -> ThenLimit<D, S> {
        self.then(Limit::new(count))
    }
}

/// What a loader can run: a dataset, or a dataset with stages after it.
pub trait Pipeline {
    /// What workers make.
    type Sample;
    /// What the caller receives.
    type Batch;
    /// The random-access part.
    type Dataset: Dataset<Sample = Self::Sample>;
    /// The ordered part.
    type Stages: Stages<Self::Sample, Out = Self::Batch>;

    /// The two parts.
    fn into_parts(self) -> (Self::Dataset, Self::Stages);
}

impl<D: Dataset> Pipeline for D {
    type Sample = D::Sample;
    type Batch = D::Sample;
    type Dataset = D;
    type Stages = Bare;

    fn into_parts(self) -> (D, Bare) {
        (self, Bare)
    }
}

impl<D: Dataset, S: Stages<D::Sample>> Pipeline for Ordered<D, S> {
    type Sample = D::Sample;
    type Batch = S::Out;
    type Dataset = D;
    type Stages = S;

    fn into_parts(self) -> (D, S) {
        (self.dataset, self.stages)
    }
}
