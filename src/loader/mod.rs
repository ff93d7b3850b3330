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
mod preflight;
mod processes;
mod recipe;
mod reduced;
mod reduction;
mod register;
mod report;
mod run;
mod start;
mod work;

pub use batch::Batch;
pub use builder::Builder;
pub use digest::digest_of;
pub use preflight::preflight;
pub use reduced::Reduced;
#[doc(hidden)]
pub use register::Typed;
pub use report::{Preflight, Recommendation, SampleCost, Trial};

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::backend::{Info, log};
use crate::dataset::{Keeping, caught, discard};
use crate::error::{Error, Result};
use crate::order::{Plan, Skips, State};
use crate::stage::{Pipeline, Step};
use batch::Point;
use digest::Hasher;
use run::Stream;

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
    /// What a recipe in this process wants at the end.
    ending: Option<processes::Ending>,
    /// Has the memory of large tensors used again.
    keeping: Option<Keeping>,
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

impl Loader<()> {
    /// Starts to describe a loader for a dataset, or a dataset with stages after it.
    pub fn builder<P: Pipeline>(pipeline: P) -> Builder<P> {
        Builder::new(recipe::Origin::Here(pipeline))
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

    /// The next batch without blocking the thread, for async code.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, range};
    /// # use std::future::Future;
    /// # fn block_on<F: Future>(future: F) -> F::Output {
    /// #     struct Unpark(std::thread::Thread);
    /// #     impl std::task::Wake for Unpark {
    /// #         fn wake(self: std::sync::Arc<Self>) { self.0.unpark() }
    /// #     }
    /// #     let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    /// #     let mut future = std::pin::pin!(future);
    /// #     loop {
    /// #         match future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
    /// #             std::task::Poll::Ready(output) => return output,
    /// #             std::task::Poll::Pending => std::thread::park(),
    /// #         }
    /// #     }
    /// # }
    /// block_on(async {
    ///     let mut loader = Loader::builder(range(0..100).batch(10)).workers(2).build()?;
    ///     let mut batches = 0;
    ///     while let Some(batch) = loader.next_async().await {
    ///         batches += u64::from(batch?.len() == 10);
    ///     }
    ///     assert_eq!(batches, 10);
    ///     Ok::<(), windrow::Error>(())
    /// })?;
    /// # Ok::<(), windrow::Error>(())
    /// ```
    pub async fn next_async(&mut self) -> Option<Result<Batch<B>>> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    /// [`next_async`](Self::next_async) for those who poll by hand.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Batch<B>>>> {
        match self.stream.next(Some(context.waker())) {
            Step::Pending => Poll::Pending,
            step => Poll::Ready(self.receive(step)),
        }
    }

    /// Notes that the caller receives what comes next.
    fn receive(&mut self, step: Step<B>) -> Option<Result<Batch<B>>> {
        let error = match step {
            Step::Item(value) => return Some(self.deliver(value)),
            Step::SampleError(error) | Step::StageError(error) => Some(Err(error)),
            Step::End | Step::Pending => None,
        };
        self.point = self.stream.received(self.point.batches, self.point.digest);
        if error.is_none() {
            self.shutdown();
        }
        error
    }

    fn shutdown(&mut self) -> Vec<u64> {
        if !std::mem::take(&mut self.open) {
            return Vec::new();
        }
        let stuck = self.stream.shutdown(self.shutdown_timeout);
        let killed = self.stream.info().capabilities.kills_stuck_samples;
        for position in &stuck {
            log::warn("loader", || {
                let waited = self.shutdown_timeout;
                let worker = if killed { "worker was killed" } else { "thread is left behind" };
                format!(
                    "the sample at position {position} is still being made {waited:?} after shutdown began; its {worker}"
                )
            });
        }
        drop(self.ending.take());
        drop(self.keeping.take());
        stuck
    }

    fn deliver(&mut self, value: B) -> Result<Batch<B>> {
        if let Some(hasher) = &self.hasher {
            let chain = self.point.digest.unwrap_or(digest::START);
            let hash = self
                .stream
                .hash()
                .map_or_else(|| caught(|| hasher(&value)).unwrap_or_else(Err), Ok);
            match hash {
                Ok(hash) => self.point.digest = Some(digest::chained(chain, hash)),
                Err(fault) => {
                    discard(value);
                    let (position, number) = (self.point.mark.position, self.point.batches);
                    let fault = fault.at("digest", number);
                    // The error takes the batch's place, so the state is the one after it.
                    self.point = self.stream.received(number, self.point.digest);
                    return Err(Error::Sample { position, fault, attempts: 1 });
                }
            }
        }
        self.point = self.stream.received(self.point.batches.saturating_add(1), self.point.digest);
        Ok(Batch::new(value, self.point.clone(), self.plan.clone()))
    }
}

impl<B> Iterator for Loader<B> {
    type Item = Result<Batch<B>>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.stream.next(None);
        self.receive(step)
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
