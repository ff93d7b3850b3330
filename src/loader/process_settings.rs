//! The settings of worker processes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::LoaderBuilder;
use super::builder::setters;
use crate::backend::{OnExit, OnStart, StartMethod};
use crate::stage::Pipeline;

/// Settings for worker processes. None of them changes what a sample is; other backends do not
/// look at them.
impl<P: Pipeline> LoaderBuilder<P> {
    setters! {
        /// How long one sample may take in a worker process; without a limit by default.
        ///
        /// A worker that takes longer is killed, and the sample is tried once more in another, as after
        /// a crash. Time in which the loader's own process was stopped or too busy to look does not
        /// count, so a worker may be killed up to an eighth later, and no sooner than after 3 ms.
        /// [`Duration::MAX`] is no limit; [`Duration::ZERO`] is refused by `build`.
        ///
        /// What counts is making a sample and encoding it. Some are read again there, which counts too.
        fn sample_timeout(limit: Duration) => settings.sample_timeout = Some(limit);

        /// How long a worker process may take to open its pipeline; 30 s by default.
        ///
        /// [`Duration::MAX`] is no limit; [`Duration::ZERO`] is refused by `build`.
        fn startup_timeout(limit: Duration) => settings.startup_timeout = limit;

        /// What a worker process may occupy, in bytes, at least 1 (its resident set; Linux). One that has grown
        /// larger is replaced between two samples; at twice as much it is killed at once.
        fn max_rss(bytes: u64) => settings.max_rss = Some(bytes);

        /// How many samples a worker process makes at most before it is replaced by a new one, at least
        /// 1; without a bound by default.
        fn max_samples_per_worker(samples: u64) => settings.max_samples = Some(samples.max(1));

        /// How many workers one sample may lose, each working on it alone, before it is given up with
        /// [`Error::SampleLost`](crate::Error::SampleLost); 2 by default, at least 1.
        fn max_losses(workers: u32) => losses = workers.max(1);

        /// How many workers may be lost in a row before the loader gives up with
        /// [`Error::Workers`](crate::Error::Workers); 16 by default.
        ///
        /// One that does not start counts as lost. A sample made in between begins a new row, but for
        /// starts, of which as many may fail in a row as workers may be lost.
        fn max_crashes(workers: u32) => settings.max_crashes = workers;

        /// How worker processes are started; `WINDROW_START_METHOD` overrides it.
        fn start_method(method: StartMethod) => settings.start_method = method;
    }

    /// A program to start for each worker instead of this one, with its arguments. A path without
    /// a `/` is looked for where the system looks for commands.
    ///
    /// Its `main` begins with [`windrow::init()`](crate::init), and it registers the recipe under
    /// the name that is given to [`registered_as`](Self::registered_as). It is another build by
    /// design, so only the version of windrow and the platform must be this program's. What the
    /// pipeline says of itself is compared too; closures are not seen in that, so see to it that
    /// both programs are built from the same recipes.
    ///
    /// This program need not call `init` itself: it may be a library in somebody else's. The last
    /// argument that the worker sees is `--windrow-worker`.
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

    /// A command that runs the workers' program: it is started with these arguments, then the path
    /// of the program and what that is given. An emulator, a debugger, `nice`, `env`, `valgrind`.
    ///
    /// The launcher must leave standard input to the program, over which the worker speaks, and
    /// either become it or be its parent. Where it waits for the program, how a worker ended is
    /// what the launcher says of it.
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
        /// The name under which [`register!`](crate::register) has this loader's recipe, here and in
        /// the program of the workers. They find the recipe by it, in whatever build; hooks are those
        /// that were registered with it.
        fn registered_as(name: impl Into<String>) => name = Some(name.into());

        /// Begins each line that a worker writes to standard error with the worker's number.
        fn prefix_stderr() => settings.prefix_stderr = true;

        /// Runs in each worker before the recipe. An error keeps the worker from starting.
        fn on_worker_start(hook: OnStart) => hooks.on_start = Some(hook);

        /// Runs in each worker after its last sample, at every orderly end: when the loader is closed
        /// and when the worker is replaced. See also [`WorkerContext::on_exit`](crate::WorkerContext::on_exit).
        ///
        /// What it adds to a [`Reducer`](crate::Reducer) counts nowhere, since it has no position.
        fn on_worker_exit(hook: OnExit) => hooks.on_exit = Some(hook);
    }
}
