//! Reading JSON lines in a build without the feature `jsonl`.

use std::sync::Arc;

use super::JsonlOptions;
use crate::dataset::Record;
use crate::error::{Error, Fault, Result};
use crate::source::bytes::ByteSource;

/// There is none.
#[derive(Debug)]
pub(super) enum Reader {}

impl Reader {
    /// Says that this build cannot.
    pub(super) fn new(bytes: Arc<dyn ByteSource>, _: &JsonlOptions) -> Result<Self> {
        Err(Error::Unsupported {
            what: format!("reading the JSON lines {}", bytes.name()),
            why: "this build of windrow is without the feature `jsonl`".into(),
            instead: "build with it".into(),
        })
    }

    pub(super) fn len(&self) -> u64 {
        match *self {}
    }

    pub(super) fn identity(&self) -> &str {
        match *self {}
    }

    pub(super) fn record(&self, _: u64) -> Result<Record, Fault> {
        match *self {}
    }
}
