//! Reading values from their inline part and from blocks.

use std::str::from_utf8;

use serde::Deserializer;
use serde::de::{Error as _, Visitor};

use super::access::{Counted, Elements};
use super::block::{Block, character, too_short, truth, whole};
use super::payload::{Payload, next_payload};
use super::trouble::{Empty, TUPLE_PLAIN, Trouble};

/// A reader of the inline part; payloads come from the scope that [`decode`](super::decode) opened.
pub(super) struct Reader<'de> {
    pub(super) left: &'de [u8],
    pub(super) empty: Empty,
}

fn short() -> Trouble {
    Trouble::custom("it ends too early")
}

impl<'de> Reader<'de> {
    #[inline]
    fn take(&mut self, count: usize) -> Result<&'de [u8], Trouble> {
        let (taken, left) = self.left.split_at_checked(count).ok_or_else(short)?;
        self.left = left;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Trouble> {
        let (taken, left) = self.left.split_first_chunk().ok_or_else(short)?;
        self.left = left;
        Ok(*taken)
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, Trouble> {
        self.array().map(|[byte]| byte)
    }

    /// Reads a varint of at most `bits` bits.
    #[inline]
    pub(super) fn varint(&mut self, bits: u32) -> Result<u64, Trouble> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(first.into());
        }
        let value = self.longer(first, bits)?;
        Ok(value as u64)
    }

    /// Reads the rest of a varint of at most `bits` bits, after its first byte.
    fn longer(&mut self, first: u8, bits: u32) -> Result<u128, Trouble> {
        let mut value = u128::from(first & 0x7f);
        let mut shift = 7;
        loop {
            let byte = self.byte()?;
            let part = u128::from(byte & 0x7f);
            if shift >= bits || bits - shift < 7 && part >> (bits - shift) > 0 {
                return Err(Trouble::custom(format_args!("a number has more than {bits} bits")));
            }
            value |= part << shift;
            if byte < 0x80 {
                return Ok(value);
            }
            shift += 7;
        }
    }

    fn varint128(&mut self) -> Result<u128, Trouble> {
        let first = self.byte()?;
        if first < 0x80 { Ok(first.into()) } else { self.longer(first, 128) }
    }

    /// Reads a length, and whether the content is in the next payload.
    #[inline]
    fn head(&mut self) -> Result<(usize, bool), Trouble> {
        let head = self.varint128()?;
        let length = usize::try_from(head >> 1);
        let length = length.map_err(|_| Trouble::custom("a length is beyond this platform"))?;
        Ok((length, head & 1 == 1))
    }

    /// Passes the bytes of a text or of bytes to a function.
    fn bytes<R>(&mut self, take: impl FnOnce(&[u8]) -> Result<R, Trouble>) -> Result<R, Trouble> {
        match self.head()? {
            (length, false) => take(self.take(length)?),
            (length, true) => {
                let payload = next_payload()?;
                let bytes = payload.bytes();
                if bytes.len() != length {
                    return Err(Trouble::custom(format_args!(
                        "expected {length} bytes, but {} came",
                        bytes.len()
                    )));
                }
                take(bytes)
            }
        }
    }

    /// Reads the elements of a tuple, whose type gives their number.
    pub(super) fn elements<V: Visitor<'de>>(
        &mut self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        let mut elements = Elements { from: self, left: length };
        let value = visitor.visit_seq(&mut elements)?;
        all_read(elements.left)?;
        Ok(value)
    }

    /// Reads the elements of a sequence, whose head gives their number.
    fn sequence<V: Visitor<'de>>(
        &mut self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        let mut elements = Counted::new(self, length);
        let value = visitor.visit_seq(&mut elements)?;
        all_read(elements.left())?;
        Ok(value)
    }

    /// Reads the fields of a struct.
    ///
    /// Serde's visitor reads each field once, although the names that serde lists include aliases.
    pub(super) fn fields<V: Visitor<'de>>(
        &mut self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        visitor.visit_seq(&mut Elements { from: self, left: names.len() })
    }

    fn block<V: Visitor<'de>>(&mut self, length: usize, visitor: V) -> Result<V::Value, Trouble> {
        let payload: Payload = next_payload()?;
        let bytes = payload.bytes();
        if let Some(value) = whole::<V>(bytes, length) {
            return value;
        }
        if bytes.len() < length {
            return Err(too_short());
        }
        let mut block = Block { bytes, left: length };
        let value = visitor.visit_seq(&mut block)?;
        all_read(block.left)?;
        if block.bytes.is_empty() {
            return Ok(value);
        }
        Err(Trouble::custom(format_args!("{} bytes are left in a block", block.bytes.len())))
    }
}

fn all_read(left: usize) -> Result<(), Trouble> {
    if left == 0 {
        return Ok(());
    }
    Err(Trouble::custom(format_args!("{left} elements are left unread")))
}

macro_rules! values {
    ($($method:ident($self:ident, $visitor:ident$(, $arg:tt: $type:ty)*) $read:expr;)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(
            $self,
            $($arg: $type,)*
            $visitor: V,
        ) -> Result<V::Value, Trouble> {
            $read
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Trouble;

    values! {
        deserialize_u8(self, to) to.visit_u8(self.byte()?);
        deserialize_i8(self, to) to.visit_i8(self.byte()? as i8);
        deserialize_u16(self, to) to.visit_u16(self.varint(16)? as u16);
        deserialize_u32(self, to) to.visit_u32(self.varint(32)? as u32);
        deserialize_u64(self, to) to.visit_u64(self.varint(64)?);
        deserialize_u128(self, to) to.visit_u128(self.varint128()?);
        deserialize_i16(self, to) to.visit_i16(unzigzag(self.varint(16)?) as i16);
        deserialize_i32(self, to) to.visit_i32(unzigzag(self.varint(32)?) as i32);
        deserialize_i64(self, to) to.visit_i64(unzigzag(self.varint(64)?));
        deserialize_f32(self, to) to.visit_f32(f32::from_le_bytes(self.array()?));
        deserialize_f64(self, to) to.visit_f64(f64::from_le_bytes(self.array()?));
        deserialize_bool(self, to) to.visit_bool(truth(self.byte()?)?);
        deserialize_char(self, to) to.visit_char(character(self.varint(32)? as u32)?);
        deserialize_string(self, to) self.deserialize_str(to);
        deserialize_bytes(self, to) self.bytes(|bytes| to.visit_bytes(bytes));
        deserialize_byte_buf(self, to) self.bytes(|bytes| to.visit_byte_buf(bytes.to_vec()));
        deserialize_unit(self, to) to.visit_unit();
        deserialize_unit_struct(self, to, _: &'static str) to.visit_unit();
        deserialize_newtype_struct(self, to, _: &'static str) to.visit_newtype_struct(self);
        deserialize_tuple_struct(self, to, _: &'static str, length: usize) self.elements(length, to);
        deserialize_struct(self, to, _: &'static str, fields: &'static [&'static str])
            self.fields(fields, to);
        deserialize_enum(self, to, _: &'static str, _: &'static [&'static str]) to.visit_enum(self);
        deserialize_ignored_any(self, to) self.deserialize_any(to);
        deserialize_identifier(self, to) self.deserialize_any(to);
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        let value = self.varint128()?;
        visitor.visit_i128((value >> 1) as i128 ^ -((value & 1) as i128))
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Trouble> {
        Err(Trouble::custom(
            "its type asks for the next value's kind, which the encoding does not hold, as with serde's \
             `untagged`, `flatten` and tags inside",
        ))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        self.bytes(|bytes| visitor.visit_str(from_utf8(bytes).map_err(Trouble::custom)?))
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        if truth(self.byte()?)? { visitor.visit_some(self) } else { visitor.visit_none() }
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        match self.head()? {
            (length, false) => self.sequence(length, visitor),
            (length, true) => self.block(length, visitor),
        }
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        if length <= TUPLE_PLAIN || !truth(self.byte()?)? {
            return self.elements(length, visitor);
        }
        self.block(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        let length = usize::try_from(self.varint(64)?);
        let length = length.map_err(|_| Trouble::custom("a length is beyond this platform"))?;
        let mut entries = Counted::new(self, length);
        let value = visitor.visit_map(&mut entries)?;
        all_read(entries.left())?;
        Ok(value)
    }
}

#[inline]
fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
