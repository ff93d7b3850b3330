//! Backends: who fills the positions.
//!
//! A backend is given tasks and tells what became of them; that is all it sees. It knows neither
//! the plan nor the state nor who waits for the samples, so it cannot influence the order. This
//! file is the one place that says which backend exists on which platform.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "backends start workers, wait for them and read clocks"
)]

pub(crate) mod beside;
pub(crate) mod encoding;
mod inline;
pub(crate) mod log;
#[cfg_attr(not(any(unix, windows)), allow(dead_code, reason = "worker processes use some of it"))]
pub(crate) mod recipe;
mod registry;
mod run;
pub(crate) mod settings;
pub mod web;

#[cfg(any(not(target_arch = "wasm32"), target_feature = "atomics"))]
mod threads;
#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
#[path = "threads_absent.rs"]
mod threads;

#[cfg(any(unix, windows))]
pub(crate) mod process;
#[cfg(not(any(unix, windows)))]
#[path = "process_absent.rs"]
pub(crate) mod process;

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

pub use inline::Inline;
pub use process::init;
#[doc(hidden)]
#[cfg(all(unix, fuzzing))]
pub use process::properties;
#[doc(hidden)]
pub use process::{Registered, TestEntry, inventory};
pub use recipe::{Factory, Hooks, OnExit, OnStart, WorkerContext};
pub use registry::{Backend, Capabilities, Info, registry};
pub use run::{Fill, run};
pub use settings::StartMethod;
use settings::WORKERS_MAX;
pub use threads::Threads;

pub use crate::engine::{Completion, Task};
use crate::error::{Error, Loss, Result};

/// How much more a task costs beside its work than on threads and processes of a system: a message
/// between web workers, or waking one of their threads, is that slow.
pub(crate) const TASK_OVERHEAD: u64 = if cfg!(target_arch = "wasm32") { 10 } else { 1 };

/// Starts a backend with so many workers for this work, 1 to 1,024 except where the caller's own
/// thread works.
///
/// # Errors
/// [`Error::Setting`] for another number of workers, [`Error::Unsupported`] when the backend cannot
/// be had here, or what the system refused.
pub fn start<T: Send + 'static>(
    backend: Backend,
    work: Arc<dyn Fill<T>>,
    workers: u32,
) -> Result<Box<dyn ExecutionBackend<T>>> {
    match backend.resolve()?.name {
        "threads" if !(1..=WORKERS_MAX).contains(&workers) => Err(Error::Setting {
            name: "workers".into(),
            value: workers.to_string(),
            allowed: format!("1 to {WORKERS_MAX} with backend threads"),
        }),
        "threads" => Ok(Box::new(Threads::shared(work, workers)?)),
        "processes" => Err(Error::Unsupported {
            what: "backend processes".into(),
            why: "a dataset cannot cross to another process".into(),
            instead: "give the loader a recipe, with Loader::recipe, or use backend threads".into(),
        }),
        _ => Ok(Box::new(Inline::shared(work))),
    }
}

/// Something that fills positions, in any order, and says when it has.
///
/// Anyone can write one. It must keep these rules, which `tests/loader/conformance.rs` holds every
/// backend to:
///
/// - Each task that [`submit`](Self::submit) took is answered by exactly one [`Event`], in any
///   order, unless the backend is shut down first.
/// - The results of a task are those of [`Fill::fill`] for its positions, in that order.
/// - A task that can no longer be answered, because its worker is gone, is [`Event::Lost`]; when
///   there will be no more workers, [`Event::Broken`] is the last event.
/// - [`wait`](Self::wait) comes back within its time limit.
///
/// ```
/// use std::time::Duration;
/// use windrow::backend::{Event, ExecutionBackend, Inline};
/// use windrow::backend::Task;
/// use windrow::range;
///
/// let mut backend = Inline::new(range(10..20));
/// backend.submit(Task { id: 0, start: 3, count: 2 }).unwrap();
/// let Some(Event::Done(done)) = backend.wait(Duration::ZERO) else { panic!() };
/// assert_eq!(done.results, [Ok(Some(13)), Ok(Some(14))]);
/// ```
pub trait ExecutionBackend<T>: Send {
    /// What kind of backend this is.
    fn info(&self) -> &Info;

    /// How many samples can be made at the same time.
    fn workers(&self) -> u32;

    /// Takes a task on, without waiting.
    ///
    /// # Errors
    /// [`Full`] when the backend's own bound is reached; ask again after the next event.
    fn submit(&mut self, task: Task) -> Result<(), Full>;

    /// The next event, waiting for it no longer than the time limit.
    fn wait(&mut self, limit: Duration) -> Option<Event<T>>;

    /// Has a waker woken at the next event: for callers that cannot wait.
    ///
    /// Only the last waker counts. A backend that does not know when events come wakes it at once,
    /// which is what happens unless this is implemented.
    fn wake(&mut self, waker: &Waker) {
        waker.wake_by_ref();
    }

    /// Whether what samples add to [reducers](crate::dataset::Reducer) arrives with them: it does
    /// where workers share the caller's memory, and from windrow's own worker processes.
    fn brings_additions(&self) -> bool {
        self.info().capabilities.shares_memory
    }

    /// The positions that workers are filling right now, a worker each; `None` for an idle one.
    fn activity(&self) -> Vec<Option<u64>>;

    /// Stops all work within the time limit, and gives the positions that are still being filled.
    ///
    /// Samples not begun are not made. Nothing may be asked of the backend afterwards.
    fn shutdown(&mut self, limit: Duration) -> Vec<u64>;
}

/// What a backend tells.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<T> {
    /// A task is done.
    Done(Completion<T>),
    /// A task's worker is gone.
    Lost {
        /// The task's number.
        task: u64,
        /// How the worker ended.
        how: Loss,
    },
    /// No task will be answered any more.
    Broken(Error),
}

/// A backend's answer when it can take no more tasks for now: back-pressure as a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;
