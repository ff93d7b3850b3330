//! Recipes: what a worker process is given instead of a pipeline.
//!
//! A recipe is a function and its configuration. The configuration is sent, and the function is
//! found again in the worker, since it is the same program; so a capturing closure is no recipe.
//! Closures inside the pipeline are as free as ever: the pipeline is built in the worker.
//!
//! ```compile_fail,E0308
//! let offset = 5;
//! // A closure that captures `offset` is not a function that another process has too.
//! windrow::Loader::recipe(|end: u64, _| Ok(windrow::range(offset..end)), 10);
//! ```
//!
//! What comes from outside comes with the configuration:
//!
//! ```
//! let offset = 5;
//! windrow::Loader::recipe(|(offset, end), _| Ok(windrow::range(offset..end)), (offset, 10));
//! ```

use std::any::TypeId;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::dataset::reduce::Keys;
use crate::dataset::wire::Wire;
use crate::dataset::{SampleResult, caught};
use crate::error::{Error, Result};

/// A function that opens a pipeline in a worker.
///
/// The context lives as long as the process, so a pipeline may keep it.
pub type Factory<C, P> = fn(C, &'static WorkerContext) -> Result<P>;
/// See [`Hooks::on_start`].
pub type OnStart = fn(&'static WorkerContext) -> Result<()>;
/// See [`Hooks::on_exit`].
pub type OnExit = fn(&'static WorkerContext);

/// What runs at the start and at every orderly end of a worker.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Hooks {
    /// Runs before the recipe.
    pub on_start: Option<OnStart>,
    /// Runs after the last sample.
    pub on_exit: Option<OnExit>,
}

impl Hooks {
    /// None at all.
    pub const NONE: Self = Self { on_start: None, on_exit: None };

    /// The same with a function that runs before the recipe.
    #[must_use]
    pub const fn on_start(self, on_start: OnStart) -> Self {
        Self { on_start: Some(on_start), ..self }
    }

    /// The same with a function that runs after the last sample.
    #[must_use]
    pub const fn on_exit(self, on_exit: OnExit) -> Self {
        Self { on_exit: Some(on_exit), ..self }
    }
}

/// Who a worker is: what a recipe and the hooks of a worker are given.
pub struct WorkerContext {
    worker: AtomicU32,
    workers: AtomicU32,
    incarnation: AtomicU32,
    is_process: bool,
    exits: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
}

/// Contexts that no loader has any more: as many as there were loaders of recipes at a time.
static SPARE: Mutex<Vec<&'static WorkerContext>> = Mutex::new(Vec::new());

impl WorkerContext {
    pub(crate) fn new(worker: u32, workers: u32, incarnation: u32, is_process: bool) -> Self {
        let (worker, workers) = (worker.into(), workers.into());
        let incarnation = incarnation.into();
        Self { worker, workers, incarnation, is_process, exits: Mutex::default() }
    }

    /// The context of a recipe in the loader's own process: one that no loader has any more, or a
    /// new one. A pipeline may keep it, so it lives as long as the process.
    pub(crate) fn of_loader() -> &'static Self {
        let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_else(|| Box::leak(Box::new(Self::new(0, 1, 0, false))))
    }

    /// Leaves the context of a loader that has ended to the next one.
    pub(crate) fn spare(&'static self) {
        SPARE.lock().unwrap_or_else(PoisonError::into_inner).push(self);
    }

    /// The worker's number, from 0. It must not decide what a sample is. With a fork server, a
    /// recipe runs before there are workers; then it is right from the first sample on.
    #[must_use]
    pub fn worker(&self) -> u32 {
        self.worker.load(Ordering::Relaxed)
    }

    /// How many workers there are.
    #[must_use]
    pub fn workers(&self) -> u32 {
        self.workers.load(Ordering::Relaxed)
    }

    /// How many processes there were in this worker's place before: 0 until one was lost or
    /// recycled.
    #[must_use]
    pub fn incarnation(&self) -> u32 {
        self.incarnation.load(Ordering::Relaxed)
    }

    /// Whether this is a worker process; false in the loader's own process, where a recipe runs
    /// once to learn what the pipeline is, and where threads and the inline backend work with it.
    #[must_use]
    pub fn is_process(&self) -> bool {
        self.is_process
    }

    /// Runs this at the orderly end of the worker, the last one given first. In the loader's own
    /// process it runs when the loader is closed.
    pub fn on_exit(&self, last: impl FnOnce() + Send + 'static) {
        self.exits.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(last));
    }

    /// Becomes the context of another worker, in a process that was split off.
    pub(crate) fn become_worker(&self, worker: u32, workers: u32, incarnation: u32) {
        self.worker.store(worker, Ordering::Relaxed);
        self.workers.store(workers, Ordering::Relaxed);
        self.incarnation.store(incarnation, Ordering::Relaxed);
    }

    /// Runs what was given to `on_exit`. A panic in one does not keep the others from running.
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

/// A pipeline that is open in a worker, with its types hidden.
pub(crate) struct Opened {
    pub(crate) fill: Box<dyn FillWire>,
    pub(crate) expected: Expected,
}

/// Makes samples and encodes them.
pub(crate) trait FillWire {
    /// Makes the sample at a position; says when it goes over to encoding it. Gives also what it
    /// added to these reducers.
    fn fill(
        &self,
        position: u64,
        reducers: &Keys,
        encoding: &mut dyn FnMut(),
    ) -> (SampleResult<Wire>, Vec<u8>);
}

/// What the loader's own process learned of a pipeline, which workers must agree with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Expected {
    /// How many positions there are.
    pub(crate) positions: u64,
    /// What the pipeline is, in words.
    pub(crate) pipeline: String,
}

/// Opens what recipes make. The loader knows how; a backend does not see pipelines.
pub(crate) trait Opener<P> {
    /// The samples of a pipeline, and what it is.
    fn open(pipeline: P) -> Result<Opened>;
}

/// A recipe with its types hidden, as it is found by a name.
pub(crate) trait Named: Sync + std::fmt::Debug {
    /// The type of the recipe's function.
    fn kind(&self) -> TypeId;

    /// Opens the pipeline, from an encoded configuration.
    fn open(&self, config: &[u8], context: &'static WorkerContext) -> Result<Opened>;
}

/// The configuration of a recipe as bytes.
pub(crate) fn encode_config<C: Serialize>(config: &C) -> Result<Vec<u8>> {
    postcard::to_stdvec(config).map_err(|why| Error::Workers {
        why: format!("the configuration of the recipe cannot be encoded: {why}"),
    })
}

/// The configuration of a recipe from its bytes.
pub(crate) fn decode_config<C: DeserializeOwned>(config: &[u8]) -> Result<C> {
    postcard::from_bytes(config).map_err(|why| Error::Workers {
        why: format!(
            "the configuration of the recipe cannot be decoded: {why}; its Serialize and \
             Deserialize must agree"
        ),
    })
}
