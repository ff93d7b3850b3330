//! `Stack`: combines records into one record, each field with the samples along a new first axis.
//!
//! A batch allocates each field once and copies each sample's bytes once. Absent on purpose:
//! guessing. Fields, dtypes and shapes must agree unless the caller sets `pad`.

use serde::{Deserialize, Serialize};

use super::batch::Collate;
use super::element_spec::ElementSpec;
use super::keys::{Keyed, SampleKey};
use super::padding::{PADDED_BYTES_FREE, PADDED_TIMES_MAX, Padding, copy_corner, fill};
use super::record::Record;
use super::tensor::Tensor;
use crate::error::Fault;
use crate::order::Op;

/// A collate function that stacks the samples' fields along a new first axis.
///
/// ```
/// use windrow::dataset::{Record, Stack, Tensor};
/// use windrow::{Dataset, Fault, range};
/// let row = |x: u64| Record::new().with("x", Tensor::from_slice([2], &[x, x * x])?);
/// let rows = range(0..10).try_map(row);
/// let batch = rows.batch_with(4, Stack::new()).get(0)?.unwrap_or_default();
/// assert_eq!(batch["x"].shape(), [4, 2]);
/// assert_eq!(batch["x"].to_vec::<u64>()?, [0, 0, 1, 1, 2, 4, 3, 9]);
/// # Ok::<(), Fault>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Stack {
    /// The padding for shapes that differ; without it, different shapes are an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pad: Option<Pad>,
}

/// The padding after a sample's elements, along each axis, up to the batch's largest sample.
///
/// An integer dtype must represent the value exactly. A float dtype rounds the value, but not to
/// infinity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Pad(pub f64);

impl Stack {
    /// Returns a `Stack` for samples of one shape.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a `Stack` for samples of different shapes, padded with `value`.
    #[must_use]
    pub fn padded(value: f64) -> Self {
        Self { pad: Some(Pad(value)) }
    }
}

/// Lets a type that collates records collate records with keys too.
macro_rules! collate_keyed {
    ($collate:ty) => {
        impl Collate<Keyed<Record>> for $collate {
            type Batch = Record;

            fn collate(&self, samples: Vec<Keyed<Record>>) -> Result<Record, Fault> {
                let records: Vec<_> = samples.into_iter().map(Record::from).collect();
                Collate::<Record>::collate(self, records)
            }

            fn element_spec(
                &self,
                samples: &ElementSpec,
                size: Option<u64>,
            ) -> Result<ElementSpec, String> {
                Collate::<Record>::element_spec(self, samples, size)
            }

            fn describe(&self, op: Op) -> Op {
                Collate::<Record>::describe(self, op)
            }
        }
    };
}
pub(super) use collate_keyed;

collate_keyed!(Stack);

impl Collate<Record> for Stack {
    type Batch = Record;

    fn collate(&self, samples: Vec<Record>) -> Result<Record, Fault> {
        stack(samples, self.pad)
    }

    fn element_spec(
        &self,
        samples: &ElementSpec,
        size: Option<u64>,
    ) -> Result<ElementSpec, String> {
        samples.batched(size)
    }

    fn describe(&self, op: Op) -> Op {
        match self.pad {
            Some(Pad(value)) => op.with("pad", format_args!("{value:?}")),
            None => op,
        }
    }
}

/// Stacks records: see [`Stack`]. The batch carries the keys of all records.
///
/// # Errors
/// Returns a fault for no records, keys on only some of them, or different fields, dtypes, ranks or
/// (without `pad`) shapes. The fault names the place in the batch, the field, and both sides.
pub fn stack(records: Vec<Record>, pad: Option<Pad>) -> Result<Record, Fault> {
    stack_with(records, "set `pad` to fill them up", |_| pad.map(|Pad(value)| Padding::new(value)))
}

/// Stacks records, with a padding of each field that `padding_of` names. `instead` is the advice for
/// other fields with different shapes.
pub(super) fn stack_with(
    mut records: Vec<Record>,
    instead: &str,
    padding_of: impl Fn(&str) -> Option<Padding>,
) -> Result<Record, Fault> {
    let keys = all_keys(&mut records)?;
    let Some(first) = records.first() else {
        return Err(Fault::new("a batch needs at least one sample"));
    };
    for (place, record) in records.iter().enumerate() {
        same_fields(place, record, first)?;
    }
    let mut fields = Vec::with_capacity(first.len());
    let mut lengths = Vec::new();
    for (number, (name, _)) in first.fields().iter().enumerate() {
        let parts = Parts { records: &records, number };
        let padding = padding_of(name);
        let wrong = |why: String| Fault::new(format!("field {name:?}: {why}"));
        fields.push((name.clone(), parts.stacked(padding.as_ref(), instead).map_err(wrong)?));
        if let Some(padding) = padding
            && let Some(name) = &padding.lengths
        {
            lengths.push((name.clone(), parts.lengths(&padding).map_err(wrong)?));
        }
    }
    let mut batch = Record::from_sorted(fields);
    for (name, lengths) in lengths {
        if batch.field(&name).is_ok() {
            let why = format!("the field {name:?} exists; give `lengths` another name");
            return Err(Fault::new(why));
        }
        batch.insert(name, lengths)?;
    }
    Ok(batch.with_keys(keys))
}

/// Takes the keys of all records. Either all of them have keys, or none.
fn all_keys(records: &mut [Record]) -> Result<Vec<SampleKey>, Fault> {
    if records.iter().all(|record| record.keys().is_empty()) {
        return Ok(Vec::new());
    }
    if let Some(place) = records.iter().position(|record| record.keys().is_empty()) {
        let why = "has no key, others have one; use `.keys()` for all samples or for none";
        return Err(Fault::new(format!("sample {place} of the batch {why}")));
    }
    Ok(records.iter_mut().flat_map(Record::take_keys).collect())
}

/// One field of all records.
struct Parts<'a> {
    records: &'a [Record],
    number: usize,
}

impl<'a> Parts<'a> {
    fn iter(&self) -> impl Iterator<Item = &'a Tensor> {
        let number = self.number;
        self.records.iter().map(move |record| &record.fields()[number].1)
    }

    fn stacked(&self, padding: Option<&Padding>, instead: &str) -> Result<Tensor, String> {
        let first = &self.records[0].fields()[self.number].1;
        let (dtype, shape) = (first.dtype(), first.shape());
        for (place, part) in self.iter().enumerate() {
            let (own_dtype, own) = (part.dtype(), part.shape());
            if own_dtype != dtype {
                return Err(format!(
                    "sample {place} of the batch is {own_dtype}, sample 0 is {dtype}; cast them to \
                     one dtype"
                ));
            }
            if own.len() != shape.len() || (own != shape && padding.is_none()) {
                let pads = own.len() == shape.len();
                let instead = if pads { instead } else { "reshape them first" };
                return Err(format!(
                    "sample {place} of the batch has shape {own:?}, sample 0 has {shape:?}; {instead}"
                ));
            }
        }
        if let Some(padding) = padding {
            let most = padding.shape_of(self.iter())?;
            if self.iter().any(|part| part.shape() != most) {
                return self.padded(padding, &most);
            }
        }
        let made = Tensor::build_overwritten(dtype, self.shape(shape), |bytes| {
            let mut rest = bytes;
            for part in self.iter() {
                let (place, after) = rest.split_at_mut(part.bytes().len());
                place.copy_from_slice(part.bytes());
                rest = after;
            }
            Ok(())
        });
        made.map_err(|fault| fault.to_string())
    }

    fn padded(&self, padding: &Padding, most: &[u64]) -> Result<Tensor, String> {
        let first = &self.records[0].fields()[self.number].1;
        let dtype = first.dtype();
        let filler = padding.filler(first)?;
        let shape = self.shape(most);
        let given: u64 = self.iter().map(|part| part.bytes().len() as u64).sum();
        let takes = shape.iter().try_fold(dtype.size(), |size, &axis| size.checked_mul(axis));
        if takes.is_none_or(|size| size > PADDED_BYTES_FREE && size / PADDED_TIMES_MAX > given) {
            return Err(format!(
                "padded to shape {shape:?}, {given} bytes of samples take more than \
                 {PADDED_BYTES_FREE} bytes and {PADDED_TIMES_MAX} times their own; batch samples of \
                 similar shapes"
            ));
        }
        Tensor::build_overwritten(dtype, shape, |bytes| {
            fill(bytes, &filler[..dtype.size() as usize]);
            let room = bytes.len() / self.records.len();
            for (part, place) in self.iter().zip(bytes.chunks_exact_mut(room.max(1))) {
                copy_corner(place, most, part);
            }
            Ok(())
        })
        .map_err(|fault| fault.to_string())
    }

    /// Returns the lengths of the samples without padding.
    fn lengths(&self, padding: &Padding) -> Result<Tensor, String> {
        let most = padding.shape_of(self.iter())?;
        let lengths = padding.lengths_of(self.iter(), &most)?;
        Tensor::from_vec([lengths.len() as u64], lengths).map_err(|fault| fault.to_string())
    }

    /// Returns a sample's shape with the number of samples in front.
    fn shape(&self, sample: &[u64]) -> Vec<u64> {
        std::iter::once(self.records.len() as u64).chain(sample.iter().copied()).collect()
    }
}

fn same_fields(place: usize, record: &Record, first: &Record) -> Result<(), Fault> {
    let names = |record: &'_ Record| -> Vec<String> {
        record.iter().map(|(name, _)| name.to_owned()).collect()
    };
    let same = record.len() == first.len()
        && record.iter().zip(first.iter()).all(|((own, _), (other, _))| own == other);
    if same {
        return Ok(());
    }
    let (own, other) = (names(record), names(first));
    let odd = own.iter().find(|name| !other.contains(name));
    let odd = odd.or_else(|| other.iter().find(|name| !own.contains(name)));
    Err(Fault::new(format!(
        "sample {place} of the batch has the fields {}; sample 0 has {} (see {:?}); select the same \
         fields first",
        record.names(),
        first.names(),
        odd.map(String::as_str).unwrap_or_default(),
    )))
}

#[cfg(test)]
mod tests;
