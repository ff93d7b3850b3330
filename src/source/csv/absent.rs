//! Reading a table in a build without the feature `csv`.

use super::options::CsvOptions;
use super::parsed::Table;
use crate::error::Result;
use crate::source::bytes::ByteSource;
use crate::source::refusal::without;

/// Returns the error of this build.
pub(super) fn read(bytes: &dyn ByteSource, _: &CsvOptions) -> Result<Table> {
    Err(without("csv", format!("reading the table {}", bytes.name())))
}
