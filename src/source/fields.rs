//! Which file is which field of a record: the options of formats with one array a file.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bytes::{ByteSource, Files};
use crate::error::Result;

/// The file of each field of a record.
///
/// ```
/// use windrow::source::FieldFiles;
/// let json = r#"{"fields": {"image": "images.npy", "label": "labels.npy"}}"#;
/// let options = FieldFiles::from([("image", "images.npy"), ("label", "labels.npy")]);
/// assert_eq!(serde_json::from_str::<FieldFiles>(json)?, options);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldFiles {
    /// The file of each field, by the field's name.
    pub fields: BTreeMap<String, String>,
}

impl FieldFiles {
    /// One file, whose rows are the field `data`.
    #[must_use]
    pub fn file(file: impl Into<String>) -> Self {
        Self { fields: BTreeMap::from([("data".into(), file.into())]) }
    }

    /// Opens each field's file.
    pub(super) fn open(&self, files: &dyn Files) -> Result<Vec<(String, Arc<dyn ByteSource>)>> {
        self.fields.iter().map(|(field, file)| Ok((field.clone(), files.open(file)?))).collect()
    }
}

impl<F: Into<String>, N: Into<String>, const COUNT: usize> From<[(F, N); COUNT]> for FieldFiles {
    /// Pairs of a field and its file.
    fn from(pairs: [(F, N); COUNT]) -> Self {
        Self {
            fields: pairs.into_iter().map(|(field, file)| (field.into(), file.into())).collect(),
        }
    }
}
