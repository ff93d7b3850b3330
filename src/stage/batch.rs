//! `batch` in the ordered part: over gaps and over the ends of epochs.

use super::Stage;
use crate::dataset::{AsVec, Collate, batch_op};
use crate::error::{Error, Fault, Result};
use crate::order::Op;

/// Puts `size` samples together, in order: see [`Ordered::batch`](super::Ordered::batch).
#[derive(Debug)]
pub struct Batching<T, C: Collate<T> = AsVec> {
    size: u64,
    drop_remainder: bool,
    collate: C,
    held: Vec<T>,
    ready: Option<C::Batch>,
}

impl<T, C: Collate<T>> Batching<T, C> {
    /// Batches of `size` samples, made by `collate`.
    #[must_use]
    pub fn new(size: u64, collate: C) -> Self {
        Self { size, drop_remainder: false, collate, held: Vec::new(), ready: None }
    }

    /// Leaves out the last batch where it would be shorter than the others.
    #[must_use]
    pub fn drop_remainder(self) -> Self {
        Self { drop_remainder: true, ..self }
    }

    fn collate(&mut self) -> Result<(), Fault> {
        let full = Vec::with_capacity(self.held.len());
        let samples = std::mem::replace(&mut self.held, full);
        self.ready = Some(self.collate.collate(samples)?);
        Ok(())
    }
}

impl<T, C: Collate<T>> Stage<T> for Batching<T, C> {
    type Out = C::Batch;

    fn push(&mut self, sample: T) -> Result<(), Fault> {
        self.held.push(sample);
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

    fn results_of(&self, inputs: u64) -> Option<u64> {
        Some(inputs.div_ceil(self.size.max(1)))
    }

    fn inputs(&self) -> u64 {
        self.size
    }

    fn op(&self) -> Op {
        batch_op(self.size, self.drop_remainder, &self.collate)
    }

    fn check(&self) -> Result<()> {
        if self.size > 0 {
            return Ok(());
        }
        Err(Error::Setting {
            name: "batch.size".into(),
            value: "0".into(),
            allowed: "1 or more".into(),
        })
    }
}
