//! The options of the ops that draw samples by weights or by classes.

use serde::{Deserialize, Serialize};

use super::{whole, wholes};
#[cfg(feature = "schema")]
use crate::spec::schema::Whole;

/// The options of the op `weighted_sample`, which draws samples at random by their weights.
///
/// Drawing from an order that `shuffle` draws anew for each epoch is an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct WeightedSampleOptions {
    /// The weight of each sample, 0 or more. A sample with twice the weight comes twice as often.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), inner(range(min = 0))))]
    pub weights: Vec<f64>,
    /// The number of samples in each epoch, from 0 to 2^64 - 1.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub count: u64,
    /// Whether a sample may come several times in an epoch. The default is true.
    #[serde(default = "yes")]
    pub replacement: bool,
    /// The seed of the draws, a whole number from 0 to 2^64 - 1. The default is the document's
    /// `seed`.
    #[serde(default, with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub seed: Option<u64>,
}

impl WeightedSampleOptions {
    /// Creates the options of `count` draws with replacement, with the document's seed.
    #[must_use]
    pub fn new(weights: impl Into<Vec<f64>>, count: u64) -> Self {
        Self { weights: weights.into(), count, replacement: true, seed: None }
    }
}

/// The options of the op `class_balanced`, which keeps samples of each class equally often.
///
/// The classes take turns in ascending order. Choosing from an order that `shuffle` draws anew for
/// each epoch is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ClassBalancedOptions {
    /// The class of each sample, a whole number from 0 to 2^64 - 1.
    #[serde(with = "wholes")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<Whole<0>>"))]
    pub labels: Vec<u64>,
    /// The number of samples in each epoch, from 0 to 2^64 - 1.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub count: u64,
    /// The seed of the order within each class, a whole number from 0 to 2^64 - 1. The default is
    /// the document's `seed`.
    #[serde(default, with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Whole<0>"))]
    pub seed: Option<u64>,
}

impl ClassBalancedOptions {
    /// Creates the options of `count` samples of balanced classes, with the document's seed.
    #[must_use]
    pub fn new(labels: impl Into<Vec<u64>>, count: u64) -> Self {
        Self { labels: labels.into(), count, seed: None }
    }
}

fn yes() -> bool {
    true
}
