//! The loader: a pipeline, a backend and a place in the stream, as an iterator.
//!
//! It puts the rooms together: asks the engine for tasks, hands them to the backend, feeds what
//! comes back, in order, to the stages, and keeps the state of what the caller has received. It
//! decides no order itself.

mod batch;
mod builder;
mod digest;
mod environment;
mod feed;
mod measure;
mod work;

pub use batch::Batch;
pub use builder::Builder;
pub use digest::digest_of;

use std::sync::Arc;
use std::time::Duration;

use crate::backend::{Info, log};
use crate::error::{Error, Result};
use crate::order::{Plan, Skips, State};
use crate::stage::{Pipeline, Stages, Step};
use batch::Point;
use digest::Hasher;
use feed::Workers;

/// What happens when a sample cannot be made.
///
/// The stream has the same samples in the same order either way, on every backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// The error takes the sample's place; the stream can go on after it.
    #[default]
    Raise,
    /// The sample is left out, counted, and its position listed in the state, up to a bound.
    Skip,
}

/// Batches in order: an iterator over `Result<Batch<B>>`.
///
/// The batches are the same, bit for bit, whatever backend and however many workers make them. An
/// error stands in the place of the sample that could not be made, and the iterator goes on after
/// it. Workers run ahead of the caller within bounds; dropping the loader stops them.
///
/// ```
/// use windrow::{Dataset, Loader, range};
/// let loader = Loader::builder(range(0..100).map(|x| x * 2).batch(10)).workers(4).build()?;
/// let mut sum = 0;
/// for batch in loader {
///     sum += batch?.iter().sum::<u64>();
/// }
/// assert_eq!(sum, 9900);
/// # Ok::<(), windrow::Error>(())
/// ```
pub struct Loader<B> {
    stream: Box<dyn Stream<B>>,
    plan: Arc<Plan>,
    /// What the caller has received.
    point: Point,
    hasher: Option<Hasher<B>>,
    shutdown_timeout: Duration,
    open: bool,
}

/// How far a loader is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Positions consumed so far.
    pub position: u64,
    /// Positions in all.
    pub positions: u64,
    /// Batches received so far, those before a resume included.
    pub batches: u64,
    /// Samples skipped so far.
    pub skipped: u64,
    /// What each worker is filling right now; `None` for an idle one.
    pub workers: Vec<Option<u64>>,
}

/// The ordered stream with its types hidden.
trait Stream<B>: Send {
    fn next(&mut self) -> Step<B>;
    fn point(&self, batches: u64, digest: Option<[u8; 32]>) -> Point;
    fn skips(&self) -> Skips;
    fn info(&self) -> Info;
    fn activity(&self) -> Vec<Option<u64>>;
    fn shutdown(&mut self, limit: Duration) -> Vec<u64>;
}

impl Loader<()> {
    /// Starts to describe a loader for a dataset, or a dataset with stages after it.
    pub fn builder<P: Pipeline>(pipeline: P) -> Builder<P> {
        Builder::new(pipeline)
    }
}

impl<B> Loader<B> {
    /// Where the stream stands: right after the last batch or error that the caller received.
    #[must_use]
    pub fn state(&self) -> State {
        self.point.state(&self.plan)
    }

    /// The digest of all batches received so far, where the loader was told to keep one.
    #[must_use]
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.point.digest
    }

    /// How many samples were skipped, and where the first were.
    #[must_use]
    pub fn skips(&self) -> Skips {
        self.stream.skips()
    }

    /// How far the loader is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            position: self.point.mark.position,
            positions: self.plan.len(),
            batches: self.point.batches,
            skipped: self.skips().count(),
            workers: self.stream.activity(),
        }
    }

    /// What the order depends on.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The backend that makes the samples.
    #[must_use]
    pub fn backend(&self) -> Info {
        self.stream.info()
    }

    /// How many workers make the samples.
    #[must_use]
    pub fn workers(&self) -> u32 {
        u32::try_from(self.stream.activity().len()).unwrap_or(u32::MAX)
    }

    /// Stops the workers, as dropping the loader does, and gives the positions of samples that
    /// were still being made when the shutdown timeout ended. The state can be had before.
    pub fn close(mut self) -> Vec<u64> {
        self.shutdown()
    }

    fn shutdown(&mut self) -> Vec<u64> {
        if !std::mem::take(&mut self.open) {
            return Vec::new();
        }
        let stuck = self.stream.shutdown(self.shutdown_timeout);
        for position in &stuck {
            log::warn("loader", || {
                let waited = self.shutdown_timeout;
                format!(
                    "the sample at position {position} is still being made {waited:?} after shutdown began; its thread is left behind"
                )
            });
        }
        stuck
    }

    fn deliver(&mut self, value: B) -> Result<Batch<B>> {
        if let Some(hasher) = &self.hasher {
            let chain = self.point.digest.unwrap_or(digest::START);
            let chained = hasher(chain, &value).map_err(|fault| Error::Sample {
                position: self.point.mark.position,
                fault: fault.at("digest", self.point.batches),
                attempts: 1,
            })?;
            self.point.digest = Some(chained);
        }
        self.point = self.stream.point(self.point.batches + 1, self.point.digest);
        Ok(Batch::new(value, self.point.clone(), self.plan.clone()))
    }
}

impl<B> Iterator for Loader<B> {
    type Item = Result<Batch<B>>;

    fn next(&mut self) -> Option<Self::Item> {
        let error = match self.stream.next() {
            Step::Item(value) => return Some(self.deliver(value)),
            Step::SampleError(error) | Step::StageError(error) => Some(Err(error)),
            Step::End | Step::Pending => None,
        };
        self.point = self.stream.point(self.point.batches, self.point.digest);
        if error.is_none() {
            self.shutdown();
        }
        error
    }
}

impl<B> Drop for Loader<B> {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl<B> std::fmt::Debug for Loader<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader").field("plan", &self.plan).field("point", &self.point).finish()
    }
}

/// The stream of a pipeline on a backend.
struct Run<T, S> {
    workers: Workers<T>,
    stages: S,
    /// Errors of samples before this position were raised before the run was resumed.
    reported: u64,
}

impl<T: Send, S: Stages<T> + Send> Stream<S::Out> for Run<T, S> {
    fn next(&mut self) -> Step<S::Out> {
        self.workers.go_on();
        loop {
            match self.stages.poll(&mut self.workers) {
                Step::Pending => self.workers.wait(),
                Step::SampleError(error) if error.position() < Some(self.reported) => {}
                step => return step,
            }
        }
    }

    fn point(&self, batches: u64, digest: Option<[u8; 32]>) -> Point {
        Point { mark: self.stages.mark(&self.workers), batches, digest }
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
