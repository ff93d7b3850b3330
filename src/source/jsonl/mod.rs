//! JSON lines: a file with one object a line.
//!
//! Where the lines begin is found when the file is opened; a line is read and parsed when its
//! sample is asked for. Absent on purpose: packed files, which cannot be read in any order.

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
use crate::dataset::Record;
use crate::error::{Fault, Result};
use crate::order::Op;
use reader::Reader;

/// The lines of a file of JSON lines, one record for each.
///
/// Which values make which field is said in [`JsonlOptions`]. A value is a number, or lists of
/// numbers inside each other that make a full block: `[[1, 2], [3, 4]]` is of shape `[2, 2]`. Where a
/// field has a shape, a flat list of as many numbers will do too. Numbers must be within the range of
/// their dtype, and whole ones are written without a fraction. `true` and `false` are `BOOL`. A text
/// in a field of `U8` is its UTF-8 bytes, of shape `[n]`. Members that no field asks for are not
/// looked at.
///
/// Blank lines are skipped. At most 16 MiB in one line. All bytes of the file go into the
/// fingerprint. Memory: 8 bytes a line. Without the feature
/// `jsonl`, there is [`Error::Unsupported`](crate::Error::Unsupported) only.
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
    /// [`Error::Format`](crate::Error::Format) for a packed file, a line that is too long, and without any line.
    /// [`Error::Setting`](crate::Error::Setting) for options that make no sense.
    pub fn open(files: &dyn Files, options: &JsonlOptions) -> Result<Self> {
        options.check()?;
        Self::new(files.open(&options.file)?, options)
    }

    /// A file that is open already; the options' file is not looked at.
    ///
    /// # Errors
    /// As [`open`](Self::open).
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
