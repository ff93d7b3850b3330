//! Backends: the ways to compute samples.
//!
//! A backend receives tasks and reports their outcomes. A backend does not know the plan, the state
//! or the consumer of the samples. Therefore a backend cannot influence the order. This file alone
//! decides which backend exists on which platform.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "backends start workers, wait for them and read clocks"
)]

pub(crate) mod beside;
pub(crate) mod clock;
pub(crate) mod encoding;
mod info;
mod inline;
pub(crate) mod lock;
pub(crate) mod log;
pub(crate) mod profile;
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

pub use info::{Capabilities, Info};
pub use inline::Inline;
pub use process::init;
#[doc(hidden)]
#[cfg(all(unix, fuzzing))]
pub use process::properties;
#[doc(hidden)]
pub use process::{Registered, TestEntry, inventory};
#[doc(hidden)]
pub use profile::Profiler;
pub use recipe::{Factory, Hooks, OnExit, OnStart, WorkerContext};
pub use registry::{Backend, registry};
pub use run::{Fill, run};
pub use settings::StartMethod;
use settings::WORKERS_MAX;
pub use threads::Threads;

pub use crate::engine::{Completion, Task};
use crate::error::{Error, Loss, Result};

/// The fixed cost of a task on this platform, relative to native threads and processes. In
/// WebAssembly, a message between web workers or waking a thread is about ten times as slow.
pub(crate) const TASK_OVERHEAD: u64 = if cfg!(target_arch = "wasm32") { 10 } else { 1 };

/// Starts a backend with this work and this number of workers.
///
/// Backend `threads` accepts 1 to 1,024 workers. Backend `inline` ignores the number.
///
/// # Errors
/// Returns [`Error::Setting`] for any other number of workers, [`Error::Unsupported`] when the
/// backend is not available here, or the error of the operating system.
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
            why: "a dataset cannot be sent to another process".into(),
            instead: "build the loader from a recipe with Loader::recipe, or use backend threads"
                .into(),
        }),
        _ => Ok(Box::new(Inline::shared(work))),
    }
}

/// A backend: computes samples at positions, in any order, and reports each finished task.
///
/// Programs can implement their own backend. `tests/loader/conformance.rs` checks these rules for
/// every backend of the crate:
///
/// - The backend answers each task accepted by [`submit`](Self::submit) with exactly one [`Event`],
///   in any order, unless the caller shuts it down first.
/// - A task's results are those of [`Fill::fill`] for the task's positions, in the order of the
///   positions.
/// - The backend reports [`Event::Lost`] for a task whose worker is gone. When no worker remains
///   and none will start, [`Event::Broken`] is the last event.
/// - [`wait`](Self::wait) returns within its time limit.
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
    /// Returns the description of this kind of backend.
    fn info(&self) -> &Info;

    /// Returns how many samples the backend can compute at the same time.
    fn workers(&self) -> u32;

    /// Accepts a task, without waiting.
    ///
    /// # Errors
    /// Returns [`Full`] when the backend's own bound is reached. The caller then retries after the
    /// next event.
    fn submit(&mut self, task: Task) -> Result<(), Full>;

    /// Returns the next event, waiting for at most the time limit.
    fn wait(&mut self, limit: Duration) -> Option<Event<T>>;

    /// Registers a waker to wake at the next event, for callers that cannot block.
    ///
    /// Only the last registered waker counts. The default implementation wakes the waker at once; a
    /// backend that does not know when events arrive keeps this default.
    fn wake(&mut self, waker: &Waker) {
        waker.wake_by_ref();
    }

    /// Returns whether the additions to [reducers](crate::dataset::Reducer) arrive with the
    /// samples. True for workers that share the caller's memory, and for windrow's own worker
    /// processes.
    fn brings_additions(&self) -> bool {
        self.info().capabilities.shares_memory
    }

    /// Returns the position that each worker is computing right now; `None` for an idle worker.
    fn activity(&self) -> Vec<Option<u64>>;

    /// Stops all work within the time limit, and returns the positions that workers are still
    /// computing.
    ///
    /// The backend does not begin any further sample. The caller must not use the backend
    /// afterwards.
    fn shutdown(&mut self, limit: Duration) -> Vec<u64>;
}

/// A report from a backend.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<T> {
    /// A task is complete.
    Done(Completion<T>),
    /// The worker of a task is gone.
    Lost {
        /// The task's number.
        task: u64,
        /// How the worker ended.
        how: Loss,
    },
    /// The backend will answer no further task.
    Broken(Error),
}

/// The refusal of a task while the backend is full: back-pressure as a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;
