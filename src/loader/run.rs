//! The drivers: the ordered stream of a pipeline on a backend, waiting or woken.

use std::task::Waker;
use std::time::Duration;

use super::batch::Point;
use super::feed::Workers;
use super::reduction::Reduction;
use crate::backend::Info;
use crate::backend::hashes::Hash;
use crate::order::Skips;
use crate::stage::{Stages, Step};

/// The ordered stream with its types hidden.
pub(super) trait Stream<B>: Send {
    /// The next item. Without a waker it waits and is never [`Step::Pending`].
    fn next(&mut self, waker: Option<&Waker>) -> Step<B>;
    /// The caller receives what `next` gave: the point right after that.
    fn received(&mut self, batches: u64, digest: Option<[u8; 32]>) -> Point;
    /// The hash of what `next` gave last, where it came with it.
    fn hash(&self) -> Option<Hash>;
    fn reduction(&self) -> Option<&Reduction>;
    fn skips(&self) -> Skips;
    fn info(&self) -> Info;
    fn activity(&self) -> Vec<Option<u64>>;
    fn shutdown(&mut self, limit: Duration) -> Vec<u64>;
}

/// The stream of a pipeline on a backend.
pub(super) struct Run<T, S> {
    pub(super) workers: Workers<T>,
    pub(super) stages: S,
    /// The caller knew of errors of samples before this position when the run was resumed.
    pub(super) reported: u64,
}

impl<T, S: Stages<T>> Run<T, S> {
    /// The point right after what `next` gave last.
    pub(super) fn point(&self, batches: u64, digest: Option<[u8; 32]>) -> Point {
        let mark = self.workers.known(self.stages.mark(&self.workers));
        Point { mark, batches, digest }
    }
}

impl<T: Send, S: Stages<T> + Send> Stream<S::Out> for Run<T, S> {
    fn next(&mut self, waker: Option<&Waker>) -> Step<S::Out> {
        self.workers.go_on();
        loop {
            let step = self.stages.poll(&mut self.workers);
            if matches!(step, Step::Pending)
                && let Some(told) = self.workers.broken()
            {
                return told.map_or(Step::End, Step::StageError);
            }
            match (step, waker) {
                (Step::Pending, None) => self.workers.wait(),
                (Step::Pending, Some(waker)) if self.workers.go_on_or_wake(waker) => {}
                // They go as far as here, so that the stages' marks are those of a run that raised them.
                (Step::SampleError(error), _)
                    if error.position().is_some_and(|position| position < self.reported) => {}
                (step, _) => return step,
            }
        }
    }

    fn received(&mut self, batches: u64, digest: Option<[u8; 32]>) -> Point {
        if let Some(reduction) = &mut self.workers.reduction {
            reduction.received();
        }
        self.point(batches, digest)
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

    fn shutdown(&mut self, limit: Duration) -> Vec<u64> {
        self.workers.shutdown(limit)
    }
}
