//! The samples of a file, stacked along a new first axis.
//!
//! The header of a file has the number of its samples, so the samples wait in memory until the file
//! ends.

use super::names::no_field;
use crate::dataset::{Dtype, RANK_MAX, Record, Tensor};
use crate::error::Fault;

/// The most bytes of the samples that wait: 1 GiB.
const WAITING_BYTES_MAX: u64 = 1 << 30;

/// Samples with the same fields, dtypes and shapes.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub(super) columns: Vec<Column>,
    /// The index of the first sample.
    first: u64,
    rows: u64,
    bytes: u64,
}

/// A field of all samples.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) dtype: Dtype,
    /// The shape of one sample.
    shape: Vec<u64>,
    pub(super) data: Vec<u8>,
}

impl Columns {
    /// Adds a sample, or none of its fields after an error.
    pub(super) fn add(&mut self, index: u64, sample: &Record) -> Result<(), Fault> {
        if sample.is_empty() {
            return Err(no_field());
        }
        let fresh = self.rows == 0;
        if fresh {
            self.columns = sample.iter().map(|(name, tensor)| Column::new(name, tensor)).collect();
            self.first = index;
        }
        let added = self.push(sample);
        if fresh && added.is_err() {
            self.columns.clear();
        }
        added
    }

    fn push(&mut self, sample: &Record) -> Result<(), Fault> {
        self.check(sample)?;
        let bytes = self.bytes.saturating_add(sample.byte_len());
        if bytes > WAITING_BYTES_MAX {
            return Err(Fault::new(format!(
                "the samples of this file have more than {WAITING_BYTES_MAX} bytes, which wait in memory until the file ends; set fewer samples_per_file"
            )));
        }
        for (column, (name, tensor)) in self.columns.iter_mut().zip(sample.iter()) {
            let room = column.data.try_reserve(tensor.bytes().len());
            room.map_err(|why| Fault::new(format!("no memory for the field {name:?}: {why}")))?;
        }
        for (column, (_, tensor)) in self.columns.iter_mut().zip(sample.iter()) {
            column.data.extend_from_slice(tensor.bytes());
        }
        (self.rows, self.bytes) = (self.rows + 1, bytes);
        Ok(())
    }

    /// Checks that a sample is like the first.
    fn check(&self, sample: &Record) -> Result<(), Fault> {
        let first = self.first;
        let lacks = |name: &str, who: String| {
            Fault::new(format!(
                "the field {name:?} is missing in {who}; samples of one file must have the same fields"
            ))
        };
        for column in &self.columns {
            let name = &column.name;
            let tensor = sample.get(name).ok_or_else(|| lacks(name, "this sample".into()))?;
            if (tensor.dtype(), tensor.shape()) != (column.dtype, &column.shape) {
                return Err(Fault::new(format!(
                    "the field {name:?} is {}{:?} here and {}{:?} in the sample of index {first}, but samples of one file must be alike; pad, crop or cast the field, or write tar or jsonl",
                    tensor.dtype(),
                    tensor.shape(),
                    column.dtype,
                    column.shape,
                )));
            }
            if tensor.shape().len() == RANK_MAX {
                return Err(Fault::new(format!(
                    "the field {name:?} has {RANK_MAX} axes, and the axis of samples would be one too many; reshape the field"
                )));
            }
        }
        let known = |name: &str| self.columns.iter().any(|column| column.name == name);
        match sample.iter().find(|(name, _)| sample.len() > self.columns.len() && !known(name)) {
            Some((name, _)) => Err(lacks(name, format!("the sample of index {first}"))),
            None => Ok(()),
        }
    }

    /// Returns the shape of a column.
    pub(super) fn shape(&self, column: &Column) -> Vec<u64> {
        [&[self.rows], &*column.shape].concat()
    }
}

impl Column {
    fn new(name: &str, tensor: &Tensor) -> Self {
        let shape = tensor.shape().to_vec();
        Self { name: name.into(), dtype: tensor.dtype(), shape, data: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(fields: &[(&str, Tensor)]) -> Record {
        fields.iter().fold(Record::new(), |record, (name, tensor)| {
            record.with(*name, tensor.clone()).unwrap()
        })
    }

    #[test]
    fn samples_are_stacked_along_a_new_first_axis() {
        let mut columns = Columns::default();
        for x in [1u16, 2] {
            columns
                .add(x.into(), &record(&[("x", Tensor::from_slice([1], &[x]).unwrap())]))
                .unwrap();
        }
        let column = &columns.columns[0];
        assert_eq!((columns.shape(column), &*column.data), (vec![2, 1], &[1, 0, 2, 0][..]));
    }

    #[test]
    fn a_sample_unlike_the_first_is_refused_and_leaves_nothing() {
        let (x, y) = (Tensor::scalar(1u8), Tensor::scalar(2u8));
        let mut columns = Columns::default();
        let nine = Tensor::from_slice([1; 8], &[1u8]).unwrap();
        assert!(
            columns.add(6, &record(&[("z", nine)])).unwrap_err().to_string().contains("8 axes")
        );
        columns.add(7, &record(&[("x", x.clone())])).unwrap();
        for (wrong, says) in [
            (record(&[("y", y.clone())]), "\"x\" is missing in this sample"),
            (record(&[("x", x.clone()), ("y", y)]), "\"y\" is missing in the sample of index 7"),
            (
                record(&[("x", Tensor::scalar(1i8))]),
                "\"x\" is I8[] here and U8[] in the sample of index 7",
            ),
            (record(&[("x", x.clone().reshape([1]).unwrap())]), "U8[1] here and U8[]"),
        ] {
            let message = columns.add(8, &wrong).unwrap_err().to_string();
            assert!(message.contains(says), "{message}");
        }
        columns.add(9, &record(&[("x", x)])).unwrap();
        assert_eq!((columns.columns[0].data.len(), columns.rows), (2, 2));
    }

    #[test]
    fn what_waits_in_memory_is_bounded() {
        let mut columns = Columns { bytes: WAITING_BYTES_MAX - 1, ..Columns::default() };
        columns.add(0, &record(&[("x", Tensor::scalar(1u8))])).unwrap();
        let message =
            columns.add(1, &record(&[("x", Tensor::scalar(1u8))])).unwrap_err().to_string();
        assert!(message.contains("set fewer samples_per_file"), "{message}");
        assert_eq!(columns.columns[0].data.len(), 1);
    }
}
