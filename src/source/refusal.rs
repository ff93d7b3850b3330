//! What several formats say where they refuse something.

use crate::error::Error;

/// The error of a build that is without a feature.
pub(super) fn without(feature: &str, what: String) -> Error {
    Error::Unsupported {
        what,
        why: format!("this build of windrow is without the feature `{feature}`"),
        instead: "build with it".into(),
    }
}

/// The error of a setting.
pub(super) fn setting(name: String, value: String, allowed: &str) -> Error {
    Error::Setting { name, value, allowed: allowed.into() }
}

/// A text in quotes, cut after so many characters.
pub(super) fn shown(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
