//! The loader: an iterator over the batches of a pipeline, run by a backend.
//!
//! The loader asks the engine for tasks and hands them to the backend. The loader feeds the results
//! to the stages in order, and keeps the state of the last item that the caller received. The
//! loader decides no order itself.

mod batch;
mod builder;
mod by_epoch;
mod closing;
mod digest;
mod environment;
mod feed;
mod incoming;
mod launcher;
#[cfg(any(feature = "web", test))]
mod leaving;
mod mix_streams;
mod on_error;
mod origin;
mod polls;
mod prefetch_to_device;
mod preflight;
mod process_settings;
mod processes;
mod profile;
mod profiling;
mod progress;
mod recipe;
mod reduced;
mod reduction;
mod remaking;
mod report;
mod run;
mod start;
mod stats;
mod streams_state;
mod times;
mod trace;
mod work;
mod zip_streams;

pub(crate) use builder::choices::choice;
pub(crate) use builder::setters;
pub(crate) use environment::Environment;
pub(crate) use origin::{Ending, opened};
pub(crate) use processes::{check, warn_of_no_effect};
pub(crate) use start::plan;

pub use batch::Batch;
pub use builder::LoaderBuilder;
pub use by_epoch::{ByEpoch, Epoch};
pub use digest::digest_of;
pub use mix_streams::{MixStreams, MixStreamsBuilder, StopAt};
pub use on_error::OnError;
pub use prefetch_to_device::PrefetchToDevice;
pub use preflight::preflight;
pub use profile::{Bottleneck, OpKind, OpProfile, OpTimes, Profile, WorkerProfile};
pub use progress::Progress;
#[doc(hidden)]
pub use recipe::Typed;
pub use reduction::Reduced;
pub use report::{Preflight, Recommendation, SampleCost, Trial};
pub use stats::Stats;
pub use streams_state::StreamsState;
pub use trace::{Trace, TraceEvent};
pub use zip_streams::{ZipStreams, ZipStreamsBuilder};

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::backend::Profiler;
use crate::dataset::{Keeping, PipelineTree, caught, discard};
use crate::error::{Error, Result};
use crate::order::{Epochs, Plan, State};
use crate::stage::Step;
use batch::Point;
use digest::Hasher;
use run::Stream;
use times::Times;

/// The number of epochs in a row that may give no item before the stream ends with an error.
const EMPTY_EPOCHS_MAX: u32 = 1000;

/// An iterator over the batches of a pipeline, as `Result<Batch<B>>`, epoch after epoch.
///
/// The batches are the same, bit for bit, on every backend and with any number of workers. An error
/// takes the place of a sample that failed, and the iterator goes on after the error.
/// [`by_epoch`](Self::by_epoch) shows where epochs end. Workers run ahead of the caller within
/// bounds. Dropping the loader stops them.
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
    tree: PipelineTree,
    /// The place right after the last item that the caller received.
    point: Point,
    hasher: Option<Hasher<B>>,
    shutdown_timeout: Duration,
    open: bool,
    /// Whether the loader keeps its workers at the end, because the caller may still leave an
    /// earlier epoch and begin the next one.
    stays_open: bool,
    /// The starts of the epochs since the last call of `take_epoch_starts`; empty unless the loader
    /// stays open.
    epoch_starts: Vec<Point>,
    epochs: Epochs,
    /// The number of the epoch that `by_epoch` gave last.
    entered: Option<u64>,
    /// The number of epochs that ended since the last item.
    empty_epochs: u32,
    /// The hooks and the context of a recipe that runs in this process, until the end.
    ending: Option<Ending>,
    /// Reuses the memory of large tensors.
    keeping: Option<Keeping>,
    times: Times,
    profiler: Option<Arc<Profiler>>,
}

impl<B> Loader<B> {
    /// Returns the state right after the last batch or error that the caller received.
    #[must_use]
    pub fn state(&self) -> State {
        self.point.state(&self.plan)
    }

    /// Returns the digest of all batches received so far, or `None` unless
    /// [`LoaderBuilder::digest`] turned digests on.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, range};
    /// let digest = |workers| {
    ///     let batches = range(0..100).shuffle(7).batch(10);
    ///     let mut loader = Loader::builder(batches).digest().workers(workers).build()?;
    ///     assert_eq!(loader.by_ref().count(), 10);
    ///     Ok::<_, windrow::Error>(loader.digest())
    /// };
    /// assert_eq!(digest(1)?, digest(3)?);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    #[must_use]
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.point.digest
    }

    /// Waits for the next batch without blocking the thread, for async code.
    ///
    /// Returns `None` at the end of the stream.
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

    /// Polls for the next batch: [`next_async`](Self::next_async) as a poll function.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Batch<B>>>> {
        self.advance(Some(context.waker()))
    }

    /// Returns the next item of any epoch, and times the wait for it. Without a waker, waits and
    /// never returns `Pending`.
    fn advance(&mut self, waker: Option<&Waker>) -> Poll<Option<Result<Batch<B>>>> {
        self.ask();
        let item = self.step(waker);
        if let Poll::Ready(item) = &item {
            self.times.answer(item.is_some());
        }
        item
    }

    /// Records that the caller asks for an item, unless the item is at hand. Reading the clock costs
    /// as much as handing over a tiny sample.
    fn ask(&mut self) {
        if !self.stream.is_at_hand() {
            self.times.ask();
        }
    }

    fn step(&mut self, waker: Option<&Waker>) -> Poll<Option<Result<Batch<B>>>> {
        loop {
            let item = match self.stream.next(waker) {
                Step::Item(value) => return Poll::Ready(Some(self.deliver(value))),
                Step::Pending => return Poll::Pending,
                step => self.receive(step),
            };
            if item.is_some() || self.stream.is_over() {
                return Poll::Ready(item);
            }
            if let Some(error) = self.ended_in_vain() {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }

    /// Returns the next item of this epoch; `None` at its end, and after that the items of the next
    /// epoch.
    fn next_in_epoch(&mut self) -> Option<Result<Batch<B>>> {
        self.ask();
        let step = self.stream.next(None);
        let mut item = self.receive(step);
        if item.is_none() && !self.stream.is_over() {
            item = self.ended_in_vain().map(Err);
        }
        self.times.answer(item.is_some());
        item
    }

    /// Records a step that the caller receives; returns `None` for the end of an epoch.
    fn receive(&mut self, step: Step<B>) -> Option<Result<Batch<B>>> {
        match step {
            Step::Item(value) => Some(self.deliver(value)),
            Step::SampleError(error) | Step::StageError(error) | Step::Broken(error) => {
                self.empty_epochs = 0;
                Some(Err(self.received().err().unwrap_or(error)))
            }
            Step::End | Step::Pending => {
                self.end_epoch();
                None
            }
        }
    }

    /// Ends this epoch, skipping its remaining items, and begins the next epoch or ends the stream.
    fn end_epoch(&mut self) {
        if !self.stream.is_over() {
            match self.stream.end_epoch().and_then(|()| self.received()) {
                Ok(()) => {
                    self.point.epoch_batches = 0;
                    self.epoch_starts.extend(self.stays_open.then(|| self.point.clone()));
                }
                Err(error) => self.stream.fail(Some(error)),
            }
        }
        if self.stream.is_over() && !self.stays_open {
            self.shutdown();
        }
    }

    /// Counts an epoch that ended without an item. Returns the error that ends the stream after too
    /// many.
    fn ended_in_vain(&mut self) -> Option<Error> {
        self.empty_epochs += 1;
        if self.empty_epochs < EMPTY_EPOCHS_MAX {
            return None;
        }
        self.stream.fail(None);
        self.shutdown();
        let why = if self.plan.start_of(self.point.mark.epoch) == u64::MAX {
            "positions end at 2^64".into()
        } else if self.plan.is_empty() {
            "the pipeline has no samples".into()
        } else {
            format!("{EMPTY_EPOCHS_MAX} epochs in a row gave no batch")
        };
        Some(Error::Setting {
            name: "epochs".into(),
            value: self.epochs.to_string(),
            allowed: format!("a number up to {}, because {why}", self.point.mark.epoch),
        })
    }

    /// Records that the caller receives the last item.
    fn received(&mut self) -> Result<()> {
        self.stream.received(&mut self.point.mark)
    }

    fn deliver(&mut self, value: B) -> Result<Batch<B>> {
        self.empty_epochs = 0;
        let mut digest = None;
        if let Some(hasher) = &self.hasher {
            let chain = self.point.digest.unwrap_or(digest::START);
            let hash = self
                .stream
                .hash()
                .map_or_else(|| caught(|| hasher(&value)).unwrap_or_else(Err), Ok);
            match hash {
                Ok(hash) => digest = Some(digest::chained(chain, hash)),
                Err(fault) => {
                    discard(value);
                    let (position, number) = (self.point.mark.position, self.point.batches);
                    let fault = fault.at("digest", number);
                    // The error takes the batch's place, so the state is the one right after the
                    // batch.
                    self.received()?;
                    return Err(Error::Sample { position, fault, attempts: 1 });
                }
            }
        }
        if let Err(error) = self.received() {
            discard(value);
            return Err(error);
        }
        if digest.is_some() {
            self.point.digest = digest;
        }
        self.point.batches = self.point.batches.saturating_add(1);
        self.point.epoch_batches = self.point.epoch_batches.saturating_add(1);
        Ok(Batch::new(value, self.point.clone(), self.plan.clone()))
    }
}

impl<B> Iterator for Loader<B> {
    type Item = Result<Batch<B>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.advance(None) {
            Poll::Ready(item) => item,
            Poll::Pending => None,
        }
    }

    /// Returns an upper bound of one item for each position and one error that ends the stream.
    ///
    /// [`len`](Loader::len) gives the number of batches.
    fn size_hint(&self) -> (usize, Option<usize>) {
        // Errors are items too. With stages, errors come in addition to the batches.
        let bare = self.stream.len_of_epoch() == Some(self.plan.len());
        let left = self.len().filter(|_| bare).map(|len| len.saturating_sub(self.point.batches));
        (0, left.and_then(|left| usize::try_from(left).ok()?.checked_add(1)))
    }
}

/// Yields the items of [`next_async`](Loader::next_async).
///
/// ```
/// use std::pin::pin;
/// use std::task::{Context, Poll, Waker};
/// use futures_core::Stream;
/// use windrow::{Backend, Dataset, Loader, range};
/// let loader = Loader::builder(range(0..10).batch(5)).backend(Backend::Inline).build()?;
/// let mut stream = pin!(loader);
/// let Poll::Ready(Some(batch)) = stream.as_mut().poll_next(&mut Context::from_waker(Waker::noop()))
/// else {
///     panic!("there is no other thread to wait for");
/// };
/// assert_eq!(*batch?, [0, 1, 2, 3, 4]);
/// # Ok::<(), windrow::Error>(())
/// ```
#[cfg(feature = "stream")]
impl<B> futures_core::Stream for Loader<B> {
    type Item = Result<Batch<B>>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_next(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        Iterator::size_hint(self)
    }
}

impl<B> std::fmt::Debug for Loader<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader").field("plan", &self.plan).field("point", &self.point).finish()
    }
}
