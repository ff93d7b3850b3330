//! The opening of a worker's pipeline.

use super::super::protocol::message::Setup;
use crate::backend::recipe::{Opened, WorkerContext};
use crate::dataset::caught;
use crate::error::{Error, Result};

/// Creates the context of a process that starts as a worker.
pub(super) fn context(setup: &Setup) -> &'static WorkerContext {
    let context = WorkerContext::new(setup.worker, setup.workers, setup.incarnation, true);
    Box::leak(Box::new(context))
}

pub(super) fn start(setup: &Setup, context: &'static WorkerContext) -> Result<()> {
    told(|| setup.launch.start(context))
}

pub(super) fn open(setup: &Setup, context: &'static WorkerContext) -> Result<Opened> {
    told(|| setup.launch.open(context))
}

fn told<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    caught(run).unwrap_or_else(|fault| {
        Err(Error::Workers { why: format!("the recipe panicked: {}", fault.message()) })
    })
}
