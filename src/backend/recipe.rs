//! Recipes: the pipeline's definition for a worker process.
//!
//! A recipe is a function and its configuration. The loader sends the configuration. The worker
//! runs the same program and finds the function by name or address. Therefore a capturing closure
//! cannot be a recipe. Closures inside the pipeline may capture anything, because the worker builds
//! the pipeline itself.
//!
//! ```compile_fail,E0308
//! let offset = 5;
//! // A closure that captures `offset` is not a function that another process has too.
//! windrow::Loader::recipe(|end: u64, _| Ok(windrow::range(offset..end)), 10);
//! ```
//!
//! Put all values from outside into the configuration:
//!
//! ```
//! let offset = 5;
//! windrow::Loader::recipe(|(offset, end), _| Ok(windrow::range(offset..end)), (offset, 10));
//! ```

use std::any::TypeId;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::dataset::probe::Steps;
use crate::dataset::reduce::Keys;
use crate::dataset::wire::Wire;
use crate::dataset::{SampleResult, caught};
use crate::error::{Error, Result};

/// A function that opens a pipeline in a worker.
///
/// The context lives as long as the process, so a pipeline may keep the reference.
pub type Factory<C, P> = fn(C, &'static WorkerContext) -> Result<P>;
/// A function for [`Hooks::on_start`].
pub type OnStart = fn(&'static WorkerContext) -> Result<()>;
/// A function for [`Hooks::on_exit`].
pub type OnExit = fn(&'static WorkerContext);

/// Functions that run at a worker's start and at every orderly end.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Hooks {
    /// The function that runs before the recipe.
    pub on_start: Option<OnStart>,
    /// The function that runs after the last sample.
    pub on_exit: Option<OnExit>,
}

impl Hooks {
    /// No functions.
    pub const NONE: Self = Self { on_start: None, on_exit: None };

    /// Returns these hooks with a function that runs before the recipe.
    #[must_use]
    pub const fn on_start(self, on_start: OnStart) -> Self {
        Self { on_start: Some(on_start), ..self }
    }

    /// Returns these hooks with a function that runs after the last sample.
    #[must_use]
    pub const fn on_exit(self, on_exit: OnExit) -> Self {
        Self { on_exit: Some(on_exit), ..self }
    }
}

/// A worker's identity, passed to a recipe and to the hooks.
pub struct WorkerContext {
    worker: AtomicU32,
    workers: AtomicU32,
    incarnation: AtomicU32,
    is_process: bool,
    exits: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
}

/// Contexts without a loader, for reuse: at most the greatest number of recipe loaders alive at a
/// time.
static SPARE: Mutex<Vec<&'static WorkerContext>> = Mutex::new(Vec::new());

impl WorkerContext {
    pub(crate) fn new(worker: u32, workers: u32, incarnation: u32, is_process: bool) -> Self {
        let (worker, workers) = (worker.into(), workers.into());
        let incarnation = incarnation.into();
        Self { worker, workers, incarnation, is_process, exits: Mutex::default() }
    }

    /// Returns a context for a recipe in the loader's own process: a spare one, or a new one. The
    /// context lives as long as the process, because a pipeline may keep the reference.
    pub(crate) fn of_loader() -> &'static Self {
        let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_else(|| Box::leak(Box::new(Self::new(0, 1, 0, false))))
    }

    /// Releases the context of an ended loader for reuse.
    pub(crate) fn spare(&'static self) {
        SPARE.lock().unwrap_or_else(PoisonError::into_inner).push(self);
    }

    /// Returns the worker's number, from 0.
    ///
    /// The number must not influence the content of a sample. With a fork server, the recipe runs
    /// before any worker exists; the number is then correct from the first sample on.
    #[must_use]
    pub fn worker(&self) -> u32 {
        self.worker.load(Ordering::Relaxed)
    }

    /// Returns the number of workers.
    #[must_use]
    pub fn workers(&self) -> u32 {
        self.workers.load(Ordering::Relaxed)
    }

    /// Returns how many processes held this worker's number before: 0 until windrow replaces a lost
    /// or recycled process.
    #[must_use]
    pub fn incarnation(&self) -> u32 {
        self.incarnation.load(Ordering::Relaxed)
    }

    /// Returns whether this process is a worker process.
    ///
    /// False in the loader's own process. There, a recipe runs once to learn the pipeline's
    /// description, and the threads and inline backends run the pipeline.
    #[must_use]
    pub fn is_process(&self) -> bool {
        self.is_process
    }

    /// Registers a function to run at the worker's orderly end; the last one registered runs first.
    ///
    /// In the loader's own process, the function runs when the loader is closed.
    pub fn on_exit(&self, last: impl FnOnce() + Send + 'static) {
        self.exits.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(last));
    }

    /// Changes the identity to another worker's, in a forked process.
    pub(crate) fn become_worker(&self, worker: u32, workers: u32, incarnation: u32) {
        self.worker.store(worker, Ordering::Relaxed);
        self.workers.store(workers, Ordering::Relaxed);
        self.incarnation.store(incarnation, Ordering::Relaxed);
    }

    /// Runs the functions registered with `on_exit`. If one panics, the others still run.
    pub(crate) fn end(&self) {
        let exits = std::mem::take(&mut *self.exits.lock().unwrap_or_else(PoisonError::into_inner));
        for exit in exits.into_iter().rev() {
            _ = caught(exit);
        }
    }
}

impl std::fmt::Debug for WorkerContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerContext")
            .field("worker", &self.worker)
            .field("workers", &self.workers)
            .field("incarnation", &self.incarnation)
            .field("is_process", &self.is_process)
            .finish_non_exhaustive()
    }
}

/// A pipeline that is open in a worker, with its types erased.
pub(crate) struct Opened {
    pub(crate) fill: Box<dyn FillWire>,
    pub(crate) expected: Expected,
    /// The steps of the pipeline, and the number of stages among them.
    pub(crate) steps: (Steps, usize),
}

/// A source of encoded samples.
pub(crate) trait FillWire {
    /// Returns whether the positions of a task are computed together, by
    /// [`fill_together`](Self::fill_together).
    fn is_together(&self) -> bool {
        false
    }

    /// Computes and encodes the samples at the positions of a task, and calls `begin` before each.
    /// Returns `None` when `begin` returns false.
    fn fill_together(
        &self,
        _: Range<u64>,
        _: &mut dyn FnMut(u64) -> bool,
    ) -> Option<Vec<SampleResult<Wire>>> {
        None
    }

    /// Computes and encodes the sample at a position, and returns the sample's additions to these
    /// reducers. Calls `encoding` between the two steps.
    fn fill(
        &self,
        position: u64,
        reducers: &Keys,
        encoding: &mut dyn FnMut(),
    ) -> (SampleResult<Wire>, Vec<u8>);
}

/// The loader's description of a pipeline, to compare with a worker's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Expected {
    /// The number of positions.
    pub(crate) positions: u64,
    /// The text that describes the pipeline.
    pub(crate) pipeline: String,
}

/// An opener of pipelines for a backend, which does not know the pipeline's type.
pub(crate) trait Opener<P> {
    /// Returns the pipeline's samples and description. The bytes are those given to the
    /// instructions beside the configuration.
    fn open(pipeline: P, beside: &[u8]) -> Result<Opened>;
}

/// A named recipe with its types erased.
pub(crate) trait Named: Sync + std::fmt::Debug {
    /// Returns the type of the recipe's function.
    fn kind(&self) -> TypeId;

    /// Opens the pipeline, from an encoded configuration.
    fn open(&self, config: &[u8], context: &'static WorkerContext) -> Result<Opened>;
}

/// Encodes the configuration of a recipe.
pub(crate) fn encode_config<C: Serialize>(config: &C) -> Result<Vec<u8>> {
    postcard::to_stdvec(config).map_err(|why| Error::Workers {
        why: format!("the recipe's configuration cannot be encoded: {why}"),
    })
}

/// Decodes the configuration of a recipe.
pub(crate) fn decode_config<C: DeserializeOwned>(config: &[u8]) -> Result<C> {
    postcard::from_bytes(config).map_err(|why| Error::Workers {
        why: format!(
            "the recipe's configuration cannot be decoded: {why}; make its Serialize and \
             Deserialize implementations agree"
        ),
    })
}
