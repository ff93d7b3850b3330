//! Conversion of the text of a number to its little-endian bytes.

use std::str::FromStr;

use half::{bf16, f16};

use crate::dataset::Dtype;

/// Appends the bytes of the number in a text to `out`, and returns true, unless the dtype has no
/// such number.
///
/// A `BOOL` is 0 or 1, or true or false in lower or upper case or with a capital.
pub(super) fn push(dtype: Dtype, text: &str, out: &mut Vec<u8>) -> bool {
    macro_rules! add {
        ($number:expr) => {
            $number.map(|number| out.extend_from_slice(&number.to_le_bytes())).is_some()
        };
    }
    match dtype {
        Dtype::BOOL => match text {
            "0" | "false" | "False" | "FALSE" => add!(Some(0u8)),
            "1" | "true" | "True" | "TRUE" => add!(Some(1u8)),
            _ => false,
        },
        Dtype::U8 => add!(whole::<u8>(text)),
        Dtype::I8 => add!(whole::<i8>(text)),
        Dtype::U16 => add!(whole::<u16>(text)),
        Dtype::I16 => add!(whole::<i16>(text)),
        Dtype::U32 => add!(whole::<u32>(text)),
        Dtype::I32 => add!(whole::<i32>(text)),
        Dtype::U64 => add!(whole::<u64>(text)),
        Dtype::I64 => add!(whole::<i64>(text)),
        // The constant functions compute the same on every machine, with or without hardware
        // support.
        Dtype::F16 => add!(float(text, f16::from_f32_const)),
        Dtype::BF16 => add!(float(text, bf16::from_f32_const)),
        Dtype::F32 => add!(float(text, |number: f32| number)),
        Dtype::F64 => add!(float(text, |number: f64| number)),
    }
}

fn whole<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// Reads a float and rounds it with `round`; an infinite result must be written as such in the
/// text.
fn float<R: FromStr, T: Copy + Into<f64>>(text: &str, round: impl Fn(R) -> T) -> Option<T> {
    let number = round(text.parse().ok()?);
    let infinite = number.into().is_infinite();
    (!infinite || !text.bytes().any(|byte| byte.is_ascii_digit())).then_some(number)
}
