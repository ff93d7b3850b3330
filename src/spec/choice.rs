//! Helpers that read and write the parts of a document.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::options::whole;
use super::placed::Placed;
use crate::error::{Error, Result};
use crate::order::{Epochs, FOREVER};

/// A type whose variants a tag tells apart.
pub(super) trait Choice: Sized {
    const TAG: &'static str;
    const WHAT: &'static str;
    const WORDS: &'static [&'static str];

    fn read(word: &str, options: Value, path: &str) -> Option<Result<Self>>;
}

/// Reads the options at `path`; an error has the path of the wrong option.
pub(super) fn at<T: DeserializeOwned>(path: &str, value: Value) -> Result<T> {
    T::deserialize(Placed(value)).map_err(|error| {
        let (path, why) = error.below(path);
        wrong(&path, why)
    })
}

pub(super) fn wrong(path: &str, why: impl Into<String>) -> Error {
    Error::Spec { path: path.into(), why: why.into() }
}

/// Writes a number of epochs, or the word `forever`.
pub(super) fn epochs_word<S: serde::Serializer>(
    epochs: &Option<Epochs>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match epochs.unwrap_or_default() {
        Epochs::Forever => to.serialize_str(FOREVER),
        Epochs::Count(count) => whole::serialize(&count, to),
    }
}
