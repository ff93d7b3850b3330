//! `flat_map` and `unbatch` in the ordered part: any number of results of one sample.

use super::{Held, Stage};
use crate::dataset::caught;
use crate::error::{Fault, Result};
use crate::order::Op;

/// A stage that makes any number of results of each sample: see
/// [`Ordered::flat_map`](super::Ordered::flat_map).
#[derive(Debug)]
pub struct FlatMapping<F, I: IntoIterator> {
    f: F,
    name: &'static str,
    /// The number of inputs so far, and of the last input's results that are given.
    pushed: u64,
    given: u64,
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
        Self { f, name, pushed: 0, given: 0, next: None, rest: None }
    }
}

impl<T, I: IntoIterator, F: Fn(T) -> I> Stage<T> for FlatMapping<F, I> {
    type Out = I::Item;

    fn push(&mut self, sample: T) -> Result<(), Fault> {
        (self.pushed, self.given) = (self.pushed + 1, 0);
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
        self.given += 1;
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
        (self.pushed, self.given) = (0, 0);
    }

    fn counters(&self) -> Vec<u64> {
        if self.next.is_some() && self.given > 0 { vec![self.given] } else { Vec::new() }
    }

    fn restore(&mut self, counters: &[u64]) -> Option<()> {
        self.given = match counters {
            [] => 0,
            [given] if *given > 0 => *given,
            _ => return None,
        };
        Some(())
    }

    fn tracks(&self) -> bool {
        true
    }

    fn held(&self) -> Held {
        let held = u64::from(self.next.is_some());
        (self.pushed - held..self.pushed).into()
    }

    fn take_back(&mut self, mut inputs: Vec<T>) -> Option<()> {
        let given = std::mem::take(&mut self.given);
        let Some(sample) = inputs.pop() else { return (given == 0).then_some(()) };
        let mut rest = (self.f)(sample).into_iter();
        let skipped = usize::try_from(given).ok()?;
        let next = caught(|| rest.nth(skipped));
        self.next = next.map_or_else(|fault| Some(Err(fault)), |next| next.map(Ok));
        (self.rest, self.pushed, self.given) = (Some(rest), 1, given);
        (inputs.is_empty() && self.next.is_some()).then_some(())
    }

    fn made_of(&self) -> Vec<u64> {
        vec![self.pushed.saturating_sub(1)]
    }

    /// Returns how many results of the sample came before the last one.
    fn number(&self) -> u64 {
        self.given.saturating_sub(1)
    }

    fn remake_numbers(&self, mut inputs: Vec<T>, numbers: &[u64]) -> Result<Vec<I::Item>, Fault> {
        let (Some(sample), true) = (inputs.pop(), inputs.is_empty()) else {
            return Err(Fault::new("a result is made of one sample"));
        };
        let mut rest = (self.f)(sample).into_iter();
        let mut passed = 0;
        let result = |number: &u64| {
            let result = rest.nth(usize::try_from(number.checked_sub(passed)?).ok()?);
            passed = number.saturating_add(1);
            result
        };
        let gone = || Fault::new(format!("the sample no longer gives the results {numbers:?}"));
        numbers.iter().map(result).collect::<Option<_>>().ok_or_else(gone)
    }

    fn op(&self) -> Op {
        Op::new(self.name)
    }
}
