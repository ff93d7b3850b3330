//! `flat_map` and `unbatch` in the ordered part: any number of results of one sample.

use super::Stage;
use crate::dataset::caught;
use crate::error::{Fault, Result};
use crate::order::Op;

/// A stage that makes any number of results of each sample: see
/// [`Ordered::flat_map`](super::Ordered::flat_map).
#[derive(Debug)]
pub struct FlatMapping<F, I: IntoIterator> {
    f: F,
    name: &'static str,
    /// The next result, or the panic of the iterator instead, if the sample has one.
    next: Option<Result<I::Item, Fault>>,
    rest: Option<I::IntoIter>,
}

impl<F, I: IntoIterator> FlatMapping<F, I> {
    /// Creates a stage with a function from a sample to its results.
    #[must_use]
    pub fn new(f: F) -> Self {
        Self::named("flat_map", f)
    }

    pub(super) fn named(name: &'static str, f: F) -> Self {
        Self { f, name, next: None, rest: None }
    }
}

// The inputs alone do not tell which result was made of an input, so the stage does not track them. A
// resume makes the sample again whose results are not all given, and no other.
impl<T, I: IntoIterator, F: Fn(T) -> I> Stage<T> for FlatMapping<F, I> {
    type Out = I::Item;

    fn push(&mut self, sample: T) -> Result<(), Fault> {
        let mut rest = (self.f)(sample).into_iter();
        self.next = rest.next().map(Ok);
        self.rest = Some(rest);
        Ok(())
    }

    fn pop(&mut self) -> Option<I::Item> {
        self.try_pop()?.ok()
    }

    /// Returns the next result. A panic of the iterator takes the place of the sample's other
    /// results.
    fn try_pop(&mut self) -> Option<Result<I::Item, Fault>> {
        let result = self.next.take()?;
        let mut rest = self.rest.take().filter(|_| result.is_ok());
        self.next = match caught(|| rest.as_mut().and_then(Iterator::next)) {
            Ok(next) => next.map(Ok),
            Err(fault) => Some(Err(fault)),
        };
        self.rest = rest;
        Some(result)
    }

    fn is_clean(&self) -> bool {
        self.next.is_none()
    }

    fn reset(&mut self, _: u64) {
        (self.next, self.rest) = (None, None);
    }

    fn op(&self) -> Op {
        Op::new(self.name)
    }
}
