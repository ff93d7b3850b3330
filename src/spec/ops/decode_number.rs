//! `decode_number`: reads a number from its digits, as label files hold them.

use serde::{Deserialize, Serialize};

use super::{bytes, holds_bytes};
use crate::dataset::{Dtype, FieldSpec, Tensor};
use crate::error::Fault;

/// How much of a text an error shows, in bytes.
const SHOWN: usize = 40;

/// Reads the number in a field that holds a text, as the file `0001.cls` of an archive does.
///
/// The field is the bytes of the text, `U8` of shape `[n]`, and becomes a scalar. The op skips white
/// space around the number, such as the end of the line. A text that is no number of the dtype is an
/// error.
///
/// ```
/// use windrow::dataset::{Dtype, Record, Tensor};
/// use windrow::spec::ops::DecodeNumber;
/// use windrow::{Dataset, from_vec};
/// let record = Record::new().with("cls", Tensor::from_slice([3], b"42\n")?)?;
/// let labels = from_vec(vec![record]).transform(DecodeNumber::new("cls", Dtype::U16));
/// assert_eq!(labels.get(0)?.unwrap_or_default()["cls"], Tensor::scalar(42u16));
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DecodeNumber {
    /// The name of the field with the text.
    pub field: String,
    /// The dtype of the scalar: an integer dtype, `F32` or `F64`.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::spec::schema::parsed"))]
    pub dtype: Dtype,
}

impl DecodeNumber {
    /// Creates an op that reads the number of a field as this dtype.
    #[must_use]
    pub fn new(field: impl Into<String>, dtype: Dtype) -> Self {
        Self { field: field.into(), dtype }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// Returns the reason for a dtype that is neither an integer, `F32` nor `F64`.
    pub fn validate(&self) -> Result<(), String> {
        match self.dtype {
            Dtype::BOOL | Dtype::F16 | Dtype::BF16 => {
                let dtype = self.dtype;
                Err(format!("`dtype` is {dtype}; give an integer, F32 or F64, and cast the result"))
            }
            _ => Ok(()),
        }
    }

    fn number(&self, tensor: &Tensor) -> Result<Tensor, Fault> {
        let text = bytes(tensor, "a text")?.trim_ascii();
        let digits = std::str::from_utf8(text).ok();
        macro_rules! read {
            ($($dtype:ident $kind:ty),*) => {
                match self.dtype {
                    $(Dtype::$dtype => digits
                        .and_then(|text| text.parse::<$kind>().ok())
                        .map(Tensor::scalar),)*
                    _ => None,
                }
            };
        }
        let number = read!(
            U8 u8, I8 i8, U16 u16, I16 i16, U32 u32, I32 i32, U64 u64, I64 i64, F32 f32, F64 f64
        );
        number.ok_or_else(|| {
            let shown = text[..text.len().min(SHOWN)].escape_ascii();
            Fault::new(format!("the text \"{shown}\" is no {}", self.dtype))
        })
    }
}

field_op!(
    DecodeNumber,
    "decode_number",
    Self::number,
    |to, op| op.with("dtype", to.dtype),
    |to, field| {
        holds_bytes(field, "a text")?;
        Ok(FieldSpec::new(to.dtype, []))
    }
);

#[cfg(test)]
mod tests {
    use super::super::made_of;
    use super::*;
    use crate::dataset::Transform;

    fn read(dtype: Dtype, text: &[u8]) -> Result<Tensor, String> {
        let tensor = Tensor::from_slice([text.len() as u64], text).unwrap();
        made_of(tensor, DecodeNumber::new("x", dtype))
    }

    #[test]
    fn numbers_are_read_and_others_are_shown() {
        assert_eq!(read(Dtype::U8, b" 255\r\n").unwrap(), Tensor::scalar(255u8));
        assert_eq!(read(Dtype::I64, b"-9223372036854775808").unwrap(), Tensor::scalar(i64::MIN));
        assert_eq!(read(Dtype::F32, b"0.1").unwrap(), Tensor::scalar(0.1f32));
        for (dtype, text, says) in [
            (Dtype::U8, &b"256"[..], "field \"x\": the text \"256\" is no U8"),
            (Dtype::U8, b"", "\"\" is no U8"),
            (Dtype::I32, b"1.0", "\"1.0\" is no I32"),
            (Dtype::I32, b"1 2", "\"1 2\" is no I32"),
            (Dtype::F64, b"\xff\x00", "\"\\xff\\x00\" is no F64"),
            (Dtype::F64, &[b'x'; 1000], "xxx\" is no F64"),
            (Dtype::F16, b"1", "`dtype` is F16; give an integer, F32 or F64"),
        ] {
            let message = read(dtype, text).unwrap_err();
            assert!(message.contains(says) && message.len() < 120, "{message}");
        }
    }

    #[test]
    fn options_are_described() {
        let op = serde_json::from_str::<DecodeNumber>(r#"{"field":"x","dtype":"I64"}"#).unwrap();
        assert_eq!(op.op().to_string(), "decode_number(field=x,dtype=I64)");
        assert!(op.validate().is_ok());
        assert!(serde_json::from_str::<DecodeNumber>(r#"{"field":"x"}"#).is_err());
    }
}
