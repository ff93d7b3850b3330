//! The link between the reader of a source without a length and the engine.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::time::Duration;

use crate::backend::clock::now;
use crate::backend::{Backend, log};
use crate::engine::Limits;
use crate::error::{Error, Result};
use crate::order::{Cursor, Mark};
use crate::stage::{ReadAhead, ReadStart, ReadTo, Reading};

/// The most samples that are read and wait for a worker.
const SAMPLES_MAX: u64 = 4096;
/// How long the loader waits for the thread of the reader, which may be inside of the source.
const STOP: Duration = Duration::from_millis(100);

/// The reader of a pipeline, as the loader uses it.
pub(super) struct Incoming {
    reading: Arc<dyn Reading>,
    /// The number of positions in an epoch.
    len: u64,
    /// Whether the reader has a thread in this epoch; `None` before the source is opened.
    has_thread: Option<bool>,
    seen: ReadTo,
    again: bool,
}

impl Incoming {
    /// Prepares the reader of a pipeline, if the pipeline has one, to read from a mark.
    ///
    /// # Errors
    /// Returns [`Error::Unsupported`] for worker processes, and [`Error::State`] for a mark with a
    /// cursor that is none of this source.
    pub(super) fn new(
        reading: Option<Arc<dyn Reading>>,
        (backend, is_custom): (Backend, bool),
        limits: &Limits,
        len: u64,
        mark: &Mark,
    ) -> Result<Option<Self>> {
        let Some(reading) = reading else {
            if mark.source.is_empty() {
                return Ok(None);
            }
            let why = "it has cursors of a source, and the pipeline's source has none";
            return Err(Error::State { why: why.into() });
        };
        if backend == Backend::Processes && !is_custom {
            return Err(Error::Unsupported {
                what: "a source without a length with backend processes".into(),
                why: "one reader in this process reads the source".into(),
                instead: "use backend threads or inline".into(),
            });
        }
        let mut held: Vec<u64> = mark.stages.iter().flat_map(Cursor::positions).collect();
        let all = held.len();
        held.sort_unstable();
        held.dedup();
        // Two stages may need the same sample again, such as `flat_map` and the stage after it.
        let again = limits.retries > 0 || is_custom || held.len() < all;
        let samples = limits.samples.min(SAMPLES_MAX);
        reading.set_read_ahead(ReadAhead { samples, bytes: limits.bytes, again });
        tell_cost(mark, held.first().copied(), mark.epoch.saturating_mul(len));
        let (epoch, position, places) = (mark.epoch, mark.position, mark.source.clone());
        reading.begin(ReadStart { epoch, position, held, places })?;
        Ok(Some(Self { reading, len, has_thread: None, seen: ReadTo::default(), again }))
    }

    /// Ends the epoch and prepares the one that starts at a position.
    pub(super) fn begin(&mut self, position: u64) {
        (self.has_thread, self.seen) = (None, ReadTo { position, ended: false });
        let epoch = position / self.len.max(1);
        let start = ReadStart { epoch, position, ..ReadStart::default() };
        if let Err(error) = self.reading.begin(start) {
            log::warn("loader", || format!("epoch {epoch} cannot begin: {error}"));
        }
    }

    /// Starts the reader's thread, if none reads this epoch and the backend runs ahead.
    pub(super) fn spawn(&mut self, runs_ahead: bool) {
        self.has_thread.get_or_insert_with(|| runs_ahead && self.reading.clone().spawn());
    }

    /// Returns whether a thread reads, and not the caller.
    pub(super) fn has_thread(&self) -> bool {
        self.has_thread == Some(true)
    }

    /// Returns how far the reader is, and remembers it.
    pub(super) fn look(&mut self) -> ReadTo {
        self.seen = self.reading.read_to();
        self.seen
    }

    /// Returns whether the reader had ended at the last look.
    pub(super) fn has_ended(&self) -> bool {
        self.seen.ended
    }

    /// Reads the next sample in the caller's thread.
    pub(super) fn pull(&self) {
        self.reading.pull();
    }

    /// Times the source from now on.
    pub(super) fn time(&self) {
        self.reading.set_clock(now);
    }

    /// Returns the nanoseconds that the reader spent in the source; 0 if the source is not timed.
    pub(super) fn nanos(&self) -> u64 {
        self.reading.nanos()
    }

    /// Returns the error that ended the reader, once.
    pub(super) fn failure(&self) -> Option<Error> {
        self.reading.failure()
    }

    /// Registers a waker for what comes after the last look. Returns `false` if it came already.
    pub(super) fn wake(&self, waker: &Waker) -> bool {
        self.reading.wake(waker, self.seen)
    }

    /// Drops the samples before a position that were kept for another attempt.
    pub(super) fn release(&self, position: u64) {
        if self.again {
            self.reading.release(position);
        }
    }

    /// Adds the source's cursors to a mark of the stages.
    pub(super) fn mark(&self, mark: &mut Mark, front: u64) {
        let mut held: Vec<u64> = mark.stages.iter().flat_map(Cursor::positions).collect();
        held.sort_unstable();
        mark.source = self.reading.cursors(mark.position, &held, front);
    }

    /// Ends the reader. A thread inside of the source is left behind, and ends with the source's
    /// next answer.
    pub(super) fn stop(&self, limit: Duration) {
        self.reading.stop(limit.min(STOP));
    }
}

/// Logs how many samples a resume reads again, if the source cannot be opened at their place.
fn tell_cost(mark: &Mark, oldest: Option<u64>, start: u64) {
    let first = oldest.unwrap_or(mark.position);
    let place = mark.source.iter().rev().find(|place| place.position <= first);
    let place = place.map_or(start, |place| place.position);
    let again = first.saturating_sub(place);
    if again == 0 {
        return;
    }
    let text = || {
        format!(
            "the source has no cursor at position {first}; the resumed loader reads {again} samples again"
        )
    };
    if place == start {
        log::warn("loader", text);
    } else {
        log::debug("loader", text);
    }
}

/// A waker that a thread waits for.
pub(super) struct Bell {
    ring: Arc<Ring>,
    waker: Waker,
}

/// Whether the bell has rung since the last wait.
#[derive(Default)]
struct Ring {
    has_rung: Mutex<bool>,
    rung: Condvar,
}

impl Ring {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.has_rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        *self.lock() = true;
        self.rung.notify_one();
    }
}

impl Bell {
    pub(super) fn new() -> Self {
        let ring = Arc::new(Ring::default());
        let waker = ring.clone().into();
        Self { ring, waker }
    }

    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Waits until the waker was woken; returns `false` at the time limit.
    pub(super) fn wait(&self, limit: Duration) -> bool {
        let waited = self.ring.rung.wait_timeout_while(self.ring.lock(), limit, |rung| !*rung);
        std::mem::take(&mut *waited.unwrap_or_else(PoisonError::into_inner).0)
    }
}
