//! The settings of a loader, from JavaScript.

use std::collections::HashMap;

use serde::Deserialize;
use wasm_bindgen::JsValue;

use super::errors::{failed, thrown};
use crate::error::Error;
use crate::loader::{LoaderBuilder, OnError};
use crate::order::State;
use crate::spec::SpecPipeline;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct Settings {
    /// `inline`, `workers` or `threads`.
    pub(super) backend: String,
    pub(super) workers: Option<u32>,
    pub(super) digest: bool,
    /// A state as JSON.
    pub(super) resume: Option<String>,
    /// `raise` or `skip`.
    pub(super) on_error: Option<String>,
    pub(super) retries: u32,
    pub(super) prefetch: Option<u64>,
    pub(super) prefetch_bytes: Option<u64>,
    /// The lengths of the sources that workers serve, by name.
    pub(super) lengths: HashMap<String, f64>,
}

impl Settings {
    pub(super) fn read(value: JsValue) -> Result<Self, JsValue> {
        serde_wasm_bindgen::from_value(value).map_err(|error| failed("SETTING", error))
    }

    pub(super) fn apply(
        &self,
        mut builder: LoaderBuilder<SpecPipeline>,
    ) -> Result<LoaderBuilder<SpecPipeline>, JsValue> {
        builder = builder.encodable().retries(self.retries).on_error(match &self.on_error {
            None => OnError::Raise,
            Some(policy) if policy == "raise" => OnError::Raise,
            Some(policy) if policy == "skip" => OnError::Skip,
            Some(other) => return Err(thrown(&setting("onError", other, "raise, skip"))),
        });
        if let Some(workers) = self.workers {
            builder = builder.workers(workers);
        }
        if self.digest {
            builder = builder.digest();
        }
        if let Some(state) = &self.resume {
            builder = builder.resume(&State::from_json(state).map_err(|error| thrown(&error))?);
        }
        if let Some(samples) = self.prefetch {
            builder = builder.prefetch(samples);
        }
        if let Some(bytes) = self.prefetch_bytes {
            builder = builder.prefetch_bytes(bytes);
        }
        Ok(builder)
    }
}

pub(super) fn setting(name: &str, value: &str, allowed: &str) -> Error {
    Error::Setting { name: name.into(), value: format!("{value:?}"), allowed: allowed.into() }
}
