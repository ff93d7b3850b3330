//! What a worker runs: a recipe by its place where the worker is this program, by its name
//! elsewhere, and what the recipe is given.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::address::Addresses;
use super::names;
use crate::backend::recipe::{Factory, Hooks, Opened, Opener, WorkerContext, encode_config};
use crate::dataset::caught;
use crate::error::{Error, Result};

/// See the [module](self).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Launch {
    way: Way,
    config: Vec<u8>,
}

/// How the worker finds the recipe.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Way {
    /// In the same build of the same program.
    Addresses(Addresses),
    /// In any program of the same version of windrow.
    Name(String),
}

impl Launch {
    /// For a worker that is this program.
    pub(crate) fn by_place<C, P, O>(
        factory: Factory<C, P>,
        config: &C,
        hooks: Hooks,
    ) -> Result<Self>
    where
        C: Serialize + DeserializeOwned,
        O: Opener<P>,
    {
        let way = Way::Addresses(Addresses::of::<C, P, O>(factory, hooks)?);
        Ok(Self { way, config: encode_config(config)? })
    }

    /// For a worker of any program that has registered the name.
    pub(crate) fn by_name<C: Serialize>(name: &str, config: &C) -> Result<Self> {
        Ok(Self { way: Way::Name(name.into()), config: encode_config(config)? })
    }

    /// Whether the worker may be another build, or another program.
    pub(in super::super) fn is_by_name(&self) -> bool {
        matches!(self.way, Way::Name(_))
    }

    /// Runs what a worker runs first.
    pub(in super::super) fn start(&self, context: &'static WorkerContext) -> Result<()> {
        self.hooks()?.on_start.map_or(Ok(()), |hook| hook(context))
    }

    /// Opens the pipeline.
    pub(in super::super) fn open(&self, context: &'static WorkerContext) -> Result<Opened> {
        match &self.way {
            Way::Addresses(places) => places.open(&self.config, context),
            Way::Name(name) => registered(name)?.recipe.open(&self.config, context),
        }
    }

    /// Runs what a worker runs at its orderly end.
    pub(in super::super) fn close(&self, context: &'static WorkerContext) {
        context.end();
        if let Ok(Hooks { on_exit: Some(hook), .. }) = self.hooks() {
            _ = caught(|| hook(context));
        }
    }

    fn hooks(&self) -> Result<Hooks> {
        match &self.way {
            Way::Addresses(places) => places.hooks(),
            Way::Name(name) => Ok(registered(name)?.hooks),
        }
    }
}

/// The recipe of this name in the worker's program.
fn registered(name: &str) -> Result<&'static names::Registered> {
    names::find(name).map_err(|why| {
        let program = std::env::current_exe().unwrap_or_default();
        Error::Workers { why: format!("in the worker, {}: {why}", program.display()) }
    })
}
