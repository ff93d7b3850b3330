//! When a loader takes worker processes, and how it starts them.

use std::sync::Arc;
use std::time::Duration;

use super::origin::Crossing;
use crate::backend::process::{self, Processes};
use crate::backend::recipe::Expected;
use crate::backend::settings::Settings;
use crate::backend::{Backend, ExecutionBackend, Fill, Hooks, log};
use crate::error::{Error, Result};
use crate::order::Plan;
use crate::stage::Pipeline;

/// Refuses values with which no worker could make a sample.
pub(super) fn check(settings: &Settings) -> Result<()> {
    let refused = [
        ("sample_timeout", settings.sample_timeout == Some(Duration::ZERO)),
        ("startup_timeout", settings.startup_timeout.is_zero()),
        ("max_rss", settings.max_rss == Some(0)),
    ];
    match refused.into_iter().find(|(_, refused)| *refused) {
        Some((name, _)) => Err(Error::Setting {
            name: name.into(),
            value: "0".into(),
            allowed: "more than 0".into(),
        }),
        None => Ok(()),
    }
}

/// The name by which workers find the recipe, where they do, and the hooks of workers.
pub(super) fn named(
    name: Option<String>,
    crossing: &Crossing<impl Pipeline>,
    settings: &Settings,
    hooks: Hooks,
) -> Result<(Option<String>, Hooks)> {
    let name = match name {
        None if settings.program.is_none() => return Ok((None, hooks)),
        None => crossing.name.map(Into::into).ok_or_else(|| Error::Unsupported {
            what: "worker_program".into(),
            why: "a recipe without a name is known to this program only".into(),
            instead: "name it with windrow::register! in both programs, and give the name to \
                      .registered_as(name); or leave out worker_program, if it was meant as a \
                      worker_launcher of this program"
                .into(),
        })?,
        Some(name) => name,
    };
    if hooks.on_start.is_some() || hooks.on_exit.is_some() {
        return Err(Error::Unsupported {
            what: "on_worker_start or on_worker_exit of a recipe that has a name".into(),
            why: "they are functions of this program only".into(),
            instead: "give them to windrow::register! as the third argument".into(),
        });
    }
    let hooks = process::registered(&name, crossing.kind)?;
    Ok((Some(name), hooks))
}

/// The backend that a choice means for this kind of pipeline.
///
/// # Errors
/// Why there can be no processes, when these were asked for by name.
pub(super) fn choice(asked: Backend, is_recipe: bool, settings: &Settings) -> Result<Backend> {
    if !is_recipe || !matches!(asked, Backend::Auto | Backend::Processes) {
        return Ok(asked);
    }
    match (asked, process::ready(settings)) {
        (_, Ok(())) => Ok(Backend::Processes),
        (Backend::Processes, Err(error)) => Err(error),
        (_, Err(error)) => {
            let instead = Backend::Auto.resolve()?.name;
            log::warn("loader", || format!("auto takes {instead}: {error}"));
            Ok(Backend::Auto)
        }
    }
}

/// That something cannot be had with `build_processes`.
pub(super) fn alone(what: &str) -> Error {
    Error::Unsupported {
        what: format!("{what} with build_processes()"),
        why: "it makes samples in worker processes and nowhere else".into(),
        instead: "give it a recipe and backend processes, or call build(), for which the dataset \
                  must be Send and Sync"
            .into(),
    }
}

/// Starts worker processes.
pub(super) fn start<P: Pipeline>(
    crossing: &Crossing<P>,
    name: Option<&str>,
    hooks: Hooks,
    plan: &Plan,
    workers: u32,
    settings: Settings,
    work: Arc<dyn Fill<P::Sample>>,
) -> Result<Box<dyn ExecutionBackend<P::Sample>>>
where
    P::Sample: Send + 'static,
{
    let expected = Expected { positions: plan.len(), pipeline: plan.description().to_string() };
    let launch = crossing.launch(name, hooks)?;
    let backend = Processes::start(launch, expected, workers, settings, crossing.decode, work)?;
    Ok(Box::new(backend))
}
