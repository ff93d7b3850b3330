//! JSON Lines of records: one object for each sample, with numbers, lists of numbers and texts.

use half::{bf16, f16};
use serde::ser::{Error as _, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::lines::line;
use super::names::no_field;
use crate::dataset::{Dtype, Record, Tensor};
use crate::error::Fault;

/// Returns the line of a record; the fields of `text` are texts.
pub(super) fn row(sample: &Record, text: &[String]) -> Result<Vec<u8>, Fault> {
    if sample.is_empty() {
        return Err(no_field());
    }
    text.iter().try_for_each(|field| sample.field(field).map(|_| ()))?;
    line(&Row { sample, text })
}

/// A record as an object: its keys, if any, and its fields in byte order of their names.
struct Row<'a> {
    sample: &'a Record,
    text: &'a [String],
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.sample.keys().is_empty() {
            map.serialize_entry("__keys__", self.sample.keys())?;
        }
        for (field, tensor) in self.sample.iter() {
            if !self.text.iter().any(|text| text == field) {
                let (shape, bytes) = (tensor.shape(), tensor.bytes());
                map.serialize_entry(field, &Block { field, dtype: tensor.dtype(), shape, bytes })?;
                continue;
            }
            map.serialize_entry(field, text_of(field, tensor).map_err(S::Error::custom)?)?;
        }
        map.end()
    }
}

/// Returns the text of a field.
fn text_of<'a>(field: &str, tensor: &'a Tensor) -> Result<&'a str, String> {
    if tensor.dtype() != Dtype::U8 || tensor.shape().len() != 1 {
        let (dtype, shape) = (tensor.dtype(), tensor.shape());
        return Err(format!(
            "the field {field:?} is {dtype}{shape:?}, no text; a text is a U8 tensor of one axis"
        ));
    }
    std::str::from_utf8(tensor.bytes()).map_err(|why| {
        let at = why.valid_up_to();
        format!("the field {field:?} is no UTF-8 text at byte {at}; write the field as numbers")
    })
}

/// A part of a tensor as a number or nested lists.
struct Block<'a> {
    field: &'a str,
    dtype: Dtype,
    shape: &'a [u64],
    bytes: &'a [u8],
}

impl Serialize for Block<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some((&rows, shape)) = self.shape.split_first() else { return self.number(serializer) };
        let mut seq = serializer.serialize_seq(None)?;
        let size = self.bytes.len().checked_div(usize::try_from(rows).unwrap_or(0)).unwrap_or(0);
        for row in 0..rows {
            // Without bytes, every row is empty, whatever its place.
            let start = if size == 0 { 0 } else { row as usize * size };
            let bytes = &self.bytes[start..start + size];
            seq.serialize_element(&Block { shape, bytes, ..*self })?;
        }
        seq.end()
    }
}

impl Block<'_> {
    /// Writes a number. A half-precision number is written as the `f32` of the same value.
    fn number<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        macro_rules! number {
            ($kind:ty) => {{
                let mut own = [0; size_of::<$kind>()];
                own.copy_from_slice(self.bytes);
                <$kind>::from_le_bytes(own)
            }};
        }
        match self.dtype {
            Dtype::BOOL => serializer.serialize_bool(self.bytes != [0]),
            Dtype::U8 => serializer.serialize_u8(number!(u8)),
            Dtype::I8 => serializer.serialize_i8(number!(i8)),
            Dtype::U16 => serializer.serialize_u16(number!(u16)),
            Dtype::I16 => serializer.serialize_i16(number!(i16)),
            Dtype::U32 => serializer.serialize_u32(number!(u32)),
            Dtype::I32 => serializer.serialize_i32(number!(i32)),
            Dtype::U64 => serializer.serialize_u64(number!(u64)),
            Dtype::I64 => serializer.serialize_i64(number!(i64)),
            Dtype::F16 => self.single(number!(f16).to_f32(), serializer),
            Dtype::BF16 => self.single(number!(bf16).to_f32(), serializer),
            Dtype::F32 => self.single(number!(f32), serializer),
            Dtype::F64 => {
                let float = number!(f64);
                self.finite(float)?;
                serializer.serialize_f64(float)
            }
        }
    }

    fn single<S: Serializer>(&self, float: f32, serializer: S) -> Result<S::Ok, S::Error> {
        self.finite(f64::from(float))?;
        serializer.serialize_f32(float)
    }

    /// Refuses the floats that JSON lacks.
    fn finite<E: serde::ser::Error>(&self, float: f64) -> Result<(), E> {
        if float.is_finite() {
            return Ok(());
        }
        Err(E::custom(format_args!(
            "the field {:?} has the number {float}, which JSON lacks; filter these samples, or write npy, tar or safetensors",
            self.field
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(record: &Record, text: &[&str]) -> Result<String, Fault> {
        let text: Vec<String> = text.iter().map(|&name| name.into()).collect();
        row(record, &text).map(|line| String::from_utf8(line).unwrap())
    }

    fn one(tensor: Tensor) -> Result<String, Fault> {
        written(&Record::new().with("x", tensor).unwrap(), &[])
    }

    #[test]
    fn every_dtype_and_shape_is_a_number_or_nested_lists() {
        let half = f16::from_f32(0.1);
        for (tensor, json) in [
            (Tensor::scalar(true), "true"),
            (Tensor::scalar(u64::MAX), "18446744073709551615"),
            (Tensor::scalar(i64::MIN), "-9223372036854775808"),
            (Tensor::scalar(0.1f32), "0.1"),
            (Tensor::scalar(-0.0f64), "-0.0"),
            (Tensor::scalar(half), "0.099975586"),
            (Tensor::scalar(bf16::from_f32(3.0)), "3.0"),
            (Tensor::from_slice([2, 2], &[1i8, -2, 3, -4]).unwrap(), "[[1,-2],[3,-4]]"),
            (Tensor::from_slice([0], &[0u8; 0]).unwrap(), "[]"),
            (Tensor::from_slice([2, 0], &[0u8; 0]).unwrap(), "[[],[]]"),
            (Tensor::from_slice([0, 2], &[0u8; 0]).unwrap(), "[]"),
        ] {
            assert_eq!(one(tensor).unwrap(), format!("{{\"x\":{json}}}\n"));
        }
    }

    #[test]
    fn a_float_that_json_lacks_names_its_field() {
        for tensor in [
            Tensor::scalar(f32::NAN),
            Tensor::scalar(f64::INFINITY),
            Tensor::scalar(f16::NEG_INFINITY),
            Tensor::scalar(bf16::NAN),
        ] {
            let message = one(tensor).unwrap_err().to_string();
            assert!(message.starts_with("the field \"x\" has the number "), "{message}");
        }
    }

    #[test]
    fn texts_are_texts_where_asked_for() {
        let text = |bytes: &[u8]| {
            Record::new().with("é", Tensor::from_slice([bytes.len() as u64], bytes).unwrap())
        };
        let hello = text("a\"ü\n".as_bytes()).unwrap();
        assert_eq!(written(&hello, &["é"]).unwrap(), "{\"é\":\"a\\\"ü\\n\"}\n");
        assert_eq!(written(&text(b"a").unwrap(), &[]).unwrap(), "{\"é\":[97]}\n");
        let message = written(&text(b"ab\xff").unwrap(), &["é"]).unwrap_err().to_string();
        assert!(message.contains("\"é\" is no UTF-8 text at byte 2"), "{message}");
        let number = Record::new().with("é", Tensor::scalar(1u8)).unwrap();
        let message = written(&number, &["é"]).unwrap_err().to_string();
        assert!(message.contains("\"é\" is U8[], no text"), "{message}");
    }

    #[test]
    fn keys_stand_before_the_fields() {
        let record = Record::new().with("x", Tensor::scalar(1u8)).unwrap();
        let keyed = record.with_keys([7.into(), "a".into()]);
        assert_eq!(written(&keyed, &[]).unwrap(), "{\"__keys__\":[7,\"a\"],\"x\":1}\n");
    }

    #[test]
    fn a_line_that_no_source_reads_ends_in_time() {
        let message = one(Tensor::from_slice([1 << 40, 0], &[0u8; 0]).unwrap()).unwrap_err();
        assert!(message.to_string().contains("more than 16777216 bytes of JSON"), "{message}");
    }
}
