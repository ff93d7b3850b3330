//! Loaders for recipes: pipelines that are opened once here and once in every worker process.

use std::any::TypeId;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::register::SPEC;
use super::start::plan;
use super::{Loader, LoaderBuilder};
use crate::backend::encoding::Encoding;
use crate::backend::process::{Decode, Launch};
use crate::backend::recipe::{Expected, Opened, Opener};
use crate::backend::{Factory, Hooks, WorkerContext};
use crate::dataset::caught;
use crate::dataset::wire::decode_owned;
use crate::error::Result;
use crate::source::Folder;
use crate::spec::{Spec, SpecPipeline};
use crate::stage::Pipeline;

/// Where the pipeline of a loader comes from.
pub(super) enum Origin<P: Pipeline> {
    /// It was given.
    Here(P),
    /// It is made where it is needed.
    Recipe(Crossing<P>),
    /// It is made here.
    InProcess(Opening<P>),
}

/// Opens a pipeline in this process.
pub(super) type Opening<P> = Box<dyn FnOnce(&'static WorkerContext) -> Result<P>>;

/// Makes what a worker needs, by a name or by places with these hooks.
type ToLaunch = dyn Fn(Option<&str>, Hooks) -> Result<Launch>;

/// What is needed to open a pipeline in several processes.
pub(super) struct Crossing<P: Pipeline> {
    open: Box<dyn Fn(&'static WorkerContext) -> Result<P>>,
    launch: Box<ToLaunch>,
    /// The type of the recipe.
    pub(super) kind: TypeId,
    /// The name it has anyway.
    pub(super) name: Option<&'static str>,
    pub(super) decode: Decode<P::Sample>,
}

impl Loader<()> {
    /// Starts to describe a loader for a recipe: a function that makes a pipeline, and what it is
    /// given.
    ///
    /// A recipe can run on every backend. With `processes` each worker is this program, started
    /// again, and calls the function there: so it is a function, not a closure that captures
    /// something, and `main` begins with [`windrow::init()`](crate::init). Files and connections
    /// are opened in the worker; closures inside the pipeline may be of any kind. The function is
    /// also called once here, to know how long the stream is and what it depends on. A dataset that
    /// is not `Send` and `Sync` needs [`build_processes`](LoaderBuilder::build_processes).
    ///
    /// Over processes a sample is written and read by `serde`. A field that serde skips has its
    /// default on the other side. A worker reads some of its samples again: a type that reads
    /// something else than it writes is an error, which [`preflight`](super::preflight()) finds too.
    ///
    /// ```standalone_crate
    /// use windrow::{Backend, Dataset, Loader, Result, WorkerContext, range};
    ///
    /// fn squares(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64>> {
    ///     let offset = 1;
    ///     Ok(range(0..end).map(move |x| x * x + offset))
    /// }
    ///
    /// fn main() -> Result<()> {
    ///     windrow::init();
    ///     let loader = Loader::recipe(squares, 4).backend(Backend::Processes).workers(2).build()?;
    ///     let samples: Vec<u64> = loader.map(|x| Ok(x?.into_inner())).collect::<Result<_>>()?;
    ///     assert_eq!(samples, [1, 2, 5, 10]);
    ///     Ok(())
    /// }
    /// ```
    pub fn recipe<C, P>(factory: Factory<C, P>, config: C) -> LoaderBuilder<P>
    where
        C: Serialize + DeserializeOwned + Clone + 'static,
        P: Pipeline + 'static,
        P::Sample: Serialize + DeserializeOwned + 'static,
        P::Dataset: 'static,
    {
        LoaderBuilder::new(Origin::Recipe(Crossing::new(factory, config))).encodable()
    }

    /// Starts to describe a loader for a recipe that only this process opens: on threads, or inline.
    ///
    /// Neither samples nor the configuration need `serde`. Backend `processes` is refused.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, Result, WorkerContext, range};
    ///
    /// struct Square(u64); // without serde's Serialize and Deserialize
    ///
    /// fn squares(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = Square>> {
    ///     Ok(range(0..end).map(|x| Square(x * x)))
    /// }
    ///
    /// let loader = Loader::recipe_in_process(squares, 4).workers(2).build()?;
    /// let samples: Vec<u64> = loader.map(|x| Ok(x?.into_inner().0)).collect::<Result<_>>()?;
    /// assert_eq!(samples, [0, 1, 4, 9]);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    pub fn recipe_in_process<C: 'static, P: Pipeline + 'static>(
        factory: Factory<C, P>,
        config: C,
    ) -> LoaderBuilder<P> {
        LoaderBuilder::new(Origin::InProcess(Box::new(move |context| {
            opened(|| factory(config, context))
        })))
    }

    /// Starts to describe a loader for a pipeline document whose files are in a folder: a document is
    /// a recipe by itself.
    ///
    /// A path is a [`Folder`] whose files may not lie elsewhere; [`Folder::within`] and
    /// [`Folder::unconfined`] let them, in worker processes too.
    ///
    /// Every program that is linked with windrow has the recipe of documents by name, so
    /// [`worker_program`](LoaderBuilder::worker_program) needs no [`register!`](crate::register) for it;
    /// the `windrow` command is such a program.
    ///
    /// ```standalone_crate
    /// use windrow::{Loader, Result, spec::Spec};
    ///
    /// fn main() -> Result<()> {
    ///     windrow::init();
    ///     let spec = Spec::from_json(
    ///         r#"{"version": 1, "source": {"kind": "range", "end": 100}, "ops": [{"op": "shuffle"}]}"#,
    ///     )?;
    ///     assert_eq!(Loader::spec(&spec, ".").workers(2).build()?.count(), 100);
    ///     Ok(())
    /// }
    /// ```
    pub fn spec(spec: &Spec, folder: impl Into<Folder>) -> LoaderBuilder<SpecPipeline> {
        let mut crossing = Crossing::new(open_spec, (spec.to_json(), folder.into()));
        crossing.name = Some(SPEC);
        LoaderBuilder::new(Origin::Recipe(crossing)).encodable()
    }
}

pub(super) fn open_spec(
    (json, folder): (String, Folder),
    _: &WorkerContext,
) -> Result<SpecPipeline> {
    Spec::from_json(&json)?.open(&folder)
}

/// What a recipe makes; an error for a panic too.
fn opened<P>(open: impl FnOnce() -> Result<P>) -> Result<P> {
    caught(open).map_err(|fault| fault.by("the recipe"))?
}

impl<P: Pipeline> Crossing<P> {
    fn new<C>(factory: Factory<C, P>, config: C) -> Self
    where
        C: Serialize + DeserializeOwned + Clone + 'static,
        P: 'static,
        P::Sample: Serialize + DeserializeOwned + 'static,
        P::Dataset: 'static,
    {
        let opened = config.clone();
        Self {
            open: Box::new(move |context| factory(opened.clone(), context)),
            launch: Box::new(move |name, hooks| match name {
                Some(name) => Launch::by_name(name, &config),
                None => Launch::by_place::<C, P, Plain>(factory, &config, hooks),
            }),
            kind: TypeId::of::<Factory<C, P>>(),
            name: None,
            decode: decode_owned::<P::Sample>,
        }
    }

    /// The pipeline, opened in this process.
    pub(super) fn open(&self, context: &'static WorkerContext) -> Result<P> {
        opened(|| (self.open)(context))
    }

    /// What a worker needs to open it: by this name, or by its place with these hooks.
    pub(super) fn launch(&self, name: Option<&str>, hooks: Hooks) -> Result<Launch> {
        (self.launch)(name, hooks)
    }
}

/// Opens pipelines in a worker.
pub(super) struct Plain;

impl<P: Pipeline> Opener<P> for Plain
where
    P::Sample: Serialize + DeserializeOwned,
    P::Dataset: 'static,
{
    fn open(pipeline: P) -> Result<Opened> {
        let (dataset, stages) = pipeline.into_parts();
        let plan = plan(&dataset, &stages)?;
        let expected = Expected { positions: plan.len(), pipeline: plan.description().to_string() };
        Ok(Opened { fill: Box::new(Encoding::new(dataset)), expected })
    }
}
