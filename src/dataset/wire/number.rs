//! The numbers of runs, as serde presents them.

use serde::ser::{Error as _, Impossible};
use serde::{Serialize, Serializer};

use super::trouble::Trouble;

/// The kind of a number. The order of the kinds never changes the encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    U128,
    I128,
    F32,
    F64,
    Char,
}

impl Kind {
    /// Returns the bytes of a number of this kind in a block.
    #[inline]
    pub(super) const fn size(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 | Self::Char => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
            Self::U128 | Self::I128 => 16,
        }
    }
}

/// A number: its kind and, in the lowest bytes, its bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number {
    pub(super) kind: Kind,
    bits: u128,
}

impl Number {
    /// Reads a number from a block's bytes.
    pub(super) fn read(kind: Kind, bytes: &[u8]) -> Self {
        let mut all = [0; 16];
        all[..bytes.len()].copy_from_slice(bytes);
        Self { kind, bits: u128::from_le_bytes(all) }
    }

    /// Returns the `N` bytes of a number of that size, little-endian.
    #[inline(always)]
    pub(super) fn bytes<const N: usize>(self) -> [u8; N] {
        let all = self.bits.to_le_bytes();
        std::array::from_fn(|place| all[place])
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let bits = self.bits;
        match self.kind {
            Kind::Bool => to.serialize_bool(bits != 0),
            Kind::U8 => to.serialize_u8(bits as u8),
            Kind::I8 => to.serialize_i8(bits as i8),
            Kind::U16 => to.serialize_u16(bits as u16),
            Kind::I16 => to.serialize_i16(bits as i16),
            Kind::U32 => to.serialize_u32(bits as u32),
            Kind::I32 => to.serialize_i32(bits as i32),
            Kind::U64 => to.serialize_u64(bits as u64),
            Kind::I64 => to.serialize_i64(bits as i64),
            Kind::U128 => to.serialize_u128(bits),
            Kind::I128 => to.serialize_i128(bits as i128),
            Kind::F32 => to.serialize_f32(f32::from_bits(bits as u32)),
            Kind::F64 => to.serialize_f64(f64::from_bits(bits as u64)),
            Kind::Char => to.serialize_char(char::from_u32(bits as u32).unwrap_or_default()),
        }
    }
}

/// A serializer that tests whether a value is a number, without side effects for other values.
pub(super) struct Probe;

macro_rules! numbers {
    ($($method:ident: $kind:ident, $type:ty as $bits:ty;)*) => {$(
        #[inline(always)]
        fn $method(self, value: $type) -> Result<Number, Trouble> {
            Ok(Number { kind: Kind::$kind, bits: value as $bits as u128 })
        }
    )*};
}

/// Methods for values that are not numbers.
macro_rules! others {
    ($($method:ident$(<$T:ident>)?($($type:ty),*) -> $out:ty;)*) => {$(
        fn $method$(<$T: Serialize + ?Sized>)?(self, $(_: $type),*) -> Result<$out, Trouble> {
            // Callers never read this error, so it allocates no memory.
            Err(Trouble(String::new()))
        }
    )*};
}

type Never = Impossible<Number, Trouble>;

impl Serializer for Probe {
    type Ok = Number;
    type Error = Trouble;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    numbers! {
        serialize_bool: Bool, bool as u8;
        serialize_u8: U8, u8 as u8;
        serialize_i8: I8, i8 as u8;
        serialize_u16: U16, u16 as u16;
        serialize_i16: I16, i16 as u16;
        serialize_u32: U32, u32 as u32;
        serialize_i32: I32, i32 as u32;
        serialize_u64: U64, u64 as u64;
        serialize_i64: I64, i64 as u64;
        serialize_u128: U128, u128 as u128;
        serialize_i128: I128, i128 as u128;
        serialize_char: Char, char as u32;
    }

    #[inline(always)]
    fn serialize_f32(self, value: f32) -> Result<Number, Trouble> {
        Ok(Number { kind: Kind::F32, bits: value.to_bits().into() })
    }

    #[inline(always)]
    fn serialize_f64(self, value: f64) -> Result<Number, Trouble> {
        Ok(Number { kind: Kind::F64, bits: value.to_bits().into() })
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Number, Trouble> {
        value.serialize(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    others! {
        serialize_str(&str) -> Number;
        serialize_bytes(&[u8]) -> Number;
        serialize_none() -> Number;
        serialize_some<T>(&T) -> Number;
        serialize_unit() -> Number;
        serialize_unit_struct(&'static str) -> Number;
        serialize_unit_variant(&'static str, u32, &'static str) -> Number;
        serialize_newtype_variant<T>(&'static str, u32, &'static str, &T) -> Number;
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_map(Option<usize>) -> Never;
        serialize_struct(&'static str, usize) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, _: &T) -> Result<Number, Trouble> {
        Err(Trouble::custom(""))
    }
}
