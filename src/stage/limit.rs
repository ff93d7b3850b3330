//! `limit`, which passes only the first results of each epoch.

use super::Stage;
use super::each::only;
use crate::dataset::ElementSpec;
use crate::error::{Fault, Result};
use crate::order::Op;

/// A stage that ends an epoch after `count` results: see [`Ordered::limit`](super::Ordered::limit).
#[derive(Debug)]
pub struct Limit<T> {
    count: u64,
    taken: u64,
    /// The number of inputs since the stage was new or its counters were restored.
    inputs: u64,
    ready: Option<T>,
}

impl<T> Limit<T> {
    /// Creates a stage that passes the first `count` results of an epoch.
    #[must_use]
    pub fn new(count: u64) -> Self {
        Self { count, taken: 0, inputs: 0, ready: None }
    }
}

impl<T> Stage<T> for Limit<T> {
    type Out = T;

    fn push(&mut self, sample: T) -> Result<(), Fault> {
        self.taken += 1;
        self.inputs += 1;
        self.ready = Some(sample);
        Ok(())
    }

    fn pop(&mut self) -> Option<T> {
        self.ready.take()
    }

    fn is_clean(&self) -> bool {
        self.ready.is_none()
    }

    fn is_done(&self) -> bool {
        self.taken >= self.count
    }

    fn reset(&mut self, _: u64) {
        *self = Self::new(self.count);
    }

    fn counters(&self) -> Vec<u64> {
        vec![self.taken]
    }

    fn restore(&mut self, counters: &[u64]) -> Option<()> {
        let &[taken] = counters else { return None };
        self.taken = taken;
        (taken <= self.count).then_some(())
    }

    fn results_of(&self, inputs: u64) -> Option<u64> {
        (self.taken <= inputs).then_some(self.taken)
    }

    fn len_of(&self, inputs: u64) -> Option<u64> {
        Some(inputs.min(self.count))
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
        Op::new("limit").with("count", self.count)
    }
}
