//! The loader: a pipeline, a backend and a place in the stream, as an iterator.
//!
//! It puts the rooms together: asks the engine for tasks, hands them to the backend, feeds what
//! comes back, in order, to the stages, and keeps the state of what the caller has received. It
//! decides no order itself.

mod batch;
mod builder;
mod by_epoch;
mod digest;
mod environment;
mod feed;
#[cfg(any(feature = "web", test))]
mod leaving;
mod on_error;
mod origin;
mod preflight;
mod process_settings;
mod processes;
mod progress;
mod recipe;
mod reduced;
mod reduction;
mod remaking;
mod report;
mod run;
mod start;
mod work;

pub use batch::Batch;
pub use builder::LoaderBuilder;
pub use by_epoch::{ByEpoch, Epoch};
pub use digest::digest_of;
pub use on_error::OnError;
pub use preflight::preflight;
pub use progress::Progress;
#[doc(hidden)]
pub use recipe::Typed;
pub use reduction::Reduced;
pub use report::{Preflight, Recommendation, SampleCost, Trial};

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::backend::log;
use crate::dataset::{Keeping, caught, discard};
use crate::error::{Error, Result};
use crate::order::{Epochs, Plan, State};
use crate::stage::Step;
use batch::Point;
use digest::Hasher;
use origin::Ending;
use run::Stream;

/// How many epochs in a row may give nothing before the stream ends with an error.
const EMPTY_EPOCHS_MAX: u32 = 1000;

/// Batches in order: an iterator over `Result<Batch<B>>`, epoch after epoch.
///
/// [`by_epoch`](Self::by_epoch) tells where epochs end. The batches are the same, bit for bit, whatever backend and however many workers make them. An
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
    /// Whether workers are kept at the end, since an epoch before it may be left and the next begun.
    stays_open: bool,
    /// Where epochs began, until somebody asks; for a loader that stays open.
    epoch_starts: Vec<Point>,
    epochs: Epochs,
    /// The epoch that `by_epoch` gave last.
    entered: Option<u64>,
    /// How many epochs ended since the last item.
    empty_epochs: u32,
    /// What a recipe in this process wants at the end.
    ending: Option<Ending>,
    /// Has the memory of large tensors used again.
    keeping: Option<Keeping>,
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
        self.advance(Some(context.waker()))
    }

    /// The next item of any epoch; without a waker it waits, and is never pending.
    fn advance(&mut self, waker: Option<&Waker>) -> Poll<Option<Result<Batch<B>>>> {
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

    /// The next item of this epoch; none once at its end, and then those of the next one.
    fn next_in_epoch(&mut self) -> Option<Result<Batch<B>>> {
        let step = self.stream.next(None);
        let item = self.receive(step);
        if item.is_some() || self.stream.is_over() {
            return item;
        }
        self.ended_in_vain().map(Err)
    }

    /// Notes that the caller receives what comes next: none for the end of an epoch.
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

    /// Goes on to the next epoch, whatever is left of this one, or ends.
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

    /// An epoch ended without an item, where nobody sees it: why the stream ends, after too many.
    fn ended_in_vain(&mut self) -> Option<Error> {
        self.empty_epochs += 1;
        if self.empty_epochs < EMPTY_EPOCHS_MAX {
            return None;
        }
        self.stream.fail(None);
        self.shutdown();
        let why = if self.plan.start_of(self.point.mark.epoch) == u64::MAX {
            "positions are numbered up to 2^64".into()
        } else {
            format!("{EMPTY_EPOCHS_MAX} epochs in a row gave no batch")
        };
        Some(Error::Setting {
            name: "epochs".into(),
            value: self.epochs.to_string(),
            allowed: format!("a number up to {}, since {why}", self.point.mark.epoch),
        })
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

    /// Notes that the caller receives what came.
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
                    // The error takes the batch's place, so the state is the one after it.
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

    /// At most one item a position comes, and an error that ends the stream;
    /// [`len`](Loader::len) tells how many batches there are.
    fn size_hint(&self) -> (usize, Option<usize>) {
        // Errors are items too, and with stages they are items beside the batches.
        let bare = self.stream.len_of_epoch() == Some(self.plan.len());
        let left = self.len().filter(|_| bare).map(|len| len.saturating_sub(self.point.batches));
        (0, left.and_then(|left| usize::try_from(left).ok()?.checked_add(1)))
    }
}

/// As [`next_async`](Loader::next_async) gives them.
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
