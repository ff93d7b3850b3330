//! `PrefetchToDevice`: a hook that runs ahead of the caller on its own thread, such as a copy to a device.
#![expect(clippy::disallowed_types, reason = "owns the thread that runs ahead of the caller")]

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::{Batch, Loader};
use crate::backend::log;
use crate::dataset::{caught, discard};
use crate::error::{BoxError, Error, Fault, Result};
use crate::order::State;

/// The most results that wait for the caller.
const AHEAD_MAX: u64 = 1024;

/// What the thread sends: an item, and the state right after it.
type Sent<U> = (Result<U>, State);

/// The results of a hook that runs ahead on its own thread: an iterator of `Result<U>`.
///
/// [`Loader::prefetch_to_device`] starts the thread. [`state`](Self::state) covers what the caller has
/// received, and not what the hook has made ahead. Dropping the iterator ends the thread. The drop
/// waits for the batch and the call of the hook under way, at most twice as long as the loader's
/// [shutdown timeout](super::LoaderBuilder::shutdown_timeout).
#[derive(Debug)]
pub struct PrefetchToDevice<U> {
    /// Absent once the thread has nothing more to send.
    results: Option<Receiver<Sent<U>>>,
    thread: Option<JoinHandle<()>>,
    stops: Arc<AtomicBool>,
    /// The longest wait for the end of the thread.
    patience: Duration,
    state: State,
}

impl<B: 'static> Loader<B> {
    /// Moves the loader to a thread that calls `hook` with each batch, up to `ahead` results before
    /// the caller asks for them.
    ///
    /// The hook copies a batch to a device, for instance, while the caller trains on the one before.
    /// Up to `ahead` results wait, from 1 to 1,024, and one more is in the making. Results come in the
    /// order of the batches. An error or a panic of the hook is an error in the place of its batch,
    /// and the stream continues. [`PrefetchToDevice::state`] covers the batches and errors that the
    /// caller has received, so a resume makes the others again.
    ///
    /// ```
    /// use windrow::{Dataset, Fault, Loader, range};
    /// let make = || Loader::builder(range(0..100).shuffle(7).batch(10));
    /// let to_device = |batch: windrow::Batch<Vec<u64>>| Ok::<_, Fault>(batch.iter().sum::<u64>());
    /// let mut sums = make().build()?.prefetch_to_device(2, to_device)?;
    /// let first = sums.next().unwrap()?;
    /// let state = sums.state();
    /// assert_eq!(state.batches(), 1);
    /// let rest: u64 = sums.map(|sum| sum.unwrap()).sum();
    /// assert_eq!(first + rest, (0..100).sum::<u64>());
    /// let again = make().resume(&state).build()?.prefetch_to_device(2, to_device)?;
    /// assert_eq!(again.map(|sum| sum.unwrap()).sum::<u64>(), rest);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns [`Error::Setting`] for an `ahead` of 0 or above 1,024. Returns [`Error::Unsupported`]
    /// if the platform has no threads, and [`Error::Io`] if the system cannot start one.
    pub fn prefetch_to_device<U, E, F>(self, ahead: u64, mut hook: F) -> Result<PrefetchToDevice<U>>
    where
        B: Send,
        U: Send + 'static,
        E: Into<BoxError>,
        F: FnMut(Batch<B>) -> Result<U, E> + Send + 'static,
    {
        if !(1..=AHEAD_MAX).contains(&ahead) {
            let (name, value) = ("prefetch_to_device.ahead".into(), ahead.to_string());
            return Err(Error::Setting { name, value, allowed: format!("1 to {AHEAD_MAX}") });
        }
        let state = self.state();
        let (sender, results) = sync_channel(ahead as usize);
        let patience = self.shutdown_timeout.saturating_mul(2);
        let stops = Arc::new(AtomicBool::new(false));
        let told = stops.clone();
        let run = move || run(self, &sender, &told, &mut hook);
        let thread = Builder::new().name("windrow-prefetch".into()).spawn(run);
        let thread = thread.map_err(|why| match why.kind() {
            ErrorKind::Unsupported => Error::Unsupported {
                what: "prefetch_to_device".into(),
                why: "this platform cannot start a thread".into(),
                instead: "call the hook with each batch of the loader".into(),
            },
            _ => Error::io("starting the thread of prefetch_to_device", why),
        })?;
        Ok(PrefetchToDevice {
            results: Some(results),
            thread: Some(thread),
            stops,
            patience,
            state,
        })
    }
}

/// Sends the result of the hook for each batch, until the receiver or the loader ends.
fn run<B, U, E: Into<BoxError>>(
    mut loader: Loader<B>,
    sender: &SyncSender<Sent<U>>,
    stops: &AtomicBool,
    hook: &mut dyn FnMut(Batch<B>) -> Result<U, E>,
) {
    while let Some(item) = loader.next() {
        let result = item.and_then(|batch| {
            let number = batch.number();
            let made = caught(|| hook(batch).map_err(Fault::other)).unwrap_or_else(Err);
            made.map_err(|fault| Error::from(fault.at("prefetch_to_device", number)))
        });
        if let Err(unsent) = sender.send((result, loader.state())) {
            return discard(unsent.0);
        }
        if stops.load(Ordering::Relaxed) {
            return;
        }
    }
}

impl<U> PrefetchToDevice<U> {
    /// Returns the state right after the last result or error that the caller received.
    #[must_use]
    pub fn state(&self) -> State {
        self.state.clone()
    }

    /// Returns an error if the thread, which has nothing more to send, ended by a panic.
    fn join(&mut self) -> Result<()> {
        self.results = None;
        let ended = self.thread.take().map(JoinHandle::join).transpose();
        ended.map(drop).map_err(|panic| {
            discard(panic);
            let why = "the thread of prefetch_to_device panicked outside the hook";
            Error::other(format!("{why}; resume from `state`"))
        })
    }
}

impl<U> Iterator for PrefetchToDevice<U> {
    type Item = Result<U>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.results.as_ref()?.recv() {
            Ok((result, state)) => {
                self.state = state;
                Some(result)
            }
            Err(_) => self.join().err().map(Err),
        }
    }
}

impl<U> Drop for PrefetchToDevice<U> {
    fn drop(&mut self) {
        let Some(results) = self.results.take() else { return };
        self.stops.store(true, Ordering::Relaxed);
        let start = Instant::now();
        loop {
            match results.recv_timeout(self.patience.saturating_sub(start.elapsed())) {
                Ok(unwanted) => discard(unwanted),
                // The thread has told its panic on standard error.
                Err(RecvTimeoutError::Disconnected) => return drop(self.join()),
                Err(RecvTimeoutError::Timeout) => {
                    return log::warn("loader", || {
                        let waited = self.patience;
                        format!(
                            "prefetch_to_device still runs {waited:?} after its drop; its thread is left behind"
                        )
                    });
                }
            }
        }
    }
}
