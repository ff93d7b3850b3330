//! Describing a loader, and checking all of it before anything runs.

mod choices;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::batch::Point;
use super::digest::{self, Hasher, hash_of};
use super::environment::Environment;
use super::feed::Workers;
use super::origin::{Ending, Origin};
use super::processes;
use super::reduction::{Reduction, Slot};
use super::run::Run;
use super::start::{plan, resume};
use super::work::{Measure, Measured, RoundTrip, Work, bytes_of, round_trip};
use super::{Loader, OnError};
use crate::backend::settings::Settings;
use crate::backend::{self, Backend, ExecutionBackend, Fill, Hooks, log, process};
use crate::dataset::{Dataset, Keeping, at_least_one, discard};
use crate::error::{Error, Result};
use crate::order::{Epochs, State};
use crate::stage::{ParallelPipeline, Pipeline, Stages as _};

/// Makes a backend of one's own for the work it is given and a number of workers.
type Custom<T> = Box<dyn FnOnce(Arc<dyn Fill<T>>, u32) -> Result<Box<dyn ExecutionBackend<T>>>>;

/// Has threads share the work of a loader.
type Share<P> = fn(Work<<P as Pipeline>::Dataset>) -> Arc<dyn Fill<<P as Pipeline>::Sample>>;

/// Methods of a builder that set one thing: `fn name(arguments) => field = value;`.
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
pub(super) use setters;

/// The settings of a loader: see [`Loader::builder`].
///
/// Only the pipeline decides what the batches are; everything here decides how they are made.
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
    resume: Option<State>,
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
    /// Starts to describe a loader for a dataset, or a dataset with stages after it.
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

    /// Who makes the samples; [`Backend::Auto`] by default. `WINDROW_BACKEND` overrides it.
    #[must_use]
    pub fn backend(self, backend: Backend) -> Self {
        Self { backend, custom: None, ..self }
    }

    /// A backend of your own: a function that starts it. `WINDROW_BACKEND` overrides it.
    #[must_use]
    pub fn custom_backend<F>(self, start: F) -> Self
    where
        F: FnOnce(Arc<dyn Fill<P::Sample>>, u32) -> Result<Box<dyn ExecutionBackend<P::Sample>>>
            + 'static,
    {
        Self { custom: Some(Box::new(start)), ..self }
    }

    setters! {
        /// How many samples are made at the same time, 0 to 1,024; by default one a core.
        ///
        /// With 0 and no backend named, the caller's own thread makes them. `WINDROW_WORKERS`
        /// overrides it.
        fn workers(workers: u32) => workers = Some(workers);

        /// How many samples may be ready or in the making ahead of the caller, at least 1. By default
        /// only [`prefetch_bytes`](Self::prefetch_bytes) bounds them.
        fn prefetch(samples: u64) => prefetch = Some(samples);

        /// How many bytes of samples may be ready or in the making ahead of the caller; 32 MiB by
        /// default. One sample a worker may be there in any case, and where samples become larger all at
        /// once, the groups that were handed out before are finished.
        ///
        /// Samples are counted by what their type tells: records, tensors, plain values, `Vec`s of
        /// numbers. For other types see [`sample_bytes`](Self::sample_bytes).
        fn prefetch_bytes(bytes: u64) => prefetch_bytes = Some(bytes);
    }

    /// Tells what a sample occupies, for types that windrow cannot measure.
    ///
    /// Without it, such a sample counts as what worker processes carried of it. On other backends it
    /// counts as what a core could write in the time it took (64 bytes a nanosecond), and up to 8 of
    /// them, or as many as two batches of the ordered part take, may be ahead in any case.
    #[must_use]
    pub fn sample_bytes(self, bytes: impl Fn(&P::Sample) -> u64 + Send + Sync + 'static) -> Self {
        Self { measure: Some(Box::new(move |sample| Some(bytes(sample)))), ..self }
    }

    setters! {
        /// What happens when a sample cannot be made; [`OnError::Raise`] by default.
        fn on_error(policy: OnError) => on_error = policy;

        /// How often a sample that failed is tried again before it counts as failed; 0 by default.
        ///
        /// It is tried with the same random numbers, so this is for reads that fail now and then.
        fn retries(retries: u32) => retries = retries;

        /// Goes on where a state says: of this pipeline, from any backend, with any policy for errors.
        ///
        /// Nothing is made again but the samples from the oldest one on that a stage held back.
        fn resume(state: &State) => resume = Some(state.clone());
    }

    /// Keeps a running digest of the batches: see [`digest_of`](super::digest_of). Where workers make
    /// whole batches, they hash them too.
    #[must_use]
    pub fn digest(self) -> Self
    where
        P::Batch: Serialize,
    {
        Self { hasher: Some(hash_of), ..self }
    }

    /// Says that samples can be encoded, so that `WINDROW_STRICT=1` can show that they survive it.
    #[must_use]
    pub fn encodable(self) -> Self
    where
        P::Sample: Serialize + DeserializeOwned,
    {
        Self { round_trip: Some(round_trip), ..self }
    }

    setters! {
        /// How long closing the loader waits for samples in the making; 5 s by default.
        fn shutdown_timeout(limit: Duration) => shutdown_timeout = limit;

        /// After how long without any sample a warning names those in the making; 60 s by default.
        fn warn_after(limit: Duration) => warn_after = limit;
    }

    /// Checks everything, starts the workers, and gives the loader.
    ///
    /// The dataset must be `Send` and `Sync`, since threads may have to share it. For a recipe whose
    /// dataset is not, such as one that holds an [`Rc`](std::rc::Rc), there is
    /// [`build_processes`](Self::build_processes).
    ///
    /// # Errors
    /// The first thing that is wrong: an environment variable, a setting, the pipeline, the state,
    /// or a backend that cannot be had here.
    pub fn build(self) -> Result<Loader<P::Batch>>
    where
        P: ParallelPipeline,
    {
        self.build_by(Some(|work| Arc::new(work)))
    }

    /// As [`build`](Self::build), for a recipe whose dataset stays in the thread that opened it: the
    /// samples are made in worker processes and nowhere else.
    ///
    /// Each worker opens the dataset in its only thread. This process opens it too, in the caller's
    /// thread, and drops it when it knows how long the stream is.
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
    /// As [`build`](Self::build); and [`Error::Unsupported`] where there are no worker processes,
    /// where another backend was named, here or by `WINDROW_BACKEND`, or without a recipe.
    pub fn build_processes(self) -> Result<Loader<P::Batch>>
    where
        P::Sample: Send + 'static,
        P::Batch: 'static,
        P::Stages: Send + 'static,
    {
        self.build_by(None)
    }

    /// Builds the loader; without a way to share its dataset, on worker processes only.
    fn build_by(self, share: Option<Share<P>>) -> Result<Loader<P::Batch>>
    where
        P::Sample: Send + 'static,
        P::Batch: 'static,
        P::Stages: Send + 'static,
    {
        let environment = Environment::of_process()?;
        let round_trip = self.strict(&environment)?;
        processes::check(&self.settings)?;
        let (backend, workers) = self.choice(&environment, share.is_some())?;
        if backend != Backend::Processes && self.settings.sample_timeout.is_some() {
            log::warn("loader", || {
                "a sample on a thread cannot be stopped: sample_timeout needs backend processes"
                    .into()
            });
        }
        let mut limits = self.limits(backend, workers)?;
        let custom = self.custom.filter(|_| environment.backend.is_none());

        let (name, hooks) = match &self.pipeline {
            Origin::Here(_) | Origin::InProcess(_) => (None, self.hooks),
            Origin::Recipe(crossing) => {
                processes::named(self.name, crossing, &self.settings, self.hooks)?
            }
        };
        let mut ending = Ending::new(&self.pipeline, hooks, backend != Backend::Processes);
        let (pipeline, crossing) = match self.pipeline {
            Origin::Here(pipeline) => (pipeline, None),
            Origin::InProcess(open) => (open(ending.begin()?)?, None),
            Origin::Recipe(crossing) => (crossing.open(ending.begin()?)?, Some(crossing)),
        };
        let epochs = self.epochs.or(pipeline.epochs()).unwrap_or_default();
        at_least_one("epochs", epochs.count().unwrap_or(u64::MAX))?;
        let (dataset, mut stages) = pipeline.into_parts();
        let plan = Arc::new(plan(&dataset, &stages)?);
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

        let reduction = Reduction::new(self.reducers, point.mark.position)?;
        let additions = reduction.as_ref().map(Reduction::additions).unwrap_or_default();
        let measure = self.measure.unwrap_or_else(|| Box::new(bytes_of));
        let mut settings = self.settings;
        (settings.ahead_bytes, settings.additions) = (limits.bytes, additions.clone());
        settings.hashes = hashing.clone();
        settings.start_method = environment.start_method.unwrap_or(settings.start_method);
        let backend = match (custom, crossing, share) {
            (None, Some(crossing), _) if backend == Backend::Processes => {
                // Each worker has its own, and here nobody needs one.
                discard(dataset);
                let work = Arc::new(Measured(measure));
                processes::start(&crossing, name.as_deref(), hooks, &plan, workers, settings, work)?
            }
            (custom, _, Some(share)) => {
                let work = share(Work { dataset, measure, strict: round_trip, additions, hashes });
                match custom {
                    Some(custom) => custom(work, workers)?,
                    None => backend::start(backend, work, workers)?,
                }
            }
            _ => return Err(processes::alone("a pipeline that is no recipe, or a custom backend")),
        };
        if reduction.is_some() && !backend.brings_additions() {
            return Err(Error::Unsupported {
                what: format!("reduce with backend {}", backend.info().name),
                why: "its workers do not send what samples add".into(),
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
        if self.resume.is_some() && point.mark.position >= ends.1 {
            log::warn("loader", || {
                format!(
                    "the state is at the end of epoch {epochs} of {epochs}; set epochs to more to go on"
                )
            });
        }
        let warn_after = self.warn_after.max(Duration::from_millis(1));
        let mut workers =
            Workers::new(backend, &point.mark, ends, limits, self.on_error, warn_after, reduction);
        workers.hashes = hashing;
        let mut stream = Run {
            reported: point.mark.reported,
            plan: plan.clone(),
            epoch: point.mark.epoch,
            epochs,
            held: if workers.remaking.is_some() { point.mark.stages.clone() } else { Vec::new() },
            failed: false,
            broken: None,
            has_gaps,
            workers,
            stages,
        };
        let point = match self.resume {
            Some(_) => point,
            // With the cursors of stages that have seen nothing.
            None => Point { mark: stream.mark()?, ..point },
        };
        Ok(Loader {
            stream: Box::new(stream),
            plan,
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
        })
    }
}

impl<P: Pipeline> std::fmt::Debug for LoaderBuilder<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoaderBuilder")
            .field("backend", &self.backend)
            .field("workers", &self.workers)
            .field("on_error", &self.on_error)
            .field("resume", &self.resume)
            .finish_non_exhaustive()
    }
}
