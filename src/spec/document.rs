//! The type of the pipeline document.

use serde::Serialize;

use super::choice;
use super::op_spec::OpSpec;
#[cfg(feature = "schema")]
use super::schema;
use super::source_spec::SourceSpec;
use super::stage_spec::StageSpec;
use super::whole;
use crate::order::Epochs;

/// A pipeline document: a source, ops and stages, read from JSON or built in code.
///
/// ```
/// use windrow::{Loader, source::MemoryFiles, spec::Spec};
/// let spec = Spec::from_json(r#"{
///     "version": 1, "seed": 7,
///     "source": {"kind": "range", "end": 100},
///     "ops": [{"op": "shuffle"}],
///     "stages": [{"stage": "batch", "size": 10}]
/// }"#)?;
/// let loader = Loader::builder(spec.open(&MemoryFiles::default())?).build()?;
/// assert_eq!(loader.count(), 10);
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
#[non_exhaustive]
pub struct Spec {
    /// The version of the format. The only version is 1.
    #[cfg_attr(feature = "schema", schemars(extend("const" = 1)))]
    pub version: u32,
    /// The seed of every op without a seed, a whole number from 0 to 2^64 - 1. The default is 0.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(default, with = "schema::Whole<0>"))]
    pub seed: u64,
    /// The number of epochs of a loader: a whole number from 1 to 2^64 - 1, or `"forever"`. The
    /// default is 1. The number is no part of the fingerprint.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "choice::epochs_word")]
    #[cfg_attr(feature = "schema", schemars(default, schema_with = "schema::epochs"))]
    pub epochs: Option<Epochs>,
    /// The source that the records come from.
    pub source: SourceSpec,
    /// The ops that workers apply to each record, first to last: at most 1,000. The default is
    /// none.
    #[cfg_attr(feature = "schema", schemars(default, length(max = super::op_spec::STEPS_MAX)))]
    pub ops: Vec<OpSpec>,
    /// The stages that the loader applies to the records in order, first to last: at most 1,000.
    /// The default is none.
    #[cfg_attr(feature = "schema", schemars(default, length(max = super::op_spec::STEPS_MAX)))]
    pub stages: Vec<StageSpec>,
    /// Whether records and batches carry the [keys](crate::dataset::Record::keys) of their samples.
    /// The default is false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "schema", schemars(default, extend("default" = false)))]
    pub keys: bool,
}

impl Spec {
    /// The longest document that [`from_json`](Self::from_json) reads, in bytes: 1 MiB.
    pub const BYTES_MAX: u64 = 1 << 20;

    /// Creates a document with a source, seed 0, and no ops or stages.
    ///
    /// ```
    /// use windrow::spec::{OpSpec, RangeOptions, ShuffleOptions, SourceSpec, Spec};
    /// let mut spec = Spec::new(SourceSpec::Range(RangeOptions::new(0..100)));
    /// spec.ops.push(OpSpec::Shuffle(ShuffleOptions::new(7)));
    /// assert_eq!(Spec::from_json(&spec.to_json())?, spec);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    #[must_use]
    pub fn new(source: SourceSpec) -> Self {
        Self {
            version: 1,
            seed: 0,
            epochs: None,
            source,
            ops: Vec::new(),
            stages: Vec::new(),
            keys: false,
        }
    }

    /// Returns the JSON Schema (draft 2020-12) of pipeline documents: every source, op and stage with
    /// all options.
    ///
    /// Opening a document is stricter in three ways, because JSON Schema cannot express them. Numbers
    /// such as `1.0`, `1e3` and `-0` are integers in JSON Schema only. A name has at most 255 bytes,
    /// which are characters in JSON Schema. Values must also fit each other: the parts of `split` add
    /// up to 1, and no name stands twice.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn json_schema() -> serde_json::Value {
        schema::of::<Self>()
    }

    /// Returns the document as one line of JSON.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "JSON can represent every document")]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("JSON can represent every document")
    }
}
