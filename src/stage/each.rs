//! `map`, `try_map` and `filter` in the ordered part: a transform of each sample.

use super::Stage;
use crate::dataset::probe::dropped;
use crate::dataset::{ElementSpec, SampleContext, Transform};
use crate::error::{Fault, Result};
use crate::order::Op;

/// A stage that applies a transform to each sample: see [`Ordered::map`](super::Ordered::map).
///
/// The transforms of this stage do not look at the place of a sample.
#[derive(Debug)]
pub struct Each<T, U> {
    transform: T,
    /// The number of inputs since the stage was new or restored.
    inputs: u64,
    ready: Option<U>,
}

impl<T, U> Each<T, U> {
    /// Creates a stage with a transform that does not look at the place of a sample.
    #[must_use]
    pub fn new(transform: T) -> Self {
        Self { transform, inputs: 0, ready: None }
    }

    fn apply<In>(&self, sample: In) -> Result<Option<U>, Fault>
    where
        T: Transform<In, Sample = U>,
    {
        self.transform.apply(SampleContext::new(0, 0, 0), sample)
    }
}

impl<In, U, T: Transform<In, Sample = U>> Stage<In> for Each<T, U> {
    type Out = U;

    fn push(&mut self, sample: In) -> Result<(), Fault> {
        self.inputs += 1;
        self.ready = self.apply(sample)?;
        if self.ready.is_none() {
            dropped();
        }
        Ok(())
    }

    fn pop(&mut self) -> Option<U> {
        self.ready.take()
    }

    fn is_clean(&self) -> bool {
        self.ready.is_none()
    }

    fn reset(&mut self, _: u64) {
        (self.inputs, self.ready) = (0, None);
    }

    fn results_of(&self, inputs: u64) -> Option<u64> {
        Some(inputs)
    }

    fn len_of(&self, inputs: u64) -> Option<u64> {
        (!self.transform.leaves_gaps()).then_some(inputs)
    }

    fn tracks(&self) -> bool {
        true
    }

    fn keeps_order(&self) -> bool {
        true
    }

    fn made_of(&self) -> Vec<u64> {
        self.inputs.checked_sub(1).into_iter().collect()
    }

    fn remake(&self, inputs: Vec<In>) -> Result<U, Fault> {
        let again = self.apply(only(inputs)?)?;
        again.ok_or_else(|| Fault::new("the function made a result of this sample, and now none"))
    }

    fn element_spec(&self, inputs: &ElementSpec) -> Result<ElementSpec, String> {
        self.transform.element_spec(inputs)
    }

    fn op(&self) -> Op {
        self.transform.op()
    }
}

/// Returns the one input of a result.
pub(super) fn only<T>(mut inputs: Vec<T>) -> Result<T, Fault> {
    inputs.pop().ok_or_else(|| Fault::new("the result has no input to be made from"))
}
