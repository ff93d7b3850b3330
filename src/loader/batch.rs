//! The batches that a loader yields, and the caller's place in the stream.

use std::ops::Deref;
use std::sync::Arc;

use crate::order::{Mark, Plan, State};

/// A batch, with the state that resumes right after it.
///
/// A batch dereferences to the pipeline's value: a `Vec` of samples, a record, or the result of
/// another last step.
///
/// ```
/// use windrow::{Dataset, Loader, range};
/// let mut loader = Loader::builder(range(0..4).batch(2)).build()?;
/// let batch = loader.next().unwrap()?;
/// assert_eq!(batch.len(), 2);
/// assert_eq!(batch.state().position(), 1);
/// assert_eq!(batch.into_inner(), [0, 1]);
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Batch<B> {
    value: B,
    point: Point,
    plan: Arc<Plan>,
}

/// A place in the stream that the caller has reached.
#[derive(Debug, Clone, Default)]
pub(super) struct Point {
    pub(super) mark: Mark,
    pub(super) batches: u64,
    /// The number of batches in the mark's epoch.
    pub(super) epoch_batches: u64,
    pub(super) digest: Option<[u8; 32]>,
}

impl Point {
    pub(super) fn state(&self, plan: &Plan) -> State {
        plan.state(self.mark.clone(), [self.batches, self.epoch_batches], self.digest)
    }
}

impl<B> Batch<B> {
    pub(super) fn new(value: B, point: Point, plan: Arc<Plan>) -> Self {
        Self { value, point, plan }
    }

    /// Returns the state that resumes right after this batch.
    #[must_use]
    pub fn state(&self) -> State {
        self.point.state(&self.plan)
    }

    /// Returns the batch's number in the stream, from 0.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.point.batches - 1
    }

    /// Returns the batch's epoch, from 0.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.point.mark.epoch
    }

    /// Returns the batch's number in its epoch, from 0.
    #[must_use]
    pub fn number_in_epoch(&self) -> u64 {
        self.point.epoch_batches - 1
    }

    /// Returns the value without its state.
    #[must_use]
    pub fn into_inner(self) -> B {
        self.value
    }
}

impl<B> Deref for Batch<B> {
    type Target = B;

    fn deref(&self) -> &B {
        &self.value
    }
}
