//! What a loader says to worker processes: their settings, and when they are chosen.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Builder;
use super::recipe::{Crossing, Origin};
use crate::backend::process::{self, Processes};
use crate::backend::recipe::Expected;
use crate::backend::settings::Settings;
use crate::backend::{
    Backend, ExecutionBackend, Fill, Hooks, OnExit, OnStart, StartMethod, WorkerContext, log,
};
use crate::error::Result;
use crate::order::Plan;
use crate::stage::Pipeline;

/// Settings for worker processes. None of them changes what a sample is; other backends do not
/// look at them.
impl<P: Pipeline> Builder<P> {
    /// How long one sample may take in a worker process; without a limit by default.
    ///
    /// A worker that takes longer is killed, and the sample is tried once more in another, as after
    /// a crash.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.settings.timeout = Some(limit.max(Duration::from_millis(1)));
        self
    }

    /// How long a worker process may take to open its pipeline; 30 s by default.
    #[must_use]
    pub fn startup_timeout(mut self, limit: Duration) -> Self {
        self.settings.startup_timeout = limit.max(Duration::from_millis(1));
        self
    }

    /// What a worker process may occupy, in bytes (its resident set; Linux). One that has grown
    /// larger is replaced between two samples; at twice as much it is killed at once.
    #[must_use]
    pub fn max_rss(mut self, bytes: u64) -> Self {
        self.settings.max_rss = Some(bytes);
        self
    }

    /// How many samples a worker process makes at most before it is replaced by a new one, at least
    /// 1; without a bound by default.
    #[must_use]
    pub fn max_tasks_per_worker(mut self, samples: u64) -> Self {
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

    /// How many workers may be lost in a row, without one sample made in between, before the loader
    /// gives up with [`Error::Workers`](crate::Error::Workers); 16 by default.
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

    /// What is started for a worker instead of this program: a launcher such as an emulator or a
    /// debugger, with this program's path among its arguments.
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

/// The backend that a choice means for this kind of pipeline.
///
/// # Errors
/// Why there can be no processes, when these were asked for by name.
pub(super) fn choice(asked: Backend, is_recipe: bool) -> Result<Backend> {
    if !is_recipe || !matches!(asked, Backend::Auto | Backend::Processes) {
        return Ok(asked);
    }
    match (asked, process::ready()) {
        (_, Ok(())) => Ok(Backend::Processes),
        (Backend::Processes, Err(error)) => Err(error),
        (_, Err(error)) => {
            let instead = Backend::Auto.resolve()?.name;
            log::warn("loader", || format!("auto takes {instead}: {error}"));
            Ok(Backend::Auto)
        }
    }
}

/// Starts worker processes.
pub(super) fn start<P: Pipeline>(
    crossing: &Crossing<P>,
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
    let launch = crossing.launch(hooks)?;
    let backend = Processes::start(launch, expected, workers, settings, crossing.decode, work)?;
    Ok(Box::new(backend))
}

/// The context of a recipe in the loader's own process, and what is run at its end.
pub(super) struct Ending {
    context: Option<&'static WorkerContext>,
    hooks: Hooks,
}

impl Ending {
    /// `works_here` says whether this process makes samples, and so runs the hooks of a worker.
    pub(super) fn new<P: Pipeline>(origin: &Origin<P>, hooks: Hooks, works_here: bool) -> Self {
        // A pipeline may keep its context, so it lives as long as the process.
        let context = || &*Box::leak(Box::new(WorkerContext::new(0, 1, 0, false)));
        let context = matches!(origin, Origin::Recipe(_)).then(context);
        Self { context, hooks: if works_here { hooks } else { Hooks::default() } }
    }

    /// Runs what comes before the recipe, and gives its context.
    pub(super) fn begin(&self) -> Result<&'static WorkerContext> {
        let context = self.context.unwrap_or_else(|| unreachable!("only recipes are begun"));
        self.hooks.on_start.map_or(Ok(()), |hook| hook(context))?;
        Ok(context)
    }

    pub(super) fn run(self) {
        if let Some(context) = self.context {
            context.end();
            if let Some(hook) = self.hooks.on_exit {
                hook(context);
            }
        }
    }
}
