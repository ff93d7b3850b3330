//! Comma-separated tables of numbers, plain or gzip.
//!
//! The source reads and parses a table once, when it opens the file, into the bytes of the tensors,
//! and keeps nothing of the text. Absent on purpose: texts as values, guessed types, missing
//! values.

mod options;
mod parsed;
#[cfg(feature = "csv")]
mod table;
#[cfg(not(feature = "csv"))]
#[path = "absent.rs"]
mod table;

pub use options::{Column, Columns, CsvField, CsvOptions};

use std::sync::Arc;

use super::array::{Array, Fields, Layout, fields_source};
use super::bytes::{ByteSource, Files, InMemory};
use crate::error::Result;
use crate::order::Op;

/// A source of the rows of a table, each of which is a record.
///
/// [`CsvOptions`] says which columns make which field. Values are numbers as Rust reads them,
/// without space around them or separators, and within the range of their dtype. `BOOL` is 0 or 1,
/// or true or false in lower or upper case or with a capital. `F16` and `BF16` are rounded by way
/// of `F32`.
///
/// Values may be quoted, and blank lines are skipped. Every row has the columns of the first.
/// Options and errors count columns from 0 and lines from 1. All bytes of the file go into the
/// fingerprint.
///
/// A table has at most 65,536 columns and 4 MiB in one row. The source needs memory for the
/// tensors, and while it opens the file up to three times that.
///
/// With the feature `gz`, a file may be gzip. The source unpacks a gzip file twice, first to count
/// its rows. Beyond 16 MiB, neither the text nor the tensors may take more than 200 times the size
/// of the file. Without the feature `csv`, opening a table returns
/// [`Error::Unsupported`](crate::Error::Unsupported).
///
#[cfg_attr(feature = "csv", doc = "```")]
#[cfg_attr(not(feature = "csv"), doc = "```no_run")]
/// use windrow::dataset::Dtype;
/// use windrow::source::{Csv, CsvField, CsvOptions, MemoryFiles};
/// use windrow::{Dataset, from_source};
///
/// let files = MemoryFiles::default().with("t.csv", "1,2,3,4,cat\n5,6,7,8,dog\n".as_bytes());
/// let options = CsvOptions::new("t.csv", [
///     CsvField::new("image", 0..4, Dtype::U8).shape([2, 2]),
///     CsvField::new("second", 1, Dtype::F32),
/// ]);
/// let csv = from_source(Csv::open(&files, &options.without_header())?);
/// let row = csv.get(1)?.unwrap();
/// assert_eq!(row["image"].shape(), [2, 2]);
/// assert_eq!(row["image"].to_vec::<u8>()?, [5, 6, 7, 8]);
/// assert_eq!(row["second"].to_vec::<f32>()?, [6.0]);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone)]
pub struct Csv(Fields);

impl Csv {
    /// Opens the file and reads all of it.
    ///
    /// # Errors
    /// - [`Error::Format`](crate::Error::Format) with the line, if a value is no number of its
    ///   dtype, text is not UTF-8, or rows differ in length.
    /// - [`Error::Format`](crate::Error::Format) also if a row or the table exceeds a limit, or if
    ///   the table lacks rows or a column of the options.
    /// - [`Error::Setting`](crate::Error::Setting) if the options make no sense.
    pub fn open(files: &dyn Files, options: &CsvOptions) -> Result<Self> {
        options.check()?;
        let bytes = files.open(&options.file)?;
        Self::new(&*bytes, options)
    }

    /// Reads all of an open table, and ignores the file in the options.
    ///
    /// # Errors
    /// Returns the errors of [`open`](Self::open).
    pub fn new(bytes: &dyn ByteSource, options: &CsvOptions) -> Result<Self> {
        options.check()?;
        let table = table::read(bytes, options)?;
        let mut op = Op::new("csv")
            .with("len", table.rows)
            .with("file", &table.identity)
            .with("delimiter", options.delimiter)
            .with("header", options.has_header());
        let mut arrays = Vec::with_capacity(table.columns.len());
        for ((data, columns), field) in table.columns.into_iter().zip(&options.fields) {
            let shape = field.shape_of(columns.len() as u64);
            op = op.with(field.name.clone(), field_text(field, &shape, &columns));
            let layout = Layout {
                dtype: field.dtype,
                axes: [&[table.rows][..], &shape].concat(),
                offset: 0,
                big_endian: false,
                column_major: false,
            };
            let data = Arc::new(InMemory::new(bytes.name(), data));
            let array = Array::identified(data, table.identity.clone(), layout)?;
            arrays.push((field.name.clone(), array));
        }
        Ok(Self(Fields::new("csv", arrays)?.described(op)))
    }
}

fields_source!(Csv);

/// Returns the description of a field, such as `U8[8;8]:0-63`.
fn field_text(field: &CsvField, shape: &[u64], columns: &[usize]) -> String {
    let shape = shape.iter().map(u64::to_string).collect::<Vec<_>>().join(";");
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &column in columns {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == column => *last = column,
            _ => runs.push((column, column)),
        }
    }
    let text = |&(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    let runs = runs.iter().map(text).collect::<Vec<_>>().join("+");
    format!("{}[{shape}]:{runs}", field.dtype)
}
