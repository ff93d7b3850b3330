//! Where the pipeline of a loader comes from, how it is opened in several processes, and what a recipe
//! in the loader's own process wants at the end.

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
