//! `batch_by_budget`: batches whose samples together cost at most a budget, such as tokens.

use super::{Held, Stage};
use crate::dataset::{Collate, ElementSpec, Measure, at_least_one, caught};
use crate::error::{Fault, Result};
use crate::order::Op;

/// A stage for batches within a budget: see
/// [`Ordered::batch_by_budget`](super::Ordered::batch_by_budget).
#[derive(Debug)]
pub struct BudgetBatching<T, F, C: Collate<T>> {
    budget: u64,
    cost: F,
    collate: C,
    /// The samples held back, with the numbers of the inputs that they were.
    held: Vec<(u64, T)>,
    spent: u64,
    ready: Option<C::Batch>,
    /// The number of inputs so far. `last` has the inputs in the last batch.
    pushed: u64,
    last: Vec<u64>,
}

impl<T, F: Measure<T>, C: Collate<T>> BudgetBatching<T, F, C> {
    /// Creates a stage for batches of samples whose costs add up to at most `budget`.
    #[must_use]
    pub fn new(budget: u64, cost: F, collate: C) -> Self {
        let (held, spent, ready, pushed, last) = (Vec::new(), 0, None, 0, Vec::new());
        Self { budget, cost, collate, held, spent, ready, pushed, last }
    }

    /// Combines the samples held back.
    fn collate(&mut self) -> Result<(), Fault> {
        if self.held.is_empty() {
            return Ok(());
        }
        let (last, samples): (Vec<u64>, Vec<T>) =
            std::mem::take(&mut self.held).into_iter().unzip();
        (self.last, self.spent) = (last, 0);
        // A panic must not lose the sample that is pushed, which stays for the next batch.
        self.ready = Some(caught(|| self.collate.collate(samples)).unwrap_or_else(Err)?);
        Ok(())
    }
}

impl<T, F: Measure<T>, C: Collate<T>> Stage<T> for BudgetBatching<T, F, C> {
    type Out = C::Batch;

    fn push(&mut self, sample: T) -> Result<(), Fault> {
        let number = self.pushed;
        self.pushed += 1;
        let cost = self.cost.measure(&sample)?;
        if cost > self.budget {
            let why = format!("it costs {cost}, more than the budget of {}", self.budget);
            return Err(Fault::new(why));
        }
        let made = if cost > self.budget - self.spent { self.collate() } else { Ok(()) };
        self.held.push((number, sample));
        self.spent += cost;
        made
    }

    fn pop(&mut self) -> Option<C::Batch> {
        self.ready.take()
    }

    fn finish(&mut self) -> Result<(), Fault> {
        self.collate()
    }

    fn is_clean(&self) -> bool {
        self.held.is_empty() && self.ready.is_none()
    }

    fn reset(&mut self, _: u64) {
        self.held.clear();
        (self.spent, self.ready, self.pushed) = (0, None, 0);
    }

    fn results_of(&self, inputs: u64) -> Option<u64> {
        Some(inputs)
    }

    fn tracks(&self) -> bool {
        true
    }

    fn keeps_order(&self) -> bool {
        true
    }

    fn held(&self) -> Held {
        self.held.iter().map(|(number, _)| *number).collect()
    }

    fn take_back(&mut self, inputs: Vec<T>) -> Option<()> {
        let add = |spent: u64, sample: &T| spent.checked_add(self.cost.measure(sample).ok()?);
        self.spent = inputs.iter().try_fold(0, add)?;
        self.pushed = inputs.len() as u64;
        self.held = (0..).zip(inputs).collect();
        (self.spent <= self.budget).then_some(())
    }

    fn made_of(&self) -> Vec<u64> {
        self.last.clone()
    }

    fn remake(&self, inputs: Vec<T>) -> Result<C::Batch, Fault> {
        let add = |sum: u64, sample| Ok::<_, Fault>(sum.saturating_add(self.cost.measure(sample)?));
        let cost = inputs.iter().try_fold(0, add)?;
        if cost > self.budget || inputs.is_empty() {
            return Err(Fault::new(format!(
                "no batch has {} samples that cost {cost}, with a budget of {}",
                inputs.len(),
                self.budget
            )));
        }
        self.collate.collate(inputs)
    }

    fn element_spec(&self, inputs: &ElementSpec) -> Result<ElementSpec, String> {
        self.cost.check_spec(inputs)?;
        self.collate.element_spec(inputs, None)
    }

    fn op(&self) -> Op {
        let op = self.cost.describe(Op::new("batch_by_budget"));
        self.collate.describe(op.with("budget", self.budget))
    }

    fn check(&self) -> Result<()> {
        at_least_one("batch_by_budget.budget", self.budget)
    }
}
