//! The encoding of samples and batches that crosses process boundaries and that digests are
//! computed over.
//!
//! [`encode`] takes any serde type apart into an *inline* part, small and in postcard's format, and
//! the *tensors* that were anywhere inside it, by reference and in the order in which serde met
//! them. So a megabyte of pixels is not copied into a message; it goes beside it.
//!
//! **The inline part** is what postcard 1 makes of the value: integers of more than 8 bits as
//! LEB128 varints (signed ones zigzag), floats as their little-endian bits, texts and sequences
//! after their length, struct fields in order without names, enums as the number of their variant.
//! A [`Tensor`] in it is three fields:
//!
//! | field | as |
//! |---|---|
//! | dtype | varint: its place in [`Dtype::ALL`], from 0 |
//! | shape | varint: the number of axes, at most 8; then each axis as a varint |
//! | length | varint: the bytes of the payload, which is the axes' product times the element size |
//!
//! A [`Record`](super::Record) is a varint, the number of fields, and then for each field, in byte
//! order of the names, its name as a text and its tensor.
//!
//! **A payload** is a tensor's bytes: little-endian, row-major, without padding.
//!
//! **The canonical stream**, which is hashed, is the length of the inline part as 8 little-endian
//! bytes, the inline part, and then for each tensor the length of its payload as 8 little-endian
//! bytes and the payload. It is the same for equal values on every platform, as long as the value
//! has an order: a `HashMap` has none, a `BTreeMap` does.
//!
//! Outside of [`encode`] and [`decode`] a tensor serialises with its payload inside: in JSON it is
//! `{"dtype":"U8","shape":[2],"data":[1,2]}`. Absent on purpose: frames, checksums, shared memory.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::thread::LocalKey;

use serde::de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::buffer::Owner;
use super::dtype::Dtype;
use super::tensor::{RANK_MAX, Shape, Tensor};
use crate::error::Fault;

/// An encoded value: see the [module](self).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wire {
    /// Everything but the payloads, in postcard's format.
    pub inline: Vec<u8>,
    /// The tensors inside the value, in the order in which serde met them; their bytes are shared.
    pub tensors: Vec<Tensor>,
}

impl Wire {
    /// Gives the canonical stream to `out`, piece by piece.
    pub fn write_canonical(&self, out: &mut impl FnMut(&[u8])) {
        let parts = self.tensors.iter().map(Tensor::bytes);
        for part in std::iter::once(&*self.inline).chain(parts) {
            out(&(part.len() as u64).to_le_bytes());
            out(part);
        }
    }
}

/// Takes a value apart.
///
/// ```
/// use windrow::dataset::{Tensor, wire};
/// let image = Tensor::from_slice([2, 2], &[1u8, 2, 3, 4])?;
/// let wire = wire::encode(&("seven", image.clone()))?;
/// assert_eq!(wire.inline, b"\x05seven\x01\x02\x02\x02\x04");
/// assert_eq!(wire.tensors, [image.clone()]);
/// let back: (String, Tensor) = wire::decode(&wire.inline, wire.tensors)?;
/// assert_eq!(back, ("seven".into(), image));
/// # Ok::<(), windrow::Fault>(())
/// ```
///
/// # Errors
/// What the value's own `Serialize` says, or a sequence or map that does not know its length.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Wire, Fault> {
    let scope = Scope::enter(&SINK, Vec::new());
    let inline = postcard::to_stdvec(value)
        .map_err(|why| Fault::new(format!("the value cannot be encoded: {why}")))?;
    Ok(Wire { inline, tensors: scope.leave().unwrap_or_default() })
}

/// Puts a value together again.
///
/// # Errors
/// An inline part that is not such a value or longer than one, another number of tensors, or a
/// tensor whose dtype, shape or length is not what the inline part says.
pub fn decode<T: DeserializeOwned>(inline: &[u8], tensors: Vec<Tensor>) -> Result<T, Fault> {
    decode_from(inline, tensors.into_iter().map(Payload::Tensor).collect())
}

/// Puts a value together with payloads that lie in someone else's memory: nothing is copied.
///
/// # Errors
/// As [`decode`], and a payload that does not start at a multiple of 64 bytes.
pub fn decode_owned<T: DeserializeOwned>(inline: &[u8], payloads: Vec<Owner>) -> Result<T, Fault> {
    decode_from(inline, payloads.into_iter().map(Payload::Owner).collect())
}

fn decode_from<T: DeserializeOwned>(inline: &[u8], payloads: Vec<Payload>) -> Result<T, Fault> {
    let given = payloads.len();
    let scope = Scope::enter(&SOURCE, Payloads { left: payloads.into_iter(), why: None });
    let decoded = postcard::take_from_bytes::<T>(inline);
    let (left, why) = scope.leave().map(|end| (end.left.len(), end.why)).unwrap_or_default();
    let (value, rest) = decoded.map_err(|error| {
        let why = why.unwrap_or_else(|| error.to_string());
        Fault::new(format!("the encoded value cannot be read: {why}"))
    })?;
    if !rest.is_empty() {
        let (rest, all) = (rest.len(), inline.len());
        return Err(Fault::new(format!("{rest} of {all} bytes are left after the encoded value")));
    }
    if left > 0 {
        let used = given - left;
        return Err(Fault::new(format!("the encoded value has {used} tensors, {given} came")));
    }
    Ok(value)
}

/// An error for serde that [`decode`] can tell in full; postcard's own forgets the text.
pub(super) fn refused<E: serde::de::Error>(why: impl fmt::Display) -> E {
    let why = why.to_string();
    let error = E::custom(&why);
    SOURCE.with_borrow_mut(|source| {
        if let Some(source) = source {
            source.why = Some(why);
        }
    });
    error
}

thread_local! {
    /// Where tensors go while [`encode`] runs.
    static SINK: RefCell<Option<Vec<Tensor>>> = const { RefCell::new(None) };
    /// Where tensors come from while [`decode`] runs.
    static SOURCE: RefCell<Option<Payloads>> = const { RefCell::new(None) };
}

enum Payload {
    Tensor(Tensor),
    Owner(Owner),
}

struct Payloads {
    left: std::vec::IntoIter<Payload>,
    /// Why the last tensor was refused.
    why: Option<String>,
}

/// Sets a thread-local for its own lifetime and puts back what was there, also in a panic.
struct Scope<T: 'static> {
    place: &'static LocalKey<RefCell<Option<T>>>,
    before: Option<T>,
}

impl<T> Scope<T> {
    fn enter(place: &'static LocalKey<RefCell<Option<T>>>, value: T) -> Self {
        Self { place, before: place.replace(Some(value)) }
    }

    fn leave(self) -> Option<T> {
        self.place.take()
    }
}

impl<T> Drop for Scope<T> {
    fn drop(&mut self) {
        let own = self.place.replace(self.before.take());
        drop(own);
    }
}

impl Serialize for Tensor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let beside = SINK
            .with_borrow_mut(|sink| sink.as_mut().map(|sink| sink.push(self.clone())).is_some());
        let mut fields = serializer.serialize_struct("Tensor", 3)?;
        fields.serialize_field("dtype", &self.dtype())?;
        fields.serialize_field("shape", self.shape())?;
        if beside {
            fields.serialize_field("data", &(self.bytes().len() as u64))?;
        } else {
            fields.serialize_field("data", &Bytes(Cow::Borrowed(self.bytes())))?;
        }
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Tensor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("Tensor", &["dtype", "shape", "data"], TensorFields)
    }
}

struct TensorFields;

impl<'de> Visitor<'de> for TensorFields {
    type Value = Tensor;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tensor: dtype, shape and data")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tensor, A::Error> {
        let missing = |place| A::Error::invalid_length(place, &self);
        let dtype = seq.next_element()?.ok_or_else(|| missing(0))?;
        let shape = seq.next_element()?.ok_or_else(|| missing(1))?;
        let data = seq.next_element()?.ok_or_else(|| missing(2))?;
        assembled(dtype, shape, data)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tensor, A::Error> {
        let (mut dtype, mut shape, mut data) = (None, None, None);
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            let twice = match &*key {
                "dtype" => dtype.replace(map.next_value()?).is_some(),
                "shape" => shape.replace(map.next_value()?).is_some(),
                "data" => data.replace(map.next_value()?).is_some(),
                other => {
                    return Err(A::Error::unknown_field(other, &["dtype", "shape", "data"]));
                }
            };
            if twice {
                return Err(A::Error::custom(format_args!("field {key:?} is there twice")));
            }
        }
        let missing = A::Error::missing_field;
        assembled(
            dtype.ok_or_else(|| missing("dtype"))?,
            shape.ok_or_else(|| missing("shape"))?,
            data.ok_or_else(|| missing("data"))?,
        )
    }
}

/// The tensor of three fields that were read.
fn assembled<E: serde::de::Error>(dtype: Dtype, shape: Shape, data: Field) -> Result<Tensor, E> {
    match data {
        Field::Bytes(bytes) => Tensor::new(dtype, shape.axes(), &bytes.0),
        Field::Length(length) => beside(dtype, shape, length),
    }
    .map_err(refused)
}

/// The next tensor of those that came beside the inline part.
fn beside(dtype: Dtype, shape: Shape, length: u64) -> Result<Tensor, Fault> {
    let axes = shape.axes();
    let next = SOURCE.with_borrow_mut(|source| source.as_mut().and_then(|all| all.left.next()));
    let tensor = match next {
        None => return Err(Fault::new("it has more tensors than came with it")),
        Some(Payload::Owner(owner)) => Tensor::from_owner(dtype, axes, owner)?,
        Some(Payload::Tensor(tensor)) if (tensor.dtype(), tensor.shape()) == (dtype, axes) => {
            tensor
        }
        Some(Payload::Tensor(tensor)) => {
            return Err(Fault::new(format!(
                "a tensor of {dtype} {axes:?} should come, {} {:?} came",
                tensor.dtype(),
                tensor.shape()
            )));
        }
    };
    let bytes = tensor.bytes().len();
    if bytes as u64 != length {
        return Err(Fault::new(format!(
            "a tensor of {length} bytes should come, {dtype} {axes:?} takes {bytes}"
        )));
    }
    Ok(tensor)
}

/// What stands in the third field: a length while [`decode`] runs, the bytes otherwise.
enum Field<'de> {
    Length(u64),
    Bytes(Bytes<'de>),
}

impl<'de> Deserialize<'de> for Field<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if SOURCE.with_borrow(Option::is_some) {
            u64::deserialize(deserializer).map(Self::Length)
        } else {
            deserializer.deserialize_bytes(BytesVisitor).map(Self::Bytes)
        }
    }
}

struct Bytes<'a>(Cow<'a, [u8]>);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Bytes<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Bytes<'de>, E> {
        Ok(Bytes(bytes.into()))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes<'de>, E> {
        Ok(Bytes(bytes.to_vec().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Bytes<'de>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(Bytes(bytes.into()))
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Axes)
    }
}

struct Axes;

impl<'de> Visitor<'de> for Axes {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {RANK_MAX} lengths")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        let mut axes = Vec::new();
        while axes.len() <= RANK_MAX
            && let Some(axis) = seq.next_element()?
        {
            axes.push(axis);
        }
        Shape::new(&axes).map_err(refused)
    }
}

#[cfg(test)]
mod tests;
