//! What reading and writing the parts of a document has in common.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::options::whole;
use super::placed::Placed;
use crate::error::{Error, Result};
use crate::order::{Epochs, FOREVER};

/// One of several things that a tag tells apart.
pub(super) trait Choice: Sized {
    const TAG: &'static str;
    const WHAT: &'static str;
    const WORDS: &'static [&'static str];

    fn read(word: &str, options: Value, path: &str) -> Option<Result<Self>>;
}

/// Reads options, with the path of the one that is wrong.
pub(super) fn at<T: DeserializeOwned>(path: &str, value: Value) -> Result<T> {
    T::deserialize(Placed(value)).map_err(|error| {
        let (path, why) = error.below(path);
        wrong(&path, why)
    })
}

pub(super) fn wrong(path: &str, why: impl Into<String>) -> Error {
    Error::Spec { path: path.into(), why: why.into() }
}

/// Writes a number of epochs.
pub(super) fn epochs_word<S: serde::Serializer>(
    epochs: &Option<Epochs>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match epochs.unwrap_or_default() {
        Epochs::Forever => to.serialize_str(FOREVER),
        Epochs::Count(count) => whole::serialize(&count, to),
    }
}
