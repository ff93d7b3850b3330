//! Recipes that have a name.

use std::any::TypeId;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::recipe::Plain;
use crate::backend::recipe::{Named, Opened, Opener, decode_config};
use crate::backend::{Factory, Hooks, Registered, WorkerContext};
use crate::error::Result;
use crate::stage::Pipeline;

/// A recipe of known types, for [`register!`](crate::register).
#[doc(hidden)]
pub struct Typed<C: 'static, P: 'static>(pub Factory<C, P>);

impl<C, P> Typed<C, P>
where
    C: Serialize + DeserializeOwned,
    P: Pipeline,
    P::Sample: Serialize,
    P::Dataset: 'static,
{
    /// The recipe under a name, given in this line of source, with the hooks of its workers.
    pub const fn register(
        &'static self,
        name: &'static str,
        place: &'static str,
        hooks: Hooks,
    ) -> Registered {
        Registered::of(name, place, hooks, self)
    }
}

impl<C, P> Named for Typed<C, P>
where
    C: DeserializeOwned,
    P: Pipeline,
    P::Sample: Serialize,
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
