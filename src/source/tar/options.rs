//! The options of tar archives.

use serde::{Deserialize, Serialize};

use crate::dataset::{FIELDS_MAX, NAME_BYTES_MAX};
use crate::error::Result;
use crate::source::bytes::Identity;
use crate::source::refusal::setting;

/// The name of the field with the key of a sample as UTF-8, which [`TarOptions::fields`] may list.
pub const KEY_FIELD: &str = "__key__";

/// The options of the source `tar`, which reads tar archives as WebDataset packs them.
///
/// Files that share a key are a sample. Each field is the bytes of a file, a `U8` tensor of shape
/// `[n]`, named by the file's extension.
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
    /// The paths of the archives, at least one, in the order of their samples.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub files: Vec<String>,
    /// The names of the fields of each record, 1 to 1,024; a sample that lacks one is an error.
    /// `__key__` is the sample's key, unless the sample has a file with that extension. The default
    /// is all fields that each sample has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::dataset::FIELDS_MAX), inner(length(max = crate::dataset::NAME_BYTES_MAX)), extend("uniqueItems" = true)))]
    pub fields: Option<Vec<String>>,
    /// Which bytes of each archive go into the fingerprint, beside the names, sizes and places of
    /// its files: `"blocks"` or `"full"`. The default is `"blocks"`.
    #[serde(default, skip_serializing_if = "Identity::is_default")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "blocks")))]
    pub identity: Identity,
}

impl TarOptions {
    /// Creates the options of these archives, with all fields that their samples have.
    #[must_use]
    pub fn new<F: Into<String>>(files: impl IntoIterator<Item = F>) -> Self {
        let files = files.into_iter().map(Into::into).collect();
        Self { files, fields: None, identity: Identity::default() }
    }

    /// Sets the fields of each record.
    #[must_use]
    pub fn fields<F: Into<String>>(self, fields: impl IntoIterator<Item = F>) -> Self {
        Self { fields: Some(fields.into_iter().map(Into::into).collect()), ..self }
    }

    /// Sets which bytes of each archive go into the fingerprint.
    #[must_use]
    pub fn identity(self, identity: Identity) -> Self {
        Self { identity, ..self }
    }

    /// Checks the options as far as possible without the archives.
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
