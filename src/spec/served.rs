//! `served`: a source that the document names and the program that opens the document provides.
//!
//! The document holds a name and options, as for the op `call`; the program that opens the document
//! passes the [`Functions`](super::Functions). The fingerprint has the name, the length, the
//! options and an identity that the user chooses, but nothing of the records' content.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dataset::Record;
use crate::error::Fault;
use crate::order::Op;
use crate::source::Source;

/// The options of the source `served`, whose records come from the program that opens the document.
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
    /// The name that the program has for the source.
    pub name: String,
    /// A text that tells this content from another of the same name and length: a version, a hash.
    /// The text goes into the fingerprint as it is. The default is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Any JSON value, which the program opens the source with. The default is `null`.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub options: Value,
}

impl ServedOptions {
    /// Creates the options of the source of this name, without identity and options.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), identity: None, options: Value::Null }
    }
}

/// A source of records that [`Functions::source`](super::Functions::source) returns.
#[derive(Clone)]
#[non_exhaustive]
pub struct ServedSource {
    /// The number of records.
    pub len: u64,
    /// The function that returns the record at an index below the length. The function should be
    /// pure: the record may depend on nothing but the index.
    pub get: Arc<dyn Fn(u64) -> Result<Record, Fault> + Send + Sync>,
}

impl ServedSource {
    /// Creates a source of `len` records, which `get` returns by their index.
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

/// A [`Source`] of the records of a [`ServedSource`].
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
