//! Which archives, and which fields of their samples.

use serde::{Deserialize, Serialize};

use crate::dataset::{FIELDS_MAX, NAME_BYTES_MAX};
use crate::error::Result;
use crate::source::bytes::Identity;
use crate::source::refusal::setting;

/// The field that holds the key of a sample as UTF-8, where it is asked for.
pub const KEY_FIELD: &str = "__key__";

/// How to read tar archives.
///
/// ```
/// use windrow::source::TarOptions;
/// let json = r#"{"files": ["a-0.tar", "a-1.tar"], "fields": ["png", "cls", "__key__"]}"#;
/// let options = TarOptions::new(["a-0.tar", "a-1.tar"]).fields(["png", "cls", "__key__"]);
/// assert_eq!(serde_json::from_str::<TarOptions>(json)?, options);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TarOptions {
    /// The names of the archives, in the order of their samples.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub files: Vec<String>,
    /// The fields of each record, all of which every sample must have; without it, whatever a
    /// sample has. `__key__` is the sample's key, unless there is a file of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 1024), inner(length(max = 255)), extend("uniqueItems" = true)))]
    pub fields: Option<Vec<String>>,
    /// How much of each archive goes into the fingerprint, beside the names, sizes and places of its
    /// files.
    #[serde(default, skip_serializing_if = "Identity::is_default")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "blocks")))]
    pub identity: Identity,
}

impl TarOptions {
    /// These archives, and whatever fields their samples have.
    #[must_use]
    pub fn new<F: Into<String>>(files: impl IntoIterator<Item = F>) -> Self {
        let files = files.into_iter().map(Into::into).collect();
        Self { files, fields: None, identity: Identity::default() }
    }

    /// The same with these fields only.
    #[must_use]
    pub fn fields<F: Into<String>>(self, fields: impl IntoIterator<Item = F>) -> Self {
        Self { fields: Some(fields.into_iter().map(Into::into).collect()), ..self }
    }

    /// The same with so much of each archive in the fingerprint.
    #[must_use]
    pub fn identity(self, identity: Identity) -> Self {
        Self { identity, ..self }
    }

    /// Refuses what can be refused without the archives.
    pub(super) fn check(&self) -> Result<()> {
        if self.files.is_empty() {
            return Err(setting("tar.files".into(), "empty".into(), "one archive or more"));
        }
        self.check_fields()
    }

    pub(super) fn check_fields(&self) -> Result<()> {
        let Some(fields) = &self.fields else { return Ok(()) };
        let wrong = |value, allowed: &str| Err(setting("tar.fields".into(), value, allowed));
        if fields.is_empty() || fields.len() > FIELDS_MAX {
            let value = format!("a list of {}", fields.len());
            return wrong(value, &format!("1 to {FIELDS_MAX} names"));
        }
        let mut sorted: Vec<_> = fields.iter().collect();
        sorted.sort();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return wrong(format!("{:?} twice", pair[0]), "each name once");
        }
        if let Some(name) = fields.iter().find(|name| name.len() > NAME_BYTES_MAX) {
            let value = format!("a name of {} bytes", name.len());
            return wrong(value, &format!("at most {NAME_BYTES_MAX} bytes"));
        }
        Ok(())
    }
}
