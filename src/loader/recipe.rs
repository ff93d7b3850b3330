//! Loaders for recipes: pipelines that are opened once here and once in every worker process.

use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::start::plan;
use super::{Builder, Loader};
use crate::backend::process::{self, Decode, Launch};
use crate::backend::recipe::{Encoding, Expected, Opened, Opener};
use crate::backend::{Factory, Hooks, WorkerContext};
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
}

/// What is needed to open a pipeline in several processes.
pub(super) struct Crossing<P: Pipeline> {
    open: Box<dyn Fn(&'static WorkerContext) -> Result<P>>,
    launch: Box<dyn Fn(Hooks) -> Result<Launch>>,
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
    /// also called once here, to know how long the stream is and what it depends on.
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
    pub fn recipe<C, P>(factory: Factory<C, P>, config: C) -> Builder<P>
    where
        C: Serialize + DeserializeOwned + Clone + 'static,
        P: Pipeline + 'static,
        P::Sample: Serialize + DeserializeOwned + 'static,
        P::Dataset: 'static,
    {
        let opened = config.clone();
        let crossing = Crossing {
            open: Box::new(move |context| factory(opened.clone(), context)),
            launch: Box::new(move |hooks| process::launch::<C, P, Plain>(factory, &config, hooks)),
            decode: decode_owned::<P::Sample>,
        };
        Builder::new(Origin::Recipe(crossing)).encodable()
    }

    /// Starts to describe a loader for a pipeline document whose files are relative to a folder: a
    /// document is a recipe by itself.
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
    pub fn spec(spec: &Spec, folder: impl Into<PathBuf>) -> Builder<SpecPipeline> {
        Self::recipe(open_spec, (spec.to_json(), folder.into()))
    }
}

fn open_spec((json, folder): (String, PathBuf), _: &WorkerContext) -> Result<SpecPipeline> {
    Spec::from_json(&json)?.open(&Folder::new(folder))
}

impl<P: Pipeline> Crossing<P> {
    /// The pipeline, opened in this process.
    pub(super) fn open(&self, context: &'static WorkerContext) -> Result<P> {
        (self.open)(context)
    }

    /// What a worker needs to open it.
    pub(super) fn launch(&self, hooks: Hooks) -> Result<Launch> {
        (self.launch)(hooks)
    }
}

/// Opens pipelines in a worker.
struct Plain;

impl<P: Pipeline> Opener<P> for Plain
where
    P::Sample: Serialize,
    P::Dataset: 'static,
{
    fn open(pipeline: P) -> Result<Opened> {
        let (dataset, stages) = pipeline.into_parts();
        let plan = plan(&dataset, &stages)?;
        let expected = Expected { positions: plan.len(), pipeline: plan.description().to_string() };
        Ok(Opened { fill: Box::new(Encoding(dataset)), expected })
    }
}
