//! Loaders for recipes: pipelines that are opened once here and once in every worker process.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::origin::{Crossing, Origin, opened};
use super::register::{SPEC, open_spec};
use super::{Loader, LoaderBuilder};
use crate::backend::Factory;
use crate::source::Folder;
use crate::spec::{Spec, SpecPipeline};
use crate::stage::Pipeline;

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
