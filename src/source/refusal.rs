//! Errors that several formats share.

use crate::error::Error;

/// Returns the error of a build without a feature.
pub(super) fn without(feature: &str, what: String) -> Error {
    Error::Unsupported {
        what,
        why: format!("this build of windrow lacks the feature `{feature}`"),
        instead: "build windrow with it".into(),
    }
}

/// Returns the error of a setting with a wrong value.
pub(super) fn setting(name: String, value: String, allowed: &str) -> Error {
    Error::Setting { name, value, allowed: allowed.into() }
}

/// Returns a text in quotes, cut after `most` characters.
pub(super) fn shown(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
