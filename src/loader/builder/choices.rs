//! The backend, the workers and the limits that a builder and the environment select.
#![expect(clippy::disallowed_methods, reason = "asks for the machine's processors")]

use super::super::environment::Environment;
use super::super::origin::Origin;
use super::super::processes;
use super::super::work::RoundTrip;
use super::LoaderBuilder;
use crate::backend::settings::{Settings, WORKERS_MAX};
use crate::backend::{self, Backend};
use crate::dataset::at_least_one;
use crate::engine::Limits;
use crate::error::{Error, Result};
use crate::stage::Pipeline;

/// Returns the backend and the number of workers for these settings and this kind of pipeline.
///
/// # Errors
/// Returns the reason why worker processes are not available, if the caller asked for them by name.
/// Returns [`Error::Setting`] for a number of workers that is not allowed.
pub(crate) fn choice(
    asked: Backend,
    workers: Option<u32>,
    is_recipe: bool,
    settings: &Settings,
) -> Result<(Backend, u32)> {
    let workers = workers.unwrap_or_else(|| {
        std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32)
    });
    if (asked, workers) == (Backend::Auto, 0) {
        return Ok((Backend::Inline, 1));
    }
    let backend = processes::choice(asked, is_recipe, settings)?;
    match (backend, workers) {
        (Backend::Inline, _) => Ok((Backend::Inline, 1)),
        (_, 1..=WORKERS_MAX) => Ok((backend, workers)),
        _ => Err(Error::Setting {
            name: "workers".into(),
            value: workers.to_string(),
            allowed: format!("1 to {WORKERS_MAX} with backend {backend}"),
        }),
    }
}

impl<P: Pipeline> LoaderBuilder<P> {
    pub(super) fn strict(&self, environment: &Environment) -> Result<Option<RoundTrip<P::Sample>>> {
        match (environment.strict, self.round_trip) {
            (false, _) => Ok(None),
            (true, Some(round_trip)) => Ok(Some(round_trip)),
            (true, None) => Err(Error::Unsupported {
                what: "WINDROW_STRICT=1".into(),
                why: "the loader does not know how to encode its samples".into(),
                instead: "add `.encodable()`, which needs samples with serde's Serialize and \
                          Deserialize, or unset the variable"
                    .into(),
            }),
        }
    }

    pub(super) fn choice(&self, environment: &Environment, shares: bool) -> Result<(Backend, u32)> {
        let asked = match environment.backend.unwrap_or(self.backend) {
            Backend::Auto if !shares => Backend::Processes,
            Backend::Processes => Backend::Processes,
            other if !shares => return Err(processes::alone(&format!("backend {other}"))),
            asked => asked,
        };
        let is_recipe = matches!(self.pipeline, Origin::Recipe(_)) && self.custom.is_none();
        let workers = environment.workers.or(self.workers);
        let (backend, workers) = choice(asked, workers, is_recipe, &self.settings)?;
        processes::warn_of_no_effect("loader", backend, &self.settings);
        Ok((backend, workers))
    }

    pub(super) fn limits(&self, backend: Backend, workers: u32) -> Result<Limits> {
        let mut limits = Limits::for_workers(workers);
        limits.retries = self.retries;
        limits.losses = self.losses.max(1);
        limits.group_nanos *= backend::TASK_OVERHEAD;
        limits.group = limits.group.min(self.settings.max_samples.unwrap_or(u64::MAX)).max(1);
        if backend == Backend::Inline {
            (limits.tasks, limits.floor) = (1, 1);
        }
        let settings = [
            ("prefetch", self.prefetch, &mut limits.samples),
            ("prefetch_bytes", self.prefetch_bytes, &mut limits.bytes),
        ];
        for (name, asked, limit) in settings {
            if let Some(asked) = asked {
                at_least_one(name, asked)?;
                *limit = asked;
            }
        }
        Ok(limits)
    }
}

impl<P: Pipeline> std::fmt::Debug for LoaderBuilder<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoaderBuilder")
            .field("backend", &self.backend)
            .field("workers", &self.workers)
            .field("on_error", &self.on_error)
            .field("resume", &self.resume)
            .finish_non_exhaustive()
    }
}
