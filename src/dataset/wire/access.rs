//! Reading the content of a value one by one: elements, entries and variants.

use serde::de::value::U32Deserializer;
use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::read::Reader;
use super::trouble::Trouble;

/// The elements of a tuple or the fields of a struct.
pub(super) struct Elements<'a, 'de> {
    pub(super) from: &'a mut Reader<'de>,
    pub(super) left: usize,
}

impl Elements<'_, '_> {
    /// Returns the number of remaining elements; too low for values without bytes.
    #[inline]
    fn hint(&self) -> Option<usize> {
        Some(self.left.min(self.from.left.len()))
    }

    #[inline]
    fn is_next(&mut self) -> bool {
        let is_next = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_next
    }
}

impl<'de> SeqAccess<'de> for &mut Elements<'_, 'de> {
    type Error = Trouble;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Trouble> {
        if self.is_next() { seed.deserialize(&mut *self.from).map(Some) } else { Ok(None) }
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

/// The elements of a sequence or the entries of a map. Elements without bytes are counted.
pub(super) struct Counted<'a, 'de> {
    elements: Elements<'a, 'de>,
    /// The bytes left before the entry whose key was read.
    before: usize,
}

impl<'a, 'de> Counted<'a, 'de> {
    pub(super) fn new(from: &'a mut Reader<'de>, left: usize) -> Self {
        Self { elements: Elements { from, left }, before: 0 }
    }

    /// Returns the number of unread elements.
    pub(super) fn left(&self) -> usize {
        self.elements.left
    }

    /// Counts the last element if it took none of the bytes left `before`.
    #[inline]
    fn count(&mut self, before: usize) -> Result<(), Trouble> {
        let from = &mut *self.elements.from;
        if from.left.len() == before { from.empty.count() } else { Ok(()) }
    }
}

impl<'de> SeqAccess<'de> for &mut Counted<'_, 'de> {
    type Error = Trouble;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Trouble> {
        let before = self.elements.from.left.len();
        let element = (&mut self.elements).next_element_seed(seed)?;
        if element.is_some() {
            self.count(before)?;
        }
        Ok(element)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.elements.hint()
    }
}

impl<'de> MapAccess<'de> for &mut Counted<'_, 'de> {
    type Error = Trouble;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Trouble> {
        self.before = self.elements.from.left.len();
        (&mut self.elements).next_element_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Trouble> {
        let value = seed.deserialize(&mut *self.elements.from)?;
        self.count(self.before)?;
        Ok(value)
    }

    fn size_hint(&self) -> Option<usize> {
        self.elements.hint()
    }
}

impl<'de> EnumAccess<'de> for &mut Reader<'de> {
    type Error = Trouble;
    type Variant = Self;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Trouble> {
        let variant: U32Deserializer<Trouble> = (self.varint(32)? as u32).into_deserializer();
        Ok((seed.deserialize(variant)?, self))
    }
}

impl<'de> VariantAccess<'de> for &mut Reader<'de> {
    type Error = Trouble;

    fn unit_variant(self) -> Result<(), Trouble> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Trouble> {
        seed.deserialize(self)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        self.elements(length, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        self.fields(fields, visitor)
    }
}
