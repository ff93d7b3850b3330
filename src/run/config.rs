//! The settings of a run.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use super::progress::Progress;
use crate::backend::settings::Settings;
use crate::backend::{Backend, Hooks, OnExit, OnStart, StartMethod};
use crate::dataset::reduce::Key;
use crate::dataset::{Reduce, Reducer};
use crate::loader::setters;
use crate::sink::Partition;

/// A function that receives the progress of a run, and says whether the run goes on.
pub(super) type OnProgress = Box<dyn FnMut(&Progress) -> ControlFlow<()>>;

/// The indices that a run executes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Indices {
    /// All indices of the pipeline.
    #[default]
    All,
    /// These indices, in any order; an index that occurs twice counts once.
    ///
    /// A group of the sink then has only those of its indices that occur here. With a record, a group
    /// of which the record has results must occur whole.
    Some(Vec<u64>),
}

/// The settings of a run: see [`run`](super::run).
///
/// The backend and the number of workers never change what a sink writes. [`indices`](Self::indices)
/// does. So do the settings that decide whether an index fails, such as [`retries`](Self::retries):
/// a failed index has no effect.
pub struct RunConfig {
    pub(super) backend: Backend,
    pub(super) workers: Option<u32>,
    pub(super) retries: u32,
    pub(super) losses: u32,
    pub(super) indices: Indices,
    pub(super) source: Partition,
    pub(super) strict: bool,
    pub(super) record: Option<PathBuf>,
    pub(super) retry_failed: bool,
    pub(super) result_bytes: u64,
    pub(super) shutdown_timeout: Duration,
    pub(super) on_progress: Option<OnProgress>,
    pub(super) reducers: Vec<Key>,
    pub(super) settings: Settings,
    pub(super) hooks: Hooks,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl RunConfig {
    /// Creates the default settings.
    #[must_use]
    pub fn new() -> Self {
        Self {
            backend: Backend::Auto,
            workers: None,
            retries: 0,
            losses: 2,
            indices: Indices::All,
            source: Partition::Each,
            strict: false,
            record: None,
            retry_failed: false,
            result_bytes: 256 << 20,
            shutdown_timeout: Duration::from_secs(5),
            on_progress: None,
            reducers: Vec::new(),
            settings: Settings::default(),
            hooks: Hooks::NONE,
        }
    }

    /// Sets a function that receives the progress. [`ControlFlow::Break`] stops the run.
    ///
    /// The run calls the function after finished groups, and at the end. With threads and worker
    /// processes, the run also calls the function at least ten times a second.
    ///
    /// Groups in progress then stay open. A run with the same record goes on with them.
    #[must_use]
    pub fn on_progress(self, told: impl FnMut(&Progress) -> ControlFlow<()> + 'static) -> Self {
        Self { on_progress: Some(Box::new(told)), ..self }
    }

    /// Collects the values that samples add to a reducer, for
    /// [`Report::reduced`](super::Report::reduced).
    ///
    /// A run collects at most 64 reducers, each with a different name. The record has the values
    /// beside the results, so a run that goes on has them too. A record of other reducers is
    /// refused. The values count for [`max_result_bytes`](Self::max_result_bytes).
    #[must_use]
    pub fn reduce<T: Reduce>(mut self, reducer: Reducer<T>) -> Self {
        self.reducers.push(reducer.key());
        self
    }

    setters! {
        /// Sets the backend; [`Backend::Auto`] by default. The environment variable
        /// `WINDROW_BACKEND` overrides this setting.
        fn backend(backend: Backend) => backend = backend;

        /// Sets the number of workers, 0 to 1,024; by default one for each core.
        ///
        /// With 0 workers and no backend named, the caller's own thread does the work. The
        /// environment variable `WINDROW_WORKERS` overrides this setting.
        fn workers(workers: u32) => workers = Some(workers);

        /// Sets how often a worker tries again to make a failed sample; 0 by default. A worker does
        /// not try a failed write again, since the sink has consumed the sample.
        fn retries(retries: u32) => retries = retries;

        /// Sets which indices run; all by default.
        fn indices(indices: Indices) => indices = indices;

        /// Sets which indices one worker must take in ascending order because of the source. By
        /// default each index is free.
        ///
        /// An example is the pages of one book.
        ///
        /// The run joins these groups with the groups of the sink that share an index with them.
        fn keep_together(source: Partition) => source = source;

        /// Refuses groups that only the join of source and sink makes; off by default.
        ///
        /// Such groups are larger than either side asks for, and fewer workers can share the work.
        fn strict() => strict = true;

        /// Sets the file that records finished groups; none by default.
        ///
        /// If the file exists, the run goes on where the recorded one ended. The run writes only
        /// groups that have open indices. A record of another pipeline or sink is refused.
        ///
        /// The run appends a group after the sink has finished the group. A killed program loses no
        /// recorded group. The file goes to the disk at least once a second, and at the end. If the
        /// machine itself stops, the next run writes again the groups of the last second.
        fn record(path: impl Into<PathBuf>) => record = Some(path.into());

        /// Runs the indices again that failed in the recorded run; off by default.
        ///
        /// The sink writes the whole group of a failed index again.
        fn retry_failed() => retry_failed = true;

        /// Limits the bytes of all results, in the encoding of the record and with 64 bytes more
        /// for each index; 256 MiB by default. Results past the limit end the run with an error.
        /// Values for reducers count too, with 64 bytes more for each index that adds one.
        fn max_result_bytes(bytes: u64) => result_bytes = bytes;

        /// Sets how long a stopped run waits for indices in progress; 5 s by default.
        fn shutdown_timeout(limit: Duration) => shutdown_timeout = limit;

        /// Limits the time for one index in a worker process, from its sample to its write; no limit
        /// by default.
        ///
        /// The run kills a worker that takes longer, and tries the group once more.
        fn sample_timeout(limit: Duration) => settings.sample_timeout = Some(limit);

        /// Limits the time that a worker process may take to open pipeline and sink; 30 s by
        /// default.
        fn startup_timeout(limit: Duration) => settings.startup_timeout = limit;

        /// Limits the memory of a worker process, in bytes of its resident set, at least 1 (Linux
        /// only).
        fn max_rss(bytes: u64) => settings.max_rss = Some(bytes);

        /// Limits the indices that a worker process takes before a new worker replaces it; at least
        /// 1, no limit by default. A worker finishes its group, also if the group is longer.
        fn max_samples_per_worker(samples: u64) => settings.max_samples = Some(samples.max(1));

        /// Limits the workers that one index may lose; 2 by default, at least 1. The index then
        /// counts as failed, and its group goes on without it.
        fn max_losses(workers: u32) => losses = workers.max(1);

        /// Limits the workers that may be lost in a row; 16 by default. One more ends the run with
        /// [`Error::Workers`](crate::Error::Workers).
        fn max_crashes(workers: u32) => settings.max_crashes = workers;

        /// Sets how the run starts worker processes; the environment variable
        /// `WINDROW_START_METHOD` overrides this setting.
        fn start_method(method: StartMethod) => settings.start_method = method;

        /// Starts each line that a worker process writes to standard error with the worker's number.
        fn prefix_stderr() => settings.prefix_stderr = true;

        /// Sets the initializer: a function that runs in each worker process before the recipe. On
        /// other backends, the function runs once in this process.
        fn on_worker_start(hook: OnStart) => hooks.on_start = Some(hook);

        /// Sets the finalizer: a function that runs in each worker process after its last group, at
        /// every orderly end. On other backends, the function runs once in this process.
        fn on_worker_exit(hook: OnExit) => hooks.on_exit = Some(hook);
    }
}

impl std::fmt::Debug for RunConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunConfig")
            .field("backend", &self.backend)
            .field("workers", &self.workers)
            .field("indices", &self.indices)
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}
