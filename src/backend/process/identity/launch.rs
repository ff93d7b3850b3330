//! A worker's instructions: the recipe, by address or by name, and its configuration. A worker that
//! runs this program finds the recipe by address; any other worker finds it by name.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::address::Addresses;
use super::names;
use crate::backend::recipe::{Factory, Hooks, Opened, Opener, WorkerContext, encode_config};
use crate::dataset::caught;
use crate::error::{Error, Result};

/// A worker's instructions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Launch {
    way: Way,
    config: Vec<u8>,
    /// The bytes for the opener, beside the recipe's configuration. Their number has no limit of
    /// the protocol, so they follow the instructions in frames of their own.
    #[serde(skip)]
    beside: Arc<Vec<u8>>,
}

/// The way in which the worker finds the recipe.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Way {
    /// By address, in the same build of the same program.
    Addresses(Addresses),
    /// By name, in any program of the same version of windrow.
    Name(String),
}

impl Launch {
    /// Creates the instructions for a worker that runs this program.
    pub(crate) fn by_place<C, P, O>(
        factory: Factory<C, P>,
        config: &C,
        beside: Vec<u8>,
        hooks: Hooks,
    ) -> Result<Self>
    where
        C: Serialize + DeserializeOwned,
        O: Opener<P>,
    {
        let way = Way::Addresses(Addresses::of::<C, P, O>(factory, hooks)?);
        Ok(Self { way, config: encode_config(config)?, beside: Arc::new(beside) })
    }

    /// Creates the instructions for a worker that runs any program with this registered name.
    pub(crate) fn by_name<C: Serialize>(name: &str, config: &C) -> Result<Self> {
        let way = Way::Name(name.into());
        Ok(Self { way, config: encode_config(config)?, beside: Arc::default() })
    }

    /// Returns whether the worker may run another build or another program.
    pub(in super::super) fn is_by_name(&self) -> bool {
        matches!(self.way, Way::Name(_))
    }

    /// Returns the bytes for the opener.
    pub(in super::super) fn beside(&self) -> &[u8] {
        &self.beside
    }

    /// Returns the same instructions with the bytes for the opener, which the worker has received.
    pub(in super::super) fn with_beside(self, beside: Vec<u8>) -> Self {
        Self { beside: Arc::new(beside), ..self }
    }

    /// Runs the hook at the worker's start.
    pub(in super::super) fn start(&self, context: &'static WorkerContext) -> Result<()> {
        self.hooks()?.on_start.map_or(Ok(()), |hook| hook(context))
    }

    /// Opens the pipeline.
    pub(in super::super) fn open(&self, context: &'static WorkerContext) -> Result<Opened> {
        match &self.way {
            Way::Addresses(places) => places.open(&self.config, &self.beside, context),
            Way::Name(name) => registered(name)?.recipe.open(&self.config, context),
        }
    }

    /// Runs the hook at the worker's orderly end.
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

/// Finds the recipe with this name in the worker's program.
fn registered(name: &str) -> Result<&'static names::Registered> {
    names::find(name).map_err(|why| {
        let program = std::env::current_exe().unwrap_or_default();
        Error::Workers { why: format!("in the worker, {}: {why}", program.display()) }
    })
}
