//! The options of the source `range`, and of the ops that are not record transforms.

use serde::{Deserialize, Serialize};

use super::{whole, wholes};
#[cfg(feature = "schema")]
use crate::spec::schema::Whole;

/// The options of the source `range`, which gives the numbers from `start` to before `end`.
///
/// Each record has the field `value`, a `U64` scalar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RangeOptions {
    /// The first number, from 0 to 2^64 - 1. The default is 0.
    #[serde(default, with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub start: u64,
    /// The number after the last, from `start` to 2^64 - 1.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub end: u64,
}

impl RangeOptions {
    /// Creates the options of a source of these numbers.
    #[must_use]
    pub fn new(numbers: std::ops::Range<u64>) -> Self {
        Self { start: numbers.start, end: numbers.end }
    }
}

/// The options of the ops `shuffle` and `shuffle_once`, which put the samples into a random order.
///
/// `shuffle` draws a new order for each epoch. `shuffle_once` keeps the order of the first epoch in
/// all epochs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ShuffleOptions {
    /// The seed of the order, a whole number from 0 to 2^64 - 1. The default is the document's
    /// `seed`.
    #[serde(default, with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub seed: Option<u64>,
}

impl ShuffleOptions {
    /// Creates the options of a shuffle with this seed; [`default`](Self::default) takes the
    /// document's.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed: Some(seed) }
    }
}

/// The options of the op `window_shuffle`, which puts the samples of each window into a random
/// order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct WindowShuffleOptions {
    /// The number of neighbours in a window, from 1 to 2^63. The last window may have fewer.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<1>"))]
    pub window: u64,
    /// The seed of the order, a whole number from 0 to 2^64 - 1. The default is the document's
    /// `seed`.
    #[serde(default, with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub seed: Option<u64>,
}

impl WindowShuffleOptions {
    /// Creates the options of a shuffle of windows of this size, with the document's seed.
    #[must_use]
    pub fn new(window: u64) -> Self {
        Self { window, seed: None }
    }
}

/// The options of the op `shuffle_like_grain`, which puts the samples into the order of Grain's
/// `shuffle(seed)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GrainShuffleOptions {
    /// The seed of the order, a whole number from 0 to 2^32 - 1.
    pub seed: u32,
}

impl GrainShuffleOptions {
    /// Creates the options of a shuffle with this seed.
    #[must_use]
    pub fn new(seed: u32) -> Self {
        Self { seed }
    }
}

/// The options of the op `slice`, which keeps the samples of a range of indices.
///
/// A range past the end is cut to the samples that exist. Slicing part of an order that `shuffle`
/// draws anew for each epoch is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SliceOptions {
    /// The first index, from 0 to 2^64 - 1. The default is 0.
    #[serde(default, with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub start: u64,
    /// The index after the last, from 0 to 2^64 - 1. The default is the end of the samples.
    #[serde(default, with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub end: Option<u64>,
    /// The distance between two kept samples, from 1 to 2^64 - 1. The default is 1, which keeps all
    /// samples of the range.
    #[serde(default = "one", with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<1>"))]
    pub step: u64,
}

impl SliceOptions {
    /// Creates the options of a slice that keeps all samples.
    #[must_use]
    pub fn all() -> Self {
        Self { start: 0, end: None, step: 1 }
    }
}

/// The options of the op `subset`, which keeps the samples at given indices, in that order.
///
/// Choosing from an order that `shuffle` draws anew for each epoch is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SubsetOptions {
    /// The indices, each from 0 to 2^64 - 1. An index may occur several times.
    #[serde(with = "wholes")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<Whole<0>>"))]
    pub indices: Vec<u64>,
}

impl SubsetOptions {
    /// Creates the options of a subset of the samples at these indices.
    #[must_use]
    pub fn new(indices: impl Into<Vec<u64>>) -> Self {
        Self { indices: indices.into() }
    }
}

/// The options of the op `reverse`, which has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ReverseOptions {}

/// The options of the op `sample`, which keeps the first `count` samples of each epoch's order.
///
/// A `shuffle` must come before this op, so each epoch keeps other samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SampleOptions {
    /// The number of samples in each epoch, from 0 to 2^64 - 1.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub count: u64,
}

impl SampleOptions {
    /// Creates the options of an op that keeps `count` samples of each epoch.
    #[must_use]
    pub fn new(count: u64) -> Self {
        Self { count }
    }
}

/// The options of the op `cache`, which keeps records in memory once they were made.
///
/// Records that differ from epoch to epoch cannot be kept, so the op comes before `shuffle` and other
/// random ops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CacheOptions {
    /// The largest number of bytes in memory, from 0 to 2^64 - 1, for each worker without shared
    /// memory. A record counts the bytes of its tensors, 384 bytes for each tensor, and some
    /// 100 bytes more.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub bytes: u64,
}

impl CacheOptions {
    /// Creates the options of a cache of this size.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self { bytes }
    }
}

/// The options of the op `split`, which splits the samples at random and keeps one part.
///
/// The parts share no sample and are the same in each epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SplitOptions {
    /// The seed of the split, a whole number from 0 to 2^64 - 1. The default is the document's
    /// `seed`.
    #[serde(default, with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub seed: Option<u64>,
    /// The fraction of each part, 0 or more. The sum must be 1 within 10^-9.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), inner(range(min = 0))))]
    pub parts: Vec<f64>,
    /// The number of the part to keep, counted from 0.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub part: u64,
}

impl SplitOptions {
    /// Creates the options of a split that keeps one part and takes the document's seed.
    #[must_use]
    pub fn new(parts: impl Into<Vec<f64>>, part: u64) -> Self {
        Self { seed: None, parts: parts.into(), part }
    }
}

/// The options of the op `repeat`, which makes one longer dataset of several epochs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RepeatOptions {
    /// The number of epochs, from 0 to 2^64 - 1.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub epochs: u64,
    /// Whether each epoch repeats the first one, with its order and its random numbers. The default
    /// is false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub same_each_epoch: bool,
}

impl RepeatOptions {
    /// Creates the options of an op that repeats the samples for `epochs` epochs.
    #[must_use]
    pub fn new(epochs: u64) -> Self {
        Self { epochs, same_each_epoch: false }
    }
}

/// The options of the op `shard`, which keeps the share of one of several trainers.
///
/// Shards are contiguous and disjoint, and together they cover the samples. `strided` and
/// `pad_remainder` together are the cut of PyTorch's `DistributedSampler`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ShardOptions {
    /// The number of this trainer, from 0 to `count` - 1.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub index: u64,
    /// The number of trainers, from 1 to 2^64 - 1.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<1>"))]
    pub count: u64,
    /// Whether all shards are cut to the same length. The default is false: the first shards may
    /// have one sample more.
    #[serde(default)]
    pub drop_remainder: bool,
    /// Whether all shards are padded to the same length, with samples from the start again. The
    /// default is false. `drop_remainder` and `pad_remainder` exclude each other.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pad_remainder: bool,
    /// Whether the shard takes every `count`-th sample, from sample `index` on. The default is
    /// false: the shard is contiguous.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strided: bool,
}

impl ShardOptions {
    /// Creates the options of the shard of trainer `index` of `count`, with the remainder.
    #[must_use]
    pub fn new(index: u64, count: u64) -> Self {
        Self { index, count, drop_remainder: false, pad_remainder: false, strided: false }
    }
}

fn one() -> u64 {
    1
}
