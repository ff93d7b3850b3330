//! The padding of one field: the shape to pad to, the value, and what happens to longer samples.

use std::sync::Arc;

use super::element_spec::FieldSpec;
use super::number::element_bytes;
use super::tensor::Tensor;

/// The most bytes of a padded field, whatever the bytes of its samples.
pub(super) const PADDED_BYTES_FREE: u64 = 1 << 30;
/// The most bytes of a larger padded field, as a multiple of the bytes of its samples.
pub(super) const PADDED_TIMES_MAX: u64 = 16;

/// The padding of one field: see [`PadFields`](super::PadFields).
///
/// Without [`to`](Self::to), each axis is padded to the longest sample of the batch. An integer dtype
/// must represent the value exactly. A float dtype rounds the value, but not to infinity.
#[derive(Debug, Clone, PartialEq)]
pub struct Padding {
    pub(super) value: f64,
    shape: Option<Vec<Option<u64>>>,
    truncates: bool,
    pub(super) lengths: Option<Arc<str>>,
}

impl Padding {
    /// Creates padding with `value` after a sample's elements, along each axis.
    #[must_use]
    pub fn new(value: f64) -> Self {
        Self { value, shape: None, truncates: false, lengths: None }
    }

    /// Pads each sample to this shape, without the axis of the batch.
    ///
    /// `None` pads an axis to the longest sample of the batch. A sample that is longer than the shape
    /// along some axis is an error, unless [`truncate`](Self::truncate) cuts it.
    #[must_use]
    pub fn to(self, shape: impl Into<Vec<Option<u64>>>) -> Self {
        Self { shape: Some(shape.into()), ..self }
    }

    /// Cuts off the end of samples that are longer than the shape of [`to`](Self::to).
    #[must_use]
    pub fn truncate(self) -> Self {
        Self { truncates: true, ..self }
    }

    /// Adds a field of this name with the samples' lengths along their first axis.
    ///
    /// The field is `I64` of shape `[samples]`. A length counts the elements without padding, after
    /// truncation.
    #[must_use]
    pub fn lengths(self, name: impl Into<Arc<str>>) -> Self {
        Self { lengths: Some(name.into()), ..self }
    }

    /// Returns the shape to which all samples of a batch are padded.
    pub(super) fn shape_of<'a>(
        &self,
        parts: impl Iterator<Item = &'a Tensor>,
    ) -> Result<Vec<u64>, String> {
        let mut most: Vec<u64> = Vec::new();
        for (place, part) in parts.enumerate() {
            let shape = part.shape();
            self.admit(&shape.iter().copied().map(Some).collect::<Vec<_>>())
                .map_err(|why| format!("sample {place} of the batch has shape {shape:?}, {why}"))?;
            most.resize(shape.len(), 0);
            most.iter_mut().zip(shape).for_each(|(most, axis)| *most = (*axis).max(*most));
        }
        for (most, given) in most.iter_mut().zip(self.shape.iter().flatten()) {
            *most = given.unwrap_or(*most);
        }
        Ok(most)
    }

    /// Returns the reason why a sample of this shape has no place in the padded shape.
    fn admit(&self, shape: &[Option<u64>]) -> Result<(), String> {
        let Some(given) = &self.shape else { return Ok(()) };
        if given.len() != shape.len() {
            let (own, given) = (shape.len(), given.len());
            return Err(format!(
                "which has {own} axes, but `to` has {given}; give a length or `None` for each axis"
            ));
        }
        let longer = |(_, (own, given)): &(usize, (&Option<u64>, &Option<u64>))| matches!((own, given), (Some(own), Some(given)) if own > given);
        match shape.iter().zip(given).enumerate().find(longer) {
            Some((axis, (Some(own), Some(given)))) if !self.truncates => Err(format!(
                "whose axis {axis} has {own} elements, more than the {given} of `to`; give a larger \
                 shape, or `truncate` longer samples"
            )),
            _ => Ok(()),
        }
    }

    /// Returns the element of padding in a dtype.
    pub(super) fn filler(&self, tensor: &Tensor) -> Result<[u8; 8], String> {
        let (dtype, value) = (tensor.dtype(), self.value);
        element_bytes(dtype, value).ok_or_else(|| {
            format!("`pad` is {value:?}, which {dtype} cannot hold; set another value")
        })
    }

    /// Returns the lengths of the samples along their first axis, without padding.
    pub(super) fn lengths_of<'a>(
        &self,
        parts: impl Iterator<Item = &'a Tensor>,
        most: &[u64],
    ) -> Result<Vec<i64>, String> {
        let no_axis = || "a sample has no axis whose length `lengths` could tell".to_owned();
        let most = most.first().ok_or_else(no_axis)?;
        let length = |part: &Tensor| part.shape().first().map(|own| *own.min(most) as i64);
        parts.map(|part| length(part).ok_or_else(no_axis)).collect()
    }

    /// Returns the spec of a padded sample.
    pub(super) fn element_spec(&self, sample: &FieldSpec) -> Result<FieldSpec, String> {
        if let Some(dtype) = sample.dtype
            && element_bytes(dtype, self.value).is_none()
        {
            let value = self.value;
            return Err(format!("`pad` is {value:?}, which {dtype} cannot hold"));
        }
        let Some(shape) = &sample.shape else {
            return Ok(FieldSpec { dtype: sample.dtype, shape: self.shape.clone() });
        };
        self.admit(shape).map_err(|why| format!("a sample is {sample}, {why}"))?;
        if self.lengths.is_some() && shape.is_empty() {
            return Err("a sample has no axis whose length `lengths` could tell".into());
        }
        let given = self.shape.clone().unwrap_or_else(|| vec![None; shape.len()]);
        let padded = given.into_iter().zip(shape).map(|(given, own)| given.or(*own));
        Ok(FieldSpec { dtype: sample.dtype, shape: Some(padded.collect()) })
    }
}

impl std::fmt::Display for Padding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.value)?;
        if let Some(shape) = &self.shape {
            let axis = |axis: &Option<u64>| axis.map_or("longest".into(), |axis| axis.to_string());
            write!(f, " to {}", shape.iter().map(axis).collect::<Vec<_>>().join(" by "))?;
        }
        let lengths = self.lengths.as_deref();
        f.write_str(if self.truncates { " truncated" } else { "" })?;
        lengths.map_or(Ok(()), |name| write!(f, " lengths {name}"))
    }
}

/// Fills all of `bytes` with copies of `element`.
pub(super) fn fill(bytes: &mut [u8], element: &[u8]) {
    let Some(start) = bytes.get_mut(..element.len()) else { return };
    start.copy_from_slice(element);
    let mut done = element.len();
    while done < bytes.len() {
        let more = done.min(bytes.len() - done);
        bytes.copy_within(..more, done);
        done += more;
    }
}

/// Copies what two tensors of one rank have in common, which is their low corner, into the memory of
/// the one with the shape `room`.
pub(super) fn copy_corner(memory: &mut [u8], room: &[u64], tensor: &Tensor) {
    let (own, bytes) = (tensor.shape(), tensor.bytes());
    let Some(split) = (0..own.len()).rev().find(|&axis| own[axis] != room[axis]) else {
        return memory.copy_from_slice(bytes);
    };
    if bytes.is_empty() || memory.is_empty() {
        return;
    }
    let common: Vec<u64> = own.iter().zip(room).map(|(own, room)| *own.min(room)).collect();
    // From `split` on, a run of what is common is contiguous at the start of a run of both.
    let size = |axes: &[u64]| (axes.iter().product::<u64>() * tensor.dtype().size()) as usize;
    let (run, own_run, room_run) =
        (size(&common[split..]), size(&own[split..]), size(&room[split..]));
    for number in 0..common[..split].iter().product() {
        let (mut rest, mut from, mut to, mut steps) = (number, 0, 0, (1, 1));
        for axis in (0..split).rev() {
            let index = rest % common[axis];
            rest /= common[axis];
            (from, to) = (from + index * steps.0, to + index * steps.1);
            steps = (steps.0 * own[axis], steps.1 * room[axis]);
        }
        let (from, to) = (from as usize * own_run, to as usize * room_run);
        memory[to..to + run].copy_from_slice(&bytes[from..from + run]);
    }
}
