//! The options of tables: which columns make which field.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::dataset::{Dtype, RANK_MAX};
use crate::error::Result;
use crate::source::refusal::setting;

/// The options of the source `csv`, which reads a comma-separated table of numbers, plain or gzip.
/// Each row is a record.
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
    /// The path of the file.
    pub file: String,
    /// The character between two values: one ASCII character, but no quote and no line break. The
    /// default is a comma.
    #[serde(default = "comma")]
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = r"^[\x01-\x09\x0b\x0c\x0e-\x21\x23-\x7f]$"))
    )]
    pub delimiter: char,
    /// Whether the first row names the columns. The default is true. But without this option, a
    /// first row whose values are all data of their dtypes is an error, unless a field names a
    /// column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// The fields of each record, 1 to 1,024.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::dataset::FIELDS_MAX)))]
    pub fields: Vec<CsvField>,
}

/// A field of the records of a table, and the columns with its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CsvField {
    /// The name of the field, of at most 255 bytes.
    #[cfg_attr(feature = "schema", schemars(length(max = crate::dataset::NAME_BYTES_MAX), extend("not" = {"const": "__keys__"})))]
    pub name: String,
    /// The columns with the field's values: `"all"`, a column, a list of columns, or a range such
    /// as `{"start": 0, "end": 64}`. A column is its number, from 0, or its name.
    pub columns: Columns,
    /// The dtype of the field's tensor. Every value must be a number of this dtype.
    pub dtype: Dtype,
    /// The shape of the field's tensor, at most 7 axes whose product is the number of columns. The
    /// default is `[]` for one column given by its number or name, otherwise `[n]` for n columns.
    #[cfg_attr(
        feature = "schema",
        schemars(description = "The shape of its tensor; by default `[]` for \
        one column, and the number of columns for the others.")
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = crate::dataset::RANK_MAX - 1)))]
    pub shape: Option<Vec<u64>>,
}

/// An ordered choice of columns of a table.
///
/// In JSON, a choice is `"all"`, a column, a list of columns, or `{"start": 0, "end": 64}`. The
/// list `["all"]` stands for a column with the name `all`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(from = "Written", into = "Written")]
#[non_exhaustive]
pub enum Columns {
    /// Every column.
    All,
    /// One column, whose values are tensors of shape `[]`.
    One(Column),
    /// The columns from `start` to before `end`, counted from 0.
    Range(Range<u64>),
    /// A list of columns, of which one may appear more than once.
    List(Vec<Column>),
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a column: its number, from 0, or its name")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Column {
    /// The number of the column, from 0.
    Number(u64),
    /// The name of the column in the header.
    Name(String),
}

impl CsvOptions {
    /// Creates the options of a table with commas, whose first row names the columns.
    #[must_use]
    pub fn new(file: impl Into<String>, fields: impl Into<Vec<CsvField>>) -> Self {
        Self { file: file.into(), delimiter: ',', header: None, fields: fields.into() }
    }

    /// Reads the first row as a row of data.
    #[must_use]
    pub fn without_header(self) -> Self {
        Self { header: Some(false), ..self }
    }

    /// Reads the first row as the names of the columns, also if the names are numbers.
    #[must_use]
    pub fn with_header(self) -> Self {
        Self { header: Some(true), ..self }
    }

    /// Returns true if the first row names the columns.
    pub(super) fn has_header(&self) -> bool {
        self.header.unwrap_or(true)
    }

    /// Sets the character between two values.
    #[must_use]
    pub fn delimiter(self, delimiter: char) -> Self {
        Self { delimiter, ..self }
    }

    /// Checks the options as far as possible without the file.
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
    /// Returns true if any column is given by its name.
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
    /// Creates a field of these columns: a number, a name, a range, or a `Vec` of numbers or names.
    #[must_use]
    pub fn new(name: impl Into<String>, columns: impl Into<Columns>, dtype: Dtype) -> Self {
        Self { name: name.into(), columns: columns.into(), dtype, shape: None }
    }

    /// Sets the shape, whose lengths multiply to the number of columns.
    #[must_use]
    pub fn shape(self, shape: impl Into<Vec<u64>>) -> Self {
        Self { shape: Some(shape.into()), ..self }
    }

    /// Returns the shape of the field's tensor, given the number of its columns.
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

/// The JSON form of [`Columns`].
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    untagged,
    expecting = "expected \"all\", a number, a name, a list of these, or {\"start\": 0, \"end\": 4}"
)]
enum Written {
    One(Column),
    List(#[cfg_attr(feature = "schema", schemars(length(min = 1)))] Vec<Column>),
    Range(#[cfg_attr(feature = "schema", schemars(schema_with = "columns"))] Range<u64>),
}

/// Returns the schema of a range of columns. The derived schema allows unknown fields.
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
