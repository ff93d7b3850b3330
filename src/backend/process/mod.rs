//! `processes`: a pool of worker processes.
//!
//! Processes give isolation that threads cannot: a sample that crashes, leaks or hangs ends only
//! its own worker. The loader's process keeps all state. A worker only learns which samples to
//! compute and where to put them, and may die at any moment.
//!
//! ```text
//! caller ── submit ─▶ driver of the pool ── frames ─▶ worker: init ─▶ recipe ─▶ fill, fill, fill …
//!        ◀─ events ── (a thread)         ◀─ frames ──      └─ shared memory: page and slots
//! ```
//!
//! | module | content |
//! |---|---|
//! | [`protocol`] | pure: frames, messages, payloads |
//! | [`pool`] | pure: the assignment of tasks to workers, and the reactions to workers' messages and ends |
//! | [`driver`] | the one thread that owns every descriptor, clock and wait |
//! | [`parent`] | the loader's side: slots, fork servers, decoding of samples |
//! | [`child`] | the worker's side |
//! | [`identity`] | the identity of the worker's program, and the lookup of recipes |
//! | [`shm`] | the content of memory that both sides map |
//! | [`sys`] | the operating system, behind one `cfg` switch |

mod child;
mod driver;
mod identity;
mod parent;
mod pool;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod protocol;
mod shm;
mod sys;

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::task::Waker;
use std::thread::JoinHandle;
use std::time::Duration;

pub(crate) use child::entry::not_a_lost_worker;
pub use child::entry::{TestEntry, init};
pub(crate) use identity::launch::Launch;
pub(crate) use identity::names::registered;
pub use identity::names::{Registered, inventory};
pub(crate) use parent::decode::Decode;

use super::recipe::Expected;
use super::run::discard_event;
use super::settings::{Settings, StartMethod};
use super::{Event, ExecutionBackend, Fill, Full, Info};
use crate::engine::Task;
use crate::error::{Error, Result};
use child::entry;
use driver::{Driver, Starts};
use identity::address;
use parent::cost::Cost;
use parent::decode::Decoding;
use parent::fork_server::deadline;
use parent::shared::Shared;
use protocol::message::Identity;
use shm::status_page::StatusPage;

/// The maximum number of unanswered tasks for each worker.
const TASKS_PER_WORKER: usize = 256;

/// The time that the system may take to start and to release a process, besides the startup
/// timeout.
const START_SLACK: Duration = Duration::from_secs(1);
/// The time limit for a loader's workers to end when the loader could not be built.
const DROP_GRACE: Duration = Duration::from_secs(1);

pub(super) static INFO: Info = Info::processes(available);

/// Returns whether worker processes are available on this platform.
fn available() -> std::result::Result<(), String> {
    address::image().as_ref().map(|_| ()).map_err(String::clone)
}

/// Returns why a loader with these settings cannot use worker processes. Starts nothing.
pub(crate) fn ready(settings: &Settings) -> Result<()> {
    build(settings)?;
    entry::entry(settings).map(|_| ())
}

/// Returns the build id of this program; empty when the workers run another program.
fn build(settings: &Settings) -> Result<&'static str> {
    match address::image() {
        Ok(image) => Ok(&image.build),
        Err(_) if settings.program.is_some() => Ok(""),
        Err(why) => Err(address::unplaced(why.clone())),
    }
}

/// A backend that computes samples in worker processes.
pub(crate) struct Processes<T> {
    shared: Arc<Shared>,
    events: mpsc::Receiver<Event<T>>,
    waker: Arc<Mutex<Option<Waker>>>,
    driver: Option<JoinHandle<Vec<u64>>>,
    /// The number of unanswered tasks.
    away: usize,
    /// The end of the submitted positions.
    end: u64,
    broken: bool,
}

impl<T: Send + 'static> Processes<T> {
    /// Starts this number of workers, and waits until the first worker is ready.
    pub(crate) fn start(
        launch: Launch,
        expected: Expected,
        workers: u32,
        settings: Settings,
        decode: Decode<T>,
        work: Arc<dyn Fill<T>>,
    ) -> Result<Self> {
        let build = build(&settings)?;
        let entry = entry::entry(&settings)?;
        if settings.max_rss.is_some() && sys::rss(std::process::id()).is_none() {
            return Err(Error::Unsupported {
                what: "max_rss".into(),
                why: "this platform does not report the memory of a process".into(),
                instead: "use max_samples_per_worker".into(),
            });
        }
        if settings.start_method != StartMethod::Spawn && !sys::SPLITS {
            return Err(Error::Unsupported {
                what: format!("start method {}", settings.start_method),
                why: "this platform cannot fork a process".into(),
                instead: "use start method spawn".into(),
            });
        }
        let identity = Identity::own(build);
        let refused = |error| Error::io("prepare worker processes", error);
        let pages = (0..workers).map(|_| StatusPage::new().map(Arc::new));
        let pages = pages.collect::<std::io::Result<Vec<_>>>().map_err(refused)?;
        let shared = Arc::new(Shared::new(pages).map_err(refused)?);
        let (sender, events) = mpsc::channel();
        let waker = Arc::new(Mutex::new(None));
        let limit = settings.startup_timeout.saturating_add(START_SLACK).saturating_mul(4);
        let (additions, hashes) = (settings.additions.clone(), settings.hashes.clone());
        let (held, theirs) = (shared.held.clone(), waker.clone());
        let sink = Decoding {
            events: sender,
            decode,
            work,
            additions,
            hashes,
            held,
            cost: Cost::default(),
            waker: theirs,
        };
        let starts = Starts::new(entry);
        let sink = Box::new(sink);
        let driver =
            Driver::new(shared.clone(), sink, settings, launch, identity, expected, starts);
        let thread = std::thread::Builder::new().name("windrow-pool".into());
        let thread = thread.spawn(move || driver.run()).map_err(refused)?;
        let this =
            Self { shared, events, waker, driver: Some(thread), away: 0, end: 0, broken: false };
        this.shared.first_start(limit)?;
        Ok(this)
    }
}

impl<T: Send> ExecutionBackend<T> for Processes<T> {
    fn info(&self) -> &Info {
        &INFO
    }

    fn workers(&self) -> u32 {
        self.shared.pages.len() as u32
    }

    fn submit(&mut self, task: Task) -> std::result::Result<(), Full> {
        if self.away >= self.shared.pages.len() * TASKS_PER_WORKER || self.driver.is_none() {
            return Err(Full);
        }
        self.away += 1;
        self.end = self.end.max(task.positions().end);
        self.shared.inbox().tasks.push_back(task);
        self.shared.ring();
        Ok(())
    }

    fn wait(&mut self, limit: Duration) -> Option<Event<T>> {
        let event = match self.events.try_recv() {
            Ok(event) => event,
            Err(mpsc::TryRecvError::Disconnected) => return self.gone(),
            Err(_) if limit.is_zero() => return None,
            Err(_) => match self.events.recv_timeout(limit) {
                Ok(event) => event,
                Err(mpsc::RecvTimeoutError::Timeout) => return None,
                Err(mpsc::RecvTimeoutError::Disconnected) => return self.gone(),
            },
        };
        match event {
            Event::Broken(_) => self.broken = true,
            _ => self.away = self.away.saturating_sub(1),
        }
        Some(event)
    }

    fn wake(&mut self, waker: &Waker) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker.clone());
    }

    fn brings_additions(&self) -> bool {
        true
    }

    fn activity(&self) -> Vec<Option<u64>> {
        let filling = |page: &Arc<StatusPage>| page.filling().map(|(position, _)| position);
        let position = |page| filling(page).filter(|&position| position < self.end);
        self.shared.pages.iter().map(position).collect()
    }

    fn shutdown(&mut self, limit: Duration) -> Vec<u64> {
        self.stop(limit)
    }
}

impl<T> Processes<T> {
    fn stop(&mut self, limit: Duration) -> Vec<u64> {
        let Some(driver) = self.driver.take() else { return Vec::new() };
        self.shared.inbox().stop = Some(deadline(limit));
        self.shared.waker.ring();
        let stuck = driver.join().unwrap_or_default();
        self.events.try_iter().for_each(discard_event);
        stuck
    }

    /// Returns an error event, once, when the driver's thread has ended without a request, by a
    /// panic.
    fn gone(&mut self) -> Option<Event<T>> {
        let why = "the driver thread panicked; report this bug of windrow".into();
        let told = std::mem::replace(&mut self.broken, true);
        (!told).then_some(Event::Broken(Error::Workers { why }))
    }
}

impl<T> Drop for Processes<T> {
    fn drop(&mut self) {
        // For a loader that could not be built: gives its started workers time to end in order.
        self.stop(DROP_GRACE);
    }
}

impl<T> std::fmt::Debug for Processes<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Processes")
            .field("workers", &self.shared.pages.len())
            .field("away", &self.away)
            .finish_non_exhaustive()
    }
}
