//! Loaders for recipes: pipelines that are opened once here and once in every worker process. A recipe
//! may have a name.

use std::any::TypeId;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::origin::{Crossing, Origin, Plain, opened};
use super::{Loader, LoaderBuilder};
use crate::backend::recipe::{Named, Opened, Opener, decode_config};
use crate::backend::{Factory, Hooks, Registered, WorkerContext};
use crate::error::Result;
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

/// Gives a recipe a name by which worker processes of another program find it.
///
/// Where the workers are the loader's own program, a recipe needs no name. It needs one where they
/// cannot be: when the code is a library in somebody else's program, as with an extension module
/// for Python, or when the workers are to be a program of their own. Both the loader's program and
/// the worker's must register the recipe, best by sharing the crate that does so. See
/// [`registered_as`](crate::loader::LoaderBuilder::registered_as) and
/// [`worker_program`](crate::loader::LoaderBuilder::worker_program).
///
/// The name is a text that stays when the code is built anew and no other recipe of the program has.
/// Recipes with type parameters are registered once for each choice of types. A third argument is
/// the [`Hooks`](crate::backend::Hooks) of its workers; they take the place of those given to the loader.
///
/// ```standalone_crate
/// use windrow::{Backend, Dataset, Loader, Result, WorkerContext, range};
///
/// fn squares(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64>> {
///     Ok(range(0..end).map(|x| x * x))
/// }
///
/// windrow::register!("squares", squares);
///
/// fn main() -> Result<()> {
///     windrow::init();
///     let loader = Loader::recipe(squares, 4).registered_as("squares");
///     let loader = loader.backend(Backend::Processes).workers(1).build()?;
///     let samples: Vec<u64> = loader.map(|x| Ok(x?.into_inner())).collect::<Result<_>>()?;
///     assert_eq!(samples, [0, 1, 4, 9]);
///
///     let other = Loader::recipe(squares, 4).registered_as("cubes").build();
///     assert!(other.unwrap_err().to_string().contains("known are \"squares\""));
///     Ok(())
/// }
/// ```
#[macro_export]
macro_rules! register {
    ($name:expr, $recipe:expr $(, $hooks:expr)? $(,)?) => {
        $crate::backend::inventory::submit! {
            $crate::loader::Typed::register(
                &$crate::loader::Typed($recipe),
                $name,
                ::core::concat!(::core::file!(), ":", ::core::line!()),
                &[$($hooks)?],
            )
        }
    };
}

/// The name of the recipe of documents.
const SPEC: &str = "windrow::spec";

register!(SPEC, open_spec);

/// Opens a document whose files are in a folder.
fn open_spec((json, folder): (String, Folder), _: &WorkerContext) -> Result<SpecPipeline> {
    Spec::from_json(&json)?.open(&folder)
}

/// A recipe of known types, for [`register!`](crate::register).
#[doc(hidden)]
pub struct Typed<C: 'static, P: 'static>(pub Factory<C, P>);

impl<C, P> Typed<C, P>
where
    C: Serialize + DeserializeOwned,
    P: Pipeline,
    P::Sample: Serialize + DeserializeOwned,
    P::Dataset: 'static,
{
    /// The recipe under a name, given in this line of source, with the hooks of its workers if any.
    pub const fn register(
        &'static self,
        name: &'static str,
        place: &'static str,
        hooks: &[Hooks],
    ) -> Registered {
        let hooks = match hooks {
            [hooks, ..] => *hooks,
            [] => Hooks::NONE,
        };
        Registered::of(name, place, hooks, self)
    }
}

impl<C, P> Named for Typed<C, P>
where
    C: DeserializeOwned,
    P: Pipeline,
    P::Sample: Serialize + DeserializeOwned,
    P::Dataset: 'static,
{
    fn kind(&self) -> TypeId {
        TypeId::of::<Factory<C, P>>()
    }

    fn open(&self, config: &[u8], context: &'static WorkerContext) -> Result<Opened> {
        Plain::open((self.0)(decode_config(config)?, context)?)
    }
}

impl<C, P> std::fmt::Debug for Typed<C, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::any::type_name::<Factory<C, P>>())
    }
}
