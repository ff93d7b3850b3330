//! `Stack`: combines records into one record, each field with the samples along a new first axis.
//!
//! A batch allocates each field once and copies each sample's bytes once. Absent on purpose:
//! guessing. Fields, dtypes and shapes must agree unless the caller sets `pad`.

use serde::{Deserialize, Serialize};

use super::batch::Collate;
use super::keys::{Keyed, SampleKey};
use super::number::element_bytes;
use super::record::Record;
use super::tensor::Tensor;
use crate::error::Fault;
use crate::order::Op;

/// The most bytes of a padded field, whatever the bytes of its samples.
const PADDED_BYTES_FREE: u64 = 1 << 30;
/// The most bytes of a larger padded field, as a multiple of the bytes of its samples.
const PADDED_TIMES_MAX: u64 = 16;

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

    fn describe(&self, op: Op) -> Op {
        Collate::<Record>::describe(self, op)
    }
}

impl Collate<Record> for Stack {
    type Batch = Record;

    fn collate(&self, samples: Vec<Record>) -> Result<Record, Fault> {
        stack(samples, self.pad)
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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dataset::Dataset;
    use crate::source::from_vec;

    fn of(name: &'static str, tensor: Result<Tensor, Fault>) -> Record {
        Record::new().with(name, tensor.unwrap()).unwrap()
    }

    fn text(records: Vec<Record>, pad: Option<Pad>) -> String {
        stack(records, pad).unwrap_err().to_string()
    }

    #[test]
    fn fields_are_stacked_along_a_new_first_axis() {
        let record = |x: u8| {
            let image = Tensor::from_slice([1, 2], &[x, x + 1]).unwrap();
            let label = Tensor::scalar(i64::from(x));
            Record::new().with("image", image).unwrap().with("label", label).unwrap()
        };
        let batch = stack(vec![record(1), record(5), record(9)], None).unwrap();
        assert_eq!(batch["image"], Tensor::from_slice([3, 1, 2], &[1u8, 2, 5, 6, 9, 10]).unwrap());
        assert_eq!(batch["label"], Tensor::from_slice([3], &[1i64, 5, 9]).unwrap());
        let empty = stack(vec![of("x", Tensor::from_slice::<f32>([0, 3], &[])); 2], None).unwrap();
        assert_eq!(empty["x"].shape(), [2, 0, 3]);
        assert_eq!(stack(vec![Record::new(); 2], None).unwrap(), Record::new());
    }

    #[test]
    fn a_ragged_sample_is_named_with_its_field_and_both_shapes() {
        let rows =
            [3, 3, 4].map(|len| of("row", Tensor::from_slice([len], &vec![0u8; len as usize])));
        assert_eq!(
            text(rows.to_vec(), None),
            "field \"row\": sample 2 of the batch has shape [4], sample 0 has [3]; \
             set `pad` to fill them up"
        );
        let ranks = vec![rows[0].clone(), of("row", Tensor::from_slice([1, 3], &[0u8; 3]))];
        assert!(text(ranks.clone(), None).contains("reshape them"));
        assert!(text(ranks, Some(Pad(0.0))).contains("shape [1, 3], sample 0 has [3]"));
        let kinds = vec![of("row", Ok(Tensor::scalar(1u8))), of("row", Ok(Tensor::scalar(1i8)))];
        assert!(text(kinds, None).contains("sample 1 of the batch is I8, sample 0 is U8"));
        let names = vec![rows[0].clone(), of("other", Ok(Tensor::scalar(1u8)))];
        let message = text(names, None);
        assert!(message.contains("sample 1 of the batch has the fields other"), "{message}");
        assert!(message.contains("sample 0 has row (see \"other\")"), "{message}");
        assert!(text(vec![], None).contains("at least one"));
        let some = vec![rows[0].clone().with_keys([1.into()]), rows[1].clone()];
        assert!(text(some, None).contains("sample 1 of the batch has no key, others have one"));
    }

    #[test]
    fn a_batch_says_which_of_its_samples_is_ragged() {
        let rows = from_vec(vec![of("x", Tensor::from_slice([1], &[1u8])), Record::new()]);
        let fault = rows.batch_with(2, Stack::new()).get(0).unwrap_err();
        assert!(fault.to_string().starts_with("batch of index 0: sample 1"), "{fault}");
    }

    #[test]
    fn padding_goes_after_the_elements_of_each_axis() {
        let parts = vec![
            of("x", Tensor::from_slice([2, 1], &[1i16, 2])),
            of("x", Tensor::from_slice([1, 3], &[3i16, 4, 5])),
            of("x", Tensor::from_slice::<i16>([0, 9], &[])),
        ];
        let batch = stack(parts[..2].to_vec(), Some(Pad(-1.0))).unwrap();
        assert_eq!(batch["x"].shape(), [2, 2, 3]);
        let padded = [1, -1, -1, 2, -1, -1, 3, 4, 5, -1, -1, -1];
        assert_eq!(batch["x"].to_vec::<i16>().unwrap(), padded);
        let with_empty = stack(parts.clone(), Some(Pad(0.0))).unwrap();
        assert_eq!(with_empty["x"].shape(), [3, 2, 9]);
        assert!(text(parts, Some(Pad(0.5))).contains("`pad` is 0.5, which I16 cannot hold"));
    }

    #[test]
    fn padding_does_not_take_more_memory_than_it_may() {
        let long = vec![0u8; 1 << 20];
        let tall = of("x", Tensor::from_slice([1 << 20, 1], &long));
        let wide = of("x", Tensor::from_slice([1, 1 << 20], &long));
        let message = text(vec![tall, wide], Some(Pad(0.0)));
        assert!(message.contains("[2, 1048576, 1048576]"), "{message}");
    }

    #[test]
    fn pad_is_described_only_where_it_is_set() {
        let describe =
            |stack: Stack| Collate::<Record>::describe(&stack, Op::new("batch")).to_string();
        assert_eq!(describe(Stack::new()), "batch");
        assert_eq!(describe(Stack::padded(-1.0)), "batch(pad=-1.0)");
        let json = serde_json::to_string(&Stack::padded(0.0)).unwrap();
        assert_eq!(json, r#"{"pad":0.0}"#);
        assert_eq!(serde_json::from_str::<Stack>("{}").unwrap(), Stack::new());
        assert!(serde_json::from_str::<Stack>(r#"{"pas":0}"#).is_err());
    }

    proptest! {
        /// Compares with a copy element by element.
        #[test]
        fn padding_is_a_copy_of_each_element(
            shapes in proptest::collection::vec([0u64..4, 0..4, 0..4], 1..5),
            pad in -3i32..4,
        ) {
            let mut next = 10;
            let tensors: Vec<Vec<i32>> = shapes.iter().map(|shape| {
                (0..shape.iter().product()).map(|_| { next += 1; next }).collect()
            }).collect();
            let records = shapes.iter().zip(&tensors)
                .map(|(shape, own)| of("x", Tensor::from_slice(shape, own))).collect();
            let batch = stack(records, Some(Pad(pad.into()))).unwrap();
            let most = [0, 1, 2].map(|axis| shapes.iter().map(|shape| shape[axis]).max().unwrap());
            let mut want = Vec::new();
            for (shape, own) in shapes.iter().zip(&tensors) {
                for i in 0..most[0] { for j in 0..most[1] { for k in 0..most[2] {
                    let inside = i < shape[0] && j < shape[1] && k < shape[2];
                    let at = (i * shape[1] + j) * shape[2] + k;
                    want.push(if inside { own[at as usize] } else { pad });
                }}}
            }
            prop_assert_eq!(&batch["x"].shape()[1..], &most[..]);
            prop_assert_eq!(batch["x"].to_vec::<i32>().unwrap(), want);
        }
    }
}
