//! The typed API for the ordered part of a pipeline.

use super::{Bare, Batching, Limit, Stage, Stages, Then};
use crate::dataset::{AsVec, Collate, Dataset};
use crate::order::Epochs;

/// A dataset and the stages after the dataset: see [`Dataset::ordered`].
#[derive(Debug, Clone)]
pub struct Ordered<D, S = Bare> {
    dataset: D,
    stages: S,
    epochs: Option<Epochs>,
}

impl<D: Dataset> Ordered<D> {
    pub(crate) fn new(dataset: D) -> Self {
        Self { dataset, stages: Bare, epochs: None }
    }
}

impl<D, S> Ordered<D, S> {
    /// Combines a dataset with existing stages and, optionally, a number of epochs.
    pub(crate) fn from_parts(dataset: D, stages: S, epochs: Option<Epochs>) -> Self {
        Self { dataset, stages, epochs }
    }
}

/// A batching stage after other stages: the type that [`Ordered::batch_with`] returns.
pub type ThenBatch<D, S, C> =
    Ordered<D, Then<S, Batching<<S as Stages<<D as Dataset>::Sample>>::Out, C>>>;
/// A limit after other stages: the type that [`Ordered::limit`] returns.
pub type ThenLimit<D, S> = Ordered<D, Then<S, Limit<<S as Stages<<D as Dataset>::Sample>>::Out>>>;

impl<D: Dataset, S: Stages<D::Sample>> Ordered<D, S> {
    /// Adds a stage.
    pub fn then<N: Stage<S::Out>>(self, stage: N) -> Ordered<D, Then<S, N>> {
        let stages = Then::new(self.stages, stage);
        Ordered { dataset: self.dataset, stages, epochs: self.epochs }
    }

    /// Combines `size` samples into a `Vec`, across gaps. The last batch of an epoch may be
    /// shorter.
    pub fn batch(self, size: u64) -> ThenBatch<D, S, AsVec> {
        self.then(Batching::new(size, AsVec))
    }

    /// Combines `size` samples with the given [`Collate`].
    pub fn batch_with<C: Collate<S::Out>>(self, size: u64, collate: C) -> ThenBatch<D, S, C> {
        self.then(Batching::new(size, collate))
    }

    /// Ends each epoch after `count` results.
    pub fn limit(self, count: u64) -> ThenLimit<D, S> {
        self.then(Limit::new(count))
    }
}

impl<D, B, T, C: Collate<T>> Ordered<D, Then<B, Batching<T, C>>> {
    /// Drops the last batch of an epoch if it would be shorter than the others.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, range};
    /// let whole = range(0..10).ordered().batch(4).drop_remainder();
    /// assert_eq!(Loader::builder(whole).build()?.count(), 2);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    #[must_use]
    pub fn drop_remainder(self) -> Self {
        Self { stages: self.stages.map_stage(Batching::drop_remainder), ..self }
    }
}

/// A pipeline that a loader can run: a dataset, or a dataset with stages after it.
pub trait Pipeline {
    /// The type of the samples that workers make.
    type Sample;
    /// The type of the batches that the caller receives.
    type Batch;
    /// The random-access part.
    type Dataset: Dataset<Sample = Self::Sample>;
    /// The ordered part.
    type Stages: Stages<Self::Sample, Out = Self::Batch>;

    /// Splits the pipeline into its two parts.
    fn into_parts(self) -> (Self::Dataset, Self::Stages);

    /// Returns the number of epochs, if the pipeline names one.
    fn epochs(&self) -> Option<Epochs> {
        None
    }
}

/// A pipeline with samples that any worker can make, including threads of this process.
///
/// Every pipeline that can be sent to threads implements this trait. A recipe that returns `impl
/// ParallelPipeline<Sample = …, Batch = …>` runs on every backend.
///
/// ```
/// use windrow::{Dataset, Loader, Result, WorkerContext, range};
/// use windrow::stage::ParallelPipeline;
///
/// fn evens(
///     end: u64,
///     _: &WorkerContext,
/// ) -> Result<impl ParallelPipeline<Sample = u64, Batch = Vec<u64>> + use<>> {
///     Ok(range(0..end).filter(|x| x % 2 == 0).ordered().batch(3))
/// }
///
/// assert_eq!(Loader::recipe(evens, 10).workers(0).build()?.count(), 2);
/// # Ok::<(), windrow::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot run on threads",
    note = "return `impl ParallelPipeline<Sample = .., Batch = ..>` or `impl Dataset<Sample = ..> + Send + Sync` from a recipe",
    note = "use `build_processes()` for a recipe whose dataset is not `Send` and `Sync`"
)]
pub trait ParallelPipeline:
    Pipeline<
        Sample: Send + 'static,
        Batch: 'static,
        Dataset: Send + Sync + 'static,
        Stages: Send + 'static,
    >
{
}

impl<P> ParallelPipeline for P where
    P: Pipeline<
            Sample: Send + 'static,
            Batch: 'static,
            Dataset: Send + Sync + 'static,
            Stages: Send + 'static,
        >
{
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

    fn epochs(&self) -> Option<Epochs> {
        self.epochs
    }
}
