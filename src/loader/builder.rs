//! The builder of a loader, which checks all settings before anything runs.

pub(super) mod choices;
mod describe;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::batch::Point;
use super::digest::{self, Hasher, hash_of};
use super::environment::Environment;
use super::feed::Workers;
use super::incoming::Incoming;
use super::origin::{Ending, Origin};
use super::polls::{self, Polls};
use super::processes;
use super::reduction::{Reduction, Slot};
use super::run::Run;
use super::start::{plan, resume, tree, warn_of_no_batch};
use super::work::{Measure, Measured, RoundTrip, Work, round_trip};
use super::{Loader, OnError, times};
use crate::backend::settings::Settings;
use crate::backend::{self, Backend, ExecutionBackend, Fill, Hooks, log, process};
use crate::dataset::{Dataset, Keeping, at_least_one, bytes_of, discard};
use crate::error::{Error, Result};
use crate::order::{Epochs, State};
use crate::stage::{ParallelPipeline, Pipeline, Stages as _};

/// Starts a custom backend, given the work and a number of workers.
type Custom<T> = Box<dyn FnOnce(Arc<dyn Fill<T>>, u32) -> Result<Box<dyn ExecutionBackend<T>>>>;

/// Wraps the work of a loader so that threads can share it.
type Share<P> = fn(Work<<P as Pipeline>::Dataset>) -> Arc<dyn Fill<<P as Pipeline>::Sample>>;

/// Defines builder methods that set one field: `fn name(arguments) => field = value;`.
macro_rules! setters {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),*) => $($at:ident).+ = $value:expr;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $($arg: $type),*) -> Self {
            self.$($at).+ = $value;
            self
        }
    )*};
}
pub(crate) use setters;

/// The settings of a loader: see [`Loader::builder`].
///
/// Only the pipeline decides the content and the order of the batches. The settings decide how
/// workers make them, how often, and from which position on.
pub struct LoaderBuilder<P: Pipeline> {
    pipeline: Origin<P>,
    backend: Backend,
    custom: Option<Custom<P::Sample>>,
    workers: Option<u32>,
    prefetch: Option<u64>,
    prefetch_bytes: Option<u64>,
    measure: Option<Measure<P::Sample>>,
    on_error: OnError,
    retries: u32,
    pub(super) resume: Option<State>,
    hasher: Option<Hasher<P::Batch>>,
    round_trip: Option<RoundTrip<P::Sample>>,
    shutdown_timeout: Duration,
    warn_after: Duration,
    pub(super) epochs: Option<Epochs>,
    pub(super) losses: u32,
    pub(super) settings: Settings,
    pub(super) hooks: Hooks,
    pub(super) reducers: Vec<Slot>,
    pub(super) name: Option<String>,
}

impl Loader<()> {
    /// Returns the builder of a loader for a dataset, or for a dataset with stages after it.
    pub fn builder<P: Pipeline>(pipeline: P) -> LoaderBuilder<P> {
        LoaderBuilder::new(Origin::Here(pipeline))
    }
}

impl<P: Pipeline> LoaderBuilder<P> {
    pub(super) fn new(pipeline: Origin<P>) -> Self {
        process::not_a_lost_worker();
        Self {
            pipeline,
            backend: Backend::Auto,
            custom: None,
            workers: None,
            prefetch: None,
            prefetch_bytes: None,
            measure: None,
            on_error: OnError::Raise,
            retries: 0,
            resume: None,
            hasher: None,
            round_trip: None,
            shutdown_timeout: Duration::from_secs(5),
            warn_after: Duration::from_secs(60),
            epochs: None,
            losses: 2,
            settings: Settings::default(),
            hooks: Hooks::default(),
            reducers: Vec::new(),
            name: None,
        }
    }

    /// Sets the backend that makes the samples; [`Backend::Auto`] by default. The environment
    /// variable `WINDROW_BACKEND` overrides this setting.
    #[must_use]
    pub fn backend(self, backend: Backend) -> Self {
        Self { backend, custom: None, ..self }
    }

    /// Sets a custom backend, as a function that starts it. The environment variable
    /// `WINDROW_BACKEND` overrides this setting.
    #[must_use]
    pub fn custom_backend<F>(self, start: F) -> Self
    where
        F: FnOnce(Arc<dyn Fill<P::Sample>>, u32) -> Result<Box<dyn ExecutionBackend<P::Sample>>>
            + 'static,
    {
        Self { custom: Some(Box::new(start)), ..self }
    }

    setters! {
        /// Sets the number of workers, 0 to 1,024; by default one for each core.
        ///
        /// With 0 workers and no backend named, the caller's own thread makes the samples. The
        /// environment variable `WINDROW_WORKERS` overrides this setting.
        fn workers(workers: u32) => workers = Some(workers);

        /// Limits the samples ahead of the caller, finished or in progress; at least 1. By default
        /// only [`prefetch_bytes`](Self::prefetch_bytes) limits them.
        fn prefetch(samples: u64) => prefetch = Some(samples);

        /// Limits the bytes of samples ahead of the caller, finished or in progress; 32 MiB by
        /// default.
        ///
        /// Each worker may hold one sample whatever the limit. If samples suddenly become larger,
        /// workers still finish the groups that the loader handed out before.
        ///
        /// The loader measures records, tensors, plain values and `Vec`s of numbers. For other
        /// types, see [`sample_bytes`](Self::sample_bytes).
        fn prefetch_bytes(bytes: u64) => prefetch_bytes = Some(bytes);
    }

    /// Sets a function that returns the bytes of a sample, for types that windrow cannot measure.
    ///
    /// Without this function, a sample from a worker process counts as the bytes that crossed the
    /// process boundary. On other backends a sample counts as 64 bytes for each nanosecond that it
    /// took: the amount that a core could write in that time. There, up to 8 samples may be ahead
    /// of the caller whatever the limit, or as many as two batches of the ordered part take.
    #[must_use]
    pub fn sample_bytes(self, bytes: impl Fn(&P::Sample) -> u64 + Send + Sync + 'static) -> Self {
        Self { measure: Some(Box::new(move |sample| Some(bytes(sample)))), ..self }
    }

    setters! {
        /// Sets the policy for samples that fail; [`OnError::Raise`] by default.
        fn on_error(policy: OnError) => on_error = policy;

        /// Sets how often a worker tries a failed sample again before the sample counts as failed;
        /// 0 by default.
        ///
        /// Each try has the same random numbers, so retries help with reads that fail now and then.
        fn retries(retries: u32) => retries = retries;

        /// Resumes at a state of this pipeline, saved on any backend and with any error policy.
        ///
        /// Workers make no earlier sample again, except from the oldest sample that a stage held
        /// back.
        fn resume(state: &State) => resume = Some(state.clone());
    }

    /// Keeps a running digest of the batches: see [`digest_of`](super::digest_of). If workers make
    /// whole batches, they hash them too.
    #[must_use]
    pub fn digest(self) -> Self
    where
        P::Batch: Serialize,
    {
        Self { hasher: Some(hash_of), ..self }
    }

    /// Declares that samples can be encoded, so that `WINDROW_STRICT=1` can check that encoding
    /// keeps them.
    #[must_use]
    pub fn encodable(self) -> Self
    where
        P::Sample: Serialize + DeserializeOwned,
    {
        Self { round_trip: Some(round_trip), ..self }
    }

    setters! {
        /// Sets how long closing the loader waits for samples in progress; 5 s by default.
        fn shutdown_timeout(limit: Duration) => shutdown_timeout = limit;

        /// Sets how long the loader waits without a sample before it logs a warning that names the
        /// samples in progress; 60 s by default.
        fn warn_after(limit: Duration) => warn_after = limit;
    }

    /// Checks all settings, starts the workers and returns the loader.
    ///
    /// The dataset must be `Send` and `Sync`, since threads may have to share it. If a recipe's
    /// dataset is not, for example because it holds an [`Rc`](std::rc::Rc), use
    /// [`build_processes`](Self::build_processes).
    ///
    /// # Errors
    /// Returns the first error in an environment variable, a setting, the pipeline or the state, or
    /// an error that the backend is not available here.
    pub fn build(self) -> Result<Loader<P::Batch>>
    where
        P: ParallelPipeline,
    {
        self.build_by(Some(|work| Arc::new(work)))
    }

    /// Builds the loader like [`build`](Self::build), for a recipe whose dataset stays in the
    /// thread that opened it.
    ///
    /// Only worker processes make samples. Each worker opens the dataset in its only thread. This
    /// process also opens the dataset, in the caller's thread, and drops it once the length of the
    /// stream is known.
    ///
    /// ```standalone_crate
    /// use std::rc::Rc;
    /// use windrow::{Dataset, Loader, Result, WorkerContext, range};
    ///
    /// fn offset(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    ///     let offset = Rc::new(5);
    ///     Ok(range(0..end).map(move |x| x + *offset))
    /// }
    ///
    /// fn main() -> Result<()> {
    ///     windrow::init();
    ///     let loader = Loader::recipe(offset, 4).workers(2).build_processes()?;
    ///     let samples: Vec<u64> = loader.map(|x| Ok(x?.into_inner())).collect::<Result<_>>()?;
    ///     assert_eq!(samples, [5, 6, 7, 8]);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`build`](Self::build). Returns [`Error::Unsupported`] if the platform
    /// has no worker processes, if the pipeline is not a recipe, or if this builder or
    /// `WINDROW_BACKEND` names another backend.
    pub fn build_processes(self) -> Result<Loader<P::Batch>>
    where
        P::Sample: Send + 'static,
        P::Batch: 'static,
        P::Stages: Send + 'static,
    {
        self.build_by(None)
    }

    /// Builds the loader. Without a way to share the dataset, uses worker processes only.
    fn build_by(self, share: Option<Share<P>>) -> Result<Loader<P::Batch>>
    where
        P::Sample: Send + 'static,
        P::Batch: 'static,
        P::Stages: Send + 'static,
    {
        let environment = Environment::of_process()?;
        let strict = self.strict(&environment)?;
        processes::check(&self.settings)?;
        let (backend, workers) = self.choice(&environment, share.is_some())?;
        let mut limits = self.limits(backend, workers)?;
        let custom = self.custom.filter(|_| environment.backend.is_none());

        let (name, hooks) = match &self.pipeline {
            Origin::Here(_) | Origin::InProcess(_) => (None, self.hooks),
            Origin::Recipe(crossing) => {
                processes::named(self.name, crossing, &self.settings, self.hooks)?
            }
        };
        let is_recipe = !matches!(self.pipeline, Origin::Here(_));
        let mut ending = Ending::new(is_recipe, hooks, backend != Backend::Processes);
        let (pipeline, crossing) = match self.pipeline {
            Origin::Here(pipeline) => (pipeline, None),
            Origin::InProcess(open) => (open(ending.begin()?)?, None),
            Origin::Recipe(crossing) => (crossing.open(ending.begin()?)?, Some(crossing)),
        };
        let epochs = self.epochs.or(pipeline.epochs()).unwrap_or_default();
        at_least_one("epochs", epochs.count().unwrap_or(u64::MAX))?;
        let reading = pipeline.reading();
        let (dataset, mut stages) = pipeline.into_parts();
        let plan = Arc::new(plan(&dataset, &stages)?);
        let tree = tree(&dataset, &stages, plan.description())?;
        let has_gaps = dataset.has_gaps();
        if backend != Backend::Inline {
            limits.look_ahead(stages.inputs()?);
        }
        let hashes = digest::beside(self.hasher, &stages);
        let hashing = hashes.as_ref().map(|(hashes, _)| hashes.clone());
        let point = match &self.resume {
            Some(state) => resume(&plan, &mut stages, state, epochs, self.hasher.is_some())?,
            None => Point { digest: self.hasher.map(|_| digest::START), ..Point::default() },
        };
        let kind = (backend, custom.is_some());
        let incoming = Incoming::new(reading, kind, &limits, plan.len(), &point.mark)?;

        let reduction = Reduction::new(self.reducers, point.mark.position)?;
        let additions = reduction.as_ref().map(Reduction::additions).unwrap_or_default();
        let measure = self.measure.unwrap_or_else(|| Box::new(bytes_of));
        let mut settings = self.settings;
        (settings.ahead_bytes, settings.additions) = (limits.bytes, additions.clone());
        settings.hashes = hashing.clone();
        settings.start_method = environment.start_method.unwrap_or(settings.start_method);
        let profiler = polls::start(&settings, &tree, workers);
        let (ours, polls) = (profiler.clone(), Polls::of(profiler.as_ref(), &stages));
        incoming.iter().filter(|_| ours.is_some()).for_each(Incoming::time);
        let backend = match (custom, crossing, share) {
            (None, Some(crossing), _) if backend == Backend::Processes => {
                // Each worker opens its own dataset, so this process needs none.
                discard(dataset);
                let work = Arc::new(Measured(measure, profiler));
                processes::start(&crossing, name.as_deref(), hooks, &plan, workers, settings, work)?
            }
            (custom, _, Some(share)) => {
                let work = share(Work { dataset, measure, strict, additions, hashes, profiler });
                match custom {
                    Some(custom) => custom(work, workers)?,
                    None => backend::start(backend, work, workers)?,
                }
            }
            _ => return Err(processes::alone("a custom backend, or a pipeline without a recipe")),
        };
        if reduction.is_some() && !backend.brings_additions() {
            return Err(Error::Unsupported {
                what: format!("reduce with backend {}", backend.info().name),
                why: "its workers do not send the values that samples add to reducers".into(),
                instead: "use backend inline, threads or processes".into(),
            });
        }
        log::info("loader", || {
            let name = backend.info().name;
            format!("{name}, {} workers, from position {}", backend.workers(), point.mark.position)
        });
        let ends = (
            plan.start_of(point.mark.epoch.saturating_add(1)),
            plan.start_of(epochs.count().unwrap_or(u64::MAX)),
        );
        warn_of_no_batch(&plan, self.resume.is_some(), point.mark.position >= ends.1, epochs);
        let warn_after = self.warn_after.max(Duration::from_millis(1));
        let mut workers =
            Workers::new(backend, &point.mark, ends, limits, self.on_error, warn_after, reduction);
        (workers.hashes, workers.incoming) = (hashing, incoming);
        let mut stream = Run {
            reported: point.mark.reported,
            plan: plan.clone(),
            epoch: point.mark.epoch,
            epochs,
            held: if workers.remaking.is_some() { point.mark.stages.clone() } else { Vec::new() },
            failed: false,
            broken: None,
            has_gaps,
            polls,
            workers,
            stages,
        };
        let point = match self.resume {
            Some(_) => point,
            // Saves the cursors of stages that have seen no sample yet.
            None => Point { mark: stream.mark()?, ..point },
        };
        Ok(Loader {
            stream: Box::new(stream),
            plan,
            tree,
            point,
            epochs,
            empty_epochs: 0,
            hasher: self.hasher,
            shutdown_timeout: self.shutdown_timeout,
            open: true,
            stays_open: false,
            epoch_starts: Vec::new(),
            entered: None,
            ending: Some(ending),
            keeping: Some(Keeping::new()),
            times: times::Times::default(),
            profiler: ours,
        })
    }
}
