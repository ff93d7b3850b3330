//! `batch` in the ordered part, which batches across gaps.

use std::ops::Range;

use super::{Held, Stage};
use crate::dataset::{AsVec, Collate, ElementSpec, at_least_one, batch_op};
use crate::error::{Fault, Result};
use crate::order::Op;

/// A stage that combines `size` samples in order: see [`Ordered::batch`](super::Ordered::batch).
#[derive(Debug)]
pub struct Batching<T, C: Collate<T> = AsVec> {
    size: u64,
    drop_remainder: bool,
    collate: C,
    held: Vec<T>,
    ready: Option<C::Batch>,
    /// The number of inputs so far. `last` is the range of inputs in the last batch.
    pushed: u64,
    last: Range<u64>,
}

impl<T, C: Collate<T>> Batching<T, C> {
    /// Creates a stage for batches of `size` samples, which `collate` combines.
    #[must_use]
    pub fn new(size: u64, collate: C) -> Self {
        let (held, ready, pushed, last) = (Vec::new(), None, 0, 0..0);
        Self { size, drop_remainder: false, collate, held, ready, pushed, last }
    }

    /// Drops the last batch if it would be shorter than the others.
    #[must_use]
    pub fn drop_remainder(self) -> Self {
        Self { drop_remainder: true, ..self }
    }

    fn collate(&mut self) -> Result<(), Fault> {
        let full = Vec::with_capacity(self.held.len());
        let samples = std::mem::replace(&mut self.held, full);
        self.last = self.pushed - samples.len() as u64..self.pushed;
        self.ready = Some(self.collate.collate(samples)?);
        Ok(())
    }
}

impl<T, C: Collate<T>> Stage<T> for Batching<T, C> {
    type Out = C::Batch;

    fn push(&mut self, sample: T) -> Result<(), Fault> {
        self.held.push(sample);
        self.pushed += 1;
        if self.held.len() as u64 >= self.size { self.collate() } else { Ok(()) }
    }

    fn pop(&mut self) -> Option<C::Batch> {
        self.ready.take()
    }

    fn finish(&mut self) -> Result<(), Fault> {
        if self.drop_remainder {
            self.held.clear();
        }
        if self.held.is_empty() { Ok(()) } else { self.collate() }
    }

    fn is_clean(&self) -> bool {
        self.held.is_empty() && self.ready.is_none()
    }

    fn reset(&mut self, _: u64) {
        self.held.clear();
        (self.ready, self.pushed) = (None, 0);
    }

    fn results_of(&self, inputs: u64) -> Option<u64> {
        Some(inputs.div_ceil(self.size.max(1)))
    }

    fn len_of(&self, inputs: u64) -> Option<u64> {
        match self.drop_remainder {
            true => inputs.checked_div(self.size),
            false => self.results_of(inputs),
        }
    }

    fn tracks(&self) -> bool {
        true
    }

    fn keeps_order(&self) -> bool {
        true
    }

    fn held(&self) -> Held {
        (self.pushed - self.held.len() as u64..self.pushed).into()
    }

    fn take_back(&mut self, inputs: Vec<T>) -> Option<()> {
        self.pushed = inputs.len() as u64;
        self.held = inputs;
        (self.pushed < self.size).then_some(())
    }

    fn made_of(&self) -> Vec<u64> {
        self.last.clone().collect()
    }

    fn remake(&self, inputs: Vec<T>) -> Result<C::Batch, Fault> {
        let count = inputs.len() as u64;
        if !(1..=self.size).contains(&count) {
            let size = self.size;
            return Err(Fault::new(format!("no batch of at most {size} has {count} samples")));
        }
        self.collate.collate(inputs)
    }

    fn inputs(&self) -> u64 {
        self.size
    }

    fn element_spec(&self, inputs: &ElementSpec) -> Result<ElementSpec, String> {
        self.collate.element_spec(inputs, self.drop_remainder.then_some(self.size))
    }

    fn op(&self) -> Op {
        batch_op(self.size, self.drop_remainder, &self.collate)
    }

    fn check(&self) -> Result<()> {
        at_least_one("batch.size", self.size)
    }
}
