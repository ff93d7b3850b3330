//! The types of a tensor's elements.
//!
//! Thirteen types have the names that safetensors uses. Absent on purpose: structures, strings and
//! packed types. A text is a `U8` tensor of its bytes.

use std::fmt;
use std::str::FromStr;

use half::{bf16, f16};
use serde::{Deserialize, Serialize};

use crate::error::Fault;

/// The type of a tensor's elements.
///
/// The names are those of safetensors, and are the same in `Display`, `FromStr` and JSON. `FromStr`
/// and JSON also accept lower case. Compact encodings use the place in this list, from 0, which
/// never changes.
///
/// ```
/// use windrow::dataset::Dtype;
/// assert_eq!("BF16".parse::<Dtype>()?, Dtype::BF16);
/// assert_eq!((Dtype::BF16.to_string(), Dtype::BF16.size()), ("BF16".into(), 2));
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(description = "The type of a tensor's elements, by the names \
    that safetensors uses.")
)]
#[non_exhaustive]
pub enum Dtype {
    /// One byte, 0 or 1.
    #[serde(alias = "bool")]
    BOOL,
    /// Unsigned, 8 bits.
    #[serde(alias = "u8")]
    U8,
    /// Signed, 8 bits.
    #[serde(alias = "i8")]
    I8,
    /// Unsigned, 16 bits.
    #[serde(alias = "u16")]
    U16,
    /// Signed, 16 bits.
    #[serde(alias = "i16")]
    I16,
    /// Unsigned, 32 bits.
    #[serde(alias = "u32")]
    U32,
    /// Signed, 32 bits.
    #[serde(alias = "i32")]
    I32,
    /// Unsigned, 64 bits.
    #[serde(alias = "u64")]
    U64,
    /// Signed, 64 bits.
    #[serde(alias = "i64")]
    I64,
    /// IEEE 754 half precision: 11 significant bits.
    #[serde(alias = "f16")]
    F16,
    /// The upper half of an `F32`: 8 significant bits.
    #[serde(alias = "bf16")]
    BF16,
    /// IEEE 754 single precision: 24 significant bits.
    #[serde(alias = "f32")]
    F32,
    /// IEEE 754 double precision: 53 significant bits.
    #[serde(alias = "f64")]
    F64,
}

impl Dtype {
    /// All dtypes, in their fixed order.
    pub const ALL: [Self; 13] = [
        Self::BOOL,
        Self::U8,
        Self::I8,
        Self::U16,
        Self::I16,
        Self::U32,
        Self::I32,
        Self::U64,
        Self::I64,
        Self::F16,
        Self::BF16,
        Self::F32,
        Self::F64,
    ];

    /// Returns the bytes of one element: 1, 2, 4 or 8.
    #[must_use]
    pub const fn size(self) -> u64 {
        match self {
            Self::BOOL | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::F16 | Self::BF16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// Returns the name, as in `Display`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        const NAMES: [&str; 13] = [
            "BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64", "F16", "BF16", "F32",
            "F64",
        ];
        NAMES[self as usize]
    }

    /// Returns whether this is one of the four floating-point types.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::BF16 | Self::F32 | Self::F64)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Dtype {
    type Err = Fault;

    /// Parses a name, in upper or in lower case.
    ///
    /// # Errors
    /// Returns a fault that lists the known names.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        let named = |dtype: &Self| {
            dtype.name() == text || is_lower && dtype.name().eq_ignore_ascii_case(text)
        };
        Self::ALL.into_iter().find(named).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Fault::new(format!("unknown dtype {text:?}; use one of {names}"))
        })
    }
}

/// Evaluates an expression with `T` as the element type of a dtype known only at run time.
macro_rules! with_dtype {
    ($dtype:expr, $T:ident => $body:expr) => {{
        use $crate::dataset::Dtype;
        macro_rules! of {
            ($kind:ty) => {{
                type $T = $kind;
                $body
            }};
        }
        match $dtype {
            Dtype::BOOL => of!(bool),
            Dtype::U8 => of!(u8),
            Dtype::I8 => of!(i8),
            Dtype::U16 => of!(u16),
            Dtype::I16 => of!(i16),
            Dtype::U32 => of!(u32),
            Dtype::I32 => of!(i32),
            Dtype::U64 => of!(u64),
            Dtype::I64 => of!(i64),
            Dtype::F16 => of!(half::f16),
            Dtype::BF16 => of!(half::bf16),
            Dtype::F32 => of!(f32),
            Dtype::F64 => of!(f64),
        }
    }};
}

pub(crate) use with_dtype;

/// A Rust type of a tensor's elements: `bool`, the integers of 8 to 64 bits, `half::f16`,
/// `half::bf16`, `f32` or `f64`.
pub trait Element: Raw + Copy + fmt::Debug + PartialEq + Send + Sync + 'static {
    /// The dtype of tensors with elements of this type.
    const DTYPE: Dtype;
}

mod sealed {
    /// The operations on every element type; sealed, so other crates cannot implement it.
    pub trait Raw: bytemuck::NoUninit + bytemuck::CheckedBitPattern {
        /// Reads the element from the first bytes, little-endian.
        fn read(bytes: &[u8]) -> Self;

        /// Writes the element into the first bytes, little-endian.
        fn write(self, bytes: &mut [u8]);
    }
}
pub(super) use sealed::Raw;

macro_rules! elements {
    ($($kind:ty => $dtype:ident),*) => {$(
        impl Element for $kind {
            const DTYPE: Dtype = Dtype::$dtype;
        }

        impl Raw for $kind {
            #[inline]
            fn read(bytes: &[u8]) -> Self {
                let mut own = [0; size_of::<Self>()];
                own.copy_from_slice(&bytes[..size_of::<Self>()]);
                Self::from_le_bytes(own)
            }

            #[inline]
            fn write(self, bytes: &mut [u8]) {
                bytes[..size_of::<Self>()].copy_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

elements!(u8 => U8, i8 => I8, u16 => U16, i16 => I16, u32 => U32, i32 => I32, u64 => U64);
elements!(i64 => I64, f16 => F16, bf16 => BF16, f32 => F32, f64 => F64);

impl Element for bool {
    const DTYPE: Dtype = Dtype::BOOL;
}

impl Raw for bool {
    #[inline]
    fn read(bytes: &[u8]) -> Self {
        bytes[0] != 0
    }

    #[inline]
    fn write(self, bytes: &mut [u8]) {
        bytes[0] = self.into();
    }
}

#[cfg(test)]
mod tests {
    use super::Dtype;

    #[test]
    fn names_sizes_and_places_never_change() {
        let names = "BOOL U8 I8 U16 I16 U32 I32 U64 I64 F16 BF16 F32 F64".split(' ');
        let sizes = [1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 2, 4, 8];
        for (place, ((name, size), dtype)) in names.zip(sizes).zip(Dtype::ALL).enumerate() {
            assert_eq!((dtype.to_string(), dtype.size()), (name.into(), size));
            assert_eq!(name.parse::<Dtype>().unwrap(), dtype);
            assert_eq!(serde_json::to_string(&dtype).unwrap(), format!("{name:?}"));
            assert_eq!(postcard::to_stdvec(&dtype).unwrap(), [place as u8]);
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let message = "f31".parse::<Dtype>().unwrap_err().to_string();
        assert!(message.contains("\"f31\"") && message.contains("BF16, F32"), "{message}");
    }
}
