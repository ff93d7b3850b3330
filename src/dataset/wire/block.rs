//! Reading runs of numbers from blocks: one by one, or all at once for serde's visitor of `Vec`s.

use std::any::TypeId;
use std::cell::Cell;
use std::mem::{ManuallyDrop, transmute_copy};
use std::sync::OnceLock;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Error as _, SeqAccess, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};

use super::trouble::Trouble;

/// The numbers of a block that are not read yet.
pub(super) struct Block<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) left: usize,
}

impl<'de> SeqAccess<'de> for &mut Block<'_> {
    type Error = Trouble;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Trouble> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(Element(&mut self.bytes)).map(Some)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        // Each number takes at least one byte.
        Some(self.left.min(self.bytes.len()))
    }
}

pub(super) fn too_short() -> Trouble {
    Trouble::custom("a block is too short for its elements")
}

/// The next number of a block.
struct Element<'a, 'b>(&'a mut &'b [u8]);

impl Element<'_, '_> {
    #[inline]
    fn take<const N: usize>(self) -> Result<[u8; N], Trouble> {
        let (taken, left) = self.0.split_first_chunk().ok_or_else(too_short)?;
        *self.0 = left;
        Ok(*taken)
    }
}

macro_rules! elements {
    ($($method:ident $visit:ident $read:expr;)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
            visitor.$visit($read(self.take()?))
        }
    )*};
}

impl<'de> Deserializer<'de> for Element<'_, '_> {
    type Error = Trouble;

    elements! {
        deserialize_u8 visit_u8 u8::from_le_bytes;
        deserialize_i8 visit_i8 i8::from_le_bytes;
        deserialize_u16 visit_u16 u16::from_le_bytes;
        deserialize_i16 visit_i16 i16::from_le_bytes;
        deserialize_u32 visit_u32 u32::from_le_bytes;
        deserialize_i32 visit_i32 i32::from_le_bytes;
        deserialize_u64 visit_u64 u64::from_le_bytes;
        deserialize_i64 visit_i64 i64::from_le_bytes;
        deserialize_u128 visit_u128 u128::from_le_bytes;
        deserialize_i128 visit_i128 i128::from_le_bytes;
        deserialize_f32 visit_f32 f32::from_le_bytes;
        deserialize_f64 visit_f64 f64::from_le_bytes;
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        let [byte] = self.take()?;
        visitor.visit_bool(truth(byte)?)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        visitor.visit_char(character(u32::from_le_bytes(self.take()?))?)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Trouble> {
        Err(Trouble::custom("a block holds numbers, but its type expects something else"))
    }

    forward_to_deserialize_any! {
        str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map struct enum
        identifier ignored_any
    }
}

/// Returns the result of serde's own visitor of `Vec`s for a block of numbers; `None` for another
/// visitor.
///
/// Serde's visitor pushes the elements one by one, which takes some ten times as long as a copy.
#[expect(unsafe_code, reason = "a value of a type parameter that is known to be a `Vec`")]
pub(super) fn whole<'de, V: Visitor<'de>>(
    bytes: &[u8],
    length: usize,
) -> Option<Result<V::Value, Trouble>> {
    let (visitor, value) = (typeid::of::<V>(), typeid::of::<V::Value>());
    macro_rules! try_each {
        ($($number:ty)*) => {$({
            static OF_VEC: OnceLock<Option<TypeId>> = OnceLock::new();
            let of_vec = *OF_VEC.get_or_init(visitor_of::<Vec<$number>>);
            if of_vec == Some(visitor) && value == TypeId::of::<Vec<$number>>() {
                const SIZE: usize = size_of::<$number>();
                if length.checked_mul(SIZE) != Some(bytes.len()) {
                    return Some(Err(Trouble::custom(format_args!(
                        "expected {length} elements of {SIZE} bytes, but {} bytes came", bytes.len()
                    ))));
                }
                let (numbers, _) = bytes.as_chunks::<SIZE>();
                let numbers: Vec<$number> =
                    numbers.iter().map(|own| <$number>::from_le_bytes(*own)).collect();
                // SAFETY: `Vec<$number>` and `V::Value` are one type: their ids are the same, and a
                // type without lifetimes differs from no other by a lifetime.
                return Some(Ok(unsafe { transmute_copy(&ManuallyDrop::new(numbers)) }));
            }
        })*};
    }
    try_each!(u8 f32 f64 i64 u64 i32 u32 u16 i16 i8 u128 i128);
    None
}

/// Returns the id of the visitor that reads the sequence `T`.
fn visitor_of<'de, T: Deserialize<'de>>() -> Option<TypeId> {
    struct Asked<'a>(&'a Cell<Option<TypeId>>);

    impl<'de> Deserializer<'de> for Asked<'_> {
        type Error = Trouble;

        fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
            self.0.set(Some(typeid::of::<V>()));
            self.deserialize_any(visitor)
        }

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Trouble> {
            Err(Trouble::custom("only the visitor's type matters here"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
            option unit unit_struct newtype_struct tuple tuple_struct map struct enum identifier
            ignored_any
        }
    }

    let visitor = Cell::new(None);
    _ = T::deserialize(Asked(&visitor));
    visitor.get()
}

/// Decodes a bool, or whether an option has a value.
#[inline]
pub(super) fn truth(byte: u8) -> Result<bool, Trouble> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Trouble::custom(format_args!("a bool or an option is {byte}, not 0 or 1"))),
    }
}

pub(super) fn character(code: u32) -> Result<char, Trouble> {
    char::from_u32(code).ok_or_else(|| Trouble::custom(format_args!("{code} is no char")))
}
