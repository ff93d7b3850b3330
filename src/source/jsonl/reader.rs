//! A file of JSON lines whose lines are known.

use std::sync::Arc;

use super::line::{self, Field};
use super::lines::Lines;
use super::{JsonlField, JsonlOptions};
use crate::dataset::Record;
use crate::error::{Error, Fault, Result};
use crate::source::bytes::ByteSource;

/// Reads the record of any line.
#[derive(Debug)]
pub(super) struct Reader {
    bytes: Arc<dyn ByteSource>,
    lines: Lines,
    fields: Vec<Field>,
}

impl Reader {
    /// Finds the lines.
    pub(super) fn new(bytes: Arc<dyn ByteSource>, options: &JsonlOptions) -> Result<Self> {
        let lines = Lines::find(&*bytes)?;
        let fields = options.fields.iter().map(|field| Field {
            options: field.clone(),
            name: field.name.as_str().into(),
            steps: steps(field),
        });
        Ok(Self { lines, fields: fields.collect(), bytes })
    }

    pub(super) fn len(&self) -> u64 {
        self.lines.len()
    }

    pub(super) fn identity(&self) -> &str {
        self.lines.identity()
    }

    pub(super) fn record(&self, index: u64) -> Result<Record, Fault> {
        let Some(text) = self.lines.read(&*self.bytes, index)? else {
            return Err(Fault::new(format!("there are {} samples", self.len())));
        };
        let wrong = |(byte, why): line::Wrong| {
            let (number, start) = self.lines.place(index);
            let name = self.bytes.name().into();
            Error::Format { name, offset: Some(start + byte), why: format!("line {number}: {why}") }
        };
        Ok(line::read(&text, &self.fields).map_err(wrong)?)
    }
}

/// The steps from a line's object to a field's value.
fn steps(field: &JsonlField) -> Vec<String> {
    let Some(at) = &field.at else { return vec![field.name.clone()] };
    at.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
}
