//! The work of a loader: its dataset, with what the loader's settings add.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::backend::Fill;
use crate::dataset::wire::{decode, encode};
use crate::dataset::{Dataset, Fetched, fill};
use crate::error::Fault;

/// What a sample occupies in bytes.
pub(super) type Measure<T> = Box<dyn Fn(&T) -> Option<u64> + Send + Sync>;
/// Sends a sample through the encoding that worker processes use.
pub(super) type RoundTrip<T> = fn(T) -> Result<T, Fault>;

/// A dataset to fill from, measured and, in strict mode, encoded and decoded.
pub(super) struct Work<D: Dataset> {
    pub(super) dataset: D,
    pub(super) measure: Measure<D::Sample>,
    pub(super) strict: Option<RoundTrip<D::Sample>>,
}

impl<D: Dataset + Send + Sync> Fill<D::Sample> for Work<D> {
    fn fill(&self, position: u64) -> Fetched<D::Sample> {
        match (fill(&self.dataset, position)?, self.strict) {
            (Some(sample), Some(round_trip)) => round_trip(sample).map(Some),
            (sample, _) => Ok(sample),
        }
    }

    fn bytes(&self, sample: &D::Sample) -> Option<u64> {
        (self.measure)(sample)
    }
}

/// Encodes a sample and decodes it again.
pub(super) fn round_trip<T: Serialize + DeserializeOwned>(sample: T) -> Result<T, Fault> {
    let wire = encode(&sample)?;
    decode(&wire.inline, wire.tensors)
}
