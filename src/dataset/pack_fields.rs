//! `PackFields`: packs sequences of records into rows, with segment ids and positions.
//!
//! The results have the names and values of Grain's packing transformations, except that a row is
//! padded with any number.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Dtype;
use super::collate::Pad;
use super::element_spec::{ElementSpec, FieldSpec};
use super::number::element_bytes;
use super::pack::{Pack, Segment, row_length};
use super::padding::{PADDED_BYTES_FREE, PADDED_TIMES_MAX};
use super::record::{FIELDS_MAX, NAME_BYTES_MAX, Record};
use super::tensor::Tensor;
use crate::error::{Error, Fault, Result};
use crate::order::Op;

/// The endings of the names of the two fields that a packed field gets.
const SEGMENT_IDS: &str = "_segment_ids";
const POSITIONS: &str = "_positions";
const NO_AXIS: &str = "a sample has no axis to pack along; reshape it to [1]";

/// A [`Pack`] that joins fields of records along their first axis.
///
/// A row has three fields for each packed field, such as `tokens`:
///
/// - `tokens`, of shape `[length, …]`: the elements of the samples, and then padding,
/// - `tokens_segment_ids`, `I32` of shape `[length]`: the number of the sample in the row, from 1,
/// - `tokens_positions`, `I32` of shape `[length]`: the place of each element in its segment, from
///   0.
///
/// Segment ids and positions of padding are 0.
///
/// The keys of all samples in a row are the keys of the row.
///
/// ```
/// use windrow::dataset::{PackFields, Record, Tensor};
/// use windrow::stage::Fit;
/// use windrow::{Dataset, Loader, range};
/// let text = |n: u64| Record::new().with("tokens", Tensor::from_vec([n], vec![n; n as usize])?);
/// let rows = range(1..4).try_map(text).ordered();
/// let rows = rows.pack(Fit::First, 4, PackFields::new([("tokens", 4)]));
/// let row = Loader::builder(rows).build()?.nth(1).unwrap()?;
/// assert_eq!(row["tokens"].to_vec::<u64>()?, [3, 3, 3, 0]);
/// assert_eq!(row["tokens_segment_ids"].to_vec::<i32>()?, [1, 1, 1, 0]);
/// assert_eq!(row["tokens_positions"].to_vec::<i32>()?, [0, 1, 2, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PackFields {
    lengths: BTreeMap<Arc<str>, u64>,
    pad: Pad,
}

impl PackFields {
    /// Creates a `Pack` of the named fields, each with its number of elements in a row, padded with
    /// 0.
    ///
    /// A row has at most 2^24 elements of each field. The records have these fields and no others.
    #[must_use]
    pub fn new<N: Into<Arc<str>>>(lengths: impl IntoIterator<Item = (N, u64)>) -> Self {
        let lengths = lengths.into_iter().map(|(name, length)| (name.into(), length)).collect();
        Self { lengths, pad: Pad(0.0) }
    }

    /// Fills the end of a row with `value` instead of 0.
    #[must_use]
    pub fn padded(self, value: f64) -> Self {
        Self { pad: Pad(value), ..self }
    }

    /// Returns the bytes of one padding element, in the first bytes of the array.
    fn filler(&self, dtype: Dtype) -> Result<[u8; 8], String> {
        let pad = self.pad.0;
        let why = || format!("`pad` is {pad:?}, which {dtype} cannot hold; set another value");
        element_bytes(dtype, pad).ok_or_else(why)
    }

    /// Returns the spec of a packed field with rows of this length.
    fn declared(&self, field: &FieldSpec, length: u64) -> Result<FieldSpec, String> {
        if field.has_other_rank(&[1, 2, 3, 4, 5, 6, 7, 8]) {
            return Err(NO_AXIS.into());
        }
        if let Some(dtype) = field.dtype {
            self.filler(dtype)?;
        }
        let mut shape = field.shape.clone();
        if let Some(first) = shape.as_mut().and_then(|shape| shape.first_mut()) {
            *first = Some(length);
        }
        Ok(FieldSpec { shape, ..field.clone() })
    }

    /// Makes the three fields of a packed field.
    fn joined(
        &self,
        name: &str,
        length: u64,
        parts: &[Segment<'_, Record>],
    ) -> Result<[Tensor; 3], Fault> {
        let first = parts[0].sample.field(name)?;
        let dtype = first.dtype();
        let trailing = first.shape().get(1..).ok_or_else(|| Fault::new(NO_AXIS))?;
        let filler = self.filler(dtype).map_err(Fault::new)?;
        let step = trailing.iter().try_fold(dtype.size(), |size, &axis| size.checked_mul(axis));
        let mut segments = Vec::with_capacity(parts.len());
        let (mut used, mut given) = (0u64, 0u64);
        for part in parts {
            let tensor = part.sample.field(name)?;
            let (own, shape) = (tensor.dtype(), tensor.shape());
            if own != dtype || shape.get(1..) != Some(trailing) {
                return Err(Fault::new(format!(
                    "a sample is {own} of shape {shape:?}, another one of the row is {dtype} of shape {:?}; \
                     pack samples of one dtype whose axes after the first agree",
                    first.shape()
                )));
            }
            let end = part.range.end.min(shape[0]);
            let start = part.range.start.min(end);
            used = used.saturating_add(end - start);
            given = given.saturating_add(tensor.bytes().len() as u64);
            segments.push((tensor, start..end));
        }
        if used > length {
            let why = format!("the samples have {used} elements, more than the {length} of a row");
            return Err(Fault::new(why));
        }
        let takes = step.and_then(|step| step.checked_mul(length));
        if takes.is_none_or(|takes| takes > PADDED_BYTES_FREE && takes / PADDED_TIMES_MAX > given) {
            return Err(Fault::new(format!(
                "a row of {length} elements takes more than {PADDED_BYTES_FREE} bytes and \
                 {PADDED_TIMES_MAX} times the {given} bytes of its samples; pack into shorter rows"
            )));
        }
        let step = step.unwrap_or_default() as usize;
        let shape: Vec<u64> = std::iter::once(length).chain(trailing.iter().copied()).collect();
        let values = Tensor::build_overwritten(dtype, shape, |bytes| {
            let mut rest = bytes;
            for (tensor, range) in &segments {
                let part = &tensor.bytes()[range.start as usize * step..range.end as usize * step];
                let (place, after) = rest.split_at_mut(part.len());
                place.copy_from_slice(part);
                rest = after;
            }
            let filler = &filler[..dtype.size() as usize];
            rest.chunks_exact_mut(filler.len()).for_each(|place| place.copy_from_slice(filler));
            Ok(())
        })?;
        let numbered = |number: fn(usize, usize) -> usize| {
            Tensor::build_elements::<i32>([length], |places| {
                let mut places = places.iter_mut();
                for (segment, (_, range)) in segments.iter().enumerate() {
                    for (position, _) in range.clone().enumerate() {
                        if let Some(place) = places.next() {
                            *place = number(segment, position) as i32;
                        }
                    }
                }
                places.for_each(|place| *place = 0);
                Ok(())
            })
        };
        Ok([values, numbered(|segment, _| segment + 1)?, numbered(|_, position| position)?])
    }
}

impl Pack<Record> for PackFields {
    type Row = Record;

    fn room(&self) -> Vec<u64> {
        self.lengths.values().copied().collect()
    }

    fn lengths(&self, sample: &Record) -> Result<Vec<u64>, Fault> {
        if let Some((name, _)) = sample.iter().find(|(name, _)| !self.lengths.contains_key(*name)) {
            return Err(Fault::new(not_packed(name)));
        }
        let length = |name: &Arc<str>| {
            let length = sample.field(name)?.shape().first().copied();
            length.ok_or_else(|| Fault::new(format!("field {name:?}: {NO_AXIS}")))
        };
        self.lengths.keys().map(length).collect()
    }

    fn pack(&self, parts: &[Segment<'_, Record>]) -> Result<Record, Fault> {
        let mut row = Record::new();
        for (name, &length) in &self.lengths {
            let joined = self.joined(name, length, parts);
            let [values, segment_ids, positions] =
                joined.map_err(|why| Fault::new(format!("field {name:?}: {why}")))?;
            row.insert(name.clone(), values)?;
            row.insert(format!("{name}{SEGMENT_IDS}"), segment_ids)?;
            row.insert(format!("{name}{POSITIONS}"), positions)?;
        }
        let keys: Vec<_> = parts.iter().flat_map(|part| part.sample.keys()).cloned().collect();
        Ok(row.with_keys(keys))
    }

    fn element_spec(&self, samples: &ElementSpec) -> Result<ElementSpec, String> {
        if let Some((name, _)) =
            samples.fields().find(|(name, _)| !self.lengths.contains_key(*name))
        {
            return Err(not_packed(name));
        }
        let mut fields = Vec::new();
        for (name, &length) in &self.lengths {
            let packed = self.declared(&samples.field(name)?, length);
            let packed = packed.map_err(|why| format!("field {name:?}: {why}"))?;
            fields.push((name.clone(), packed));
            let numbers = FieldSpec::exact(Dtype::I32, &[length]);
            let named = [SEGMENT_IDS, POSITIONS].map(|ending| format!("{name}{ending}").into());
            fields.extend(named.map(|name| (name, numbers.clone())));
        }
        Ok(ElementSpec::new(fields))
    }

    fn field(&self, number: u64) -> Option<&str> {
        self.lengths.keys().nth(usize::try_from(number).ok()?).map(|name| &**name)
    }

    fn describe(&self, op: Op) -> Op {
        let named =
            |op: Op, (name, length): (&Arc<str>, &u64)| op.with(format!("length.{name}"), length);
        let op = self.lengths.iter().fold(op, named);
        op.with("pad", format_args!("{:?}", self.pad.0))
    }

    fn check(&self) -> Result<()> {
        let wrong = |value: String, allowed: String| {
            Err(Error::Setting { name: "pack.lengths".into(), value, allowed })
        };
        let count = self.lengths.len();
        if count == 0 || count > FIELDS_MAX / 3 {
            return wrong(format!("{count} fields"), format!("1 to {} fields", FIELDS_MAX / 3));
        }
        for (name, &length) in &self.lengths {
            row_length(format!("pack.lengths of {name:?}"), length)?;
            if name.len() + SEGMENT_IDS.len() > NAME_BYTES_MAX {
                let most = NAME_BYTES_MAX - SEGMENT_IDS.len();
                return wrong(format!("{name:?}"), format!("names of at most {most} bytes"));
            }
            let taken = [SEGMENT_IDS, POSITIONS].map(|ending| format!("{name}{ending}"));
            if let Some(taken) = taken.iter().find(|taken| self.lengths.contains_key(&***taken)) {
                let allowed = format!("fields without {taken:?}, which packing adds");
                return wrong(format!("{name:?} and {taken:?}"), allowed);
            }
        }
        Ok(())
    }
}

fn not_packed(name: &str) -> String {
    format!(
        "field {name:?} is not packed; give its length in a row, or select the other fields first"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(shape: &[u64], bytes: usize) -> Record {
        Record::new().with("x", Tensor::from_vec(shape, vec![7u8; bytes]).unwrap()).unwrap()
    }

    #[test]
    fn a_row_does_not_take_more_memory_than_it_may() {
        let pack = PackFields::new([("x", 1 << 24)]);
        let refused = |sample: &Record| {
            let segments = [Segment { sample, range: 0..1 }];
            pack.pack(&segments).unwrap_err().to_string()
        };
        let message = refused(&of(&[1, 1 << 20], 1 << 20));
        assert!(
            message.contains("16777216 elements takes more than 1073741824 bytes"),
            "{message}"
        );
        let message = refused(&of(&[0, 1 << 50], 0));
        assert!(message.contains("takes more than"), "{message}");
    }

    #[test]
    fn the_spec_of_a_row_is_known_before_the_run() {
        let pack = PackFields::new([("x", 4)]).padded(-1.0);
        let spec = |name: &str, field| pack.element_spec(&ElementSpec::new([(name, field)]));
        let row = spec("x", FieldSpec::new(Dtype::I8, [None, Some(3)])).unwrap();
        assert_eq!(row.to_string(), "{x: I8[4, 3], x_positions: I32[4], x_segment_ids: I32[4]}");
        let text = |name, field| spec(name, field).unwrap_err();
        assert!(text("x", FieldSpec::new(Dtype::I8, [])).contains("field \"x\": a sample has no"));
        assert!(text("x", FieldSpec::of_dtype(Dtype::U8)).contains("`pad` is -1.0, which U8"));
        assert!(text("y", FieldSpec::default()).contains("field \"y\" is not packed"));
        let none = pack.element_spec(&ElementSpec::new::<&str>([])).unwrap_err();
        assert!(none.contains("no field \"x\""), "{none}");
        assert_eq!(pack.element_spec(&ElementSpec::unknown()).unwrap().fields().count(), 3);
    }

    #[test]
    fn segments_that_are_not_there_are_refused_or_cut() {
        let pack = PackFields::new([("x", 4)]);
        let (three, flat) = (of(&[3], 3), of(&[], 1));
        let segment = |sample, range| Segment { sample, range };
        let row = pack.pack(&[segment(&three, 2..9), segment(&three, 5..u64::MAX)]).unwrap();
        assert_eq!(row["x"].bytes(), [7, 0, 0, 0]);
        let long = [segment(&three, 0..3), segment(&three, 0..3)];
        assert!(pack.pack(&long).unwrap_err().to_string().contains("6 elements, more than the 4"));
        let mixed = [segment(&three, 0..3), segment(&flat, 0..1)];
        assert!(pack.pack(&mixed).unwrap_err().to_string().contains("shape []"));
        assert!(pack.pack(&[segment(&flat, 0..1)]).unwrap_err().to_string().contains("no axis"));
    }
}
