//! The options of JSON lines: which values of a line make which field.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::dataset::{Dtype, RANK_MAX, Record, Tensor};
use crate::error::Result;
use crate::source::refusal::setting;

/// The options of the source `jsonl`, which reads a file with one JSON object in each line. Each
/// line is a record.
///
/// ```
/// use windrow::dataset::Dtype;
/// use windrow::source::{JsonlField, JsonlOptions};
/// let json = r#"{
///     "file": "flowers.jsonl",
///     "fields": [
///         {"name": "sepal", "dtype": "F32", "shape": [2]},
///         {"name": "label", "dtype": "U8", "at": "/meta/species"}
///     ]
/// }"#;
/// let options = JsonlOptions::new("flowers.jsonl", [
///     JsonlField::new("sepal", Dtype::F32).shape([2]),
///     JsonlField::new("label", Dtype::U8).at("/meta/species"),
/// ]);
/// assert_eq!(serde_json::from_str::<JsonlOptions>(json)?, options);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct JsonlOptions {
    /// The path of the file.
    pub file: String,
    /// The fields of each record, 1 to 1,024.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::dataset::FIELDS_MAX)))]
    pub fields: Vec<JsonlField>,
}

/// A field of the records of a file of JSON lines, and the place of its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct JsonlField {
    /// The name of the field, of at most 255 bytes.
    #[cfg_attr(feature = "schema", schemars(length(max = crate::dataset::NAME_BYTES_MAX), extend("not" = {"const": "__keys__"})))]
    pub name: String,
    /// The dtype of the field's tensor. Every number of the value must be in its range. `U8` also
    /// takes a text, as its UTF-8 bytes.
    pub dtype: Dtype,
    /// The place of the value in a line's object, as a JSON pointer (RFC 6901) such as
    /// `/meta/label` or `/boxes/0`. The default is the member with the name of the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^($|/)")))]
    pub at: Option<String>,
    /// The shape that the field's tensor must have, at most 8 axes. The default is the shape of
    /// each value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = crate::dataset::RANK_MAX)))]
    pub shape: Option<Vec<u64>>,
}

/// A field and the steps to its value.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "jsonl"),
    expect(dead_code, reason = "without the feature, no line is read")
)]
pub(super) struct Field {
    pub(super) options: JsonlField,
    pub(super) name: Arc<str>,
    pub(super) steps: Vec<String>,
}

impl JsonlOptions {
    /// Creates the options of a file and the fields of its records.
    #[must_use]
    pub fn new(file: impl Into<String>, fields: impl Into<Vec<JsonlField>>) -> Self {
        Self { file: file.into(), fields: fields.into() }
    }

    /// Checks the options as far as possible without the file.
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |name: &str, value, allowed: &str| {
            Err(setting(format!("jsonl.{name}"), value, allowed))
        };
        if self.fields.is_empty() {
            return wrong("fields", "empty".into(), "one field or more");
        }
        let mut names = Record::new();
        for JsonlField { name, at, shape, .. } in &self.fields {
            match names.insert(name.as_str(), Tensor::scalar(0u8)) {
                Ok(None) => {}
                Ok(_) => return wrong("fields", format!("{name:?} twice"), "each name once"),
                Err(fault) => {
                    let allowed = format!("names that a record can have: {fault}");
                    return wrong("fields", format!("{name:.40?}"), &allowed);
                }
            }
            if let Some(shape) = shape
                && shape.len() > RANK_MAX
            {
                let allowed = format!("at most {RANK_MAX} axes");
                return wrong(&format!("fields.{name}.shape"), format!("{shape:?}"), &allowed);
            }
            if let Some(at) = at
                && !at.is_empty()
                && !at.starts_with('/')
            {
                let allowed = "a JSON pointer, such as /meta/label";
                return wrong(&format!("fields.{name}.at"), format!("{at:?}"), allowed);
            }
        }
        Ok(())
    }
}

impl JsonlField {
    /// Creates a field whose value is the member of this name.
    #[must_use]
    pub fn new(name: impl Into<String>, dtype: Dtype) -> Self {
        Self { name: name.into(), dtype, at: None, shape: None }
    }

    /// Sets the place of the value, as a JSON pointer.
    #[must_use]
    pub fn at(self, pointer: impl Into<String>) -> Self {
        Self { at: Some(pointer.into()), ..self }
    }

    /// Sets the shape that every value must have.
    #[must_use]
    pub fn shape(self, shape: impl Into<Vec<u64>>) -> Self {
        Self { shape: Some(shape.into()), ..self }
    }

    /// Returns the field with the steps from a line's object to its value.
    pub(super) fn found(&self) -> Field {
        let step = |step: &str| step.replace("~1", "/").replace("~0", "~");
        let steps = match &self.at {
            Some(at) => at.split('/').skip(1).map(step).collect(),
            None => vec![self.name.clone()],
        };
        Field { options: self.clone(), name: self.name.as_str().into(), steps }
    }
}
