//! Arrays whose first axis counts samples, as the fields of records.
//!
//! The formats of this room share this code. A format gives the place and the layout of an array;
//! this code reads one sample of the array as a little-endian, row-major tensor. Absent on purpose:
//! headers, files.

use std::sync::Arc;

use super::bytes::{ByteSource, Identity, identity};
use super::refusal::setting;
use crate::dataset::{Dtype, ElementSpec, FieldSpec, RANK_MAX, Record, Tensor};
use crate::error::{Error, Fault, Result};
use crate::order::Op;

/// The most bytes that one read fetches to pick scattered elements of a sample from.
const WINDOW: u64 = 16 << 10;

/// The layout of an array in its bytes.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) dtype: Dtype,
    /// The length of each axis; the first axis counts the samples.
    pub(super) axes: Vec<u64>,
    /// The offset of the first element, in bytes.
    pub(super) offset: u64,
    pub(super) big_endian: bool,
    /// Whether the first axis runs fastest, which is Fortran's order.
    pub(super) column_major: bool,
}

/// An array in a byte source.
#[derive(Debug, Clone)]
pub(super) struct Array {
    bytes: Arc<dyn ByteSource>,
    identity: String,
    layout: Layout,
    /// The size of one sample, in bytes.
    size: u64,
}

impl Array {
    /// Creates an array over `bytes`, after a check that all of its bytes exist.
    pub(super) fn new(bytes: Arc<dyn ByteSource>, how: Identity, layout: Layout) -> Result<Self> {
        let identity = identity(&*bytes, how)?;
        Self::identified(bytes, identity, layout)
    }

    /// Creates an array with the identity of another source, such as the packed file.
    pub(super) fn identified(
        bytes: Arc<dyn ByteSource>,
        identity: String,
        mut layout: Layout,
    ) -> Result<Self> {
        let wrong = |offset, why| Error::Format { name: bytes.name().into(), offset, why };
        let Layout { dtype, axes, offset, .. } = &layout;
        if axes.len() > RANK_MAX {
            let why = format!("has {} axes; at most {RANK_MAX} can be read", axes.len());
            return Err(wrong(None, why));
        }
        let Some((&samples, shape)) = axes.split_first() else {
            let why = "holds one value without axes; save an array whose first axis counts samples";
            return Err(wrong(None, why.into()));
        };
        let needed = byte_size(*dtype, axes).ok_or_else(|| {
            wrong(None, format!("claims the shape {axes:?} of {dtype}, which is beyond 2^63 bytes"))
        })?;
        let there = bytes.len().saturating_sub(*offset);
        if there < needed {
            let shape = format!("its shape {axes:?} of {dtype} takes {needed} bytes");
            let why = format!("is cut short: {shape} from byte {offset} on, only {there} follow");
            return Err(wrong(Some(bytes.len()), why));
        }
        let size = needed.checked_div(samples).unwrap_or(0);
        layout.column_major &= !shape.is_empty();
        Ok(Self { bytes, identity, layout, size })
    }

    /// Returns one sample, which is the array without its first axis.
    pub(super) fn sample(&self, index: u64) -> Result<Tensor, Fault> {
        let Layout { dtype, ref axes, offset, .. } = self.layout;
        let (samples, shape) = (axes[0], &axes[1..]);
        if index >= samples {
            return Err(Fault::new(format!("the source has {samples} samples")));
        }
        Tensor::build_overwritten(dtype, shape, |out| {
            if self.layout.column_major {
                match dtype.size() {
                    1 => self.gather::<1>(index, out)?,
                    2 => self.gather::<2>(index, out)?,
                    4 => self.gather::<4>(index, out)?,
                    _ => self.gather::<8>(index, out)?,
                }
            } else {
                self.bytes.read_at(offset + index * self.size, out)?;
            }
            if self.layout.big_endian {
                reverse_elements(out, dtype);
            }
            if dtype == Dtype::BOOL {
                // The programs that write such files read any byte but 0 as true.
                out.iter_mut().for_each(|byte| *byte = (*byte != 0).into());
            }
            Ok(())
        })
    }

    /// Picks the elements of one sample, of `N` bytes each, out of a column-major array.
    fn gather<const N: usize>(&self, index: u64, out: &mut [u8]) -> Result<()> {
        let (samples, shape) = (self.layout.axes[0], &self.layout.axes[1..]);
        let (start, stride) = (self.layout.offset + index * N as u64, samples * N as u64);
        let mut places = Places::new(shape);
        let mut put = |window: &[u8], out: &mut [u8]| {
            let step = usize::try_from(stride).unwrap_or(usize::MAX);
            for (element, place) in window.chunks(step).zip(&mut places) {
                out[place * N..][..N].copy_from_slice(&element[..N]);
            }
        };
        let count = (out.len() / N) as u64;
        if let Some(all) = self.bytes.as_slice().filter(|_| count > 0) {
            let end = start + (count - 1) * stride + N as u64;
            let window = usize::try_from(start).ok().zip(usize::try_from(end).ok());
            let window = window.and_then(|(start, end)| all.get(start..end));
            let missing = || Error::Format {
                name: self.bytes.name().into(),
                offset: Some(start),
                why: format!("its slice ends before byte {end}"),
            };
            put(window.ok_or_else(missing)?, out);
            return Ok(());
        }
        let together = (WINDOW / stride).max(1);
        let mut window = Vec::new();
        for first in (0..count).step_by(together as usize) {
            let more = together.min(count - first) - 1;
            // The length is at most WINDOW, or one element.
            window.resize((more * stride) as usize + N, 0);
            self.bytes.read_at(start + first * stride, &mut window)?;
            put(&window, out);
        }
        Ok(())
    }
}

/// Arrays of equal length, each of which is a field of the records.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    op: Op,
    len: u64,
    fields: Vec<(Arc<str>, Array)>,
}

/// Implements [`Source`](crate::source::Source) for a format whose records are [`Fields`].
macro_rules! fields_source {
    ($format:ty) => {
        impl $crate::source::Source for $format {
            type Sample = $crate::dataset::Record;
            type Error = $crate::error::Fault;

            fn len(&self) -> u64 {
                self.0.len()
            }

            fn get(&self, index: u64) -> Result<Self::Sample, Self::Error> {
                self.0.get(index)
            }

            fn op(&self) -> $crate::order::Op {
                self.0.op()
            }

            fn element_spec(&self) -> $crate::dataset::ElementSpec {
                self.0.element_spec()
            }
        }
    };
}

pub(super) use fields_source;

impl Fields {
    /// Creates the fields, after a check that the arrays are equally long. `op` is the name of the
    /// format.
    pub(super) fn new(op: &'static str, arrays: Vec<(String, Array)>) -> Result<Self> {
        let setting = |value, allowed: &str| setting(format!("{op}.fields"), value, allowed);
        let mut fields: Vec<(Arc<str>, Array)> = Vec::with_capacity(arrays.len());
        let mut names = Record::new();
        for (name, array) in arrays {
            let twice = names.insert(&*name, Tensor::scalar(0u8)).map_err(|fault| {
                setting(format!("{name:?}"), &format!("names that a record can have: {fault}"))
            })?;
            if twice.is_some() {
                return Err(setting(format!("{name:?} twice"), "each name once"));
            }
            if let Some((first, other)) = fields.first()
                && other.layout.axes[0] != array.layout.axes[0]
            {
                let (own, others) = (array.layout.axes[0], other.layout.axes[0]);
                let why = format!("field {name} has {own} samples");
                let other = format!("field {first} of {} has {others}", other.bytes.name());
                let name = array.bytes.name().into();
                return Err(Error::Format { name, offset: None, why: format!("{why}, {other}") });
            }
            fields.push((name.into(), array));
        }
        let Some((_, array)) = fields.first() else {
            return Err(setting("empty".into(), "one field or more"));
        };
        let len = array.layout.axes[0];
        let op = fields.iter().fold(Op::new(op).with("len", len), |op, (name, array)| {
            op.with(name.to_string(), &array.identity)
        });
        Ok(Self { op, len, fields })
    }

    /// Sets the description, for formats that write their own.
    pub(super) fn described(self, op: Op) -> Self {
        Self { op, ..self }
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Returns the record at an index: one sample of each field.
    pub(super) fn get(&self, index: u64) -> Result<Record, Fault> {
        let mut record = Record::new();
        for (name, array) in &self.fields {
            let tensor = array.sample(index);
            let tensor = tensor.map_err(|fault| fault.at(self.op.name().to_owned(), index))?;
            record.insert(name.clone(), tensor)?;
        }
        Ok(record)
    }

    /// Returns the spec of the records, by the layouts of the arrays.
    pub(super) fn element_spec(&self) -> ElementSpec {
        let field = |array: &Array| FieldSpec::exact(array.layout.dtype, &array.layout.axes[1..]);
        ElementSpec::new(self.fields.iter().map(|(name, array)| (name.clone(), field(array))))
    }

    /// Returns the description: the format, the length and the identity of each field's file,
    /// unless the format has set another.
    pub(super) fn op(&self) -> Op {
        self.op.clone()
    }
}

/// Returns the size of an array in bytes, or `None` if the product of the axes other than 0 is
/// beyond 2^63.
pub(super) fn byte_size(dtype: Dtype, axes: &[u64]) -> Option<u64> {
    let size = axes
        .iter()
        .filter(|&&axis| axis != 0)
        .try_fold(dtype.size(), |size, &axis| size.checked_mul(axis))
        .filter(|&size| size <= i64::MAX as u64)?;
    Some(if axes.contains(&0) { 0 } else { size })
}

/// Converts big-endian elements to little-endian ones, in place.
fn reverse_elements(bytes: &mut [u8], dtype: Dtype) {
    match dtype.size() {
        1 => {}
        2 => bytes.as_chunks_mut::<2>().0.iter_mut().for_each(|element| element.reverse()),
        4 => bytes.as_chunks_mut::<4>().0.iter_mut().for_each(|element| element.reverse()),
        _ => bytes.as_chunks_mut::<8>().0.iter_mut().for_each(|element| element.reverse()),
    }
}

/// An iterator over the row-major places of all elements, in column-major order.
struct Places {
    shape: Vec<usize>,
    strides: Vec<usize>,
    at: Vec<usize>,
    place: usize,
}

impl Places {
    /// Creates the iterator for the shape of a tensor in memory, so its lengths fit into `usize`.
    fn new(shape: &[u64]) -> Self {
        let shape: Vec<usize> = shape.iter().map(|&axis| axis as usize).collect();
        let mut strides = vec![1usize; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis].saturating_mul(shape[axis]);
        }
        Self { at: vec![0; shape.len()], shape, strides, place: 0 }
    }
}

impl Iterator for Places {
    type Item = usize;

    /// Returns the next place, without an end: the first place follows the last.
    #[inline]
    fn next(&mut self) -> Option<usize> {
        let place = self.place;
        for axis in 0..self.shape.len() {
            self.at[axis] += 1;
            self.place += self.strides[axis];
            if self.at[axis] < self.shape[axis] {
                break;
            }
            self.place -= self.at[axis] * self.strides[axis];
            self.at[axis] = 0;
        }
        Some(place)
    }
}
