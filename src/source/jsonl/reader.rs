//! The reader of a file of JSON lines whose places are known.

use std::sync::Arc;

use super::line;
use super::lines::Lines;
use super::options::{Field, JsonlField, JsonlOptions};
use crate::dataset::Record;
use crate::error::{Error, Fault, Result};
use crate::source::bytes::ByteSource;
use crate::source::refusal::without;

/// A reader of the record of any line.
#[derive(Debug)]
pub(super) struct Reader {
    bytes: Arc<dyn ByteSource>,
    lines: Lines,
    fields: Vec<Field>,
}

impl Reader {
    /// Creates the reader, which finds the lines of the file.
    pub(super) fn new(bytes: Arc<dyn ByteSource>, options: &JsonlOptions) -> Result<Self> {
        if !cfg!(feature = "jsonl") {
            return Err(without("jsonl", format!("reading the JSON lines {}", bytes.name())));
        }
        let lines = Lines::find(&*bytes)?;
        Ok(Self { lines, fields: options.fields.iter().map(JsonlField::found).collect(), bytes })
    }

    pub(super) fn len(&self) -> u64 {
        self.lines.len()
    }

    pub(super) fn identity(&self) -> &str {
        self.lines.identity()
    }

    pub(super) fn record(&self, index: u64) -> Result<Record, Fault> {
        let Some(text) = self.lines.read(&*self.bytes, index)? else {
            return Err(Fault::new(format!("the source has {} samples", self.len())));
        };
        let wrong = |(byte, why): line::Wrong| {
            let (number, start) = self.lines.place(index);
            let name = self.bytes.name().into();
            Error::Format { name, offset: Some(start + byte), why: format!("line {number}: {why}") }
        };
        Ok(line::read(&text, &self.fields).map_err(wrong)?)
    }
}
