//! Helpers that read and write the parts of a document.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::placed::Placed;
use super::whole;
use crate::error::{Error, Result};
use crate::order::{Epochs, FOREVER};

/// A type whose variants a tag tells apart.
pub(super) trait Choice: Sized {
    const TAG: &'static str;
    const WHAT: &'static str;
    const WORDS: &'static [&'static str];

    fn read(word: &str, options: Value, path: &str) -> Option<Result<Self>>;
}

/// Defines an enum whose variants a tag tells apart, and the function that reads a variant.
macro_rules! choices {
    ($(#[$doc:meta])* $name:ident, $tag:literal, $what:literal:
     $($(#[doc = $about:literal])* $word:literal $variant:ident($options:ty),)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(tag = $tag)]
        #[non_exhaustive]
        pub enum $name {
            $(
                #[doc = concat!("The ", $what, " `", $word, "`.")]
                #[doc = ""]
                $(#[doc = $about])*
                #[serde(rename = $word)]
                $variant($options),
            )*
        }

        impl choice::Choice for $name {
            const TAG: &'static str = $tag;
            const WHAT: &'static str = $what;
            const WORDS: &'static [&'static str] = &[$($word),*];

            fn read(word: &str, options: serde_json::Value, path: &str) -> Option<Result<Self>> {
                match word {
                    $($word => Some(choice::Options::read(options, path).map(Self::$variant)),)*
                    _ => None,
                }
            }
        }

        // The reader is the function above, which no derive sees.
        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $what.into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schema::choice($tag, [$((
                    $word,
                    concat!($($about, "\n",)* ""),
                    <$options as schemars::JsonSchema>::json_schema(generator),
                ),)*])
            }
        }
    };
}
pub(super) use choices;

/// The options of a choice, read from the other fields of its object.
pub(super) trait Options: Sized {
    fn read(options: Value, path: &str) -> Result<Self>;
}

impl<T: DeserializeOwned> Options for T {
    fn read(options: Value, path: &str) -> Result<Self> {
        at(path, options)
    }
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
