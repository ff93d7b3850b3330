//! `served`: a source that the document names and the program that opens it has.
//!
//! As with the op `call`: the document holds a name and options, whoever opens it gives the
//! [`Functions`](super::Functions). What the records hold is not told apart; the name, the length,
//! the options and an identity of the user's choice are.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dataset::Record;
use crate::error::Fault;
use crate::order::Op;
use crate::source::Source;

/// The options of the source `served`.
///
/// ```
/// use windrow::spec::ServedOptions;
/// let options: ServedOptions = serde_json::from_str(r#"{"name": "tiles", "identity": "2026-05"}"#)?;
/// assert_eq!(options.identity.as_deref(), Some("2026-05"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ServedOptions {
    /// The name of the source.
    pub name: String,
    /// What tells this content from another of the same name and length: a version, a hash. It goes
    /// into the fingerprint as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// What the source is opened with; `null` by default.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub options: Value,
}

impl ServedOptions {
    /// The source of this name without identity and options.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), identity: None, options: Value::Null }
    }
}

/// A source as [`Functions::source`](super::Functions::source) gives it.
#[derive(Clone)]
#[non_exhaustive]
pub struct ServedSource {
    /// How many records there are.
    pub len: u64,
    /// The record at an index below the length. It should be pure: what it gives may depend on
    /// nothing but the index.
    pub get: Arc<dyn Fn(u64) -> Result<Record, Fault> + Send + Sync>,
}

impl ServedSource {
    /// A source of `len` records, which `get` makes by their index.
    #[must_use]
    pub fn new(
        len: u64,
        get: impl Fn(u64) -> Result<Record, Fault> + Send + Sync + 'static,
    ) -> Self {
        Self { len, get: Arc::new(get) }
    }
}

impl std::fmt::Debug for ServedSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServedSource").field("len", &self.len).finish_non_exhaustive()
    }
}

/// A served source as a source.
pub(super) struct Served {
    pub(super) options: ServedOptions,
    pub(super) source: ServedSource,
}

impl Source for Served {
    type Sample = Record;
    type Error = Fault;

    fn len(&self) -> u64 {
        self.source.len
    }

    fn get(&self, index: u64) -> Result<Record, Fault> {
        (self.source.get)(index).map_err(|fault| fault.at(self.options.name.clone(), index))
    }

    fn op(&self) -> Op {
        let op = Op::new("served").with("name", &self.options.name).with("len", self.source.len);
        let op = op.with("options", &self.options.options);
        match &self.options.identity {
            Some(identity) => op.with("identity", identity),
            None => op,
        }
    }
}
