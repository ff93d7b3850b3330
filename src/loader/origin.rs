//! Where the pipeline of a loader comes from, and how it is opened in several processes.

use std::any::TypeId;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::start::plan;
use crate::backend::encoding::Encoding;
use crate::backend::process::{Decode, Launch};
use crate::backend::recipe::{Expected, Opened, Opener};
use crate::backend::{Factory, Hooks, WorkerContext};
use crate::dataset::caught;
use crate::dataset::wire::decode_owned;
use crate::error::Result;
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

/// What a recipe makes; an error for a panic too.
pub(super) fn opened<P>(open: impl FnOnce() -> Result<P>) -> Result<P> {
    caught(open).map_err(|fault| fault.by("the recipe"))?
}

impl<P: Pipeline> Crossing<P> {
    pub(super) fn new<C>(factory: Factory<C, P>, config: C) -> Self
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
