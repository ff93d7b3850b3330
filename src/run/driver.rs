//! The loop of a run: hands tasks to a backend, and records what comes back.

use std::ops::ControlFlow;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::config::OnProgress;
use super::outcomes::Outcomes;
use super::scheduler::{Lost, Scheduler};
use super::work::Made;
use crate::backend::{Event, ExecutionBackend, clock, log};
use crate::dataset::SampleResult;
use crate::engine::Completion;
use crate::error::{Fault, Loss, Result};

/// The longest time between two calls for the progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// A run in progress.
pub(super) struct Driver<O> {
    pub(super) scheduler: Scheduler,
    pub(super) outcomes: Outcomes<O>,
    pub(super) on_progress: Option<OnProgress>,
    /// The losses of positions that later rounds leave out.
    pub(super) left_out: Vec<(u64, Fault)>,
    pub(super) started: Option<u64>,
}

impl<O: Serialize + DeserializeOwned> Driver<O> {
    /// Runs a round: all groups that these workers can do. Returns [`ControlFlow::Break`] if the
    /// caller stopped the run.
    pub(super) fn round(
        &mut self,
        backend: &mut dyn ExecutionBackend<Made<O>>,
    ) -> Result<ControlFlow<()>> {
        self.scheduler.begin(backend.workers().into());
        let mut refused = None;
        loop {
            while let Some(task) = refused.take().or_else(|| self.scheduler.next_task()) {
                if backend.submit(task).is_err() {
                    refused = Some(task);
                    break;
                }
            }
            if refused.is_none() && self.scheduler.is_idle() {
                return Ok(ControlFlow::Continue(()));
            }
            let mut event = backend.wait(PROGRESS_EVERY);
            while let Some(told) = event {
                self.take(told)?;
                let more = backend.info().capabilities.runs_ahead;
                event = if more { backend.wait(Duration::ZERO) } else { None };
            }
            self.outcomes.tick()?;
            if self.tell(backend.activity()).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }

    /// Gives the progress to the caller.
    pub(super) fn tell(&mut self, activity: Vec<Option<u64>>) -> ControlFlow<()> {
        let layout = self.scheduler.layout();
        let index = |position: u64| (position < layout.len()).then(|| layout.index(position));
        let progress = &mut self.outcomes.progress;
        progress.workers = activity.into_iter().map(|position| index(position?)).collect();
        let nanos =
            clock::now().zip(self.started).map_or(0, |(now, start)| now.saturating_sub(start));
        progress.elapsed = Duration::from_nanos(nanos);
        self.on_progress.as_mut().map_or(ControlFlow::Continue(()), |told| told(progress))
    }

    fn take(&mut self, event: Event<Made<O>>) -> Result<()> {
        let verdict = match event {
            Event::Broken(error) => return Err(error),
            Event::Lost { task, how } => {
                let position = how.position;
                self.scheduler.lost(task, how, position)
            }
            Event::Done(Completion { task, results, .. }) => {
                match self.scheduler.done(task, results.len() as u64) {
                    Ok(positions) => return self.finished(positions.start, results),
                    Err(verdict) => verdict,
                }
            }
        };
        match verdict {
            Lost::Again => {}
            Lost::Stale => log::debug("run", || "a task had a second answer".into()),
            Lost::LeftOut(position, losses) => {
                let fault = lost(&losses);
                let index = self.scheduler.layout().index(position);
                log::warn("run", || format!("index {index} is left out: {fault}"));
                self.left_out.push((position, fault));
            }
            Lost::GivenUp(positions, losses) => {
                let results = positions.clone().map(|_| Err(lost(&losses))).collect();
                self.finished(positions.start, results)?;
            }
        }
        Ok(())
    }

    /// Records the results of a group, whose first position is `start`.
    fn finished(&mut self, start: u64, results: Vec<SampleResult<Made<O>>>) -> Result<()> {
        let layout = self.scheduler.layout();
        let group = (start..).zip(results).map(|(position, result)| {
            let out = self.left_out.iter().find(|(left_out, _)| *left_out == position);
            let result = out.map_or(result, |(_, fault)| Err(fault.clone()));
            (layout.index(position), result)
        });
        self.outcomes.add(group.collect())
    }
}

/// Returns the fault of an index that lost its workers.
fn lost(losses: &[Loss]) -> Fault {
    let ends: Vec<String> = losses.iter().map(Loss::to_string).collect();
    let advice = if losses.iter().any(|loss| loss.how.ends_with("its time limit")) {
        "raise sample_timeout if this index is only slow"
    } else {
        "correct the sample or the sink, which crashes every worker that takes this index"
    };
    let times = losses.len();
    Fault::new(format!("lost its worker {times} time(s): {}; {advice}", ends.join("; ")))
}
