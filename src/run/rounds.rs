//! The start of a run, and its rounds.
//!
//! Most runs have one round. An index may end its workers while its group has other indices. Then the
//! rest of the group waits for a round of new workers, which leave out that index.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::config::RunConfig;
use super::driver::Driver;
use super::groups::Layout;
use super::opened::{Ready, chosen};
use super::outcomes::Outcomes;
use super::report::Report;
use super::scheduler::Scheduler;
use super::work::{GroupWork, Made, Order};
use crate::backend::process::{self, Launch, Processes};
use crate::backend::settings::Settings;
use crate::backend::{self, Backend, ExecutionBackend, Fill, Hooks, WorkerContext, clock, log};
use crate::dataset::reduce::Key;
use crate::dataset::wire::decode_owned;
use crate::dataset::{Keeping, SampleResult};
use crate::error::{Error, Fault, Result};
use crate::loader::{Ending, Environment, check, choice, opened, warn_of_no_effect};
use crate::sink::Sink;
use crate::stage::ParallelPipeline;

/// A function that makes the message for a worker process.
pub(super) type ToLaunch = Box<dyn Fn(&Order, Hooks) -> Result<Launch>>;

/// A function that starts a backend, whose workers leave out some positions.
type Begin<'a, O> = Box<dyn Fn(&BTreeSet<u64>) -> Result<Box<dyn ExecutionBackend<Made<O>>>> + 'a>;

/// The start of a run.
pub(super) struct Start {
    pub(super) config: RunConfig,
    pub(super) launch: Option<ToLaunch>,
}

impl Start {
    /// Opens pipeline and sink, and runs all open groups.
    pub(super) fn run<P, K>(
        self,
        open: impl FnOnce(&'static WorkerContext) -> Result<(P, K)>,
    ) -> Result<Report<K::Output>>
    where
        P: ParallelPipeline,
        K: Sink<P::Sample> + Send + Sync + 'static,
        K::Output: Serialize + DeserializeOwned + Send + 'static,
    {
        process::not_a_lost_worker();
        let Self { mut config, launch } = self;
        let environment = Environment::of_process()?;
        check(&config.settings)?;
        // The order in which the caller names reducers changes nothing, in the record either.
        config.reducers.sort_by(|one, other| one.name.cmp(&other.name));
        Key::check(&config.reducers)?;
        let asked = environment.backend.unwrap_or(config.backend);
        let workers = environment.workers.or(config.workers);
        if asked == Backend::Processes && launch.is_none() {
            return Err(Error::Unsupported {
                what: "backend processes".into(),
                why: "a dataset and a sink cannot be sent to another process".into(),
                instead: "call run_recipe or run_spec, or use backend threads".into(),
            });
        }
        let (backend, workers) = choice(asked, workers, launch.is_some(), &config.settings)?;
        let settings = &mut config.settings;
        settings.start_method = environment.start_method.unwrap_or(settings.start_method);
        warn_of_no_effect("run", backend, settings);
        let mut ending = Ending::new(true, config.hooks, backend != Backend::Processes);
        let context = ending.begin()?;
        let (pipeline, sink) = opened(|| open(context))?;
        let ready = Ready::new(pipeline, sink, &config.reducers)?;
        let order = Order {
            some: chosen(&config.indices, ready.header.len)?,
            source: config.source.clone(),
            retries: config.retries,
            reducers: config.reducers.clone(),
            left_out: BTreeSet::new(),
        };
        let layout = ready.layout(&order, config.strict)?;
        let (outcomes, settled) = Outcomes::open(&config, &ready.header, &layout, &ready.parts()?)?;
        let scheduler = Scheduler::new(layout.clone(), settled, config.losses);
        let begin: Begin<'_, K::Output> = match launch.filter(|_| backend == Backend::Processes) {
            // Each worker process opens its own pipeline and sink.
            Some(launch) => in_processes(ready, launch, &layout, order, workers, &config),
            None => in_process(ready.work(layout, order)?, backend, workers),
        };
        let mut driver = Driver {
            scheduler,
            outcomes,
            on_progress: config.on_progress.take(),
            left_out: Vec::new(),
            started: clock::now(),
        };
        let ran = rounds(&mut driver, &begin, config.shutdown_timeout);
        // What is recorded is true, whatever ended the run.
        let synced = driver.outcomes.sync();
        drop(begin);
        drop(ending);
        ran.and(synced)?;
        let idle = vec![None; driver.outcomes.progress.workers.len()];
        _ = driver.tell(idle);
        Ok(driver.outcomes.report(config.reducers))
    }
}

/// Runs rounds until all groups have ended, or the caller stops the run.
fn rounds<O: Serialize + DeserializeOwned>(
    driver: &mut Driver<O>,
    begin: &Begin<'_, O>,
    limit: std::time::Duration,
) -> Result<()> {
    let _keeping = Keeping::new();
    while !driver.scheduler.is_finished() {
        let mut backend = begin(driver.scheduler.left_out())?;
        let ran = driver.round(&mut *backend);
        for position in backend.shutdown(limit) {
            let index = driver.scheduler.layout().index(position);
            log::warn("run", || format!("a worker was still at index {index} after {limit:?}"));
        }
        if ran?.is_break() {
            break;
        }
    }
    Ok(())
}

/// Returns the start of workers in this process.
fn in_process<'a, D, K>(
    work: GroupWork<D, K>,
    backend: Backend,
    workers: u32,
) -> Begin<'a, K::Output>
where
    D: crate::dataset::Dataset + Send + Sync + 'static,
    K: Sink<D::Sample> + Send + Sync + 'static,
    K::Output: Send + 'static,
{
    Box::new(move |left_out| backend::start(backend, Arc::new(work.leaving_out(left_out)), workers))
}

/// Returns the start of worker processes.
fn in_processes<'a, D, K>(
    ready: Ready<D, K>,
    launch: ToLaunch,
    layout: &Layout,
    order: Order,
    workers: u32,
    config: &RunConfig,
) -> Begin<'a, K::Output>
where
    D: crate::dataset::Dataset,
    K: Sink<D::Sample>,
    K::Output: Serialize + DeserializeOwned + Send + 'static,
{
    let expected = ready.expected(layout);
    let (settings, hooks): (Settings, Hooks) = (config.settings.clone(), config.hooks);
    Box::new(move |left_out| {
        let launch = launch(&Order { left_out: left_out.clone(), ..order.clone() }, hooks)?;
        let (decode, work) = (decode_owned::<Made<K::Output>>, Arc::new(Elsewhere));
        let (expected, settings) = (expected.clone(), settings.clone());
        Ok(Box::new(Processes::start(launch, expected, workers, settings, decode, work)?))
    })
}

/// The work of the caller's process with backend processes: none.
struct Elsewhere;

impl<T> Fill<T> for Elsewhere {
    fn fill(&self, _: u64) -> SampleResult<T> {
        Err(Fault::new("only worker processes do the work of this run"))
    }
}
