//! The probe: the times of a pipeline's steps while a thread makes one sample.
//!
//! A loader that [profiles](crate::loader::LoaderBuilder::profile) sets a probe for some samples.
//! Each combinator tells the probe when it asks a dataset below for a sample, and when it calls the
//! user's code. The time between two such calls belongs to the step in which the thread is. Absent
//! on purpose: clocks, which the caller gives, and the choice of the samples.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Fault;

/// The most spans that a probe keeps of a sample.
pub(crate) const SPANS_MAX: usize = 64;

/// The cost of setting a probe and adding up what it found, as a number of readings of the clock.
const SETUP_COST: u64 = 10;
/// The number of steps whose counts are made, added up and sent in the time of a reading.
const STEPS_A_READING: usize = 8;

/// A clock: the nanoseconds since a fixed moment; `None` without a clock.
pub(crate) type Clock = fn() -> Option<u64>;

/// The steps of a pipeline: for each step, the steps that it asks for samples.
///
/// Steps have the numbers of the lines of a [`PipelineTree`](super::PipelineTree). The number after
/// the last step stands for all that a thread does beside the steps.
#[derive(Debug, Clone, Default)]
pub(crate) struct Steps {
    inputs: Vec<Vec<usize>>,
    /// The step that a thread enters first.
    first: usize,
}

impl Steps {
    /// Creates the steps from the inputs of each; the last one is entered first.
    pub(super) fn new(inputs: Vec<Vec<usize>>) -> Self {
        let first = inputs.len().saturating_sub(1);
        Self { inputs, first }
    }

    /// Returns the number of steps.
    pub(crate) fn len(&self) -> usize {
        self.inputs.len()
    }

    /// Returns the number that stands for all that a thread does beside the steps.
    pub(crate) fn beside(&self) -> usize {
        self.inputs.len()
    }

    /// Returns the step that a thread enters first.
    pub(crate) fn first(&self) -> usize {
        self.first
    }

    /// Splits the last `stages` steps off: the steps before them, which workers take, and the stages,
    /// whose samples come from beside.
    pub(crate) fn split(mut self, stages: usize) -> (Self, Self) {
        let root = self.first.saturating_sub(stages);
        let beside = self.beside();
        let workers = Self { inputs: self.inputs.clone(), first: root };
        if let Some(lowest) = self.inputs.get_mut(root + 1).filter(|_| stages > 0) {
            *lowest = vec![beside];
        }
        (workers, self)
    }

    fn below(&self, step: usize, input: usize) -> Option<usize> {
        if step == self.beside() {
            return (self.len() > 0).then_some(self.first);
        }
        self.inputs.get(step)?.get(input).copied()
    }
}

/// What a step did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StepCount {
    /// The time in the step itself, without the steps below, in nanoseconds.
    pub(crate) nanos: u64,
    /// The samples that the step returned.
    pub(crate) samples: u64,
    /// The gaps that the step made, without those of the steps below.
    pub(crate) gaps: u64,
    /// The bytes of the returned samples whose size is known.
    pub(crate) bytes: u64,
    /// The returned samples whose size is known.
    pub(crate) measured: u64,
}

/// A call of a step: its number, and its times in nanoseconds after the start of the probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) step: usize,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// What a probe found: a count for each step and one for all beside, and the first calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Probed {
    pub(crate) counts: Vec<StepCount>,
    pub(crate) spans: Vec<Span>,
    /// What the probe itself cost, as a number of readings of the clock.
    pub(crate) cost: u64,
}

impl Probed {
    /// Adds the counts of another probe of the same steps.
    pub(crate) fn add(&mut self, more: &Self) {
        self.counts.resize(more.counts.len().max(self.counts.len()), StepCount::default());
        for (sum, more) in self.counts.iter_mut().zip(&more.counts) {
            sum.add(more, 1);
        }
        self.cost = self.cost.saturating_add(more.cost);
    }
}

impl StepCount {
    /// Adds another count so many times.
    pub(crate) fn add(&mut self, more: &Self, times: u64) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more.saturating_mul(times));
        add(&mut self.nanos, more.nanos);
        add(&mut self.samples, more.samples);
        add(&mut self.gaps, more.gaps);
        add(&mut self.bytes, more.bytes);
        add(&mut self.measured, more.measured);
    }
}

thread_local! {
    /// Whether this thread has a probe. Each step reads this flag, which costs less than the probe.
    static PROBING: Cell<bool> = const { Cell::new(false) };
    /// The probe of the sample that this thread makes.
    static PROBE: RefCell<Option<Box<Probe>>> = const { RefCell::new(None) };
}

/// The probe of one sample.
struct Probe {
    steps: Arc<Steps>,
    clock: Clock,
    /// The time of one reading of the clock, which belongs to no step.
    reading: u64,
    found: Probed,
    keeps_spans: bool,
    start: u64,
    /// The time of the last reading.
    last: u64,
    /// The step in which the thread is.
    step: usize,
    /// Whether the thread runs the user's code, whose datasets are no steps of this pipeline.
    is_apart: bool,
    /// Whether a step below this one returned a gap.
    gap_below: bool,
    /// The bytes of the sample that the step has, if known.
    bytes: Option<u64>,
}

impl Probe {
    fn lap(&mut self) {
        let now = (self.clock)().unwrap_or(self.last);
        let spent = now.saturating_sub(self.last).saturating_sub(self.reading);
        if let Some(count) = self.found.counts.get_mut(self.step) {
            count.nanos = count.nanos.saturating_add(spent);
        }
        self.found.cost += 1;
        self.last = now;
    }
}

/// A probe that is set for this thread until it ends, also in a panic.
pub(crate) struct Probing {
    before: Option<Box<Probe>>,
}

impl Probing {
    /// Sets a probe, which reads this clock; one reading takes `reading` nanoseconds.
    pub(crate) fn start(steps: Arc<Steps>, clock: Clock, reading: u64, keeps_spans: bool) -> Self {
        let counts = vec![StepCount::default(); steps.len() + 1];
        let cost = SETUP_COST + (steps.len() / STEPS_A_READING) as u64;
        let start = clock().unwrap_or_default();
        let probe = Probe {
            found: Probed { counts, spans: Vec::new(), cost },
            step: steps.beside(),
            steps,
            clock,
            reading,
            keeps_spans,
            start,
            last: start,
            is_apart: false,
            gap_below: false,
            bytes: None,
        };
        let before = PROBE.replace(Some(Box::new(probe)));
        PROBING.set(true);
        Self { before }
    }

    /// Ends the probe and returns what it found.
    pub(crate) fn end(self) -> Probed {
        let mut probe = PROBE.take();
        if let Some(probe) = &mut probe {
            probe.step = probe.steps.beside();
            probe.lap();
        }
        probe.map(|probe| probe.found).unwrap_or_default()
    }
}

impl Drop for Probing {
    fn drop(&mut self) {
        let before = self.before.take();
        PROBING.set(before.is_some());
        let own = PROBE.replace(before);
        drop(own);
    }
}

/// The call of a step, from its start to its end.
#[must_use]
pub(crate) struct Visit(Option<Caller>);

/// The place of the thread before a call.
struct Caller {
    step: usize,
    gap_below: bool,
    /// The number of the call among the kept spans.
    span: Option<usize>,
}

impl Visit {
    /// Records that the current step asks one of its inputs, counted from 0, for a sample.
    #[inline]
    pub(crate) fn below(input: usize) -> Self {
        Self(if PROBING.get() { enter(input) } else { None })
    }

    /// Records the answer of the input.
    #[inline]
    pub(crate) fn done<S>(self, made: &Result<Option<S>, Fault>) {
        if let Some(caller) = self.0 {
            leave::<S>(caller, matches!(made, Ok(Some(_))), matches!(made, Ok(None)));
        }
    }

    /// Records whether a stage below returned a result.
    #[inline]
    pub(crate) fn polled<S>(self, is_item: bool) {
        if let Some(caller) = self.0 {
            leave::<S>(caller, is_item, false);
        }
    }
}

/// Asks an input of a step for a sample, and times it if this thread has a probe.
#[inline]
pub(crate) fn below<S>(
    input: usize,
    make: impl FnOnce() -> Result<Option<S>, Fault>,
) -> Result<Option<S>, Fault> {
    let visit = Visit::below(input);
    let made = make();
    visit.done(&made);
    made
}

#[cold]
fn enter(input: usize) -> Option<Caller> {
    with(|probe| {
        let step = probe.steps.below(probe.step, input).filter(|_| !probe.is_apart)?;
        probe.lap();
        let spans = &mut probe.found.spans;
        let span = (probe.keeps_spans && spans.len() < SPANS_MAX).then_some(spans.len());
        if span.is_some() {
            let start = probe.last.saturating_sub(probe.start);
            spans.push(Span { step, start, end: start });
        }
        let gap_below = std::mem::take(&mut probe.gap_below);
        probe.bytes = None;
        Some(Caller { step: std::mem::replace(&mut probe.step, step), gap_below, span })
    })
    .flatten()
}

#[cold]
fn leave<S>(caller: Caller, is_sample: bool, is_gap: bool) {
    let plain = (!std::mem::needs_drop::<S>()).then_some(size_of::<S>() as u64);
    with(|probe| {
        probe.lap();
        let bytes = plain.or(probe.bytes).filter(|_| is_sample);
        let step = std::mem::replace(&mut probe.step, caller.step);
        if let Some(count) = probe.found.counts.get_mut(step) {
            count.samples += u64::from(is_sample);
            count.gaps += u64::from(is_gap && !probe.gap_below);
            count.measured += u64::from(bytes.is_some());
            count.bytes = count.bytes.saturating_add(bytes.unwrap_or_default());
        }
        if let Some(span) = caller.span.and_then(|span| probe.found.spans.get_mut(span)) {
            span.end = probe.last.saturating_sub(probe.start);
        }
        probe.gap_below = caller.gap_below || is_gap;
        probe.bytes = bytes;
        probe.is_apart = false;
    });
}

/// Records that the current step drops a sample, which leaves a gap.
#[inline]
pub(crate) fn dropped() {
    if PROBING.get() {
        with(|probe| {
            if let Some(count) = probe.found.counts.get_mut(probe.step) {
                count.gaps += 1;
            }
        });
    }
}

/// Runs code of the user in a step. A dataset that the code asks is no step of this pipeline.
#[inline]
pub(crate) fn apart<R>(code: impl FnOnce() -> R) -> R {
    if PROBING.get() {
        with(|probe| probe.bytes = None);
    }
    with_user(code)
}

/// Runs code of the user in a step, like [`apart`], and keeps the bytes that the step knows.
#[inline]
pub(crate) fn with_user<R>(code: impl FnOnce() -> R) -> R {
    let is_probing = PROBING.get();
    // The user's code may ask a dataset whose ops run the user's code in turn.
    let was =
        if is_probing { with(|probe| std::mem::replace(&mut probe.is_apart, true)) } else { None };
    let made = code();
    if is_probing {
        with(|probe| probe.is_apart = was.unwrap_or(false));
    }
    made
}

/// Records the bytes of the sample that the current step has, if this thread has a probe.
#[inline]
pub(crate) fn measured(bytes: impl FnOnce() -> u64) {
    if PROBING.get() {
        let bytes = bytes();
        with(|probe| probe.bytes = Some(bytes));
    }
}

fn with<R>(look: impl FnOnce(&mut Probe) -> R) -> Option<R> {
    PROBE.with_borrow_mut(|probe| probe.as_deref_mut().map(look))
}

#[cfg(test)]
mod tests;
