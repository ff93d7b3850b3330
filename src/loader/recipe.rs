//! Loaders for recipes: pipelines that this process and every worker process open. A recipe may
//! have a name.

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
    /// Returns the builder of a loader for a recipe: a function that makes a pipeline, and its
    /// configuration.
    ///
    /// A recipe runs on every backend. With backend `processes`, each worker is this program,
    /// started again, and calls the function. The recipe is therefore a function, not a closure
    /// that captures values, and `main` begins with [`windrow::init()`](crate::init). Workers open
    /// files and connections themselves; closures inside the pipeline may be of any kind. The
    /// loader also calls the function once in this process, to learn the length of the stream and
    /// its description. A dataset that is not `Send` and `Sync` needs
    /// [`build_processes`](LoaderBuilder::build_processes).
    ///
    /// Worker processes send samples through `serde`. A field that serde skips has its default
    /// value in this process. A worker decodes some of its samples again. A type that reads back
    /// another value than it wrote is an error, which [`preflight`](super::preflight()) also finds.
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

    /// Returns the builder of a loader for a recipe that only this process opens: on threads, or
    /// inline.
    ///
    /// Neither the samples nor the configuration need `serde`. The loader refuses backend
    /// `processes`.
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

    /// Returns the builder of a loader for a pipeline document whose files are in a folder.
    ///
    /// A document is a recipe by itself. A path is a [`Folder`] that refuses files outside it;
    /// [`Folder::within`] and [`Folder::unconfined`] allow such files, in worker processes too.
    ///
    /// Every program that links windrow has the recipe of documents under a name, so
    /// [`worker_program`](LoaderBuilder::worker_program) needs no [`register!`](crate::register)
    /// for documents. The `windrow` command is one such program.
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

/// Registers a recipe under a name by which the worker processes of another program find it.
///
/// A recipe needs no name if the workers are the loader's own program. A recipe needs a name if the
/// workers are a separate program. A recipe also needs a name in a library inside another program,
/// such as an extension module for Python. Both programs must register the recipe, best by sharing
/// the crate that does so. See [`registered_as`](crate::loader::LoaderBuilder::registered_as) and
/// [`worker_program`](crate::loader::LoaderBuilder::worker_program).
///
/// The name is a text that stays the same in every build and is unique in the program. Register a
/// recipe with type parameters once for each choice of types. A third argument sets the
/// [`Hooks`](crate::backend::Hooks) of its workers, which replace the hooks given to the loader.
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
    Spec::from_own_json(&json)?.open(&folder)
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
    /// Returns the registration of the recipe: its name, its place in the source, and the hooks, if
    /// any.
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
        Plain::open((self.0)(decode_config(config)?, context)?, &[])
    }
}

impl<C, P> std::fmt::Debug for Typed<C, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::any::type_name::<Factory<C, P>>())
    }
}
