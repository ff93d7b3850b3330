//! `Stack`: combines records into one record, each field with the samples along a new first axis.
//!
//! A batch allocates each field once and copies each sample's bytes once. Absent on purpose:
//! guessing. Fields, dtypes and shapes must agree unless the caller sets `pad`.

use serde::{Deserialize, Serialize};

use super::batch::Collate;
use super::element_spec::ElementSpec;
use super::keys::{Keyed, SampleKey};
use super::number::element_bytes;
use super::record::Record;
use super::tensor::Tensor;
use crate::error::Fault;
use crate::order::Op;

/// The most bytes of a padded field, whatever the bytes of its samples.
pub(super) const PADDED_BYTES_FREE: u64 = 1 << 30;
/// The most bytes of a larger padded field, as a multiple of the bytes of its samples.
pub(super) const PADDED_TIMES_MAX: u64 = 16;

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

impl Collate<Keyed<Record>> for Stack {
    type Batch = Record;

    fn collate(&self, samples: Vec<Keyed<Record>>) -> Result<Record, Fault> {
        stack(samples.into_iter().map(Record::from).collect(), self.pad)
    }

    fn element_spec(
        &self,
        samples: &ElementSpec,
        size: Option<u64>,
    ) -> Result<ElementSpec, String> {
        samples.batched(size)
    }

    fn describe(&self, op: Op) -> Op {
        Collate::<Record>::describe(self, op)
    }
}

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
pub fn stack(mut records: Vec<Record>, pad: Option<Pad>) -> Result<Record, Fault> {
    let keys = all_keys(&mut records)?;
    let Some(first) = records.first() else {
        return Err(Fault::new("a batch needs at least one sample"));
    };
    for (place, record) in records.iter().enumerate() {
        same_fields(place, record, first)?;
    }
    let mut fields = Vec::with_capacity(first.len());
    for (number, (name, _)) in first.fields().iter().enumerate() {
        let parts = Parts { records: &records, number };
        let stacked =
            parts.stacked(pad).map_err(|why| Fault::new(format!("field {name:?}: {why}")));
        fields.push((name.clone(), stacked?));
    }
    Ok(Record::from_sorted(fields).with_keys(keys))
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

    fn stacked(&self, pad: Option<Pad>) -> Result<Tensor, String> {
        let first = &self.records[0].fields()[self.number].1;
        let (dtype, shape) = (first.dtype(), first.shape());
        let mut ragged = false;
        for (place, part) in self.iter().enumerate() {
            let [own, other] = [part, first].map(|one| (one.dtype(), one.shape()));
            if own.0 != dtype {
                return Err(format!(
                    "sample {place} of the batch is {}, sample 0 is {dtype}; cast them to one dtype",
                    own.0
                ));
            }
            if own.1.len() != shape.len() || (own != other && pad.is_none()) {
                let pads = own.1.len() == shape.len();
                let instead = if pads { "set `pad` to fill them up" } else { "reshape them first" };
                return Err(format!(
                    "sample {place} of the batch has shape {:?}, sample 0 has {shape:?}; {instead}",
                    own.1
                ));
            }
            ragged |= own != other;
        }
        let made = match pad {
            Some(Pad(value)) if ragged => return self.padded(value),
            _ => Tensor::build_overwritten(dtype, self.shape(shape), |bytes| {
                let mut rest = bytes;
                for part in self.iter() {
                    let (place, after) = rest.split_at_mut(part.bytes().len());
                    place.copy_from_slice(part.bytes());
                    rest = after;
                }
                Ok(())
            }),
        };
        made.map_err(|fault| fault.to_string())
    }

    fn padded(&self, value: f64) -> Result<Tensor, String> {
        let first = &self.records[0].fields()[self.number].1;
        let dtype = first.dtype();
        let Some(filler) = element_bytes(dtype, value) else {
            return Err(format!(
                "`pad` is {value:?}, which {dtype} cannot hold; set another value"
            ));
        };
        let mut largest = first.shape().to_vec();
        for part in self.iter() {
            for (most, &axis) in largest.iter_mut().zip(part.shape()) {
                *most = axis.max(*most);
            }
        }
        let shape = self.shape(&largest);
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
                copy_into(place, &largest, part);
            }
            Ok(())
        })
        .map_err(|fault| fault.to_string())
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

/// Fills all of `bytes` with copies of `element`.
fn fill(bytes: &mut [u8], element: &[u8]) {
    let Some(start) = bytes.get_mut(..element.len()) else { return };
    start.copy_from_slice(element);
    let mut done = element.len();
    while done < bytes.len() {
        let more = done.min(bytes.len() - done);
        bytes.copy_within(..more, done);
        done += more;
    }
}

/// Copies a tensor into the low corner of the memory of a larger one of the same rank.
fn copy_into(room: &mut [u8], largest: &[u64], tensor: &Tensor) {
    let (own, bytes) = (tensor.shape(), tensor.bytes());
    let Some(split) = (0..own.len()).rev().find(|&axis| own[axis] != largest[axis]) else {
        return room.copy_from_slice(bytes);
    };
    if bytes.is_empty() {
        return;
    }
    // From `split` on, a run of the tensor is contiguous at the start of a run of the larger
    // memory.
    let size = |axes: &[u64]| (axes.iter().product::<u64>() * tensor.dtype().size()) as usize;
    let (run, room_run) = (size(&own[split..]), size(&largest[split..]));
    for (number, part) in bytes.chunks_exact(run).enumerate() {
        let (mut rest, mut row, mut step) = (number as u64, 0, 1);
        for axis in (0..split).rev() {
            row += rest % own[axis] * step;
            rest /= own[axis];
            step *= largest[axis];
        }
        let from = row as usize * room_run;
        room[from..from + run].copy_from_slice(part);
    }
}

#[cfg(test)]
mod tests;
