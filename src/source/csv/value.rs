//! From the text of a value to its little-endian bytes.

use std::str::FromStr;

use ::csv::ByteRecord;
use half::{bf16, f16};

use crate::dataset::Dtype;

/// Adds the values of some columns of a row, or says which column holds no such value.
pub(super) fn push(
    dtype: Dtype,
    record: &ByteRecord,
    columns: &[usize],
    out: &mut Vec<u8>,
) -> Result<(), usize> {
    macro_rules! each {
        ($parse:expr) => {
            each(record, columns, out, |text| $parse(text).map(|value| value.to_le_bytes()))
        };
    }
    match dtype {
        Dtype::BOOL => each!(boolean),
        Dtype::U8 => each!(whole::<u8>),
        Dtype::I8 => each!(whole::<i8>),
        Dtype::U16 => each!(whole::<u16>),
        Dtype::I16 => each!(whole::<i16>),
        Dtype::U32 => each!(whole::<u32>),
        Dtype::I32 => each!(whole::<i32>),
        Dtype::U64 => each!(whole::<u64>),
        Dtype::I64 => each!(whole::<i64>),
        // The constant functions are the same on every machine, with or without such hardware.
        Dtype::F16 => each!(|text| single(text, f16::from_f32_const)),
        Dtype::BF16 => each!(|text| single(text, bf16::from_f32_const)),
        Dtype::F32 => each!(|text| single(text, |value| value)),
        Dtype::F64 => each!(double),
    }
}

/// What the values of a dtype may be, for an error.
pub(super) fn allowed(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::BOOL => "which is 0, 1, true or false",
        Dtype::U8 => "a whole number from 0 to 255",
        Dtype::I8 => "a whole number from -128 to 127",
        Dtype::U16 => "a whole number from 0 to 65535",
        Dtype::I16 => "a whole number from -32768 to 32767",
        Dtype::U32 => "a whole number from 0 to 4294967295",
        Dtype::I32 => "a whole number from -2147483648 to 2147483647",
        Dtype::U64 => "a whole number from 0 to 18446744073709551615",
        Dtype::I64 => "a whole number from -9223372036854775808 to 9223372036854775807",
        Dtype::F16 => "a number of at most 65504 either way",
        Dtype::BF16 | Dtype::F32 => "a number of at most about 3.4e38 either way",
        Dtype::F64 => "a number of at most about 1.8e308 either way",
    }
}

fn each<const N: usize>(
    record: &ByteRecord,
    columns: &[usize],
    out: &mut Vec<u8>,
    parse: impl Fn(&str) -> Option<[u8; N]>,
) -> Result<(), usize> {
    for &column in columns {
        let text = record.get(column).and_then(|bytes| std::str::from_utf8(bytes).ok());
        out.extend_from_slice(&text.and_then(&parse).ok_or(column)?);
    }
    Ok(())
}

fn boolean(text: &str) -> Option<u8> {
    match text {
        "0" | "false" | "False" | "FALSE" => Some(0),
        "1" | "true" | "True" | "TRUE" => Some(1),
        _ => None,
    }
}

fn whole<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn double(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    within(text, value.is_infinite()).then_some(value)
}

/// A number that `round` makes of an `f32`.
fn single<T: Copy + Into<f64>>(text: &str, round: impl Fn(f32) -> T) -> Option<T> {
    let value = round(text.parse().ok()?);
    within(text, value.into().is_infinite()).then_some(value)
}

/// Whether a number is as large as its text: infinity must be written out.
fn within(text: &str, infinite: bool) -> bool {
    !infinite || !text.bytes().any(|byte| byte.is_ascii_digit())
}
