//! The options of formats with one array in each file: the file of each field.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bytes::{ByteSource, Files, Identity};
use crate::error::Result;

/// The options of the sources `npy` and `idx`: the file of each field of a record.
///
/// A sample is one row of each file. All files must have the same number of rows.
///
/// ```
/// use windrow::source::FieldFiles;
/// let json = r#"{"fields": {"image": "images.npy", "label": "labels.npy"}}"#;
/// let options = FieldFiles::from([("image", "images.npy"), ("label", "labels.npy")]);
/// assert_eq!(serde_json::from_str::<FieldFiles>(json)?, options);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FieldFiles {
    /// The name of each field, with the path of its file. 1 to 1,024 fields.
    #[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1, "maxProperties" = crate::dataset::FIELDS_MAX)))]
    #[cfg_attr(feature = "schema", schemars(extend("propertyNames" = {"maxLength": crate::dataset::NAME_BYTES_MAX, "not": {"const": "__keys__"}})))]
    pub fields: BTreeMap<String, String>,
    /// Which bytes of the files go into the fingerprint: `"blocks"` or `"full"`. The default is
    /// `"blocks"`.
    #[serde(default, skip_serializing_if = "Identity::is_default")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "blocks")))]
    pub identity: Identity,
}

impl FieldFiles {
    /// Creates the options of one file, whose rows are the field `data`.
    #[must_use]
    pub fn file(file: impl Into<String>) -> Self {
        Self::from([("data", file)])
    }

    /// Sets which bytes of the files go into the fingerprint.
    #[must_use]
    pub fn identity(self, identity: Identity) -> Self {
        Self { identity, ..self }
    }

    /// Opens each field's file.
    pub(super) fn open(&self, files: &dyn Files) -> Result<Vec<(String, Arc<dyn ByteSource>)>> {
        self.fields.iter().map(|(field, file)| Ok((field.clone(), files.open(file)?))).collect()
    }
}

impl<F: Into<String>, N: Into<String>, const COUNT: usize> From<[(F, N); COUNT]> for FieldFiles {
    /// Creates the options from pairs of a field and its file.
    fn from(pairs: [(F, N); COUNT]) -> Self {
        let fields = pairs.into_iter().map(|(field, file)| (field.into(), file.into())).collect();
        Self { fields, identity: Identity::default() }
    }
}
