//! The options of a sink of records, which cross to workers as JSON.

use std::fmt;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Fault, Result};

/// The number of samples in a file without [`SinkSpec::samples_per_file`].
const SAMPLES_PER_FILE: NonZeroU64 = NonZeroU64::new(1000).expect("1000 is not 0");

/// A format in which a run writes records.
///
/// The names are the same in `Display`, `FromStr` and JSON.
///
/// ```
/// use windrow::sink::SinkKind;
/// assert_eq!("tar".parse::<SinkKind>()?, SinkKind::Tar);
/// assert_eq!(SinkKind::Safetensors.to_string(), "safetensors");
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SinkKind {
    /// Tar archives as WebDataset reads them, `shard-00012.tar`.
    Tar,
    /// NumPy's files, one for each field, `shard-00012.x.npy`. The first axis counts samples.
    Npy,
    /// JSON Lines, one sample a line, `shard-00012.jsonl`.
    Jsonl,
    /// Files of safetensors, `shard-00012.safetensors`. The first axis of each tensor counts samples.
    Safetensors,
    /// A file for each sample: all fields as safetensors, `00012.safetensors`, or one field alone.
    Files,
}

impl SinkKind {
    /// All kinds, in their fixed order.
    pub const ALL: [Self; 5] = [Self::Tar, Self::Npy, Self::Jsonl, Self::Safetensors, Self::Files];

    /// Returns the name, as in `Display`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::Npy => "npy",
            Self::Jsonl => "jsonl",
            Self::Safetensors => "safetensors",
            Self::Files => "files",
        }
    }
}

impl fmt::Display for SinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for SinkKind {
    type Err = Fault;

    /// Parses a name.
    ///
    /// # Errors
    /// Returns a fault that lists the known names.
    fn from_str(text: &str) -> Result<Self, Fault> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Fault::new(format!("unknown kind of sink {text:?}; use one of {names}"))
        })
    }
}

/// The options of a [`RecordSink`](super::RecordSink): the format, the folder and the size of files.
///
/// The options are a value of a few words, which worker processes receive as JSON. Each worker opens
/// the sink itself.
///
/// ```
/// use windrow::sink::{SinkKind, SinkSpec};
/// let json = r#"{"kind": "tar", "folder": "out", "samples_per_file": 500}"#;
/// let spec = SinkSpec::new(SinkKind::Tar, "out").samples_per_file(500);
/// assert_eq!(serde_json::from_str::<SinkSpec>(json)?, spec);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SinkSpec {
    /// The format.
    pub kind: SinkKind,
    /// The path of the folder, which the sink creates if it is missing.
    pub folder: PathBuf,
    /// The number of consecutive indices that share a file, at least 1. The default is 1000. Kind
    /// `files` has no such option.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples_per_file: Option<u64>,
    /// The only field to write; for kind `files`. The default is all fields as safetensors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The fields that are UTF-8 texts, `U8` tensors of one axis; for kind `jsonl`. The default is
    /// none, and bytes are lists of numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub text: Vec<String>,
}

impl SinkSpec {
    /// Creates the options of a format in a folder.
    #[must_use]
    pub fn new(kind: SinkKind, folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self { kind, folder, samples_per_file: None, field: None, text: Vec::new() }
    }

    /// Sets the number of consecutive indices that share a file.
    #[must_use]
    pub fn samples_per_file(self, samples: u64) -> Self {
        Self { samples_per_file: Some(samples), ..self }
    }

    /// Sets the only field to write.
    #[must_use]
    pub fn field(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// Sets the fields that are texts.
    #[must_use]
    pub fn text<F: Into<String>>(self, fields: impl IntoIterator<Item = F>) -> Self {
        Self { text: fields.into_iter().map(Into::into).collect(), ..self }
    }

    /// Checks the options, and returns the number of indices that share a file.
    pub(super) fn check(&self) -> Result<NonZeroU64> {
        let wrong = |option: &str, value: String, allowed: &str| {
            Err(Error::Setting { name: format!("sink.{option}"), value, allowed: allowed.into() })
        };
        let is_files = self.kind == SinkKind::Files;
        if let Some(field) = self.field.as_ref().filter(|_| !is_files) {
            return wrong("field", format!("{field:?}"), "no such option, except for kind files");
        }
        if !self.text.is_empty() && self.kind != SinkKind::Jsonl {
            let allowed = "no such option, except for kind jsonl";
            return wrong("text", format!("{:?}", self.text), allowed);
        }
        match self.samples_per_file.map(NonZeroU64::new) {
            Some(None) => wrong("samples_per_file", "0".into(), "1 or more"),
            Some(Some(samples)) if is_files => {
                let allowed = "no such option for kind files, which writes one sample to a file";
                wrong("samples_per_file", samples.to_string(), allowed)
            }
            Some(Some(samples)) => Ok(samples),
            None if is_files => Ok(NonZeroU64::MIN),
            None => Ok(SAMPLES_PER_FILE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_text_and_json() {
        for kind in SinkKind::ALL {
            assert_eq!(kind.to_string().parse::<SinkKind>().unwrap(), kind);
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
        let message = "zip".parse::<SinkKind>().unwrap_err().to_string();
        assert!(message.contains("\"zip\"; use one of tar, npy, jsonl"), "{message}");
    }

    #[test]
    fn an_option_of_another_kind_is_refused() {
        let spec = |kind| SinkSpec::new(kind, "out");
        assert_eq!(spec(SinkKind::Tar).check().unwrap().get(), 1000);
        assert_eq!(spec(SinkKind::Tar).samples_per_file(3).check().unwrap().get(), 3);
        assert_eq!(spec(SinkKind::Files).field("x").check().unwrap().get(), 1);
        for (wrong, says) in [
            (spec(SinkKind::Tar).samples_per_file(0), "sink.samples_per_file is 0"),
            (spec(SinkKind::Files).samples_per_file(1), "sink.samples_per_file is 1"),
            (spec(SinkKind::Tar).field("x"), "sink.field is \"x\""),
            (spec(SinkKind::Npy).text(["x"]), "sink.text is [\"x\"]"),
        ] {
            let message = wrong.check().unwrap_err().to_string();
            assert!(message.starts_with(says), "{message}");
        }
    }
}
