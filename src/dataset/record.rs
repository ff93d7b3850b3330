//! Records: samples and batches as named tensors, for pipelines without Rust types.

use std::fmt;
use std::ops::Index;
use std::sync::Arc;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::element_spec::{ElementSpec, lacks, listed};
use super::keys::SampleKey;
use super::tensor::Tensor;
use crate::error::Fault;

/// The most fields of a record.
pub const FIELDS_MAX: usize = 1024;
/// The most bytes of a field's name.
pub const NAME_BYTES_MAX: usize = 255;
/// The name under which an encoded record holds its keys, before the fields.
const KEYS: &str = "__keys__";

/// Tensors by name, in byte order of the names.
///
/// A batch is also a record: each field has the samples along its first axis.
///
/// ```
/// use windrow::dataset::{Record, Tensor};
/// let record = Record::new().with("y", Tensor::scalar(1u8))?.with("x", Tensor::scalar(0.5f32))?;
/// assert_eq!(record.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["x", "y"]);
/// assert_eq!(record["y"].to_vec::<u8>()?, [1]);
/// assert!(record.field("z").unwrap_err().to_string().contains("x, y"));
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Record {
    fields: Vec<(Arc<str>, Tensor)>,
    keys: Vec<SampleKey>,
}

impl Record {
    /// Returns a record without fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field, or replaces the field with that name.
    ///
    /// # Errors
    /// Returns the errors of [`insert`](Self::insert).
    pub fn with(mut self, name: impl Into<Arc<str>>, tensor: Tensor) -> Result<Self, Fault> {
        self.insert(name, tensor)?;
        Ok(self)
    }

    /// Adds a field, or replaces the field with that name and returns the old tensor.
    ///
    /// A name that is an `Arc<str>` is shared, so a source can allocate its names once.
    ///
    /// # Errors
    /// Returns a fault for a name of more than 255 bytes, for the name `__keys__`, or for more than
    /// 1024 fields.
    pub fn insert(
        &mut self,
        name: impl Into<Arc<str>>,
        tensor: Tensor,
    ) -> Result<Option<Tensor>, Fault> {
        let name = name.into();
        match self.place(&name) {
            Ok(place) => Ok(Some(std::mem::replace(&mut self.fields[place].1, tensor))),
            Err(_) if *name == *KEYS => Err(Fault::new(format!(
                "no field can have the name {KEYS}, which holds the keys; use another name"
            ))),
            Err(_) if name.len() > NAME_BYTES_MAX => Err(Fault::new(format!(
                "the name of a field has at most {NAME_BYTES_MAX} bytes, this one has {}; use a shorter name",
                name.len()
            ))),
            Err(_) if self.fields.len() >= FIELDS_MAX => Err(Fault::new(format!(
                "a record has at most {FIELDS_MAX} fields; remove one first"
            ))),
            Err(place) => {
                self.fields.insert(place, (name, tensor));
                Ok(None)
            }
        }
    }

    /// Returns the field with that name, or `None`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.place(name).ok().map(|place| &self.fields[place].1)
    }

    /// Returns the field with that name.
    ///
    /// # Errors
    /// Returns a fault that lists the record's fields if no field has that name.
    pub fn field(&self, name: &str) -> Result<&Tensor, Fault> {
        self.get(name).ok_or_else(|| Fault::new(self.lacks(name)))
    }

    /// Returns the field with that name, for replacement.
    ///
    /// # Errors
    /// Returns the errors of [`field`](Self::field).
    pub fn field_mut(&mut self, name: &str) -> Result<&mut Tensor, Fault> {
        match self.place(name) {
            Ok(place) => Ok(&mut self.fields[place].1),
            Err(_) => Err(Fault::new(self.lacks(name))),
        }
    }

    /// Keeps the fields whose names pass.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.fields.retain(|(name, _)| keep(name));
    }

    /// Removes a field and returns its tensor.
    pub fn remove(&mut self, name: &str) -> Option<Tensor> {
        self.place(name).ok().map(|place| self.fields.remove(place).1)
    }

    /// Returns an iterator over the fields, in byte order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Tensor)> + Clone {
        self.fields.iter().map(|(name, tensor)| (&**name, tensor))
    }

    /// Returns whether the record has the fields of the spec, each with its dtype and shape, and no
    /// other field unless the spec is [open](ElementSpec::is_open).
    #[must_use]
    pub fn matches(&self, spec: &ElementSpec) -> bool {
        let mut fields = spec.fields();
        let all = fields.all(|(name, field)| self.get(name).is_some_and(|x| field.matches(x)));
        all && (spec.is_open() || self.len() == spec.fields().count())
    }

    /// Returns the number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Returns whether the record has no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Returns the keys of the samples in this record, if the pipeline has
    /// [`keys`](super::Dataset::keys).
    ///
    /// Keys are not a field.
    #[must_use]
    pub fn keys(&self) -> &[SampleKey] {
        &self.keys
    }

    /// Returns the same record with other keys.
    ///
    /// ```
    /// use windrow::dataset::{Record, Stack, Tensor, stack};
    /// let record = |x: u8| Record::new().with("x", Tensor::scalar(x));
    /// let parts = vec![record(1)?.with_keys(["a".into()]), record(2)?.with_keys(["b".into()])];
    /// assert_eq!(stack(parts, None)?.keys(), ["a".into(), "b".into()]);
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    #[must_use]
    pub fn with_keys(self, keys: impl Into<Vec<SampleKey>>) -> Self {
        Self { keys: keys.into(), ..self }
    }

    /// Returns the bytes of all tensors together, without names and shapes.
    #[must_use]
    pub fn byte_len(&self) -> u64 {
        self.fields.iter().map(|(_, tensor)| tensor.bytes().len() as u64).sum()
    }

    /// Takes the keys out of the record.
    pub(super) fn take_keys(&mut self) -> Vec<SampleKey> {
        std::mem::take(&mut self.keys)
    }

    /// Returns the fields with their shared names.
    pub(super) fn fields(&self) -> &[(Arc<str>, Tensor)] {
        &self.fields
    }

    /// Returns a record of fields that are already in order, such as those of another record.
    pub(super) fn from_sorted(fields: Vec<(Arc<str>, Tensor)>) -> Self {
        debug_assert!(fields.is_sorted_by(|one, next| one.0 < next.0));
        Self { fields, keys: Vec::new() }
    }

    /// Returns the place of the field, or the place to insert it.
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.fields.binary_search_by(|(own, _)| (**own).cmp(name))
    }

    fn lacks(&self, name: &str) -> String {
        lacks(name, self.iter().map(|(name, _)| name))
    }

    /// Returns the names for messages.
    pub(super) fn names(&self) -> String {
        listed(self.iter().map(|(name, _)| name))
    }
}

impl Index<&str> for Record {
    type Output = Tensor;

    /// Returns the field with that name.
    ///
    /// # Panics
    /// Panics if no field has that name. For names from outside the program, use
    /// [`field`](Record::field).
    fn index(&self, name: &str) -> &Tensor {
        self.get(name).unwrap_or_else(|| panic!("{}", self.lacks(name)))
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        if !self.keys.is_empty() {
            map.entry(&KEYS, &self.keys);
        }
        map.entries(self.iter()).finish()
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let more = usize::from(!self.keys.is_empty());
        let mut map = serializer.serialize_map(Some(self.len() + more))?;
        if more > 0 {
            map.serialize_entry(KEYS, &self.keys)?;
        }
        for (name, tensor) in self.iter() {
            map.serialize_entry(name, tensor)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Record;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tensors by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
        let mut record = Record::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == KEYS {
                let twice = !record.keys.is_empty();
                record.keys = map.next_value()?;
                if twice || record.keys.is_empty() {
                    return Err(A::Error::custom("its keys are empty or appear twice"));
                }
                continue;
            }
            let tensor: Tensor = map.next_value()?;
            if record.get(&name).is_some() {
                return Err(A::Error::custom(format_args!("field {name:?} appears twice")));
            }
            record.insert(name, tensor).map_err(A::Error::custom)?;
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_in_byte_order_whatever_order_they_came_in() {
        let names = ["b", "", "é", "a", "B", "ab"];
        let mut record = Record::new();
        for (number, name) in names.iter().enumerate() {
            assert_eq!(record.insert(*name, Tensor::scalar(number as u8)).unwrap(), None);
        }
        let order: Vec<_> = record.iter().map(|(name, _)| name).collect();
        assert_eq!(order, ["", "B", "a", "ab", "b", "é"]);
        assert_eq!(record.insert("a", Tensor::scalar(9u16)).unwrap(), Some(Tensor::scalar(3u8)));
        assert_eq!(record["a"], Tensor::scalar(9u16));
        assert_eq!((record.len(), record.byte_len()), (6, 7));
        assert_eq!(record.remove("é"), Some(Tensor::scalar(2u8)));
        assert_eq!(record.remove("é"), None);
    }

    #[test]
    fn a_missing_field_is_answered_with_those_there_are() {
        let record = Record::new().with("x", Tensor::scalar(1u8)).unwrap();
        let message = record.field("y").unwrap_err().to_string();
        assert_eq!(message, "the record has no field \"y\"; it has x");
        assert!(Record::new().field("y").unwrap_err().to_string().contains("no fields"));
    }

    #[test]
    fn keys_stand_before_the_fields_and_only_where_there_are_any() {
        use crate::dataset::wire::{decode, encode};
        let plain = Record::new().with("x", Tensor::scalar(1u8)).unwrap();
        assert_eq!(encode(&plain).unwrap().inline, b"\x01\x02x\x01\x00\x01");
        let keyed = plain.clone().with_keys([7.into(), "ab".into()]);
        assert_ne!(plain, keyed);
        let wire = encode(&keyed).unwrap();
        assert_eq!(wire.inline, b"\x02\x10__keys__\x04\x00\x07\x01\x04ab\x02x\x01\x00\x01");
        assert_eq!(decode::<Record>(&wire.inline, wire.payloads).unwrap(), keyed);
        let json = serde_json::to_string(&keyed).unwrap();
        assert!(json.starts_with(r#"{"__keys__":[7,"ab"],"x":{"#), "{json}");
        assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), keyed);

        let field = Record::new().with("__keys__", Tensor::scalar(1u8)).unwrap_err().to_string();
        assert!(field.contains("no field can have the name __keys__"), "{field}");
        for bad in
            [&b"\x01\x10__keys__\x00"[..], b"\x02\x10__keys__\x02\x00\x07\x10__keys__\x02\x00\x07"]
        {
            let message = decode::<Record>(bad, Vec::new()).unwrap_err().to_string();
            assert!(message.contains("empty or appear twice"), "{message}");
        }
    }

    #[test]
    fn names_and_fields_have_bounds() {
        let mut record = Record::new();
        assert!(record.insert("x".repeat(255), Tensor::scalar(1u8)).is_ok());
        let message = record.insert("x".repeat(256), Tensor::scalar(1u8)).unwrap_err().to_string();
        assert!(message.contains("at most 255 bytes, this one has 256"), "{message}");
        for number in 1..FIELDS_MAX {
            record.insert(number.to_string(), Tensor::scalar(1u8)).unwrap();
        }
        assert!(record.insert("one more", Tensor::scalar(1u8)).is_err());
        assert!(record.insert("5", Tensor::scalar(1u8)).is_ok());
    }
}
