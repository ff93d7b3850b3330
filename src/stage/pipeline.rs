//! The pipelines that a loader can run.

use std::sync::Arc;

use super::{Bare, Reading, Stages};
use crate::dataset::Dataset;
use crate::order::Epochs;

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

    /// Returns the reader of the samples, if the dataset has no length.
    #[doc(hidden)]
    fn reading(&self) -> Option<Arc<dyn Reading>> {
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
