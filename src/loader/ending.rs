//! What a recipe in the loader's own process wants at the end.

use super::origin::Origin;
use crate::backend::{Hooks, WorkerContext};
use crate::dataset::caught;
use crate::error::Result;
use crate::stage::Pipeline;

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
