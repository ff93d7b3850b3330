//! Reading runs of numbers from blocks, one by one.

use serde::de::{DeserializeSeed, Error as _, SeqAccess, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};

use super::Trouble;
use super::read::{character, truth};

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
        // Each of them takes a byte at least.
        Some(self.left.min(self.bytes.len()))
    }
}

/// The next number of a block.
struct Element<'a, 'b>(&'a mut &'b [u8]);

impl Element<'_, '_> {
    #[inline]
    fn take<const N: usize>(self) -> Result<[u8; N], Trouble> {
        let (taken, left) = self
            .0
            .split_first_chunk()
            .ok_or_else(|| Trouble::custom("a block is too short for its elements"))?;
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
        Err(Trouble::custom("a block has numbers in it, and its type wants something else"))
    }

    forward_to_deserialize_any! {
        str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map struct enum
        identifier ignored_any
    }
}
