//! What a loader says to worker processes: their settings, and when they are chosen.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::LoaderBuilder;
use super::recipe::{Crossing, Origin};
use crate::backend::process::{self, Processes};
use crate::backend::recipe::Expected;
use crate::backend::settings::Settings;
use crate::backend::{
    Backend, ExecutionBackend, Fill, Hooks, OnExit, OnStart, StartMethod, WorkerContext, log,
};
use crate::dataset::caught;
use crate::error::{Error, Result};
use crate::order::Plan;
use crate::stage::Pipeline;

/// Settings for worker processes. None of them changes what a sample is; other backends do not
/// look at them.
impl<P: Pipeline> LoaderBuilder<P> {
    /// How long one sample may take in a worker process; without a limit by default.
    ///
    /// A worker that takes longer is killed, and the sample is tried once more in another, as after
    /// a crash. Time in which the loader's own process was stopped or too busy to look does not
    /// count, so a worker may be killed up to an eighth later, and no sooner than after 3 ms.
    /// [`Duration::MAX`] is no limit; [`Duration::ZERO`] is refused by `build`.
    ///
    /// What counts is making a sample and encoding it. Some are read again there, which counts too.
    #[must_use]
    pub fn sample_timeout(mut self, limit: Duration) -> Self {
        self.settings.sample_timeout = Some(limit);
        self
    }

    /// How long a worker process may take to open its pipeline; 30 s by default.
    ///
    /// [`Duration::MAX`] is no limit; [`Duration::ZERO`] is refused by `build`.
    #[must_use]
    pub fn startup_timeout(mut self, limit: Duration) -> Self {
        self.settings.startup_timeout = limit;
        self
    }

    /// What a worker process may occupy, in bytes, at least 1 (its resident set; Linux). One that has grown
    /// larger is replaced between two samples; at twice as much it is killed at once.
    #[must_use]
    pub fn max_rss(mut self, bytes: u64) -> Self {
        self.settings.max_rss = Some(bytes);
        self
    }

    /// How many samples a worker process makes at most before it is replaced by a new one, at least
    /// 1; without a bound by default.
    #[must_use]
    pub fn max_samples_per_worker(mut self, samples: u64) -> Self {
        self.settings.max_samples = Some(samples.max(1));
        self
    }

    /// How many workers one sample may lose, each working on it alone, before it is given up with
    /// [`Error::SampleLost`](crate::Error::SampleLost); 2 by default, at least 1.
    #[must_use]
    pub fn max_losses(mut self, workers: u32) -> Self {
        self.losses = workers.max(1);
        self
    }

    /// How many workers may be lost in a row before the loader gives up with
    /// [`Error::Workers`](crate::Error::Workers); 16 by default.
    ///
    /// One that does not start counts as lost. A sample made in between begins a new row, but for
    /// starts, of which as many may fail in a row as workers may be lost.
    #[must_use]
    pub fn max_crashes(mut self, workers: u32) -> Self {
        self.settings.max_crashes = workers;
        self
    }

    /// How worker processes are started; `WINDROW_START_METHOD` overrides it.
    #[must_use]
    pub fn start_method(mut self, method: StartMethod) -> Self {
        self.settings.start_method = method;
        self
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

    /// The name under which [`register!`](crate::register) has this loader's recipe, here and in
    /// the program of the workers. They find the recipe by it, in whatever build; hooks are those
    /// that were registered with it.
    #[must_use]
    pub fn registered_as(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Begins each line that a worker writes to standard error with the worker's number.
    #[must_use]
    pub fn prefix_stderr(mut self) -> Self {
        self.settings.prefix_stderr = true;
        self
    }

    /// Runs in each worker before the recipe. An error keeps the worker from starting.
    #[must_use]
    pub fn on_worker_start(mut self, hook: OnStart) -> Self {
        self.hooks.on_start = Some(hook);
        self
    }

    /// Runs in each worker after its last sample, at every orderly end: when the loader is closed
    /// and when the worker is replaced. See also [`WorkerContext::on_exit`].
    ///
    /// What it adds to a [`Reducer`](crate::Reducer) counts nowhere, since it has no position.
    #[must_use]
    pub fn on_worker_exit(mut self, hook: OnExit) -> Self {
        self.hooks.on_exit = Some(hook);
        self
    }
}

/// Refuses values with which no worker could make a sample.
pub(super) fn check(settings: &Settings) -> Result<()> {
    let refused = [
        ("sample_timeout", settings.sample_timeout == Some(Duration::ZERO)),
        ("startup_timeout", settings.startup_timeout.is_zero()),
        ("max_rss", settings.max_rss == Some(0)),
    ];
    match refused.into_iter().find(|(_, refused)| *refused) {
        Some((name, _)) => Err(Error::Setting {
            name: name.into(),
            value: "0".into(),
            allowed: "more than 0".into(),
        }),
        None => Ok(()),
    }
}

/// The name by which workers find the recipe, where they do, and the hooks of workers.
pub(super) fn named(
    name: Option<String>,
    crossing: &Crossing<impl Pipeline>,
    settings: &Settings,
    hooks: Hooks,
) -> Result<(Option<String>, Hooks)> {
    let name = match name {
        None if settings.program.is_none() => return Ok((None, hooks)),
        None => crossing.name.map(Into::into).ok_or_else(|| Error::Unsupported {
            what: "worker_program".into(),
            why: "a recipe without a name is known to this program only".into(),
            instead: "name it with windrow::register! in both programs, and give the name to \
                      .registered_as(name); or leave out worker_program, if it was meant as a \
                      worker_launcher of this program"
                .into(),
        })?,
        Some(name) => name,
    };
    if hooks.on_start.is_some() || hooks.on_exit.is_some() {
        return Err(Error::Unsupported {
            what: "on_worker_start or on_worker_exit of a recipe that has a name".into(),
            why: "they are functions of this program only".into(),
            instead: "give them to windrow::register! as the third argument".into(),
        });
    }
    let hooks = process::registered(&name, crossing.kind)?;
    Ok((Some(name), hooks))
}

/// The backend that a choice means for this kind of pipeline.
///
/// # Errors
/// Why there can be no processes, when these were asked for by name.
pub(super) fn choice(asked: Backend, is_recipe: bool, settings: &Settings) -> Result<Backend> {
    if !is_recipe || !matches!(asked, Backend::Auto | Backend::Processes) {
        return Ok(asked);
    }
    match (asked, process::ready(settings)) {
        (_, Ok(())) => Ok(Backend::Processes),
        (Backend::Processes, Err(error)) => Err(error),
        (_, Err(error)) => {
            let instead = Backend::Auto.resolve()?.name;
            log::warn("loader", || format!("auto takes {instead}: {error}"));
            Ok(Backend::Auto)
        }
    }
}

/// That something cannot be had with `build_processes`.
pub(super) fn alone(what: &str) -> Error {
    Error::Unsupported {
        what: format!("{what} with build_processes()"),
        why: "it makes samples in worker processes and nowhere else".into(),
        instead: "give it a recipe and backend processes, or call build(), for which the dataset \
                  must be Send and Sync"
            .into(),
    }
}

/// Starts worker processes.
pub(super) fn start<P: Pipeline>(
    crossing: &Crossing<P>,
    name: Option<&str>,
    hooks: Hooks,
    plan: &Plan,
    workers: u32,
    settings: Settings,
    work: Arc<dyn Fill<P::Sample>>,
) -> Result<Box<dyn ExecutionBackend<P::Sample>>>
where
    P::Sample: Send + 'static,
{
    let expected = Expected { positions: plan.len(), pipeline: plan.description().to_string() };
    let launch = crossing.launch(name, hooks)?;
    let backend = Processes::start(launch, expected, workers, settings, crossing.decode, work)?;
    Ok(Box::new(backend))
}

/// The context of a recipe in the loader's own process. When it is dropped, what is to run at the
/// end of a worker runs.
pub(super) struct Ending {
    context: Option<&'static WorkerContext>,
    hooks: Hooks,
    begun: bool,
}

impl Ending {
    /// `works_here` says whether this process makes samples, and so runs the hooks of a worker.
    pub(super) fn new<P: Pipeline>(origin: &Origin<P>, hooks: Hooks, works_here: bool) -> Self {
        let context = (!matches!(origin, Origin::Here(_))).then(WorkerContext::of_loader);
        let hooks = if works_here { hooks } else { Hooks::default() };
        Self { context, hooks, begun: false }
    }

    /// Runs what comes before the recipe, and gives its context.
    pub(super) fn begin(&mut self) -> Result<&'static WorkerContext> {
        let context = self.context.unwrap_or_else(|| unreachable!("only recipes are begun"));
        if let Some(hook) = self.hooks.on_start {
            caught(|| hook(context)).map_err(|fault| fault.by("on_worker_start"))??;
        }
        self.begun = true;
        Ok(context)
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let Some(context) = self.context else { return };
        context.end();
        if let Some(hook) = self.hooks.on_exit.filter(|_| self.begun) {
            _ = caught(|| hook(context));
        }
        context.spare();
    }
}
