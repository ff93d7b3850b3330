//! The settings of worker processes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::LoaderBuilder;
use super::builder::setters;
use crate::backend::{OnExit, OnStart, StartMethod};
use crate::stage::Pipeline;

/// Settings for worker processes.
///
/// None of them changes the content of a sample. Other backends ignore these settings.
impl<P: Pipeline> LoaderBuilder<P> {
    setters! {
        /// Limits the time for one sample in a worker process; no limit by default.
        ///
        /// The loader kills a worker that takes longer. Another worker tries the sample once more,
        /// as after a crash. Time during which the loader's own process was stopped or too busy to
        /// check does not count. The loader may therefore kill a worker up to an eighth of the
        /// limit later, and never before 3 ms. [`Duration::MAX`] is no limit; `build` refuses
        /// [`Duration::ZERO`].
        ///
        /// The limit covers making a sample and encoding it. Workers also decode some samples again
        /// to compare them, and the limit covers that too.
        fn sample_timeout(limit: Duration) => settings.sample_timeout = Some(limit);

        /// Limits the time that a worker process may take to open its pipeline; 30 s by default.
        ///
        /// [`Duration::MAX`] is no limit; `build` refuses [`Duration::ZERO`].
        fn startup_timeout(limit: Duration) => settings.startup_timeout = limit;

        /// Limits the memory of a worker process, in bytes of its resident set, at least 1 (Linux
        /// only).
        ///
        /// The loader replaces a larger worker between two samples. At twice the limit, the loader
        /// kills the worker at once.
        fn max_rss(bytes: u64) => settings.max_rss = Some(bytes);

        /// Limits the samples that a worker process makes before a new worker replaces it; at least
        /// 1, no limit by default.
        fn max_samples_per_worker(samples: u64) => settings.max_samples = Some(samples.max(1));

        /// Limits the workers that one sample may lose, each while working on it alone; 2 by
        /// default, at least 1.
        ///
        /// After that many losses the loader gives up the sample with
        /// [`Error::SampleLost`](crate::Error::SampleLost).
        fn max_losses(workers: u32) => losses = workers.max(1);

        /// Limits the workers that may be lost in a row; 16 by default. One more ends the stream
        /// with [`Error::Workers`](crate::Error::Workers).
        ///
        /// A worker that does not start counts as lost. A finished sample begins a new count. Failed
        /// starts in a row have a count of their own with the same limit, which a finished sample
        /// does not reset.
        fn max_crashes(workers: u32) => settings.max_crashes = workers;

        /// Sets how the loader starts worker processes; the environment variable
        /// `WINDROW_START_METHOD` overrides this setting.
        fn start_method(method: StartMethod) => settings.start_method = method;
    }

    /// Sets a program, with its arguments, that the loader starts for each worker instead of this
    /// one.
    ///
    /// The system looks for a path without a `/` in its search path for commands.
    ///
    /// The program's `main` begins with [`windrow::init()`](crate::init), and registers the recipe
    /// under the name given to [`registered_as`](Self::registered_as). The program is another build
    /// by design, so only the version of windrow and the platform must match this program's. The
    /// loader also compares the pipelines' descriptions. Descriptions do not cover closures, so
    /// build both programs from the same recipes.
    ///
    /// This program need not call `init` itself, for example if it is a library inside another
    /// program. The worker's last argument is `--windrow-worker`.
    #[must_use]
    pub fn worker_program(
        mut self,
        path: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        self.settings.program = Some((path.into(), arguments));
        self
    }

    /// Sets a launcher that runs the workers' program, such as an emulator, a debugger, `nice`,
    /// `env` or `valgrind`.
    ///
    /// The launcher receives these arguments, then the path of the worker program and the program's
    /// own arguments.
    ///
    /// The launcher must leave standard input to the program, because the worker communicates over
    /// it. The launcher must either become the program or be its parent. If the launcher waits for
    /// the program, the launcher's own exit status tells the loader how the worker ended.
    ///
    /// ```standalone_crate
    /// # windrow::init();
    /// # if cfg!(unix) {
    /// let loader = windrow::Loader::recipe(|end: u64, _| Ok(windrow::range(0..end)), 10);
    /// let gentle = loader.backend(windrow::Backend::Processes).worker_launcher("nice", ["-n", "5"]);
    /// assert_eq!(gentle.workers(1).build()?.count(), 10);
    /// # }
    /// # Ok::<_, windrow::Error>(())
    /// ```
    #[must_use]
    pub fn worker_launcher(
        mut self,
        path: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        self.settings.launcher = Some((path.into(), arguments));
        self
    }

    setters! {
        /// Sets the name under which [`register!`](crate::register) registers this loader's recipe,
        /// in this program and in the workers' program.
        ///
        /// Workers of any build find the recipe by this name. The hooks are those registered with
        /// the recipe.
        fn registered_as(name: impl Into<String>) => name = Some(name.into());

        /// Starts each line that a worker writes to standard error with the worker's number.
        fn prefix_stderr() => settings.prefix_stderr = true;

        /// Sets a hook that runs in each worker before the recipe. If the hook fails, the worker
        /// does not start.
        fn on_worker_start(hook: OnStart) => hooks.on_start = Some(hook);

        /// Sets a hook that runs in each worker after its last sample, at every orderly end.
        ///
        /// A worker ends in order when the caller closes the loader or the loader replaces the
        /// worker. See also [`WorkerContext::on_exit`](crate::WorkerContext::on_exit). Values that
        /// the hook adds to a [`Reducer`](crate::Reducer) count nowhere, since they have no
        /// position.
        fn on_worker_exit(hook: OnExit) => hooks.on_exit = Some(hook);
    }
}
