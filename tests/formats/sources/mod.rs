//! The formats and the door to their files, from outside.

mod bytes;
#[cfg(feature = "csv")]
mod csv;
mod folder;
mod identity;
mod idx;
mod images;
#[cfg(feature = "jsonl")]
mod jsonl;
mod npy;
#[cfg(feature = "tar")]
mod tar;

use std::sync::Arc;

use windrow::Fault;
use windrow::dataset::{Record, Tensor};
use windrow::source::{ByteSource, InMemory, Source};

#[cfg(not(feature = "csv"))]
#[test]
fn a_table_without_the_feature_csv_says_what_to_do() {
    use windrow::dataset::Dtype;
    use windrow::source::{Columns, Csv, CsvField, CsvOptions};
    let options = CsvOptions::new("t.csv", [CsvField::new("x", Columns::All, Dtype::U8)]);
    let message = text(Csv::new(&*bytes("t.csv", *b"1"), &options));
    let why = "this build of windrow lacks the feature `csv`; build windrow with it";
    assert_eq!(message, format!("reading the table t.csv is not available: {why}"));
}

/// Bytes in memory, as a source.
fn bytes(name: &str, bytes: impl Into<Vec<u8>>) -> Arc<dyn ByteSource> {
    Arc::new(InMemory::new(name, bytes.into()))
}

/// The text of an error.
fn text<T, E: std::fmt::Display>(result: Result<T, E>) -> String {
    match result {
        Ok(_) => "no error".into(),
        Err(error) => error.to_string(),
    }
}

/// A field of every record.
fn column(source: &dyn Source<Sample = Record, Error = Fault>, field: &str) -> Vec<Tensor> {
    let record = |index| source.get(index).unwrap_or_else(|fault| panic!("{index}: {fault}"));
    (0..source.len()).map(|index| record(index)[field].clone()).collect()
}

/// The bytes of a field of every record, one after another.
fn flat(source: &dyn Source<Sample = Record, Error = Fault>, field: &str) -> Vec<u8> {
    column(source, field).iter().flat_map(|tensor| tensor.bytes().to_vec()).collect()
}

/// Packs bytes as `gzip` does.
#[cfg(feature = "gz")]
fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}
