//! JSON lines: a file with one JSON object in each line.
//!
//! The source finds the lines when it opens the file, and reads and parses a line when a worker
//! asks for its sample. Absent on purpose: packed files, which cannot be read in any order.

#[cfg(feature = "jsonl")]
mod line;
#[cfg(not(feature = "jsonl"))]
#[path = "absent.rs"]
mod line;
mod lines;
mod options;
mod reader;
#[cfg(feature = "jsonl")]
mod value;

pub use options::{JsonlField, JsonlOptions};

use std::sync::Arc;

use super::Source;
use super::bytes::{ByteSource, Files};
use crate::dataset::{ElementSpec, FieldSpec, Record};
use crate::error::{Fault, Result};
use crate::order::Op;
use reader::Reader;

/// A source of the lines of a file of JSON lines, each of which is a record.
///
/// [`JsonlOptions`] says which value of a line makes which field. A value is a number, or nested
/// lists of numbers that form a full block: `[[1, 2], [3, 4]]` has shape `[2, 2]`. If a field has a
/// shape, its value may also be a flat list of as many numbers. Numbers must be within the range of
/// their dtype, and whole numbers are written without a fraction. `true` and `false` are `BOOL`.
///
/// A text in a field of `U8` is its UTF-8 bytes, of shape `[n]`. The source ignores members that no
/// field names.
/// Blank lines are skipped. A line has at most 16 MiB. All bytes of the file go into the
/// fingerprint. The source needs 8 bytes of memory for each line. Without the feature `jsonl`,
/// opening a file returns [`Error::Unsupported`](crate::Error::Unsupported).
///
#[cfg_attr(feature = "jsonl", doc = "```")]
#[cfg_attr(not(feature = "jsonl"), doc = "```no_run")]
/// use windrow::dataset::Dtype;
/// use windrow::source::{Jsonl, JsonlField, JsonlOptions, MemoryFiles};
/// use windrow::{Dataset, from_source};
///
/// let lines = "{\"text\": \"oat\", \"tokens\": [7, 3]}\n{\"text\": \"rye\", \"tokens\": [1]}\n";
/// let files = MemoryFiles::default().with("t.jsonl", lines.as_bytes());
/// let options = JsonlOptions::new("t.jsonl", [
///     JsonlField::new("text", Dtype::U8),
///     JsonlField::new("tokens", Dtype::U32),
/// ]);
/// let jsonl = from_source(Jsonl::open(&files, &options)?);
/// let second = jsonl.get(1)?.unwrap();
/// assert_eq!(second["text"].bytes(), b"rye");
/// assert_eq!(second["tokens"].to_vec::<u32>()?, [1]);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone)]
pub struct Jsonl {
    reader: Arc<Reader>,
    fields: Vec<JsonlField>,
}

impl Jsonl {
    /// Opens the file and finds its lines.
    ///
    /// # Errors
    /// Returns [`Error::Format`](crate::Error::Format) for a packed file, a line that is too long,
    /// and a file without lines. Returns [`Error::Setting`](crate::Error::Setting) for options that
    /// make no sense.
    pub fn open(files: &dyn Files, options: &JsonlOptions) -> Result<Self> {
        options.check()?;
        Self::new(files.open(&options.file)?, options)
    }

    /// Creates the source from an open file, and ignores the file in the options.
    ///
    /// # Errors
    /// Returns the errors of [`open`](Self::open).
    pub fn new(bytes: Arc<dyn ByteSource>, options: &JsonlOptions) -> Result<Self> {
        options.check()?;
        let reader = Arc::new(Reader::new(bytes, options)?);
        Ok(Self { reader, fields: options.fields.clone() })
    }
}

impl Source for Jsonl {
    type Sample = Record;
    type Error = Fault;

    fn len(&self) -> u64 {
        self.reader.len()
    }

    fn get(&self, index: u64) -> Result<Record, Fault> {
        self.reader.record(index).map_err(|fault| fault.at("jsonl", index))
    }

    fn element_spec(&self) -> ElementSpec {
        ElementSpec::new(self.fields.iter().map(|JsonlField { name, dtype, shape, .. }| {
            let exact = |shape: &Vec<u64>| FieldSpec::exact(*dtype, shape);
            (&**name, shape.as_ref().map_or_else(|| FieldSpec::of_dtype(*dtype), exact))
        }))
    }

    fn op(&self) -> Op {
        let op = Op::new("jsonl").with("len", self.len()).with("file", self.reader.identity());
        self.fields.iter().fold(op, |op, field| {
            let JsonlField { name, dtype, shape, at } = field;
            let shape = match shape {
                None => String::new(),
                Some(shape) => {
                    let axes: Vec<_> = shape.iter().map(u64::to_string).collect();
                    format!("[{}]", axes.join(";"))
                }
            };
            let at = at.as_ref().map(|at| format!(":{at}")).unwrap_or_default();
            op.with(name.clone(), format!("{dtype}{shape}{at}"))
        })
    }
}
