//! The driver of a pipeline on a backend: an ordered stream that a caller waits for or polls.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::feed::Workers;
use super::incoming::Incoming;
use super::polls::Polls;
use super::reduction::Reduction;
use crate::backend::beside::Hash;
use crate::backend::{Info, log};
use crate::dataset::probe::Visit;
use crate::error::{Error, Result};
use crate::order::{Cursor, Epochs, Mark, Plan, Skips};
use crate::stage::{Stages, Step};

/// An ordered stream with its types hidden.
pub(super) trait Stream<B>: Send {
    /// Returns the next item of the epoch. Without a waker, waits and never returns
    /// [`Step::Pending`].
    fn next(&mut self, waker: Option<&Waker>) -> Step<B>;
    /// Returns `true` if the next item came with the last one, so `next` does not wait.
    fn is_at_hand(&self) -> bool;
    /// Begins the next epoch and skips the rest of this one.
    ///
    /// # Errors
    /// Returns the error of a stage.
    fn end_epoch(&mut self) -> Result<()>;
    /// Begins an epoch with these skips, wherever the stream is.
    ///
    /// # Errors
    /// Returns the error of a stage.
    #[cfg(any(feature = "web", test))]
    fn begin_epoch(&mut self, epoch: u64, skips: Skips) -> Result<()>;
    /// Returns whether the stream has no more items, in this epoch or a later one.
    fn is_over(&self) -> bool;
    /// Ends the stream here. `next` still returns the given error.
    fn fail(&mut self, why: Option<Error>);
    /// Records that the caller receives the last result of `next`.
    ///
    /// Moves the mark right after that result, or leaves the mark unchanged if the stream failed.
    ///
    /// # Errors
    /// Returns the error of a stage, which ends the stream at the previous mark.
    fn received(&mut self, mark: &mut Mark) -> Result<()>;
    /// Returns the hash of the last item of `next`, if the worker hashed the item.
    fn hash(&self) -> Option<Hash>;
    fn reduction(&self) -> Option<&Reduction>;
    fn skips(&self) -> Skips;
    fn info(&self) -> Info;
    fn activity(&self) -> Vec<Option<u64>>;
    /// Returns the nanoseconds that workers took to make samples.
    fn working(&self) -> u64;
    /// Returns the nanoseconds that the reader spent in a source without a length, 0 unless the loader
    /// profiles; `None` for other sources.
    fn reading(&self) -> Option<u64>;
    fn shutdown(&mut self, limit: Duration) -> Vec<u64>;
    /// Returns whether the number of positions in an epoch is known in advance.
    fn has_length(&self) -> bool;
    /// Returns the number of batches in an epoch, if known in advance.
    fn len_of_epoch(&self) -> Option<u64>;
}

/// The stream of a pipeline on a backend.
pub(super) struct Run<T, S> {
    pub(super) workers: Workers<T>,
    pub(super) stages: S,
    /// When the run resumed, the caller already knew of all sample errors before this position.
    pub(super) reported: u64,
    pub(super) plan: Arc<Plan>,
    pub(super) epoch: u64,
    pub(super) epochs: Epochs,
    /// The cursors of the stages, until workers have made again the samples that the stages held
    /// back.
    pub(super) held: Vec<Cursor>,
    /// Whether an error ended the stream.
    pub(super) failed: bool,
    /// The error that ended the stream, until `next` has returned it.
    pub(super) broken: Option<Error>,
    /// Whether positions may have no sample.
    pub(super) has_gaps: bool,
    /// The choice of the results to time, if the loader profiles.
    pub(super) polls: Option<Polls>,
}

impl<T, S: Stages<T>> Run<T, S> {
    /// Returns the mark right after the last result of `next`.
    pub(super) fn mark(&mut self) -> Result<Mark> {
        let mut mark = self.stages.mark(&self.workers)?;
        self.workers.known(&mut mark);
        mark.epoch = self.epoch;
        Ok(mark)
    }

    /// Returns the next step, and times the stages if the next result is to be timed.
    fn timed_poll(&mut self) -> Step<S::Out> {
        let Some(polls) = &self.polls else { return self.poll() };
        let timing = polls.start();
        let visit = Visit::below(0);
        let step = self.poll();
        let is_result = matches!(step, Step::Item(_));
        visit.polled::<S::Out>(is_result);
        if let Some(polls) = &mut self.polls {
            timing.into_iter().for_each(|timing| polls.end(timing));
            match step {
                Step::Item(_) => polls.result(),
                Step::End => polls.end_epoch(),
                _ => {}
            }
        }
        step
    }

    /// Returns the next step, once the stages have back the samples that they held.
    fn poll(&mut self) -> Step<S::Out> {
        if self.workers.remaking.is_none() {
            return self.stages.poll(&mut self.workers);
        }
        let taken = match self.workers.remade() {
            Step::Item(samples) => {
                let mut cursors = self.held.iter().cloned();
                self.stages.take_back(&mut cursors, &mut samples.into_iter())
            }
            Step::SampleError(error) | Step::StageError(error) | Step::Broken(error) => Err(error),
            Step::Pending => return Step::Pending,
            Step::End => return Step::End,
        };
        match taken {
            Ok(()) => {
                self.held.clear();
                self.stages.poll(&mut self.workers)
            }
            Err(error) => Step::Broken(error),
        }
    }
}

impl<T, S: Stages<T>> Run<T, S> {
    /// Logs a warning of the stages.
    fn tell_warning(&mut self) -> Result<()> {
        if let Some(warning) = self.stages.warning()? {
            log::warn("loader", || warning);
        }
        Ok(())
    }
}

impl<T: Send, S: Stages<T> + Send> Stream<S::Out> for Run<T, S> {
    fn next(&mut self, waker: Option<&Waker>) -> Step<S::Out> {
        if let Some(error) = self.broken.take() {
            return Step::StageError(error);
        }
        if self.is_over() {
            return Step::End;
        }
        self.workers.go_on();
        loop {
            let step = self.timed_poll();
            if let Err(error) = self.tell_warning() {
                self.failed = true;
                return Step::StageError(error);
            }
            match step {
                Step::Item(item) => return Step::Item(item),
                Step::Pending => {
                    if let Some(told) = self.workers.broken() {
                        self.failed = true;
                        return told.map_or(Step::End, Step::StageError);
                    }
                    match waker {
                        None => self.workers.wait(),
                        Some(waker) if self.workers.go_on_or_wake(waker) => {}
                        Some(_) => return Step::Pending,
                    }
                }
                // These errors pass through the stages, so that the marks equal those of a run that
                // raised them.
                Step::SampleError(error)
                    if error.position().is_some_and(|position| position < self.reported) => {}
                Step::Broken(error) => {
                    self.failed = true;
                    return Step::StageError(error);
                }
                step => return step,
            }
        }
    }

    fn is_at_hand(&self) -> bool {
        self.stages.is_bare() && self.workers.is_inside_group()
    }

    fn end_epoch(&mut self) -> Result<()> {
        self.epoch = self.epoch.saturating_add(1);
        self.held.clear();
        self.workers.end_epoch(self.plan.start_of(self.epoch.saturating_add(1)));
        self.stages.reset(self.epoch)
    }

    #[cfg(any(feature = "web", test))]
    fn begin_epoch(&mut self, epoch: u64, skips: Skips) -> Result<()> {
        (self.epoch, self.reported) = (epoch, 0);
        self.held.clear();
        let positions = self.plan.start_of(epoch)..self.plan.start_of(epoch.saturating_add(1));
        self.workers.begin(positions, skips);
        self.stages.reset(self.epoch)
    }

    fn is_over(&self) -> bool {
        let ended = self.failed || self.epochs.count().is_some_and(|epochs| self.epoch >= epochs);
        ended && self.broken.is_none()
    }

    fn fail(&mut self, why: Option<Error>) {
        (self.failed, self.broken) = (true, why);
    }

    fn received(&mut self, mark: &mut Mark) -> Result<()> {
        if self.failed {
            return Ok(()); // The samples that the stages took in since the mark are lost.
        }
        match self.mark() {
            Ok(now) => *mark = now,
            Err(error) => {
                self.failed = true;
                return Err(error);
            }
        }
        if let Some(reduction) = &mut self.workers.reduction {
            reduction.received();
        }
        Ok(())
    }

    fn hash(&self) -> Option<Hash> {
        self.workers.hash
    }

    fn reduction(&self) -> Option<&Reduction> {
        self.workers.reduction.as_ref()
    }

    fn skips(&self) -> Skips {
        self.workers.skips()
    }

    fn info(&self) -> Info {
        *self.workers.backend().info()
    }

    fn activity(&self) -> Vec<Option<u64>> {
        self.workers.backend().activity()
    }

    fn working(&self) -> u64 {
        self.workers.working
    }

    fn reading(&self) -> Option<u64> {
        self.workers.incoming.as_ref().map(Incoming::nanos)
    }

    fn shutdown(&mut self, limit: Duration) -> Vec<u64> {
        self.workers.shutdown(limit)
    }

    fn has_length(&self) -> bool {
        self.workers.incoming.is_none()
    }

    fn len_of_epoch(&self) -> Option<u64> {
        if self.has_gaps { None } else { self.stages.len_of(self.plan.len()).ok()? }
    }
}
