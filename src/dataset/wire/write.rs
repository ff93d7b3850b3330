//! Writing: the inline part of a value, and the blocks that go beside it.

use std::fmt::{self, Write as _};

use serde::ser::{self, Error as _};
use serde::{Serialize, Serializer};

use super::number::{Kind, Number, Probe};
use super::{BLOCK_MIN, TUPLE_PLAIN, Trouble, push_payload};
use crate::dataset::{Dtype, Tensor};

/// The largest number's bytes.
const NUMBER_MAX: usize = 16;
/// Room that is asked for before an element is there.
const RESERVED_MAX: usize = 1 << 20;

/// Writes the inline part; payloads go to the scope that [`encode`](super::encode) opened.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub(super) inline: Vec<u8>,
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

    /// What stands before elements, bytes or a text, and whether they lie in the next payload.
    fn head(&mut self, length: usize, is_block: bool) {
        match (length as u64).checked_mul(2) {
            Some(double) => self.varint64(double | u64::from(is_block)),
            // Elements without a size.
            None => self.varint((length as u128) << 1),
        }
    }

    /// Bytes, or those of a text.
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

    /// A sequence whose first element is a number, and so probably all of it.
    #[inline]
    fn run<const N: usize, I>(
        &mut self,
        first: Number,
        rest: I,
        length: usize,
    ) -> Result<(), Trouble>
    where
        I: Iterator<Item: Serialize>,
    {
        let size = (length as u64).saturating_mul(N as u64);
        let start = self.inline.len();
        let mut filled = Filled { elements: 0, odd: None, trouble: None };
        let block = Tensor::build_overwritten(Dtype::U8, [size], |place| {
            filled = self.fill::<N, I>(first, rest, place);
            Ok(())
        })?;
        if let Some(trouble) = filled.trouble {
            return Err(trouble);
        }
        all_there(length, filled.elements)?;
        let Some(odd) = filled.odd else {
            self.head(length, true);
            push_payload(block);
            return Ok(());
        };
        let tail = self.inline.split_off(start);
        self.head(length, false);
        for bytes in block.bytes().chunks_exact(N).take(odd) {
            Number::read(first.kind, bytes).serialize(&mut *self)?;
        }
        self.inline.extend_from_slice(&tail);
        Ok(())
    }

    /// Writes numbers of one kind to a block. From the first other value on, everything goes to the
    /// inline part.
    #[inline]
    fn fill<const N: usize, I>(&mut self, first: Number, rest: I, place: &mut [u8]) -> Filled
    where
        I: Iterator<Item: Serialize>,
    {
        let (one, others) = place.split_at_mut(N);
        one.copy_from_slice(&first.bytes::<N>());
        let (mut elements, mut odd, mut trouble) = (1, None, None);
        for (place, element) in others.chunks_exact_mut(N).zip(rest) {
            match element.serialize(Probe) {
                Ok(number) if odd.is_none() && number.kind == first.kind => {
                    place.copy_from_slice(&number.bytes::<N>());
                }
                _ => {
                    odd.get_or_insert(elements);
                    if trouble.is_none() {
                        trouble = element.serialize(&mut *self).err();
                    }
                }
            }
            elements += 1;
        }
        Filled { elements, odd, trouble }
    }
}

/// What became of a block.
struct Filled {
    elements: usize,
    /// The first element that is no number of the first one's kind.
    odd: Option<usize>,
    trouble: Option<Trouble>,
}

fn all_there(said: usize, came: usize) -> Result<(), Trouble> {
    if said == came {
        return Ok(());
    }
    Err(Trouble::custom(format_args!("a sequence said that it has {said} elements, {came} came")))
}

fn unknown_length() -> Trouble {
    Trouble::custom("a sequence or map does not know its length")
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
        _: &'static str,
        variant: u32,
        _: &'static str,
    ) -> Result<(), Trouble> {
        self.serialize_u32(variant)
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
        _: &'static str,
        variant: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Trouble> {
        self.varint64(variant.into());
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Elements<'a>, Trouble> {
        let length = length.ok_or_else(unknown_length)?;
        Ok(Elements::new(self, length, length, true))
    }

    fn serialize_tuple(self, length: usize) -> Result<Elements<'a>, Trouble> {
        // Its length is known to who reads it.
        Ok(Elements::new(self, length, 0, length > TUPLE_PLAIN))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Trouble> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        variant: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Trouble> {
        self.varint64(variant.into());
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
        _: &'static str,
        variant: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Trouble> {
        self.varint64(variant.into());
        Ok(self)
    }

    /// Where `Vec`s and slices come by: their elements are there all at once, so that a run of
    /// numbers becomes one loop over memory.
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
            first.serialize(&mut *self)?;
            return self.rest(elements, length, 1);
        }
        self.head(length, false);
        self.rest(elements, length, 0)
    }
}

impl Writer {
    /// Elements after the head of an inline sequence and so many others.
    #[inline]
    fn rest<I>(&mut self, elements: I, length: usize, before: usize) -> Result<(), Trouble>
    where
        I: Iterator<Item: Serialize>,
    {
        let mut count = before;
        for element in elements {
            element.serialize(&mut *self)?;
            count += 1;
        }
        all_there(length, count)
    }
}

#[inline]
fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

/// A sequence or tuple whose elements come one by one.
#[derive(Debug)]
pub(super) struct Elements<'a> {
    to: &'a mut Writer,
    length: usize,
    /// What the head says: the length, but 0 for a tuple.
    told: usize,
    came: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// No element came, and the head is not written.
    Open,
    /// Numbers of one kind came, and the head is not written.
    Run(Kind, Vec<u8>),
    Inline,
}

impl<'a> Elements<'a> {
    fn new(to: &'a mut Writer, length: usize, told: usize, has_head: bool) -> Self {
        let state = if !has_head {
            State::Inline
        } else if length < BLOCK_MIN / NUMBER_MAX {
            to.head(told, false);
            State::Inline
        } else {
            State::Open
        };
        Self { to, length, told, came: 0, state }
    }

    /// What comes first, or is no number of the kind of those before it.
    #[cold]
    fn turn<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Trouble> {
        if let State::Open = self.state
            && let Ok(number) = element.serialize(Probe)
            && self.length.saturating_mul(number.kind.size()) >= BLOCK_MIN
        {
            let size = self.length * number.kind.size();
            let mut bytes = Vec::with_capacity(size.min(RESERVED_MAX));
            push(&mut bytes, number);
            self.state = State::Run(number.kind, bytes);
            return Ok(());
        }
        self.to.head(self.told, false);
        if let State::Run(kind, bytes) = std::mem::replace(&mut self.state, State::Inline) {
            for bytes in bytes.chunks_exact(kind.size()) {
                Number::read(kind, bytes).serialize(&mut *self.to)?;
            }
        }
        element.serialize(&mut *self.to)
    }
}

#[inline]
fn push(bytes: &mut Vec<u8>, number: Number) {
    match number.kind.size() {
        1 => bytes.extend_from_slice(&number.bytes::<1>()),
        2 => bytes.extend_from_slice(&number.bytes::<2>()),
        4 => bytes.extend_from_slice(&number.bytes::<4>()),
        8 => bytes.extend_from_slice(&number.bytes::<8>()),
        _ => bytes.extend_from_slice(&number.bytes::<16>()),
    }
}

impl ser::SerializeSeq for Elements<'_> {
    type Ok = ();
    type Error = Trouble;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Trouble> {
        self.came += 1;
        match &mut self.state {
            State::Inline => return element.serialize(&mut *self.to),
            State::Run(kind, bytes) => {
                if let Ok(number) = element.serialize(Probe)
                    && number.kind == *kind
                {
                    push(bytes, number);
                    return Ok(());
                }
            }
            State::Open => {}
        }
        self.turn(element)
    }

    fn end(self) -> Result<(), Trouble> {
        all_there(self.length, self.came)?;
        if let State::Run(_, bytes) = self.state {
            self.to.head(self.told, true);
            push_payload(Tensor::from_vec([bytes.len() as u64], bytes)?);
        }
        Ok(())
    }
}

impl ser::SerializeTuple for Elements<'_> {
    type Ok = ();
    type Error = Trouble;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Trouble> {
        ser::SerializeSeq::serialize_element(self, element)
    }

    fn end(self) -> Result<(), Trouble> {
        ser::SerializeSeq::end(self)
    }
}

impl ser::SerializeMap for &mut Writer {
    type Ok = ();
    type Error = Trouble;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Trouble> {
        key.serialize(&mut **self)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Trouble> {
        value.serialize(&mut **self)
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
