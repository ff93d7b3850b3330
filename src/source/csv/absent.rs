//! Reading a table in a build without the feature `csv`.

use super::options::CsvOptions;
use super::parsed::Table;
use crate::error::{Error, Result};
use crate::source::bytes::ByteSource;

/// Says that this build cannot.
pub(super) fn read(bytes: &dyn ByteSource, _: &CsvOptions) -> Result<Table> {
    Err(Error::Unsupported {
        what: format!("reading the table {}", bytes.name()),
        why: "this build of windrow is without the feature `csv`".into(),
        instead: "build with it".into(),
    })
}
