//! The profiler: the times of a pipeline's steps, as sums for each worker.
//!
//! A worker times one sample of a task, and only if enough time has passed since the last timed
//! sample. So the readings of the clock take at most about 1 % of the worker's time. A timed sample
//! counts for all samples since the last timed one. The numbers come back beside the samples, and
//! nothing reads them before the caller asks. Out of scope: the names of the steps.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::clock::now;
use crate::dataset::probe::{Probed, Probing, StepCount, Steps};
use crate::engine::Task;

/// The share of its time that a worker may spend on timing: one in this number.
const SHARE: u64 = 100;
/// The steps of the largest pipeline with times for each step.
const STEPS_MAX: usize = 4096;
/// The most events that wait for the caller.
const EVENTS_MAX: usize = 1 << 16;

thread_local! {
    /// The number of the worker that this thread is.
    static WORKER: Cell<usize> = const { Cell::new(0) };
}

/// Makes this thread the worker with this number.
#[cfg_attr(
    all(target_arch = "wasm32", not(target_feature = "atomics")),
    allow(dead_code, reason = "without threads, the only worker is number 0")
)]
pub(super) fn become_worker(worker: usize) {
    WORKER.set(worker);
}

/// The part of a pipeline's profile that workers and the caller fill in.
#[derive(Debug)]
pub struct Profiler {
    worker_steps: Arc<Steps>,
    caller_steps: Arc<Steps>,
    /// The time of one reading of the clock.
    reading: u64,
    workers: Vec<Slot>,
    caller: Mutex<Sums>,
    /// The results of the stages.
    results: AtomicU64,
    events: Option<Mutex<Events>>,
    /// When the profile began.
    begun: u64,
}

/// The numbers of one worker.
#[derive(Debug, Default)]
struct Slot {
    /// The time from which the worker may time the next sample.
    due: AtomicU64,
    /// The samples since the last timed one.
    pending: AtomicU64,
    samples: AtomicU64,
    nanos: AtomicU64,
    /// The end of the worker's last event.
    last: AtomicU64,
    sums: Mutex<Sums>,
}

/// The sums of timed samples, each times the number of samples for which it counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sums {
    pub(crate) counts: Vec<StepCount>,
    /// The number of samples for which the timed samples count.
    pub(crate) weight: u64,
    /// The number of timed samples.
    pub(crate) timed: u64,
}

/// The numbers of a worker: exact ones, and the sums of the timed samples.
#[derive(Debug, Clone, Default)]
pub(crate) struct WorkerSums {
    pub(crate) samples: u64,
    pub(crate) nanos: u64,
    pub(crate) timed: Sums,
}

/// A timed sample of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sampled {
    position: u64,
    /// The number of samples for which this one counts.
    weight: u64,
    /// The nanoseconds from the start of the task to the start of the sample.
    after: u64,
    probed: Probed,
}

/// Something that took time: a task of a worker, or a step of a timed sample.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timed {
    /// The worker; `None` for the caller.
    pub(crate) worker: Option<usize>,
    /// The step; `None` for a whole task.
    pub(crate) step: Option<usize>,
    /// The first position of a task, or the position of the timed sample; the number of a result
    /// for a stage.
    pub(crate) position: u64,
    /// The number of positions.
    pub(crate) count: u64,
    /// Nanoseconds from the start of the profile.
    pub(crate) start: u64,
    pub(crate) end: u64,
}

#[derive(Debug, Default)]
struct Events {
    waiting: Vec<Timed>,
    left_out: u64,
}

/// The timing of one task in a worker.
pub(crate) struct TaskTimer<'a> {
    profiler: &'a Profiler,
    worker: usize,
    start: u64,
    position: Option<u64>,
    sampled: Option<Sampled>,
}

impl Profiler {
    /// Creates a profiler for the steps of a pipeline, of which the last ones are stages.
    pub(crate) fn new(steps: Steps, stages: usize, workers: u32, traces: bool) -> Self {
        let (worker_steps, caller_steps) = steps.split(stages);
        Self {
            worker_steps: Arc::new(worker_steps),
            caller_steps: Arc::new(caller_steps),
            reading: cost_of_reading(),
            workers: (0..workers.max(1)).map(|_| Slot::default()).collect(),
            caller: Mutex::default(),
            results: AtomicU64::new(0),
            events: traces.then(Mutex::default),
            begun: now().unwrap_or_default(),
        }
    }

    /// Begins a task that starts at this time, in the worker that this thread is.
    pub(crate) fn begin(&self, task: Task, start: Option<u64>) -> TaskTimer<'_> {
        let worker = WORKER.get().min(self.workers.len() - 1);
        let slot = &self.workers[worker];
        slot.pending.fetch_add(task.count, Ordering::Relaxed);
        let (start, is_due) = match start {
            Some(start) => (start, start >= slot.due.load(Ordering::Relaxed)),
            None => (0, false),
        };
        // Any position but always the same one, because the first ones of a task are slower.
        let position = task.start.saturating_add(mixed(task.start) % task.count.max(1));
        let position = (is_due && self.worker_steps.len() <= STEPS_MAX).then_some(position);
        TaskTimer { profiler: self, worker, start, position, sampled: None }
    }

    /// Adds a finished task of a worker.
    pub(crate) fn done(
        &self,
        worker: usize,
        task: Task,
        (start, end): (u64, u64),
        sampled: Option<Sampled>,
    ) {
        let Some(slot) = self.workers.get(worker) else { return };
        slot.samples.fetch_add(task.count, Ordering::Relaxed);
        slot.nanos.fetch_add(end.saturating_sub(start), Ordering::Relaxed);
        if let Some(events) = &self.events {
            // Answers of a process may arrive late, so its tasks would seem to overlap.
            let start = start.max(slot.last.load(Ordering::Relaxed)).max(self.begun).min(end);
            slot.last.store(end, Ordering::Relaxed);
            let after = |time: u64| time.saturating_sub(self.begun);
            let within = |time: u64| after(start.saturating_add(time).min(end));
            let mut events = lock(events);
            let (position, count) = (task.start, task.count);
            let (from, to) = (after(start), after(end));
            let worker = Some(worker);
            events.add(Timed { worker, step: None, position, count, start: from, end: to });
            for (sampled, span) in sampled
                .iter()
                .flat_map(|sampled| sampled.probed.spans.iter().map(move |s| (sampled, s)))
            {
                let (position, at) = (sampled.position, sampled.after);
                let start = within(at.saturating_add(span.start));
                let end = within(at.saturating_add(span.end)).max(start);
                let step = Some(span.step);
                events.add(Timed { worker, step, position, count: 1, start, end });
            }
        }
        if let Some(Sampled { weight, probed, .. }) = sampled {
            lock(&slot.sums).add(&probed, weight, self.worker_steps.len() + 1);
        }
    }

    /// Returns whether the pipeline is small enough to time each stage.
    pub(crate) fn times_stages(&self) -> bool {
        self.caller_steps.len() <= STEPS_MAX
    }

    /// Sets a probe for the stages in the caller's thread.
    pub(crate) fn probe_caller(&self) -> Probing {
        self.probe(&self.caller_steps)
    }

    /// Adds the calls of a timed poll of the stages, which began at this time, to the events.
    pub(crate) fn polled(&self, probed: &Probed, start: u64) {
        let Some(events) = &self.events else { return };
        let start = start.saturating_sub(self.begun);
        let mut events = lock(events);
        for span in &probed.spans {
            let (step, position) = (Some(span.step), self.results.load(Ordering::Relaxed));
            let (from, to) = (start.saturating_add(span.start), start.saturating_add(span.end));
            events.add(Timed { worker: None, step, position, count: 1, start: from, end: to });
        }
    }

    /// Counts a result of the stages.
    pub(crate) fn count_result(&self) {
        self.results.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds a timed result of the stages, which counts for `weight` results. Returns how many
    /// results come before the next timed one.
    pub(crate) fn timed_result(&self, probed: &Probed, weight: u64) -> u64 {
        let took = probed.counts.iter().fold(0u64, |sum, count| sum.saturating_add(count.nanos));
        lock(&self.caller).add(probed, weight, self.caller_steps.len() + 1);
        let left = (self.cost_of(probed).saturating_mul(SHARE) / took.max(1)).min(1 << 16);
        // Not always as many, because the costs of results may repeat, as those of `unbatch` do.
        left / 2 + mixed(self.results.load(Ordering::Relaxed)) % (left + 1)
    }

    /// Adds the timed polls after the last result of an epoch, which lead to no result.
    pub(crate) fn timed_end(&self, probed: &Probed) {
        lock(&self.caller).add_counts(probed, 1, self.caller_steps.len() + 1);
    }

    /// Returns the numbers of each worker.
    pub(crate) fn workers(&self) -> Vec<WorkerSums> {
        let sums = |slot: &Slot| WorkerSums {
            samples: slot.samples.load(Ordering::Relaxed),
            nanos: slot.nanos.load(Ordering::Relaxed),
            timed: lock(&slot.sums).clone(),
        };
        self.workers.iter().map(sums).collect()
    }

    /// Returns the numbers of the stages, in which results take the place of samples.
    pub(crate) fn caller(&self) -> WorkerSums {
        let samples = self.results.load(Ordering::Relaxed);
        WorkerSums { samples, nanos: 0, timed: lock(&self.caller).clone() }
    }

    /// Returns the steps that workers take.
    pub(crate) fn steps(&self) -> &Steps {
        &self.worker_steps
    }

    /// Takes the events so far, and the number of those that found no room.
    pub(crate) fn take_events(&self) -> (Vec<Timed>, u64) {
        let Some(events) = &self.events else { return Default::default() };
        let mut events = lock(events);
        (std::mem::take(&mut events.waiting), std::mem::take(&mut events.left_out))
    }

    fn probe(&self, steps: &Arc<Steps>) -> Probing {
        Probing::start(steps.clone(), now, self.reading, self.events.is_some())
    }

    fn cost_of(&self, probed: &Probed) -> u64 {
        probed.cost.saturating_mul(self.reading)
    }
}

impl TaskTimer<'_> {
    /// Returns the position to time, if any.
    pub(crate) fn position(&self) -> Option<u64> {
        self.position
    }

    /// Sets a probe for the position to time.
    pub(crate) fn probe(&self) -> (Probing, u64) {
        let after = now().unwrap_or_default().saturating_sub(self.start);
        (self.profiler.probe(&self.profiler.worker_steps), after)
    }

    /// Records what the probe found, and the bytes of the sample, if the probe does not know them.
    pub(crate) fn probed(&mut self, (probing, after): (Probing, u64), bytes: Option<u64>) {
        let mut probed = probing.end();
        let first = self.profiler.worker_steps.first();
        if let (Some(bytes), Some(count)) = (bytes, probed.counts.get_mut(first))
            && count.measured == 0
        {
            (count.bytes, count.measured) = (bytes, 1);
        }
        let slot = &self.profiler.workers[self.worker];
        let rest = self.profiler.cost_of(&probed).saturating_mul(SHARE);
        // The time of the sample itself counts, so slow samples are all timed.
        let due = self.start.saturating_add(after).saturating_add(rest);
        slot.due.store(due, Ordering::Relaxed);
        let weight = slot.pending.swap(0, Ordering::Relaxed);
        let position = self.position.unwrap_or_default();
        self.sampled = Some(Sampled { position, weight, after, probed });
    }

    /// Ends the task, and adds it to this worker's numbers.
    pub(crate) fn end(self, task: Task, end: Option<u64>) {
        let times = (self.start, end.unwrap_or_default());
        self.profiler.done(self.worker, task, times, self.sampled);
    }

    /// Ends the task, and returns the timed sample for the loader's process.
    #[allow(dead_code, reason = "not every platform has worker processes")]
    pub(crate) fn into_sampled(self) -> Option<Sampled> {
        self.sampled
    }
}

impl Sums {
    fn add(&mut self, probed: &Probed, weight: u64, steps: usize) {
        self.weight = self.weight.saturating_add(weight);
        self.timed += 1;
        self.add_counts(probed, weight, steps);
    }

    fn add_counts(&mut self, probed: &Probed, weight: u64, steps: usize) {
        self.counts.resize(steps, StepCount::default());
        for (sum, count) in self.counts.iter_mut().zip(&probed.counts) {
            sum.add(count, weight);
        }
    }
}

impl Events {
    fn add(&mut self, event: Timed) {
        if self.waiting.len() < EVENTS_MAX {
            self.waiting.push(event);
        } else {
            self.left_out += 1;
        }
    }
}

/// Returns any number of 32 bits for a number, and always the same one.
fn mixed(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

/// Returns the nanoseconds that a reading of the clock takes.
fn cost_of_reading() -> u64 {
    const READINGS: u64 = 16;
    let round = |_| {
        let start = now().unwrap_or_default();
        let last = (0..READINGS).fold(start, |_, _| now().unwrap_or_default());
        last.saturating_sub(start) / READINGS
    };
    (0..4).map(round).min().unwrap_or_default().clamp(10, 1_000)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(any(test, fuzzing))]
impl Sampled {
    /// Returns a timed sample for tests of messages.
    pub(super) fn example() -> Self {
        let counts = vec![StepCount { nanos: 300, samples: 1, ..StepCount::default() }; 2];
        let spans = vec![crate::dataset::probe::Span { step: 0, start: 5, end: 300 }];
        let probed = Probed { counts, spans, cost: 4 };
        Self { position: 300, weight: 7, after: 20, probed }
    }
}
