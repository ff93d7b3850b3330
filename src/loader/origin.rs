//! The origin of a loader's pipeline, how each process opens it, and the end of a recipe in the
//! loader's own process.

use std::any::TypeId;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::start::{plan, tree};
use crate::backend::encoding::Encoding;
use crate::backend::process::{Decode, Launch};
use crate::backend::recipe::{Expected, Opened, Opener};
use crate::backend::{Factory, Hooks, WorkerContext};
use crate::dataset::caught;
use crate::dataset::wire::decode_owned;
use crate::error::Result;
use crate::stage::Pipeline;

/// The origin of a loader's pipeline.
pub(super) enum Origin<P: Pipeline> {
    /// A pipeline that the caller made.
    Here(P),
    /// A recipe that each process opens.
    Recipe(Crossing<P>),
    /// A recipe that only this process opens.
    InProcess(Opening<P>),
}

/// A function that opens a pipeline in this process.
pub(super) type Opening<P> = Box<dyn FnOnce(&'static WorkerContext) -> Result<P>>;

/// A function that makes the message for a worker: with the recipe's name, or with its place and
/// hooks.
type ToLaunch = dyn Fn(Option<&str>, Hooks) -> Result<Launch>;

/// The means to open a pipeline in several processes.
pub(super) struct Crossing<P: Pipeline> {
    open: Box<dyn Fn(&'static WorkerContext) -> Result<P>>,
    launch: Box<ToLaunch>,
    /// The type of the recipe.
    pub(super) kind: TypeId,
    /// The recipe's built-in name, if any.
    pub(super) name: Option<&'static str>,
    pub(super) decode: Decode<P::Sample>,
}

/// Opens a recipe and returns its pipeline. Turns a panic into an error.
pub(crate) fn opened<P>(open: impl FnOnce() -> Result<P>) -> Result<P> {
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
                None => Launch::by_place::<C, P, Plain>(factory, &config, Vec::new(), hooks),
            }),
            kind: TypeId::of::<Factory<C, P>>(),
            name: None,
            decode: decode_owned::<P::Sample>,
        }
    }

    /// Opens the pipeline in this process.
    pub(super) fn open(&self, context: &'static WorkerContext) -> Result<P> {
        opened(|| (self.open)(context))
    }

    /// Returns the message from which a worker opens the pipeline: by this name, or by place with
    /// these hooks.
    pub(super) fn launch(&self, name: Option<&str>, hooks: Hooks) -> Result<Launch> {
        (self.launch)(name, hooks)
    }
}

/// An opener for pipelines in a worker.
pub(super) struct Plain;

impl<P: Pipeline> Opener<P> for Plain
where
    P::Sample: Serialize + DeserializeOwned,
    P::Dataset: 'static,
{
    fn open(pipeline: P, _: &[u8]) -> Result<Opened> {
        let (dataset, stages) = pipeline.into_parts();
        let plan = plan(&dataset, &stages)?;
        let expected = Expected { positions: plan.len(), pipeline: plan.description().to_string() };
        let tree = tree(&dataset, &stages, plan.description())?;
        let steps = (tree.steps(), tree.stages());
        Ok(Opened { fill: Box::new(Encoding::new(dataset)), expected, steps })
    }
}

/// The context of a recipe in the loader's own process, which runs a worker's exit hooks on drop.
pub(crate) struct Ending {
    context: Option<&'static WorkerContext>,
    hooks: Hooks,
    begun: bool,
}

impl Ending {
    /// Makes the context. `works_here` says whether this process makes samples, and so runs a
    /// worker's hooks.
    pub(crate) fn new(is_recipe: bool, hooks: Hooks, works_here: bool) -> Self {
        let context = is_recipe.then(WorkerContext::of_loader);
        let hooks = if works_here { hooks } else { Hooks::default() };
        Self { context, hooks, begun: false }
    }

    /// Runs the start hook and returns the context for the recipe.
    pub(crate) fn begin(&mut self) -> Result<&'static WorkerContext> {
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
