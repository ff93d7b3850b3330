//! Conversions between the numbers of two dtypes, with the same bits on every platform.
//!
//! The rules are those of `Cast`. Nothing wraps or saturates, and an integer that does not fit is
//! refused. Floats round to nearest even, and a conversion to an integer cuts off the fraction. A
//! new NaN is the quiet positive one without payload. Absent on purpose: whole tensors, field
//! names.

use half::{bf16, f16};

use super::dtype::{Dtype, Element, Raw, with_dtype};

/// A number of any dtype, without loss.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wide {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
}

/// An element type with conversions.
pub(crate) trait Number: Element {
    /// Returns the same number in the widest type of its kind.
    fn wide(self) -> Wide;

    /// Returns the number in this type, or `None` if it does not fit.
    fn narrow(wide: Wide) -> Option<Self>;
}

impl Wide {
    /// Returns the number as `f64`; rounds integers beyond 2^53 to nearest even.
    #[inline]
    pub(crate) fn to_f64(self) -> f64 {
        match self {
            Self::Signed(x) => x as f64,
            Self::Unsigned(x) => x as f64,
            Self::Float(x) => x,
        }
    }
}

impl std::fmt::Display for Wide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Signed(x) => write!(f, "{x}"),
            Self::Unsigned(x) => write!(f, "{x}"),
            Self::Float(x) => write!(f, "{x:?}"),
        }
    }
}

/// Returns the little-endian bytes of `value` in a dtype, in the first [`Dtype::size`] bytes.
///
/// Returns `None` if an integer type does not have the number or a float type would round it to
/// infinity.
pub(crate) fn element_bytes(dtype: Dtype, value: f64) -> Option<[u8; 8]> {
    let whole = value.trunc() == value;
    with_dtype!(dtype, T => {
        let element = T::narrow(Wide::Float(value))?;
        let lost = element.wide().to_f64().is_infinite() && value.is_finite();
        if lost || !(whole || dtype.is_float()) {
            return None;
        }
        let mut bytes = [0; 8];
        Raw::write(element, &mut bytes);
        Some(bytes)
    })
}

macro_rules! integers {
    ($($kind:ty => $wide:ident),*) => {$(
        impl Number for $kind {
            #[inline]
            fn wide(self) -> Wide {
                Wide::$wide(self.into())
            }

            #[inline]
            fn narrow(wide: Wide) -> Option<Self> {
                /// One more than the largest value, which every float type represents exactly.
                const END: f64 = (<$kind>::MAX / 2 + 1) as f64 * 2.0;
                match wide {
                    Wide::Signed(x) => x.try_into().ok(),
                    Wide::Unsigned(x) => x.try_into().ok(),
                    Wide::Float(x) => {
                        let whole = x.trunc();
                        (whole >= <$kind>::MIN as f64 && whole < END).then_some(whole as $kind)
                    }
                }
            }
        }
    )*};
}

integers!(u8 => Unsigned, u16 => Unsigned, u32 => Unsigned, u64 => Unsigned);
integers!(i8 => Signed, i16 => Signed, i32 => Signed, i64 => Signed);

impl Number for bool {
    #[inline]
    fn wide(self) -> Wide {
        Wide::Unsigned(self.into())
    }

    /// Accepts only 0 and 1.
    #[inline]
    fn narrow(wide: Wide) -> Option<Self> {
        let x = wide.to_f64();
        (x == 0.0 || x == 1.0).then_some(x == 1.0)
    }
}

macro_rules! floats {
    ($($kind:ty: $nan:expr, $to_f64:expr, $narrow:expr;)*) => {$(
        impl Number for $kind {
            #[inline]
            fn wide(self) -> Wide {
                Wide::Float($to_f64(self))
            }

            #[inline]
            fn narrow(wide: Wide) -> Option<Self> {
                let narrow: fn(Wide) -> Self = $narrow;
                let x = narrow(wide);
                Some(if x.is_nan() { Self::from_bits($nan) } else { x })
            }
        }
    )*};
}

floats! {
    f64: 0x7ff8 << 48, f64::from, Wide::to_f64;
    f32: 0x7fc0 << 16, f64::from, |wide| match wide {
        Wide::Signed(x) => x as f32,
        Wide::Unsigned(x) => x as f32,
        Wide::Float(x) => x as f32,
    };
    f16: 0x7e00, f16::to_f64, |wide| f16::from_f32(odd(wide));
    bf16: 0x7fc0, bf16::to_f64, |wide| bf16::from_f32(odd(wide));
}

/// Rounds a number to odd in single precision.
fn odd(wide: Wide) -> f32 {
    odd_f32(match wide {
        Wide::Signed(x) => odd_f64(x.unsigned_abs()).copysign(x as f64),
        Wide::Unsigned(x) => odd_f64(x),
        Wide::Float(x) => x,
    })
}

/// Rounds an integer to odd: if bits are lost, the last remaining bit is 1.
///
/// Rounding to nearest afterwards, to fewer bits by two or more, equals rounding the integer itself
/// (S. Boldo and G. Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms
/// using rounding to odd", 2008). On some processors `half`'s own conversion from `f64` goes
/// through a rounded `f32`, so its last bit differs between hosts.
fn odd_f64(x: u64) -> f64 {
    if x >> 53 == 0 {
        return x as f64;
    }
    let lost = u64::from(x & 0x7ff != 0);
    ((x >> 11 | lost) << 11) as f64
}

/// Rounds a double to odd in single precision.
fn odd_f32(x: f64) -> f32 {
    let near = x as f32;
    let back = f64::from(near);
    if back == x || near.is_nan() || near.to_bits() & 1 == 1 {
        return near;
    }
    // Takes the neighbour on the other side of `x`: away from zero is one more in the bits.
    let step = if back.abs() > x.abs() { u32::MAX } else { 1 };
    f32::from_bits(near.to_bits().wrapping_add(step))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Rounds `x` to `bits` significant bits, with no exponent below `least`, by exact arithmetic
    /// on f64.
    fn naive(x: f64, bits: i32, least: i32, end: f64) -> f64 {
        if x == 0.0 || !x.is_finite() {
            return x;
        }
        let exponent = ((x.to_bits() >> 52 & 0x7ff) as i32 - 1023).max(least);
        let unit = two((exponent - bits + 1).max(-1074));
        let (down, rest) = ((x / unit).floor(), x / unit - (x / unit).floor());
        let up = rest > 0.5 || (rest == 0.5 && down % 2.0 != 0.0);
        let rounded = (down + f64::from(up)) * unit;
        if rounded.abs() >= end { f64::INFINITY.copysign(x) } else { rounded.abs().copysign(x) }
    }

    /// Returns a power of two, which `powi` may not compute to the last bit.
    fn two(exponent: i32) -> f64 {
        if exponent < -1022 {
            return f64::from_bits(1 << (exponent + 1074));
        }
        f64::from_bits(((exponent + 1023) as u64) << 52)
    }

    fn half_bits(x: f64) -> (u16, u16) {
        let one = f16::narrow(Wide::Float(x)).unwrap();
        (one.to_bits(), bf16::narrow(Wide::Float(x)).unwrap().to_bits())
    }

    proptest! {
        #[test]
        fn halves_are_rounded_once(bits: u64, near: u16, off in -3i64..4) {
            let mut all = vec![f64::from_bits(bits), f64::from_bits(bits) as f32 as f64];
            // Numbers just beside the halves and the ties between two, where rounding twice goes
            // wrong.
            for half in [f16::from_bits(near).to_f64(), bf16::from_bits(near).to_f64()] {
                for tie in [0, 1 << 41, 1 << 44] {
                    all.push(f64::from_bits(half.to_bits().wrapping_add_signed(tie + off)));
                }
            }
            for x in all.into_iter().filter(|x| !x.is_nan()) {
                let (half, brain) = half_bits(x);
                let want = naive(x, 11, -14, 65536.0);
                prop_assert_eq!(f16::from_bits(half).to_f64().to_bits(), want.to_bits(), "{:e}", x);
                let want = naive(x, 8, -126, two(128));
                prop_assert_eq!(bf16::from_bits(brain).to_f64().to_bits(), want.to_bits(), "{:e}", x);
            }
        }

        #[test]
        fn integers_convert_as_i128_does(x: u64, shift in 0u32..64, float: f64) {
            let x = x >> shift;
            for wide in [Wide::Unsigned(x), Wide::Signed(x as i64)] {
                let whole = match wide { Wide::Signed(x) => x.into(), _ => i128::from(x) };
                prop_assert_eq!(i8::narrow(wide), whole.try_into().ok());
                prop_assert_eq!(u16::narrow(wide), whole.try_into().ok());
                prop_assert_eq!(i64::narrow(wide), whole.try_into().ok());
                prop_assert_eq!(u64::narrow(wide), whole.try_into().ok());
                prop_assert_eq!(f32::narrow(wide), Some(whole as f32));
            }
            for float in [float, x as f64, -(x as f64), (x as f64) / 8.0] {
                let cut = |low: i128, high: i128| {
                    let whole = float as i128;
                    (float.abs() < 1e30 && (low..=high).contains(&whole)).then_some(whole)
                };
                let (i8s, i64s) = (cut(-128, 127), cut(i64::MIN.into(), i64::MAX.into()));
                prop_assert_eq!(i8::narrow(Wide::Float(float)).map(i128::from), i8s);
                prop_assert_eq!(i64::narrow(Wide::Float(float)).map(i128::from), i64s);
                let u64s = cut(0, u64::MAX.into());
                prop_assert_eq!(u64::narrow(Wide::Float(float)).map(i128::from), u64s);
            }
        }
    }

    #[test]
    fn large_integers_are_rounded_once_into_halves() {
        // A tie of BF16 plus one, which an f64 cannot hold.
        let above = (1u64 << 63) + (1 << 55) + 1;
        let up = bf16::from_f64(two(63) + two(56));
        assert_eq!(bf16::narrow(Wide::Unsigned(above)), Some(up));
        assert_eq!(bf16::narrow(Wide::Unsigned(above - 1)), Some(bf16::from_f64(two(63))));
        assert_eq!(f16::narrow(Wide::Signed(-65520)), Some(f16::NEG_INFINITY));
        assert_eq!(f16::narrow(Wide::Signed(-65519)), Some(f16::MIN));
    }

    #[test]
    fn a_nan_has_one_form_in_each_type() {
        let odd = f64::from_bits(0xfff0_0000_dead_beef);
        assert_eq!(half_bits(odd), (0x7e00, 0x7fc0));
        assert_eq!(f32::narrow(Wide::Float(odd)).unwrap().to_bits(), 0x7fc0_0000);
        assert_eq!(f64::narrow(Wide::Float(odd)).unwrap().to_bits(), 0x7ff8 << 48);
        assert_eq!(i8::narrow(Wide::Float(odd)), None);
    }

    #[test]
    fn a_value_that_the_dtype_does_not_have_is_refused() {
        assert_eq!(element_bytes(Dtype::I16, -2.0).unwrap()[..2], [0xfe, 0xff]);
        assert_eq!(element_bytes(Dtype::F32, 0.1).unwrap()[..4], 0.1f32.to_le_bytes());
        assert_eq!(element_bytes(Dtype::F16, f64::INFINITY).unwrap()[..2], [0, 0x7c]);
        assert!(element_bytes(Dtype::F64, f64::NAN).is_some());
        for (dtype, value) in [
            (Dtype::U8, -1.0),
            (Dtype::U8, 256.0),
            (Dtype::I64, 0.5),
            (Dtype::I64, f64::NAN),
            (Dtype::BOOL, 2.0),
            (Dtype::F16, 1e6),
        ] {
            assert_eq!(element_bytes(dtype, value), None, "{dtype} {value}");
        }
    }
}
