//! Files of safetensors: the length of a JSON header, the header, and the bytes of the tensors.
//!
//! The format is at <https://huggingface.co/docs/safetensors>. Its dtypes are those of windrow.

use std::path::Path;

use super::atomic::{AtomicFile, publish};
use super::columns::Columns;
use super::shard::Shard;
use crate::dataset::{Dtype, Record};
use crate::error::Fault;

/// The name that the header has for texts about the file.
const METADATA: &str = "__metadata__";

/// A file whose tensors have the samples along their first axis.
#[derive(Debug)]
pub(super) struct SafetensorsShard<'a> {
    folder: &'a Path,
    name: String,
    columns: Columns,
}

impl<'a> SafetensorsShard<'a> {
    pub(super) fn new(folder: &'a Path, stem: &str) -> Self {
        let name = format!("{stem}.safetensors");
        Self { folder, name, columns: Columns::default() }
    }
}

impl Shard<Record> for SafetensorsShard<'_> {
    fn add(&mut self, index: u64, sample: &Record) -> Result<(), Fault> {
        check_names(sample)?;
        self.columns.add(index, sample)
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn finish(self: Box<Self>) -> Result<(), Fault> {
        let columns = &self.columns;
        let parts = columns.columns.iter().map(|column| Part {
            name: &column.name,
            dtype: column.dtype,
            shape: columns.shape(column),
            data: &column.data,
        });
        let mut file = AtomicFile::create(self.folder, &self.name)?;
        write(&mut file, parts.collect())?;
        publish(self.folder, vec![file])
    }
}

/// Checks that the format can have the fields of a sample.
pub(super) fn check_names(sample: &Record) -> Result<(), Fault> {
    match sample.get(METADATA) {
        Some(_) => Err(Fault::new(format!(
            "safetensors has no place for a field named {METADATA:?}; rename the field"
        ))),
        None => Ok(()),
    }
}

/// A tensor of a file.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) name: &'a str,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<u64>,
    pub(super) data: &'a [u8],
}

/// Writes a whole file. The tensors are in order of falling element size, so each is aligned.
pub(super) fn write(file: &mut AtomicFile, mut parts: Vec<Part<'_>>) -> Result<(), Fault> {
    parts.sort_by_key(|part| std::cmp::Reverse(part.dtype.size()));
    file.write(&header(&parts)?)?;
    parts.iter().try_for_each(|part| file.write(part.data))
}

/// Returns the length and the header of tensors. The header ends with spaces, so that the tensors
/// begin at a multiple of 8 bytes.
fn header(parts: &[Part<'_>]) -> Result<Vec<u8>, Fault> {
    let (mut entries, mut at) = (Vec::new(), 0u64);
    for Part { name, dtype, shape, data } in parts {
        let name = serde_json::to_string(name)?;
        let end = at.saturating_add(data.len() as u64);
        let shape = serde_json::to_string(shape)?;
        let entry =
            format!(r#"{name}:{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{at},{end}]}}"#);
        entries.push(entry);
        at = end;
    }
    let mut text = format!("{{{}}}", entries.join(",")).into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    Ok([&(text.len() as u64).to_le_bytes(), &*text].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_no_gap_and_ends_at_a_multiple_of_eight() {
        let part = |name, dtype, data| Part { name, dtype, shape: vec![1], data };
        let parts = [part("é\"", Dtype::F64, &[0; 8][..]), part("b", Dtype::BOOL, &[1][..])];
        let bytes = header(&parts).unwrap();
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        assert_eq!((bytes.len(), length % 8), (8 + length, 0));
        let json: serde_json::Value = serde_json::from_slice(&bytes[8..]).unwrap();
        assert_eq!(json["é\""]["data_offsets"], serde_json::json!([0, 8]));
        assert_eq!(
            json["b"],
            serde_json::json!({"dtype": "BOOL", "shape": [1], "data_offsets": [8, 9]})
        );
    }
}
