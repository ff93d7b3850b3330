//! Which columns of a table make which field.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::dataset::{Dtype, RANK_MAX};
use crate::error::Result;
use crate::source::refusal::setting;

/// How to read a table.
///
/// ```
/// use windrow::dataset::Dtype;
/// use windrow::source::{CsvField, CsvOptions};
/// let json = r#"{
///     "file": "optdigits.tes",
///     "header": false,
///     "fields": [
///         {"name": "image", "columns": {"start": 0, "end": 64}, "dtype": "U8", "shape": [8, 8]},
///         {"name": "label", "columns": 64, "dtype": "U8"}
///     ]
/// }"#;
/// let options = CsvOptions::new("optdigits.tes", [
///     CsvField::new("image", 0..64, Dtype::U8).shape([8, 8]),
///     CsvField::new("label", 64, Dtype::U8),
/// ]);
/// assert_eq!(serde_json::from_str::<CsvOptions>(json)?, options.without_header());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CsvOptions {
    /// The name of the file.
    pub file: String,
    /// What stands between two values: one ASCII character, a comma unless said otherwise.
    #[serde(default = "comma")]
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = r"^[\x01-\x09\x0b\x0c\x0e-\x21\x23-\x7f]$"))
    )]
    pub delimiter: char,
    /// Whether the first row names the columns. Unless said, it does, and is refused where all the
    /// values that are read of it are data and no field asks for a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// The fields of each record.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 1024)))]
    pub fields: Vec<CsvField>,
}

/// One field of the records of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CsvField {
    /// The name of the field.
    #[cfg_attr(feature = "schema", schemars(length(max = 255), extend("not" = {"const": "__keys__"})))]
    pub name: String,
    /// The columns it is made of.
    pub columns: Columns,
    /// The dtype of its tensor.
    pub dtype: Dtype,
    #[cfg_attr(
        feature = "schema",
        schemars(description = "The shape of its tensor; by default `[]` for \
        one column, and the number of columns for the others.")
    )]
    /// The shape of its tensor: unless said otherwise, `[]` for [`Columns::One`] and the number of
    /// columns for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = 7)))]
    pub shape: Option<Vec<u64>>,
}

/// Some columns of a table, in an order.
///
/// In JSON: `"all"`, a column, a list of columns, or `{"start": 0, "end": 64}`. A column that is
/// called `all` is in a list: `["all"]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(from = "Written", into = "Written")]
#[non_exhaustive]
pub enum Columns {
    /// Every column.
    All,
    /// One column: its values are tensors of shape `[]`.
    One(Column),
    /// The columns from `start` to before `end`, counted from 0.
    Range(Range<u64>),
    /// These columns; one may be there more than once.
    List(Vec<Column>),
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "a column is its number, from 0, or its name")]
#[non_exhaustive]
pub enum Column {
    /// Its number, from 0.
    Number(u64),
    /// Its name in the header.
    Name(String),
}

impl CsvOptions {
    /// A table with commas, whose first row names the columns.
    #[must_use]
    pub fn new(file: impl Into<String>, fields: impl Into<Vec<CsvField>>) -> Self {
        Self { file: file.into(), delimiter: ',', header: None, fields: fields.into() }
    }

    /// The same for a table whose first row is a row like the others.
    #[must_use]
    pub fn without_header(self) -> Self {
        Self { header: Some(false), ..self }
    }

    /// The same for a table whose first row names the columns, also where the names are numbers.
    #[must_use]
    pub fn with_header(self) -> Self {
        Self { header: Some(true), ..self }
    }

    /// Whether the first row is no row of data.
    pub(super) fn has_header(&self) -> bool {
        self.header.unwrap_or(true)
    }

    /// The same for a table with another character between the values.
    #[must_use]
    pub fn delimiter(self, delimiter: char) -> Self {
        Self { delimiter, ..self }
    }

    /// Refuses what can be refused without the file.
    pub(super) fn check(&self) -> Result<()> {
        let wrong =
            |name: &str, value, allowed: &str| Err(setting(format!("csv.{name}"), value, allowed));
        let plain = self.delimiter.is_ascii() && !"\"\r\n\0".contains(self.delimiter);
        if !plain {
            let allowed = "one ASCII character, no quote and no line break";
            return wrong("delimiter", format!("{:?}", self.delimiter), allowed);
        }
        if self.fields.is_empty() {
            return wrong("fields", "empty".into(), "one field or more");
        }
        for CsvField { name, shape, .. } in &self.fields {
            if let Some(shape) = shape
                && shape.len() >= RANK_MAX
            {
                let allowed = format!("at most {} axes", RANK_MAX - 1);
                return wrong(&format!("fields.{name}.shape"), format!("{shape:?}"), &allowed);
            }
        }
        Ok(())
    }
}

impl Columns {
    /// Whether a column is asked for by its name.
    #[cfg_attr(not(feature = "csv"), allow(dead_code, reason = "only readers ask"))]
    pub(super) fn is_named(&self) -> bool {
        let named = |column: &Column| matches!(column, Column::Name(_));
        match self {
            Self::One(column) => named(column),
            Self::List(columns) => columns.iter().any(named),
            Self::All | Self::Range(_) => false,
        }
    }
}

impl CsvField {
    /// A field of these columns: a number, a name, a range, or a `Vec` of numbers or names.
    #[must_use]
    pub fn new(name: impl Into<String>, columns: impl Into<Columns>, dtype: Dtype) -> Self {
        Self { name: name.into(), columns: columns.into(), dtype, shape: None }
    }

    /// The same in another shape, whose lengths multiply to the number of columns.
    #[must_use]
    pub fn shape(self, shape: impl Into<Vec<u64>>) -> Self {
        Self { shape: Some(shape.into()), ..self }
    }

    /// The shape that so many columns have.
    pub(super) fn shape_of(&self, columns: u64) -> Vec<u64> {
        match (&self.shape, &self.columns) {
            (Some(shape), _) => shape.clone(),
            (None, Columns::One(_)) => Vec::new(),
            (None, _) => vec![columns],
        }
    }
}

impl From<u64> for Column {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Column {
    fn from(name: &str) -> Self {
        Self::Name(name.into())
    }
}

impl From<Range<u64>> for Columns {
    fn from(range: Range<u64>) -> Self {
        Self::Range(range)
    }
}

impl<C: Into<Column>> From<C> for Columns {
    fn from(column: C) -> Self {
        Self::One(column.into())
    }
}

impl<C: Into<Column>> From<Vec<C>> for Columns {
    fn from(columns: Vec<C>) -> Self {
        Self::List(columns.into_iter().map(Into::into).collect())
    }
}

/// Columns as JSON has them.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    untagged,
    expecting = "columns are \"all\", a number, a name, a list of these, or {\"start\": 0, \"end\": 4}"
)]
enum Written {
    One(Column),
    List(Vec<Column>),
    Range(#[cfg_attr(feature = "schema", schemars(schema_with = "columns"))] Range<u64>),
}

/// The schema of a range of columns; the derived one lets unknown fields be.
#[cfg(feature = "schema")]
fn columns(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let column = generator.subschema_for::<u64>();
    schemars::json_schema!({
        "description": "The columns from `start` to before `end`, counted from 0.",
        "type": "object",
        "properties": {"start": column, "end": column},
        "required": ["start", "end"],
        "additionalProperties": false,
    })
}

impl From<Written> for Columns {
    fn from(written: Written) -> Self {
        match written {
            Written::One(Column::Name(name)) if name == "all" => Self::All,
            Written::One(column) => Self::One(column),
            Written::List(columns) => Self::List(columns),
            Written::Range(range) => Self::Range(range),
        }
    }
}

impl From<Columns> for Written {
    fn from(columns: Columns) -> Self {
        match columns {
            Columns::All => Self::One(Column::Name("all".into())),
            Columns::One(Column::Name(name)) if name == "all" => {
                Self::List(vec![Column::Name(name)])
            }
            Columns::One(column) => Self::One(column),
            Columns::List(columns) => Self::List(columns),
            Columns::Range(range) => Self::Range(range),
        }
    }
}

fn comma() -> char {
    ','
}
