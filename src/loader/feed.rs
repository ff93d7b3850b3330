//! The link between backend and stages, which keeps workers busy and returns samples in order.

#[cfg(any(feature = "web", test))]
use std::ops::Range;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use crate::backend::beside::{Hash, Hashes};
use crate::backend::{Event, ExecutionBackend, log};
use crate::engine::{Engine, Limits, Next, Task, Verdict};
use crate::error::Error;
use crate::order::{Mark, Skips};
use crate::stage::{Feed, Step};

use super::OnError;
use super::incoming::{Bell, Incoming};
use super::reduction::Reduction;
use super::remaking::Remaking;

/// The number of skipped samples whose errors appear as warnings.
const SKIPS_TOLD: u64 = 8;

/// An engine, its backend, and the policy for samples that fail.
pub(super) struct Workers<T> {
    engine: Engine<T>,
    backend: Box<dyn ExecutionBackend<T>>,
    /// A task that the backend had no room for.
    refused: Option<Task>,
    on_error: OnError,
    skips: Skips,
    /// The caller knows of all sample errors before this position, because they were raised or
    /// counted.
    reported: u64,
    warn_after: Duration,
    /// The reducers of the loader, if any.
    pub(super) reduction: Option<Reduction>,
    /// The hashes from the workers, if workers hash samples.
    pub(super) hashes: Option<Arc<Hashes>>,
    /// The hash of the last sample.
    pub(super) hash: Option<Hash>,
    /// The reason why all workers are gone, until the caller has received it.
    broken: Option<Option<Error>>,
    /// The position after the last one of the epoch.
    epoch_end: u64,
    /// The nanoseconds that workers took to make samples.
    pub(super) working: u64,
    /// The samples that stages held back, while workers make them again.
    pub(super) remaking: Option<Remaking<T>>,
    /// The reader of the samples, if the pipeline's source has no length.
    pub(super) incoming: Option<Incoming>,
}

impl<T> Workers<T> {
    pub(super) fn new(
        backend: Box<dyn ExecutionBackend<T>>,
        start: &Mark,
        ends: (u64, u64),
        limits: Limits,
        on_error: OnError,
        warn_after: Duration,
        reduction: Option<Reduction>,
    ) -> Self {
        let (epoch_end, end) = ends;
        let engine = Engine::new(start.position..end, limits);
        let (engine, remaking) = Remaking::before(engine, &start.stages, limits);
        Self {
            engine,
            remaking,
            epoch_end,
            backend,
            refused: None,
            on_error,
            skips: start.skips,
            reported: start.reported,
            warn_after,
            reduction,
            hashes: None,
            hash: None,
            broken: None,
            working: 0,
            incoming: None,
        }
    }

    /// Moves on to the positions of the next epoch, up to its end, and skips the rest of this
    /// epoch.
    pub(super) fn end_epoch(&mut self, next_end: u64) {
        let start = std::mem::replace(&mut self.epoch_end, next_end);
        if let Some(mut remaking) = self.remaking.take() {
            self.refused = None;
            remaking.end(&mut self.engine);
        }
        if self.engine.position() < start {
            self.refused = None;
            self.engine.skip_to(start);
            if let Some(reduction) = &mut self.reduction {
                reduction.skip_to(start);
            }
        }
        if let Some(incoming) = &mut self.incoming {
            incoming.begin(start);
        }
    }

    /// Moves to the positions of an epoch with these skips, from any position.
    #[cfg(any(feature = "web", test))]
    pub(super) fn begin(&mut self, epoch: Range<u64>, skips: Skips) {
        self.end_epoch(epoch.end);
        self.refused = None;
        self.engine.skip_to(epoch.start);
        (self.skips, self.reported) = (skips, 0);
        if let Some(incoming) = &mut self.incoming {
            incoming.begin(epoch.start);
        }
    }

    /// Returns the samples that stages held back, once workers have made all of them again.
    pub(super) fn remade(&mut self) -> Step<Vec<T>> {
        let Some(remaking) = &mut self.remaking else { return Step::Item(Vec::new()) };
        match remaking.take(&mut self.engine) {
            Step::Item(samples) => {
                self.remaking = None;
                Step::Item(samples)
            }
            Step::Pending if self.is_read_out() => self.read_out(),
            other => other,
        }
    }

    pub(super) fn backend(&self) -> &dyn ExecutionBackend<T> {
        &*self.backend
    }

    pub(super) fn skips(&self) -> Skips {
        self.skips
    }

    /// Adds the errors that the caller knows of to a mark of the stages, which may lie before them.
    pub(super) fn known(&self, mark: &mut Mark) {
        mark.reported = if self.reported > mark.position { self.reported } else { 0 };
        mark.skips = self.skips;
        if let Some(incoming) = &self.incoming {
            incoming.mark(mark, self.engine.position());
        }
    }

    /// Accepts finished tasks and hands out tasks while the backend has room, without waiting.
    ///
    /// Does so once for each group, because a look at the backend costs as much as handing over
    /// several tiny samples.
    pub(super) fn go_on(&mut self) {
        if !self.is_inside_group() && self.backend.info().capabilities.runs_ahead {
            self.take_in(Duration::ZERO);
            self.hand_out();
        }
    }

    /// Returns `true` if the next sample came with the last one.
    pub(super) fn is_inside_group(&self) -> bool {
        self.engine.is_inside_group()
    }

    /// Returns whether all workers are gone; the first time, with the reason.
    pub(super) fn broken(&mut self) -> Option<Option<Error>> {
        self.broken.as_mut().map(Option::take)
    }

    /// Waits for a finished task. Logs a warning with the positions in progress after a long wait.
    pub(super) fn wait(&mut self) {
        self.hand_out();
        let bell = self.incoming.as_ref().map(|_| Bell::new());
        let mut waited = Duration::ZERO;
        while !match &bell {
            Some(bell) => self.wait_for(bell),
            None => self.take_in(self.warn_after),
        } {
            waited = waited.saturating_add(self.warn_after);
            self.tell_wait(waited);
        }
        self.hand_out();
    }

    /// Logs that the loader waits, and for what.
    #[cold]
    fn tell_wait(&self, waited: Duration) {
        if self.incoming.is_some() && self.engine.outstanding() == 0 {
            log::warn("loader", || format!("the source has given no sample for {waited:?}"));
            return;
        }
        let stuck: Vec<String> =
            self.backend.activity().into_iter().flatten().map(|p| p.to_string()).collect();
        log::warn("loader", || {
            format!("no sample for {waited:?}; workers are at position {}", stuck.join(", "))
        });
    }

    /// Waits for a finished task or for a sample of the source, for at most the warning time.
    fn wait_for(&mut self, bell: &Bell) -> bool {
        let mut rung = 0u32;
        while !self.go_on_or_wake(bell.waker()) {
            if !bell.wait(self.warn_after) {
                return false;
            }
            rung += 1;
            // A backend that wakes at once, whether it has an event or not.
            if rung > 8 && self.take_in(Duration::from_millis(1)) {
                return true;
            }
        }
        true
    }

    /// Returns true if the backend has finished tasks. Otherwise registers the waker and returns
    /// false.
    pub(super) fn go_on_or_wake(&mut self, waker: &Waker) -> bool {
        self.hand_out();
        if self.take_in(Duration::ZERO) || self.is_read_out() {
            return true;
        }
        if self.incoming.as_ref().is_some_and(|incoming| !incoming.wake(waker)) {
            return true;
        }
        self.backend.wake(waker);
        // A task that finished before the backend had the waker would wake nothing.
        self.take_in(Duration::ZERO)
    }

    pub(super) fn shutdown(&mut self, limit: Duration) -> Vec<u64> {
        if let Some(incoming) = &self.incoming {
            incoming.stop(limit);
        }
        self.backend.shutdown(limit)
    }

    /// Lets the engine hand out the positions whose samples the source has given.
    fn read_on(&mut self) {
        let Some(incoming) = &mut self.incoming else { return };
        incoming.spawn(self.backend.info().capabilities.runs_ahead);
        let workers = u64::from(self.backend.workers().max(1));
        if self.remaking.is_none() {
            incoming.release(self.engine.position());
        }
        loop {
            let seen = incoming.look();
            let reach = self.remaking.as_ref().map_or(seen.position, |r| r.within(seen.position));
            self.engine.set_reach(reach);
            let is_idle = self.engine.outstanding() < workers && self.engine.is_out_of_reach();
            if seen.ended || incoming.has_thread() || !is_idle {
                return;
            }
            incoming.pull();
        }
    }

    /// Returns `true` if the source gives no more samples of this epoch, and all were popped.
    fn is_read_out(&self) -> bool {
        let ended = self.incoming.as_ref().is_some_and(Incoming::has_ended);
        ended && self.engine.is_drained()
    }

    /// Returns the end of the epoch, or the error of the source that ends the stream.
    fn read_out<Out>(&self) -> Step<Out> {
        let failure = self.incoming.as_ref().and_then(Incoming::failure);
        failure.map_or(Step::End, Step::Broken)
    }

    fn hand_out(&mut self) {
        self.read_on();
        while let Some(task) = self.refused.take().or_else(|| self.next_task()) {
            if self.backend.submit(task).is_err() {
                self.refused = Some(task);
                return;
            }
        }
    }

    fn next_task(&mut self) -> Option<Task> {
        let Some(remaking) = &self.remaking else { return self.engine.next_task() };
        let task = self.engine.next_task_within(|from, count| remaking.neighbours(from, count))?;
        Some(remaking.placed(task))
    }

    /// Logs why the loader skips a sample: the first few as warnings, the rest at debug level.
    #[cold]
    fn tell_skip(&self, error: &Error) {
        let (count, last) = (self.skips.count(), SKIPS_TOLD);
        if count <= last {
            let more = if count == last { "; the loader only counts later ones" } else { "" };
            log::warn("loader", || format!("skipped: {error}{more}"));
        } else {
            log::debug("loader", || format!("skipped: {error}"));
        }
    }

    /// Accepts all events, after waiting for the first; returns false if none came in time.
    fn take_in(&mut self, limit: Duration) -> bool {
        let mut event = self.backend.wait(limit);
        let any = event.is_some();
        while let Some(told) = event {
            let (task, verdict) = match told {
                Event::Done(completion) => {
                    self.working = self.working.saturating_add(completion.nanos);
                    (completion.task, self.engine.done(completion))
                }
                Event::Lost { task, how } => (task, self.engine.lost(task, how)),
                Event::Broken(error) => {
                    self.broken.get_or_insert(Some(error));
                    break;
                }
            };
            if verdict != Verdict::Taken {
                log::debug("loader", || format!("task {task} had a wrong answer: {verdict:?}"));
            }
            let more = self.backend.info().capabilities.runs_ahead;
            event = if more { self.backend.wait(Duration::ZERO) } else { None };
        }
        any
    }
}

impl<T> Feed<T> for Workers<T> {
    fn poll(&mut self) -> Step<T> {
        loop {
            if self.engine.position() >= self.epoch_end {
                return Step::End;
            }
            let (position, outcome) = match self.engine.pop() {
                Next::Ready(position, outcome) => (position, outcome),
                Next::Pending if self.is_read_out() => return self.read_out(),
                Next::Pending => return Step::Pending,
                Next::End => return Step::End,
            };
            if let Some(reduction) = &mut self.reduction {
                reduction.take(position, outcome.is_ok());
            }
            if let Some(hashes) = &self.hashes {
                self.hash = hashes.take(position);
            }
            let error = match outcome {
                Ok(Some(sample)) => return Step::Item(sample),
                Ok(None) => continue,
                Err(error) => error,
            };
            let is_new = position >= self.reported;
            self.reported = self.reported.max(position + 1);
            match self.on_error {
                OnError::Raise => return Step::SampleError(error),
                OnError::Skip if is_new => {
                    self.skips.add(position);
                    self.tell_skip(&error);
                }
                OnError::Skip => {}
            }
        }
    }

    fn position(&self) -> u64 {
        self.engine.position()
    }

    fn mark(&self) -> Mark {
        Mark { position: self.engine.position(), ..Mark::default() }
    }
}
