//! The options of ops and stages that are not record transforms.

use serde::{Deserialize, Serialize};

use crate::dataset::Pad;
#[cfg(feature = "schema")]
use crate::spec::schema::Whole;

/// Options of the source `range`: records with the field `value`, a `U64` scalar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RangeOptions {
    /// The first number; 0 by default.
    #[serde(default, with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub start: u64,
    /// The number after the last.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub end: u64,
}

impl RangeOptions {
    /// The numbers of a range.
    #[must_use]
    pub fn new(numbers: std::ops::Range<u64>) -> Self {
        Self { start: numbers.start, end: numbers.end }
    }
}

/// Options of the ops `shuffle` and `shuffle_once`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ShuffleOptions {
    /// The seed; the document's by default.
    #[serde(default, with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub seed: Option<u64>,
}

impl ShuffleOptions {
    /// A shuffle with a seed of its own; [`default`](Self::default) takes the document's.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed: Some(seed) }
    }
}

/// Options of the op `shuffle_like_grain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GrainShuffleOptions {
    /// The seed, below 2^32.
    pub seed: u32,
}

impl GrainShuffleOptions {
    /// A shuffle with this seed.
    #[must_use]
    pub fn new(seed: u32) -> Self {
        Self { seed }
    }
}

/// Options of the op `slice`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SliceOptions {
    /// The first index; 0 by default.
    #[serde(default, with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub start: u64,
    /// The index after the last; the end by default.
    #[serde(default, with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub end: Option<u64>,
    /// Keeps the first of so many; 1 by default.
    #[serde(default = "one", with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<1>"))]
    pub step: u64,
}

impl SliceOptions {
    /// All indices, from the first to the end.
    #[must_use]
    pub fn all() -> Self {
        Self { start: 0, end: None, step: 1 }
    }
}

/// Options of the op `sample`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SampleOptions {
    /// How many samples of each epoch.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub count: u64,
}

impl SampleOptions {
    /// So many samples of each epoch.
    #[must_use]
    pub fn new(count: u64) -> Self {
        Self { count }
    }
}

/// Options of the op `split`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SplitOptions {
    /// The seed; the document's by default.
    #[serde(default, with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub seed: Option<u64>,
    /// The fraction of each part; together they are 1.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), inner(range(min = 0))))]
    pub parts: Vec<f64>,
    /// Which part is kept, from 0.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub part: u64,
}

impl SplitOptions {
    /// One part of a split, with the document's seed.
    #[must_use]
    pub fn new(parts: impl Into<Vec<f64>>, part: u64) -> Self {
        Self { seed: None, parts: parts.into(), part }
    }
}

/// Options of the op `repeat`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RepeatOptions {
    /// How many epochs.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub epochs: u64,
}

impl RepeatOptions {
    /// So many epochs.
    #[must_use]
    pub fn new(epochs: u64) -> Self {
        Self { epochs }
    }
}

/// Options of the op `shard`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ShardOptions {
    /// This trainer's number, from 0.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub index: u64,
    /// How many trainers there are.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<1>"))]
    pub count: u64,
    /// Whether all shards are cut to the same length; no by default.
    #[serde(default)]
    pub drop_remainder: bool,
}

impl ShardOptions {
    /// The shard of trainer `index` of `count`, with the remainder.
    #[must_use]
    pub fn new(index: u64, count: u64) -> Self {
        Self { index, count, drop_remainder: false }
    }
}

/// Options of `batch`, as an op and as a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BatchOptions {
    /// How many records go together.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<1>"))]
    pub size: u64,
    /// Whether a shorter last batch is left out; no by default.
    #[serde(default)]
    pub drop_remainder: bool,
    /// What fills up shapes that differ; without it they are an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad: Option<Pad>,
}

impl BatchOptions {
    /// Batches of so many records, the last one shorter.
    #[must_use]
    pub fn new(size: u64) -> Self {
        Self { size, drop_remainder: false, pad: None }
    }
}

/// Options of the stage `limit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LimitOptions {
    /// How many batches come before the end.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub count: u64,
}

impl LimitOptions {
    /// So many batches.
    #[must_use]
    pub fn new(count: u64) -> Self {
        Self { count }
    }
}

fn one() -> u64 {
    1
}

/// A whole number or an option of one, which may be a string of digits, since JavaScript's numbers
/// lose bits beyond 2^53.
pub(super) mod whole {
    use std::fmt;

    use serde::de::{Error, Unexpected, Visitor};
    use serde::{Deserializer, Serializer};

    /// The largest number that JavaScript keeps whole.
    const EXACT_MAX: u64 = 1 << 53;

    struct Whole;

    impl Visitor<'_> for Whole {
        type Value = u64;

        fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
            to.write_str("a whole number from 0 to 2^64 - 1 (a string of digits is one too)")
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
            Ok(number)
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
            let signed = Unexpected::Signed(number);
            number.try_into().map_err(|_| E::invalid_value(signed, &self))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
            text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>, T: From<u64>>(
        from: D,
    ) -> Result<T, D::Error> {
        from.deserialize_any(Whole).map(T::from)
    }

    pub(in super::super) fn serialize<S: Serializer, T: Copy + Into<Option<u64>>>(
        number: &T,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match (*number).into() {
            Some(number) if number <= EXACT_MAX => to.serialize_u64(number),
            Some(number) => to.collect_str(&number),
            None => to.serialize_none(),
        }
    }
}
