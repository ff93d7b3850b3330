//! Parsing the text of a line into a record.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::options::Field;
use super::value;
use crate::dataset::{Dtype, RANK_MAX, Record, Tensor};

/// The most names that an error lists.
const LISTED: usize = 20;

/// The byte of the line that is wrong, and the reason.
pub(super) type Wrong = (u64, String);

/// The members of an object, unparsed.
type Members<'a> = BTreeMap<String, &'a RawValue>;

/// Reads the fields of a line.
pub(super) fn read(text: &[u8], fields: &[Field]) -> Result<Record, Wrong> {
    let text = std::str::from_utf8(text)
        .map_err(|error| (error.valid_up_to() as u64, "is not UTF-8".into()))?;
    let line = Line { text };
    let members = line.members(text, "$")?;
    let mut record = Record::new();
    for field in fields {
        let (path, raw) = line.find(&members, field)?;
        let tensor = line.tensor(field, raw.get(), &path)?;
        record.insert(field.name.clone(), tensor).map_err(|fault| (0, fault.to_string()))?;
    }
    Ok(record)
}

struct Line<'a> {
    text: &'a str,
}

impl<'a> Line<'a> {
    /// Returns the members of the object at a path.
    fn members(&self, object: &'a str, path: &str) -> Result<Members<'a>, Wrong> {
        self.parsed(object, path, "an object")
    }

    fn parsed<T: serde::Deserialize<'a>>(
        &self,
        text: &'a str,
        path: &str,
        what: &str,
    ) -> Result<T, Wrong> {
        serde_json::from_str(text).map_err(|error| {
            if error.is_data() {
                return (self.byte(text), format!("{path} is not {what}"));
            }
            // The text is one line, so its column, counted from 1, is the byte.
            let byte = self.byte(text) + (error.column() as u64).saturating_sub(1);
            let why = error.to_string();
            let why = why.rsplit_once(" at line ").map_or(&*why, |(why, _)| why);
            (byte, format!("is not JSON: {why}"))
        })
    }

    /// Returns the path and the text of a field's value.
    fn find(&self, members: &Members<'a>, field: &Field) -> Result<(String, &'a RawValue), Wrong> {
        let mut path = String::from("$");
        let mut steps = field.steps.iter();
        let Some(first) = steps.next() else {
            let raw = self.parsed(self.text.trim(), "$", "JSON")?;
            return Ok((path, raw));
        };
        let mut raw = self.member(members, first, &mut path, self.text)?;
        for step in steps {
            let text = raw.get();
            raw = if text.starts_with('[') {
                let items: Vec<&RawValue> = self.parsed(text, &path, "a list")?;
                let item = step.parse().ok().and_then(|number: usize| items.get(number));
                path.push_str(&format!("[{step}]"));
                *item.ok_or_else(|| {
                    (
                        self.byte(text),
                        format!("{path} is missing; the list has {} items", items.len()),
                    )
                })?
            } else {
                let members = self.members(text, &path)?;
                self.member(&members, step, &mut path, text)?
            };
        }
        Ok((path, raw))
    }

    fn member(
        &self,
        members: &Members<'a>,
        name: &str,
        path: &mut String,
        object: &str,
    ) -> Result<&'a RawValue, Wrong> {
        let whole = path.clone();
        path.push('.');
        path.push_str(name);
        members.get(name).copied().ok_or_else(|| {
            let mut there: Vec<_> = members.keys().take(LISTED).map(String::as_str).collect();
            if members.len() > LISTED {
                there.push("…");
            }
            let there = if there.is_empty() { "nothing".into() } else { there.join(", ") };
            (self.byte(object), format!("{path} is missing; {whole} has {there}"))
        })
    }

    /// Returns the tensor of a field's value.
    fn tensor(&self, field: &Field, raw: &'a str, path: &str) -> Result<Tensor, Wrong> {
        let (name, dtype) = (&field.name, field.options.dtype);
        let wrong = |byte: u64, why: String| {
            (self.byte(raw) + byte, format!("{path}, for field {name}: {why}"))
        };
        let (shape, bytes) = match (dtype, raw.starts_with('"')) {
            (Dtype::U8, true) => {
                let text: String = self.parsed(raw, path, "a text")?;
                (vec![text.len() as u64], text.into_bytes())
            }
            _ => value::read(dtype, raw).map_err(|(byte, why)| wrong(byte as u64, why))?,
        };
        let tensor = Tensor::new(dtype, &shape, &bytes);
        let tensor = tensor.map_err(|fault| wrong(0, fault.to_string()))?;
        let Some(wanted) = &field.options.shape else { return Ok(tensor) };
        if *wanted == shape {
            return Ok(tensor);
        }
        let told = || wrong(0, format!("expected shape {wanted:?}, found {shape:?}"));
        if shape.len() != 1 || wanted.len() > RANK_MAX {
            return Err(told());
        }
        tensor.reshape(wanted).map_err(|_| told())
    }

    /// Returns the byte of the line at which a part of it begins.
    fn byte(&self, part: &str) -> u64 {
        (part.as_ptr().addr() - self.text.as_ptr().addr()) as u64
    }
}
