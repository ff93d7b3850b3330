//! `skip`, which drops the first results of each epoch.

use super::Stage;
use super::each::only;
use crate::dataset::ElementSpec;
use crate::error::{Fault, Result};
use crate::order::Op;

/// A stage that drops the first `count` results of an epoch: see
/// [`Ordered::skip`](super::Ordered::skip).
#[derive(Debug)]
pub struct Skip<T> {
    count: u64,
    skipped: u64,
    /// The number of inputs since the stage was new or its counters were restored.
    inputs: u64,
    ready: Option<T>,
}

impl<T> Skip<T> {
    /// Creates a stage that drops the first `count` results of an epoch.
    #[must_use]
    pub fn new(count: u64) -> Self {
        Self { count, skipped: 0, inputs: 0, ready: None }
    }
}

impl<T> Stage<T> for Skip<T> {
    type Out = T;

    fn push(&mut self, sample: T) -> Result<(), Fault> {
        self.inputs += 1;
        if self.skipped < self.count {
            self.skipped += 1;
        } else {
            self.ready = Some(sample);
        }
        Ok(())
    }

    fn pop(&mut self) -> Option<T> {
        self.ready.take()
    }

    fn is_clean(&self) -> bool {
        self.ready.is_none()
    }

    fn reset(&mut self, _: u64) {
        *self = Self::new(self.count);
    }

    fn counters(&self) -> Vec<u64> {
        vec![self.skipped]
    }

    fn restore(&mut self, counters: &[u64]) -> Option<()> {
        let &[skipped] = counters else { return None };
        self.skipped = skipped;
        (skipped <= self.count).then_some(())
    }

    fn results_of(&self, inputs: u64) -> Option<u64> {
        let results = inputs.checked_sub(self.skipped)?;
        Some(if self.skipped == self.count { results } else { 0 })
    }

    fn len_of(&self, inputs: u64) -> Option<u64> {
        Some(inputs.saturating_sub(self.count))
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

    fn remake(&self, inputs: Vec<T>) -> Result<T, Fault> {
        only(inputs)
    }

    fn element_spec(&self, inputs: &ElementSpec) -> Result<ElementSpec, String> {
        Ok(inputs.clone())
    }

    fn op(&self) -> Op {
        Op::new("skip").with("count", self.count)
    }
}
