//! The encoding of a tensor: with its payload beside it, or inside in any other format.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::dtype::Dtype;
use super::super::tensor::{Shape, Tensor};
use super::payload::{Payload, SINK, SOURCE, next_payload};
use crate::error::Fault;

impl Serialize for Tensor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Tensor", 3)?;
        // Pushed only now, because a serializer that only tests for numbers refuses the struct
        // above.
        let beside = SINK
            .with_borrow_mut(|sink| sink.as_mut().map(|sink| sink.push(self.clone())).is_some());
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
        let Fields { dtype, shape, data } = Fields::deserialize(deserializer)?;
        match data {
            Field::Bytes(bytes) => Tensor::new(dtype, shape.axes(), &bytes.0),
            Field::Length(length) => beside(dtype, shape, length),
        }
        .map_err(D::Error::custom)
    }
}

#[derive(Deserialize)]
#[serde(rename = "Tensor", deny_unknown_fields, expecting = "a tensor: dtype, shape and data")]
struct Fields<'a> {
    dtype: Dtype,
    shape: Shape,
    #[serde(borrow)]
    data: Field<'a>,
}

/// Returns the next tensor from the payloads.
fn beside(dtype: Dtype, shape: Shape, length: u64) -> Result<Tensor, Fault> {
    let axes = shape.axes();
    let tensor = match next_payload()? {
        Payload::Owner(owner) => Tensor::from_owner(dtype, axes, owner)?,
        Payload::Tensor(tensor) if (tensor.dtype(), tensor.shape()) == (dtype, axes) => tensor,
        Payload::Tensor(tensor) => {
            return Err(Fault::new(format!(
                "expected a tensor of {dtype} {axes:?}, but {} {:?} came",
                tensor.dtype(),
                tensor.shape()
            )));
        }
    };
    let bytes = tensor.bytes().len();
    if bytes as u64 != length {
        return Err(Fault::new(format!(
            "expected a tensor of {length} bytes, but {dtype} {axes:?} takes {bytes}"
        )));
    }
    Ok(tensor)
}

/// The content of the third field: a length while [`decode`] runs, otherwise the bytes.
enum Field<'de> {
    Length(u64),
    Bytes(Bytes<'de>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
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
        Shape::new(&Vec::<u64>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
