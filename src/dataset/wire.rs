//! The encoding of samples and batches between processes and for digests.
//!
//! [`encode`] splits a value of any serde type into a small *inline* part and *payloads*. The
//! payloads are the bytes of the tensors anywhere inside the value and of its long runs of numbers,
//! in serde's order. A megabyte of pixels therefore travels beside a message instead of being
//! copied into it.
//!
//! **The inline part** has no names and no types; the reader knows them.
//!
//! | value | encoding |
//! |---|---|
//! | `bool`, `u8`, `i8` | a byte; a `bool` is 0 or 1 |
//! | `u16` to `u128`, `usize` | varint: groups of 7 bits, the lowest first, bit 7 set in all but the last |
//! | `i16` to `i128`, `isize` | varint of `2x`, or of `-2x - 1` where `x` is negative |
//! | `f32`, `f64` | their 4 or 8 bytes, little-endian |
//! | `char` | varint of its code point |
//! | a text, bytes | below 1,024 bytes: varint of twice the length, and the bytes. From 1,024 on: varint of twice the length plus 1, and the bytes are the next payload |
//! | a sequence | varint of twice its length, and the elements. A run: varint of twice its length plus 1, and the next payload is a *block* |
//! | a tuple or array of at most 32 elements, a struct | its elements in order |
//! | a longer one | a byte 0 and its elements; for a run, a byte 1, and a block |
//! | a map | varint of its length, then each key and value |
//! | an option | a byte 0, or a byte 1 and the value |
//! | an enum | varint of the variant's place, from 0, and the variant's content |
//! | a unit, a newtype | no bytes, the content |
//!
//! A value has at most 2^20 elements of sequences and entries of maps without bytes, such as `()`.
//!
//! A **run** is a sequence, or a tuple or array of more than 32 elements, of numbers alone. A run has
//! at least 1,024 bytes, and its numbers are all of one kind. Numbers are `bool`,
//! the integers, floats and `char`, also inside newtypes. A **block** holds those numbers one after
//! another, little-endian, each in the bytes of its type. A `bool` has 1 byte, a `char` 4, a
//! `usize` 8.
//!
//! A [`Tensor`] has three fields:
//!
//! | field | encoding |
//! |---|---|
//! | dtype | varint: its place in [`Dtype::ALL`](super::Dtype::ALL), from 0 |
//! | shape | varint: twice the number of axes, at most 8; then each axis as a varint |
//! | length | varint: the bytes of the payload, which is the axes' product times the element size |
//!
//! The tensor's payload is its bytes: little-endian, row-major, without padding. A
//! [`Record`](super::Record) is a map: a varint for the number of fields, and then the fields in
//! byte order of the names. A field is its name as a text and its tensor.
//!
//! **The canonical stream** is the input of hashes: the inline part, and then each payload. The
//! length of each part comes before it, as 8 little-endian bytes. The stream is the same for equal
//! values on every platform if the value has an order. A `HashMap` has no order, a `BTreeMap` has
//! one.
//!
//! Outside [`encode`] and [`decode`], a tensor serialises with its payload inside: in JSON,
//! `{"dtype":"U8","shape":[2],"data":[1,2]}`. Absent on purpose: frames, checksums, shared memory.

mod access;
mod back;
mod block;
mod number;
mod payload;
mod read;
mod runs;
mod tensor;
mod trouble;
mod write;

use std::any::type_name;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::buffer::Owner;
use super::scope::Scope;
use super::tensor::Tensor;
use crate::error::Fault;
pub(crate) use back::compare;
use payload::{Payload, SINK, SOURCE};
use read::Reader;
use trouble::Empty;
pub(crate) use write::Variants;
use write::Writer;

/// The advice for types that cannot cross.
const AGREE: &str = "its Serialize must write what its Deserialize reads, so remove serde's \
                     `skip`, `skip_serializing`, `skip_deserializing`, `untagged`, `flatten` and, \
                     on a struct, `tag`";

/// An encoded value: see the [module](self).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wire {
    /// The bytes of the value without the payloads.
    pub inline: Vec<u8>,
    /// The payloads, in serde's order. A tensor inside the value is a payload and shares its bytes. A
    /// run of numbers or a long text is a `U8` tensor of one axis.
    pub payloads: Vec<Tensor>,
}

impl Wire {
    /// Passes the canonical stream to `out`, piece by piece.
    pub fn write_canonical(&self, out: &mut impl FnMut(&[u8])) {
        let parts = self.payloads.iter().map(Tensor::bytes);
        for part in std::iter::once(&*self.inline).chain(parts) {
            out(&(part.len() as u64).to_le_bytes());
            out(part);
        }
    }

    /// Returns the SHA-256 of the canonical stream.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        self.write_canonical(&mut |bytes: &[u8]| hash.update(bytes));
        hash.finalize().into()
    }

    /// Returns the bytes of the inline part and of the payloads together.
    #[must_use]
    pub fn byte_len(&self) -> u64 {
        let payloads = self.payloads.iter().map(|payload| payload.bytes().len() as u64);
        payloads.sum::<u64>() + self.inline.len() as u64
    }
}

/// The bytes written value by value that cost noticeable time: some 20 µs on either side.
const INLINE_MANY: u64 = 16 * 1024;

/// Returns why samples of a type are slow to cross, from the bytes of a sample and its inline
/// bytes. Returns `None` if nearly all bytes cross in blocks.
pub(crate) fn slow_to_cross(name: &str, bytes: u64, inline_bytes: u64) -> Option<String> {
    (inline_bytes >= INLINE_MANY && inline_bytes > bytes / 4).then(|| {
        format!(
            "{name} has {inline_bytes} of its {bytes} bytes written value by value; keep numbers in \
             a Vec of one number type (Vec<f32>, not Vec<[f32; 3]> or Vec<Option<f32>>) or in a \
             Tensor, or use threads"
        )
    })
}

/// Encodes a value.
///
/// ```
/// use windrow::dataset::{Tensor, wire};
/// let image = Tensor::from_slice([2, 2], &[1u8, 2, 3, 4])?;
/// let wire = wire::encode(&("seven", image.clone()))?;
/// assert_eq!(wire.inline, b"\x0aseven\x01\x04\x02\x02\x04");
/// assert_eq!(wire.payloads, [image.clone()]);
/// let back: (String, Tensor) = wire::decode(&wire.inline, wire.payloads)?;
/// assert_eq!(back, ("seven".into(), image));
///
/// let wire = wire::encode(&vec![0.5f32; 1000])?;
/// assert_eq!((wire.inline.len(), wire.byte_len()), (2, 4002));
/// # Ok::<(), windrow::Fault>(())
/// ```
///
/// # Errors
/// Returns a fault with the error of the value's `Serialize`, or for a sequence or map of unknown
/// length.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Wire, Fault> {
    encode_noting(value).map(|(wire, _)| wire)
}

/// Encodes a value like [`encode`], and returns the enum variants that it wrote.
pub(crate) fn encode_noting<T: Serialize + ?Sized>(value: &T) -> Result<(Wire, Variants), Fault> {
    let scope = Scope::enter(&SINK, Some(Vec::new()));
    let mut writer = Writer::default();
    value.serialize(&mut writer).map_err(|why| {
        Fault::new(format!("a value of {} cannot be encoded: {why}", type_name::<T>()))
    })?;
    let payloads = scope.leave().unwrap_or_default();
    Ok((Wire { inline: writer.inline, payloads }, writer.variants))
}

/// Decodes a value.
///
/// # Errors
/// Returns a fault if the inline part is damaged or too long, or if the payloads do not match it in
/// number or content.
pub fn decode<T: DeserializeOwned>(inline: &[u8], payloads: Vec<Tensor>) -> Result<T, Fault> {
    decode_from(inline, payloads.into_iter().map(Payload::Tensor).collect())
}

/// Decodes a value with payloads in memory of other owners; tensors stay in that memory.
///
/// # Errors
/// Returns the errors of [`decode`], and a fault for a tensor's payload that is not aligned to its
/// elements.
pub fn decode_owned<T: DeserializeOwned>(inline: &[u8], payloads: Vec<Owner>) -> Result<T, Fault> {
    decode_from(inline, payloads.into_iter().map(Payload::Owner).collect())
}

fn decode_from<T: DeserializeOwned>(inline: &[u8], payloads: Vec<Payload>) -> Result<T, Fault> {
    let given = payloads.len();
    let scope = Scope::enter(&SOURCE, Some(payloads.into_iter()));
    let mut reader = Reader { left: inline, empty: Empty::default() };
    let decoded = T::deserialize(&mut reader);
    let left = scope.leave().map(|left| left.len()).unwrap_or_default();
    let why = match decoded {
        Ok(value) if reader.left.is_empty() && left == 0 => return Ok(value),
        Ok(_) if left > 0 => {
            let used = given - left;
            format!("the encoded value has {used} payloads, but {given} came")
        }
        Ok(_) => {
            let (rest, all) = (reader.left.len(), inline.len());
            format!("{rest} of {all} bytes are left after the encoded value")
        }
        Err(why) => why.0,
    };
    let name = type_name::<T>();
    Err(Fault::new(format!("a value of {name} cannot be read: {why}; {AGREE}")))
}

#[cfg(test)]
mod tests;
