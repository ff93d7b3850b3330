//! Recipes that have a name.

use std::any::TypeId;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::origin::Plain;
use crate::backend::recipe::{Named, Opened, Opener, decode_config};
use crate::backend::{Factory, Hooks, Registered, WorkerContext};
use crate::error::Result;
use crate::source::Folder;
use crate::spec::{Spec, SpecPipeline};
use crate::stage::Pipeline;

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
pub(super) const SPEC: &str = "windrow::spec";

register!(SPEC, open_spec);

/// Opens a document whose files are in a folder.
pub(super) fn open_spec(
    (json, folder): (String, Folder),
    _: &WorkerContext,
) -> Result<SpecPipeline> {
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
