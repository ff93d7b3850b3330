//! `flat_map` and `unbatch` in the ordered part: any number of results of one sample.

use super::given::Given;
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
    given: Given,
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
        Self { f, name, given: Given::default(), next: None, rest: None }
    }
}

impl<T, I: IntoIterator, F: Fn(T) -> I> Stage<T> for FlatMapping<F, I> {
    type Out = I::Item;

    fn push(&mut self, sample: T) -> Result<(), Fault> {
        self.given.next_input();
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
        self.given.next_result();
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
        (self.next, self.rest, self.given) = (None, None, Given::default());
    }

    fn counters(&self) -> Vec<u64> {
        self.given.counters(self.next.is_some())
    }

    fn restore(&mut self, counters: &[u64]) -> Option<()> {
        self.given.restore(counters)
    }

    fn tracks(&self) -> bool {
        true
    }

    fn held(&self) -> Held {
        self.given.held(self.next.is_some())
    }

    fn take_back(&mut self, mut inputs: Vec<T>) -> Option<()> {
        let given = self.given.restored();
        let Some(sample) = inputs.pop() else { return (given == 0).then_some(()) };
        let mut rest = (self.f)(sample).into_iter();
        let skipped = usize::try_from(given).ok()?;
        let next = caught(|| rest.nth(skipped));
        self.next = next.map_or_else(|fault| Some(Err(fault)), |next| next.map(Ok));
        self.rest = Some(rest);
        self.given.go_on(given);
        (inputs.is_empty() && self.next.is_some()).then_some(())
    }

    fn made_of(&self) -> Vec<u64> {
        self.given.made_of()
    }

    fn number(&self) -> u64 {
        self.given.number()
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
