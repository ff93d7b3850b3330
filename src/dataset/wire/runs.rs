//! Writing sequences, as runs if possible, with elements that come at once or one by one.

use serde::Serialize;
use serde::ser::{self, Error as _};

use super::number::{Kind, Number, Probe};
use super::payload::push_payload;
use super::trouble::Trouble;
use super::write::Writer;
use crate::dataset::{Dtype, Tensor};

/// The fewest bytes of a payload, except for tensors.
pub(super) const BLOCK_MIN: usize = 1024;
/// The bytes of the largest number.
pub(super) const NUMBER_MAX: usize = 16;

/// The most bytes reserved before the elements come.
const RESERVED_MAX: usize = 1 << 20;

impl Writer {
    /// Writes a sequence whose first element is a number, so that all elements probably are.
    #[inline]
    pub(super) fn run<const N: usize, I>(
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

    /// Writes numbers of one kind to a block. From the first other value on, writes to the inline
    /// part.
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
                        trouble = self.element(&element).err();
                    }
                }
            }
            elements += 1;
        }
        Filled { elements, odd, trouble }
    }

    /// Writes the elements of an inline sequence after its head and `before` elements.
    #[inline]
    pub(super) fn rest<I>(
        &mut self,
        elements: I,
        length: usize,
        before: usize,
    ) -> Result<(), Trouble>
    where
        I: Iterator<Item: Serialize>,
    {
        let mut count = before;
        for element in elements {
            self.element(&element)?;
            count += 1;
        }
        all_there(length, count)
    }
}

/// The result of filling a block.
struct Filled {
    elements: usize,
    /// The first element that is not a number of the first one's kind.
    odd: Option<usize>,
    trouble: Option<Trouble>,
}

fn all_there(said: usize, came: usize) -> Result<(), Trouble> {
    if said == came {
        return Ok(());
    }
    Err(Trouble::custom(format_args!("a sequence announced {said} elements, {came} came")))
}

/// A sequence or tuple whose elements come one by one.
#[derive(Debug)]
pub(super) struct Elements<'a> {
    to: &'a mut Writer,
    length: usize,
    /// The length in the head: 0 for a tuple.
    told: usize,
    came: usize,
    state: Form,
}

#[derive(Debug)]
enum Form {
    /// No element came yet, and the head is not written.
    Open,
    /// Numbers of one kind came, and the head is not written.
    Run(Kind, Vec<u8>),
    Inline,
}

impl<'a> Elements<'a> {
    pub(super) fn new(to: &'a mut Writer, length: usize, told: usize, has_head: bool) -> Self {
        let state = if !has_head {
            Form::Inline
        } else if length < BLOCK_MIN / NUMBER_MAX {
            to.head(told, false);
            Form::Inline
        } else {
            Form::Open
        };
        Self { to, length, told, came: 0, state }
    }

    /// Writes the first element, or the first one of another kind than those before.
    #[cold]
    fn turn<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Trouble> {
        if let Form::Open = self.state
            && let Ok(number) = element.serialize(Probe)
            && self.length.saturating_mul(number.kind.size()) >= BLOCK_MIN
        {
            let size = self.length * number.kind.size();
            let mut bytes = Vec::with_capacity(size.min(RESERVED_MAX));
            push(&mut bytes, number);
            self.state = Form::Run(number.kind, bytes);
            return Ok(());
        }
        self.to.head(self.told, false);
        if let Form::Run(kind, bytes) = std::mem::replace(&mut self.state, Form::Inline) {
            for bytes in bytes.chunks_exact(kind.size()) {
                Number::read(kind, bytes).serialize(&mut *self.to)?;
            }
        }
        self.write(element)
    }

    /// Writes an element to the inline part; a tuple's type gives its number of elements.
    #[inline]
    fn write<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Trouble> {
        if self.told > 0 { self.to.element(element) } else { element.serialize(&mut *self.to) }
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
            Form::Inline => return self.write(element),
            Form::Run(kind, bytes) => {
                if let Ok(number) = element.serialize(Probe)
                    && number.kind == *kind
                {
                    push(bytes, number);
                    return Ok(());
                }
            }
            Form::Open => {}
        }
        self.turn(element)
    }

    fn end(self) -> Result<(), Trouble> {
        all_there(self.length, self.came)?;
        if let Form::Run(_, bytes) = self.state {
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
