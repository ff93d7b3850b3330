//! The options of the stages, and of the op `batch`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{whole, wholes};
use crate::dataset::Pad;
#[cfg(feature = "schema")]
use crate::spec::schema::Whole;
use crate::stage::Fit;

/// The options of the op and the stage `batch`, which stack records into batches.
///
/// Workers make the batches of the op. The caller's side makes the batches of the stage, over the
/// gaps that `filter` leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BatchOptions {
    /// The number of records in a batch, from 1 to 2^64 - 1.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<1>"))]
    pub size: u64,
    /// Whether a last batch with fewer records is left out. The default is false.
    #[serde(default)]
    pub drop_remainder: bool,
    /// The number that fills up fields of different shapes, up to the largest along each axis.
    /// Without it, different shapes are an error, which is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad: Option<Pad>,
}

impl BatchOptions {
    /// Creates the options of batches of `size` records, of which the last may have fewer.
    #[must_use]
    pub fn new(size: u64) -> Self {
        Self { size, drop_remainder: false, pad: None }
    }
}

/// The options of the stage `limit`, which ends each epoch after a number of batches or records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LimitOptions {
    /// The number of batches, from 0 to 2^64 - 1. Without a stage `batch` before this one, the number
    /// of records.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub count: u64,
}

impl LimitOptions {
    /// Creates the options of a stage that ends each epoch after `count` batches or records.
    #[must_use]
    pub fn new(count: u64) -> Self {
        Self { count }
    }
}

/// The options of the stage `skip`, which drops the first batches or records of each epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SkipOptions {
    /// The number of batches or records to drop, from 0 to 2^64 - 1.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub count: u64,
}

impl SkipOptions {
    /// Creates the options of a stage that drops the first `count` batches or records of an epoch.
    #[must_use]
    pub fn new(count: u64) -> Self {
        Self { count }
    }
}

/// The options of the stage `unbatch`, which has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UnbatchOptions {}

/// The options of the stage `bucket_by_length`, which stacks records of similar length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BucketOptions {
    /// The field with the length: the value of an integer scalar, or the length of the first axis.
    pub field: String,
    /// The lengths at which the next bucket begins, each larger than the one before: at most 1,024.
    #[serde(with = "wholes")]
    #[cfg_attr(feature = "schema", schemars(length(max = 1024), with = "Vec<Whole<0>>"))]
    pub boundaries: Vec<u64>,
    /// The number of records in a batch, from 1 to 2^64 - 1.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<1>"))]
    pub size: u64,
    /// Whether the last batch of a bucket is left out if it has fewer records. The default is false.
    #[serde(default)]
    pub drop_remainder: bool,
    /// The number that fills up fields of different shapes, up to the largest along each axis.
    /// Without it, different shapes are an error, which is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad: Option<Pad>,
}

impl BucketOptions {
    /// Creates the options of batches of `size` records between two of these boundaries.
    #[must_use]
    pub fn new(field: impl Into<String>, boundaries: impl Into<Vec<u64>>, size: u64) -> Self {
        let (field, boundaries) = (field.into(), boundaries.into());
        Self { field, boundaries, size, drop_remainder: false, pad: None }
    }
}

/// The options of the stage `batch_by_budget`, which stacks records up to a sum of costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BudgetOptions {
    /// The field with the cost: the value of an integer scalar, or the length of the first axis.
    pub field: String,
    /// The largest sum of the costs of a batch, from 1 to 2^64 - 1.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<1>"))]
    pub budget: u64,
    /// The number that fills up fields of different shapes, up to the largest along each axis.
    /// Without it, different shapes are an error, which is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad: Option<Pad>,
}

impl BudgetOptions {
    /// Creates the options of batches whose records together cost at most `budget`.
    #[must_use]
    pub fn new(field: impl Into<String>, budget: u64) -> Self {
        Self { field: field.into(), budget, pad: None }
    }
}

/// The options of the stage `pack`, which joins whole sequences to rows of a fixed length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PackOptions {
    /// The number of elements in a row for each field, from 1 to 2^24. Records have these fields and
    /// no others: 1 to 341 fields.
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, Whole<1>>"))]
    #[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1, "maxProperties" = 341)))]
    pub lengths: BTreeMap<String, RowLength>,
    /// The number of rows that wait for more records, from 1 to 1,024.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<1>"))]
    pub open: u64,
    /// The row that takes a record, if several have room for the record. The default is `first`.
    #[serde(default)]
    pub fit: Fit,
    /// The number that fills up the end of a row. The default is 0.
    #[serde(default = "zero")]
    pub pad: Pad,
}

impl PackOptions {
    /// Creates the options of rows with these lengths, of which at most `open` wait for more records.
    #[must_use]
    pub fn new<N: Into<String>>(lengths: impl IntoIterator<Item = (N, u64)>, open: u64) -> Self {
        Self { lengths: row_lengths(lengths), open, fit: Fit::First, pad: zero() }
    }
}

/// The options of the stage `concat_then_split`, which joins sequences and cuts them into rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ConcatThenSplitOptions {
    /// The number of elements in a row for each field, from 1 to 2^24, the same for all fields. Records
    /// have these fields and no others: 1 to 341 fields.
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, Whole<1>>"))]
    #[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1, "maxProperties" = 341)))]
    pub lengths: BTreeMap<String, RowLength>,
    /// Whether a last row with padding is left out. The default is false.
    #[serde(default)]
    pub drop_remainder: bool,
    /// The number that fills up the end of the last row. The default is 0.
    #[serde(default = "zero")]
    pub pad: Pad,
}

impl ConcatThenSplitOptions {
    /// Creates the options of rows with these lengths.
    #[must_use]
    pub fn new<N: Into<String>>(lengths: impl IntoIterator<Item = (N, u64)>) -> Self {
        Self { lengths: row_lengths(lengths), drop_remainder: false, pad: zero() }
    }
}

/// The number of elements in a row, for one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowLength(#[serde(with = "whole")] pub u64);

fn row_lengths<N: Into<String>>(
    lengths: impl IntoIterator<Item = (N, u64)>,
) -> BTreeMap<String, RowLength> {
    lengths.into_iter().map(|(name, length)| (name.into(), RowLength(length))).collect()
}

fn zero() -> Pad {
    Pad(0.0)
}
