//! Writing the inline part of a value, and its blocks.

use std::fmt::{self, Write as _};

use serde::ser::{self, Error as _};
use serde::{Serialize, Serializer};

use super::number::Probe;
use super::payload::push_payload;
use super::runs::{BLOCK_MIN, Elements, NUMBER_MAX};
use super::trouble::{Empty, TUPLE_PLAIN, Trouble};
use crate::dataset::{Dtype, Tensor};

/// A writer of the inline part; payloads go to the scope that [`encode`](super::encode) opened.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub(super) inline: Vec<u8>,
    pub(super) variants: Variants,
    empty: Empty,
    /// Whether the last key took no byte.
    key_is_empty: bool,
}

impl Writer {
    #[inline]
    fn varint(&mut self, mut value: u128) {
        while value >= 0x80 {
            self.inline.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.inline.push(value as u8);
    }

    #[inline]
    fn varint64(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.inline.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.inline.push(value as u8);
    }

    /// Writes the head of elements, bytes or a text, with whether they are in the next payload.
    pub(super) fn head(&mut self, length: usize, is_block: bool) {
        match (length as u64).checked_mul(2) {
            Some(double) => self.varint64(double | u64::from(is_block)),
            // The elements have no size.
            None => self.varint((length as u128) << 1),
        }
    }

    /// Writes an element of a sequence, and counts one that takes no byte.
    #[inline]
    pub(super) fn element<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Trouble> {
        let before = self.inline.len();
        element.serialize(&mut *self)?;
        if self.inline.len() == before { self.empty.count() } else { Ok(()) }
    }

    /// Writes the place of an enum's variant.
    #[inline]
    fn variant(&mut self, name: &'static str, variant: u32) {
        self.variants.add(name, variant);
        self.varint64(variant.into());
    }

    /// Writes bytes, or those of a text.
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let is_block = bytes.len() >= BLOCK_MIN;
        self.head(bytes.len(), is_block);
        if is_block {
            push_payload(Tensor::new(Dtype::U8, [bytes.len() as u64], bytes)?);
        } else {
            self.inline.extend_from_slice(bytes);
        }
        Ok(())
    }
}

fn unknown_length() -> Trouble {
    Trouble::custom(
        "a sequence or map does not know its length; serde's #[serde(flatten)] makes such a map, so \
         make the flattened part a separate field, or collect the elements first",
    )
}

macro_rules! scalars {
    ($($method:ident($value:ident: $type:ty) $how:expr;)*) => {$(
        #[inline]
        fn $method(self, $value: $type) -> Result<(), Trouble> {
            let write: fn(&mut Writer, $type) = $how;
            write(self, $value);
            Ok(())
        }
    )*};
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = Trouble;
    type SerializeSeq = Elements<'a>;
    type SerializeTuple = Elements<'a>;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    scalars! {
        serialize_bool(value: bool) |to, value| to.inline.push(value.into());
        serialize_u8(value: u8) |to, value| to.inline.push(value);
        serialize_i8(value: i8) |to, value| to.inline.push(value as u8);
        serialize_u16(value: u16) |to, value| to.varint64(value.into());
        serialize_u32(value: u32) |to, value| to.varint64(value.into());
        serialize_u64(value: u64) |to, value| to.varint64(value);
        serialize_u128(value: u128) |to, value| to.varint(value);
        serialize_i16(value: i16) |to, value| to.varint64(zigzag(value.into()));
        serialize_i32(value: i32) |to, value| to.varint64(zigzag(value.into()));
        serialize_i64(value: i64) |to, value| to.varint64(zigzag(value));
        serialize_i128(value: i128) |to, value| to.varint((value << 1 ^ value >> 127) as u128);
        serialize_f32(value: f32) |to, value| to.inline.extend_from_slice(&value.to_le_bytes());
        serialize_f64(value: f64) |to, value| to.inline.extend_from_slice(&value.to_le_bytes());
        serialize_char(value: char) |to, value| to.varint64(u32::from(value).into());
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_str(self, text: &str) -> Result<(), Trouble> {
        self.bytes(text.as_bytes())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Trouble> {
        self.bytes(bytes)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, text: &T) -> Result<(), Trouble> {
        let mut whole = String::new();
        write!(whole, "{text}").map_err(|_| Trouble::custom("a text cannot be formatted"))?;
        self.bytes(whole.as_bytes())
    }

    #[inline]
    fn serialize_none(self) -> Result<(), Trouble> {
        self.serialize_u8(0)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Trouble> {
        self.inline.push(1);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Trouble> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Trouble> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        variant: u32,
        _: &'static str,
    ) -> Result<(), Trouble> {
        self.variant(name, variant);
        Ok(())
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Trouble> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        variant: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Trouble> {
        self.variant(name, variant);
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Elements<'a>, Trouble> {
        let length = length.ok_or_else(unknown_length)?;
        Ok(Elements::new(self, length, length, true))
    }

    fn serialize_tuple(self, length: usize) -> Result<Elements<'a>, Trouble> {
        // The reader knows the length of a tuple.
        Ok(Elements::new(self, length, 0, length > TUPLE_PLAIN))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Trouble> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        variant: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Trouble> {
        self.variant(name, variant);
        Ok(self)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self, Trouble> {
        self.varint64(length.ok_or_else(unknown_length)? as u64);
        Ok(self)
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Trouble> {
        Ok(self)
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        variant: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Trouble> {
        self.variant(name, variant);
        Ok(self)
    }

    /// Writes a `Vec` or slice, whose elements are all available, so that a run of numbers becomes
    /// one loop over memory.
    #[inline]
    fn collect_seq<I>(self, elements: I) -> Result<(), Trouble>
    where
        I: IntoIterator<Item: Serialize>,
    {
        let mut elements = elements.into_iter();
        let (length, most) = elements.size_hint();
        if most != Some(length) {
            return Err(unknown_length());
        }
        if length >= BLOCK_MIN / NUMBER_MAX
            && let Some(first) = elements.next()
        {
            let number = first.serialize(Probe);
            if let Ok(number) = number
                && length.saturating_mul(number.kind.size()) >= BLOCK_MIN
            {
                return match number.kind.size() {
                    1 => self.run::<1, _>(number, elements, length),
                    2 => self.run::<2, _>(number, elements, length),
                    4 => self.run::<4, _>(number, elements, length),
                    8 => self.run::<8, _>(number, elements, length),
                    _ => self.run::<16, _>(number, elements, length),
                };
            }
            self.head(length, false);
            self.element(&first)?;
            return self.rest(elements, length, 1);
        }
        self.head(length, false);
        self.rest(elements, length, 0)
    }
}

#[inline]
fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

impl ser::SerializeMap for &mut Writer {
    type Ok = ();
    type Error = Trouble;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Trouble> {
        let before = self.inline.len();
        key.serialize(&mut **self)?;
        self.key_is_empty = self.inline.len() == before;
        Ok(())
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Trouble> {
        // Read before the value, which may contain maps.
        let key_is_empty = self.key_is_empty;
        let before = self.inline.len();
        value.serialize(&mut **self)?;
        if key_is_empty && self.inline.len() == before { self.empty.count() } else { Ok(()) }
    }

    fn end(self) -> Result<(), Trouble> {
        Ok(())
    }
}

macro_rules! in_order {
    ($($kind:ident, $method:ident($($name:ty)?);)*) => {$(
        impl ser::$kind for &mut Writer {
            type Ok = ();
            type Error = Trouble;

            #[inline]
            fn $method<T: Serialize + ?Sized>(
                &mut self,
                $(_: $name,)?
                value: &T,
            ) -> Result<(), Trouble> {
                value.serialize(&mut **self)
            }

            $(fn skip_field(&mut self, field: $name) -> Result<(), Trouble> {
                Err(ser::Error::custom(format_args!(
                    "field {field:?} is left out of its struct, which a reader cannot detect; remove \
                     skip_serializing_if from it"
                )))
            })?

            #[inline]
            fn end(self) -> Result<(), Trouble> {
                Ok(())
            }
        }
    )*};
}

in_order! {
    SerializeTupleStruct, serialize_field();
    SerializeTupleVariant, serialize_field();
    SerializeStruct, serialize_field(&'static str);
    SerializeStructVariant, serialize_field(&'static str);
}

/// The written variants of enums, one bit for each; two variants may share a bit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Variants([u64; 4]);

impl Variants {
    /// Adds a variant of an enum with this name.
    #[inline]
    pub(super) fn add(&mut self, name: &'static str, variant: u32) {
        let start = (name.as_ptr().addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
        let bit = (start as u32).wrapping_add(variant) % 256;
        self.0[(bit / 64) as usize] |= 1 << (bit % 64);
    }

    /// Adds all of these variants; returns whether any was new.
    pub(crate) fn extend(&mut self, others: Self) -> bool {
        let before = *self;
        for (own, other) in self.0.iter_mut().zip(others.0) {
            *own |= other;
        }
        *self != before
    }
}
