//! `unbatch` of records: the rows of a record's fields, one record each.

use super::given::Given;
use super::{Held, Stage};
use crate::dataset::{ElementSpec, FieldSpec, Record, Tensor};
use crate::error::{Fault, Result};
use crate::order::Op;

const NO_ROWS: &str = "a scalar has no rows; batch or reshape the field first";

/// A stage that splits each record into records of its rows, along the first axis of all fields.
///
/// The stage undoes [`Stack`](crate::dataset::Stack). A row has the key of its sample if the batch has
/// as many keys as rows, and all keys of the batch otherwise.
///
/// ```
/// use windrow::dataset::{Record, Tensor};
/// use windrow::stage::Unbatching;
/// use windrow::{Dataset, Loader, range};
/// let batch = |n: u64| Record::new().with("x", Tensor::from_slice([2], &[n, n + 10])?);
/// let rows = range(0..2).try_map(batch).ordered().then(Unbatching::new());
/// let rows = Loader::builder(rows).build()?.map(|row| Ok(row?["x"].to_vec::<u64>()?[0]));
/// assert_eq!(rows.collect::<windrow::Result<Vec<_>>>()?, [0, 10, 1, 11]);
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Unbatching {
    batch: Record,
    /// The rows of the batch.
    rows: u64,
    given: Given,
}

impl Unbatching {
    /// Creates a stage for batches of any size.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// Returns a row of a batch that has so many rows.
fn row(batch: &Record, rows: u64, number: u64) -> Result<Record, Fault> {
    let mut row = Record::new();
    for (name, tensor) in batch.iter() {
        let bytes = tensor.bytes();
        let size = bytes.len() / rows as usize;
        let start = number as usize * size;
        let part = &bytes[start..start + size];
        row.insert(name, Tensor::new(tensor.dtype(), &tensor.shape()[1..], part)?)?;
    }
    let keys = batch.keys();
    let of_row = keys.get(number as usize).filter(|_| keys.len() as u64 == rows);
    Ok(row.with_keys(of_row.map_or(keys, std::slice::from_ref)))
}

/// Returns the number of rows that all fields have.
fn rows_of(batch: &Record) -> Result<u64, Fault> {
    let mut rows = None;
    for (name, tensor) in batch.iter() {
        let Some(&own) = tensor.shape().first() else {
            return Err(Fault::new(format!("field {name:?}: {NO_ROWS}")));
        };
        match rows {
            Some((first, other)) if other != own => {
                return Err(Fault::new(uneven(first, other, name, own)));
            }
            _ => rows = Some((name, own)),
        }
    }
    let rows = rows.map(|(_, rows)| rows);
    rows.ok_or_else(|| Fault::new("a record without fields has no rows; filter it out first"))
}

fn uneven(first: &str, other: u64, name: &str, own: u64) -> String {
    format!("field {first:?} has {other} rows and {name:?} has {own}; select fields of one length")
}

impl Stage<Record> for Unbatching {
    type Out = Record;

    fn push(&mut self, sample: Record) -> Result<(), Fault> {
        (self.batch, self.rows) = (Record::new(), 0);
        self.given.next_input();
        let rows = rows_of(&sample)?;
        if rows > 0 {
            (self.batch, self.rows) = (sample, rows);
        }
        Ok(())
    }

    fn pop(&mut self) -> Option<Record> {
        self.try_pop()?.ok()
    }

    fn try_pop(&mut self) -> Option<Result<Record, Fault>> {
        if self.is_clean() {
            return None;
        }
        let row = row(&self.batch, self.rows, self.given.results());
        self.given.next_result();
        if self.is_clean() {
            self.batch = Record::new();
        }
        Some(row)
    }

    fn is_clean(&self) -> bool {
        self.given.results() >= self.rows
    }

    fn reset(&mut self, _: u64) {
        *self = Self::default();
    }

    fn counters(&self) -> Vec<u64> {
        self.given.counters(!self.is_clean())
    }

    fn restore(&mut self, counters: &[u64]) -> Option<()> {
        self.given.restore(counters)
    }

    fn tracks(&self) -> bool {
        true
    }

    fn held(&self) -> Held {
        self.given.held(!self.is_clean())
    }

    fn take_back(&mut self, mut inputs: Vec<Record>) -> Option<()> {
        let given = self.given.restored();
        let Some(batch) = inputs.pop() else { return (given == 0).then_some(()) };
        self.push(batch).ok()?;
        self.given.go_on(given);
        (inputs.is_empty() && !self.is_clean()).then_some(())
    }

    fn made_of(&self) -> Vec<u64> {
        self.given.made_of()
    }

    fn number(&self) -> u64 {
        self.given.number()
    }

    fn remake_numbers(&self, inputs: Vec<Record>, numbers: &[u64]) -> Result<Vec<Record>, Fault> {
        let [batch] = &inputs[..] else { return Err(Fault::new("a row is of one batch")) };
        let rows = rows_of(batch)?;
        let row = |number: &u64| match *number {
            number if number < rows => row(batch, rows, number),
            number => Err(Fault::new(format!("the batch has {rows} rows, and no row {number}"))),
        };
        numbers.iter().map(row).collect()
    }

    fn element_spec(&self, inputs: &ElementSpec) -> Result<ElementSpec, String> {
        let mut spec = inputs.clone();
        let mut rows: Option<(&str, u64)> = None;
        for (name, field) in inputs.fields() {
            let first = field.shape.as_ref().map(|shape| shape.first().copied());
            match (first, rows) {
                (Some(None), _) => return Err(format!("field {name:?}: {NO_ROWS}")),
                (Some(Some(Some(own))), Some((first, other))) if own != other => {
                    return Err(uneven(first, other, name, own));
                }
                (Some(Some(Some(own))), _) => rows = Some((name, own)),
                _ => {}
            }
            spec = spec.change_field(name, |field| {
                let shape = field.shape.as_ref().map(|shape| shape[1..].to_vec());
                Ok(FieldSpec { shape, ..field.clone() })
            })?;
        }
        Ok(spec)
    }

    fn op(&self) -> Op {
        Op::new("unbatch")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Dtype, SampleKey};

    fn rows(batch: Record) -> Result<Vec<Record>, String> {
        let mut stage = Unbatching::new();
        stage.push(batch).map_err(|fault| fault.to_string())?;
        let rows = std::iter::from_fn(|| stage.try_pop()).collect::<Result<Vec<_>, _>>().unwrap();
        assert!(stage.is_clean() && stage.batch.is_empty());
        Ok(rows)
    }

    fn of(name: &str, tensor: Tensor) -> Record {
        Record::new().with(name, tensor).unwrap()
    }

    #[test]
    fn a_batch_becomes_its_rows_with_their_keys() {
        let batch = of("x", Tensor::from_slice([3, 2], &[1u16, 2, 3, 4, 5, 6]).unwrap());
        let batch = batch.with("y", Tensor::from_slice([3], &[7i8, 8, 9]).unwrap()).unwrap();
        let keys: Vec<SampleKey> = [4u64, 5, 6].map(SampleKey::from).to_vec();
        let all = rows(batch.clone().with_keys(keys.clone())).unwrap();
        let second = of("x", Tensor::from_slice([2], &[3u16, 4]).unwrap());
        let second = second.with("y", Tensor::scalar(8i8)).unwrap();
        assert_eq!((all.len(), &all[1]), (3, &second.with_keys([keys[1].clone()])));
        assert_eq!(rows(batch.with_keys(keys[..2].to_vec())).unwrap()[2].keys(), &keys[..2]);
        let empty = of("x", Tensor::from_slice::<u8>([0, 4], &[]).unwrap());
        assert_eq!(rows(empty), Ok(Vec::new()));
        let flat = of("x", Tensor::from_slice::<u8>([2, 0], &[]).unwrap());
        assert_eq!(rows(flat).unwrap()[1]["x"].shape(), [0]);
    }

    #[test]
    fn what_has_no_rows_is_refused_before_the_run_and_in_it() {
        let scalar = of("x", Tensor::scalar(1u8));
        assert!(rows(scalar).unwrap_err().contains("field \"x\": a scalar has no rows"));
        assert!(rows(Record::new()).unwrap_err().contains("without fields"));
        let two = of("x", Tensor::from_slice([2], &[1u8, 2]).unwrap());
        let uneven = two.with("y", Tensor::from_slice([1], &[1u8]).unwrap()).unwrap();
        assert!(rows(uneven).unwrap_err().contains("field \"x\" has 2 rows and \"y\" has 1"));
        let spec = |one: FieldSpec, other: FieldSpec| {
            Unbatching::new().element_spec(&ElementSpec::new([("x", one), ("y", other)]))
        };
        let axes = |axes: &[u64]| FieldSpec::exact(Dtype::U8, axes);
        assert_eq!(spec(axes(&[2, 3]), axes(&[2])).unwrap().to_string(), "{x: U8[3], y: U8[]}");
        let open = FieldSpec::new(Dtype::U8, [None, Some(4)]);
        assert_eq!(spec(open, FieldSpec::default()).unwrap().to_string(), "{x: U8[4], y: ?}");
        assert!(spec(axes(&[2]), axes(&[3])).unwrap_err().contains("\"x\" has 2 rows"));
        assert!(spec(axes(&[]), axes(&[3])).unwrap_err().contains("a scalar"));
    }
}
