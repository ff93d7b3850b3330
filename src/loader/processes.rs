//! Worker processes: when a loader uses them, and how it starts them.

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

/// Refuses settings with which no worker could make a sample.
pub(crate) fn check(settings: &Settings) -> Result<()> {
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

/// Warns of each setting of worker processes that has no effect with another backend.
pub(crate) fn warn_of_no_effect(part: &'static str, backend: Backend, settings: &Settings) {
    for name in without_effect(backend, settings) {
        log::warn(part, || format!("{name} has no effect with backend {backend}; use processes"));
    }
}

/// Returns the names of the settings that were changed and have no effect with a backend.
fn without_effect(backend: Backend, settings: &Settings) -> Vec<&'static str> {
    let changed = [
        ("sample_timeout", settings.sample_timeout.is_some()),
        ("startup_timeout", settings.startup_timeout != Settings::default().startup_timeout),
        ("max_rss", settings.max_rss.is_some()),
        ("max_samples_per_worker", settings.max_samples.is_some()),
    ];
    let changed = changed.into_iter().filter(|(_, is_changed)| *is_changed);
    changed.map(|(name, _)| name).filter(|_| backend != Backend::Processes).collect()
}

/// Returns the recipe's name, if workers find the recipe by name, and the hooks of the workers.
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
            why: "only this program knows a recipe without a name".into(),
            instead: "register the recipe with windrow::register! in both programs, and give its \
                      name to .registered_as(name); to run this program itself under another \
                      command, use worker_launcher instead"
                .into(),
        })?,
        Some(name) => name,
    };
    if hooks.on_start.is_some() || hooks.on_exit.is_some() {
        return Err(Error::Unsupported {
            what: "on_worker_start or on_worker_exit for a recipe with a name".into(),
            why: "the hooks are functions of this program only".into(),
            instead: "give the hooks to windrow::register! as its third argument".into(),
        });
    }
    let hooks = process::registered(&name, crossing.kind)?;
    Ok((Some(name), hooks))
}

/// Returns the backend for this setting and this kind of pipeline.
///
/// # Errors
/// Returns the reason why worker processes are not available, if the caller asked for them by name.
pub(super) fn choice(asked: Backend, is_recipe: bool, settings: &Settings) -> Result<Backend> {
    if !is_recipe || !matches!(asked, Backend::Auto | Backend::Processes) {
        return Ok(asked);
    }
    match (asked, process::ready(settings)) {
        (_, Ok(())) => Ok(Backend::Processes),
        (Backend::Processes, Err(error)) => Err(error),
        (_, Err(error)) => {
            let instead = Backend::Auto.resolve()?.name;
            log::warn("loader", || format!("backend auto uses {instead}: {error}"));
            Ok(Backend::Auto)
        }
    }
}

/// Returns the error for a feature that `build_processes` does not support.
pub(super) fn alone(what: &str) -> Error {
    Error::Unsupported {
        what: format!("{what} with build_processes()"),
        why: "build_processes makes samples in worker processes only".into(),
        instead: "use a recipe with backend processes, or call build(), which needs a dataset \
                  that is Send and Sync"
            .into(),
    }
}

/// Starts the worker processes.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_without_an_effect_is_named_once() {
        let all = Settings {
            sample_timeout: Some(Duration::from_secs(1)),
            startup_timeout: Duration::from_secs(1),
            max_rss: Some(1),
            max_samples: Some(1),
            ..Settings::default()
        };
        let names = ["sample_timeout", "startup_timeout", "max_rss", "max_samples_per_worker"];
        assert_eq!(without_effect(Backend::Threads, &all), names);
        assert_eq!(without_effect(Backend::Inline, &all), names);
        assert!(without_effect(Backend::Processes, &all).is_empty());
        assert!(without_effect(Backend::Threads, &Settings::default()).is_empty());
    }
}
