//! A deserializer of JSON values whose errors have the path of the wrong value.
//!
//! Only lists and objects contain other values, so these two add their steps to the path of an
//! error that passes through them. No visitor is wrapped: each wrapped visitor would be compiled
//! again, and browsers would load that code.

use std::fmt;

use serde::de::value::StringDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use super::words;

/// The reason why a value is wrong, and the path of the value.
#[derive(Debug)]
pub(super) struct Misplaced {
    /// The names and numbers of the path, the last one first.
    way: Vec<String>,
    why: String,
}

impl Misplaced {
    /// Adds the step that leads to the value from the list or object around it.
    fn inside(mut self, step: String) -> Self {
        self.way.push(step);
        self
    }

    /// Returns the path of the wrong value, which begins with `path`, and the reason.
    pub(super) fn below(self, path: &str) -> (String, String) {
        (self.way.iter().rev().fold(path.to_owned(), |path, step| path + step), self.why)
    }
}

impl Error for Misplaced {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self { way: Vec::new(), why: why.to_string() }
    }

    fn invalid_type(found: Unexpected<'_>, belongs: &dyn Expected) -> Self {
        Self::custom(words::instead(found, belongs))
    }

    fn invalid_value(found: Unexpected<'_>, belongs: &dyn Expected) -> Self {
        Self::custom(words::instead(found, belongs))
    }

    fn invalid_length(len: usize, belongs: &dyn Expected) -> Self {
        Self::custom(words::length(len, belongs))
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Self {
        Self::custom(words::unknown("name", name, known))
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Self::custom(words::unknown("field", name, known))
    }

    fn missing_field(name: &'static str) -> Self {
        Self::custom(format_args!("{name:?} is missing"))
    }
}

impl std::error::Error for Misplaced {}

impl fmt::Display for Misplaced {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.why)
    }
}

/// A JSON value as a deserializer.
pub(super) struct Placed(pub(super) Value);

impl<'de> Deserializer<'de> for Placed {
    type Error = Misplaced;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misplaced> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(yes) => visitor.visit_bool(yes),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), _, _) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                (_, _, number) => visitor.visit_f64(number.unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_string(text),
            Value::Array(values) => {
                let mut list = List { next: 0, values: values.into_iter() };
                let read = visitor.visit_seq(&mut list)?;
                match list.values.len() {
                    0 => Ok(read),
                    more => {
                        let (fits, len) = (list.next, list.next + more);
                        Err(Error::invalid_length(len, &&*format!("a list of {fits}")))
                    }
                }
            }
            Value::Object(fields) => visitor.visit_map(Fields::of(fields)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misplaced> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misplaced> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misplaced> {
        let found = match &self.0 {
            Value::String(word) => return visitor.visit_enum(word.clone().into_deserializer()),
            Value::Null => Unexpected::Unit,
            Value::Bool(yes) => Unexpected::Bool(*yes),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => Unexpected::Unsigned(number),
                (_, Some(number)) => Unexpected::Signed(number),
                _ => Unexpected::Float(number.as_f64().unwrap_or_default()),
            },
        };
        Err(Error::custom(words::no_name(found, known)))
    }

    // The visitor of a derived struct would also take a list of its fields' values.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misplaced> {
        match self.0 {
            Value::Array(_) => Err(Error::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

struct List {
    next: usize,
    values: std::vec::IntoIter<Value>,
}

impl<'de> SeqAccess<'de> for &mut List {
    type Error = Misplaced;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Misplaced> {
        let Some(value) = self.values.next() else { return Ok(None) };
        let number = self.next;
        self.next += 1;
        seed.deserialize(Placed(value))
            .map(Some)
            .map_err(|error| error.inside(format!("[{number}]")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.values.len())
    }
}

struct Fields {
    fields: serde_json::map::IntoIter,
    /// The name and the value of the field that was read last.
    last: (String, Value),
}

impl Fields {
    fn of(fields: Map<String, Value>) -> Self {
        Self { fields: fields.into_iter(), last: (String::new(), Value::Null) }
    }

    fn at(&mut self, error: Misplaced) -> Misplaced {
        error.inside(format!(".{}", self.last.0))
    }
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Misplaced;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Misplaced> {
        let Some(field) = self.fields.next() else { return Ok(None) };
        self.last = field;
        let name: StringDeserializer<Misplaced> = self.last.0.clone().into_deserializer();
        seed.deserialize(name).map(Some).map_err(|error| self.at(error))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misplaced> {
        let value = std::mem::take(&mut self.last.1);
        seed.deserialize(Placed(value)).map_err(|error| self.at(error))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.fields.len())
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        list: Vec<Inner>,
        #[serde(default)]
        maybe: Option<i8>,
        pair: (f32, bool),
        kind: Kind,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        name: String,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    enum Kind {
        Plain,
        Other,
    }

    fn good() -> Value {
        json!({"list": [{"name": "a"}, {"name": "b"}], "maybe": -3, "pair": [0.5, true], "kind": "Plain"})
    }

    #[test]
    fn what_is_right_is_read_as_serde_json_reads_it() {
        let mut value = good();
        for kind in [json!("Other"), json!("Plain")] {
            value["kind"] = kind;
            let read = Outer::deserialize(Placed(value.clone())).unwrap();
            assert_eq!(read, serde_json::from_value(value.clone()).unwrap());
        }
        value["maybe"] = Value::Null;
        assert_eq!(Outer::deserialize(Placed(value)).unwrap().maybe, None);
    }

    #[test]
    fn what_is_wrong_has_its_path() {
        for (pointer, wrong, path, why) in [
            ("/list/1/name", json!(5), "$.list[1].name", "expected a text, found 5"),
            ("/list/0", json!({}), "$.list[0]", "\"name\" is missing"),
            ("/list", json!(true), "$.list", "expected a list, found true"),
            ("/maybe", json!(300), "$.maybe", "300"),
            ("/pair/1", json!(-1.5), "$.pair[1]", "expected true or false, found -1.5"),
            ("/pair", json!([1, true, 3, 4]), "$.pair", "expected a list of 2, found a list of 4"),
            ("/kind", json!("None"), "$.kind", "unknown name \"None\"; use one of Plain, Other"),
            (
                "/kind",
                json!({"Plain": null}),
                "$.kind",
                "expected one of Plain, Other, found an object",
            ),
            ("/kind", json!(null), "$.kind", "expected one of Plain, Other, found null"),
            ("/list/0", json!(["a"]), "$.list[0]", "expected an object, found a list"),
            ("", json!([]), "$", "expected an object, found a list"),
            (
                "",
                json!({"lost": 1}),
                "$.lost",
                "unknown field \"lost\"; use one of list, maybe, pair, kind",
            ),
        ] {
            let mut value = good();
            *value.pointer_mut(pointer).unwrap() = wrong;
            let (got, reason) = Outer::deserialize(Placed(value)).unwrap_err().below("$");
            assert_eq!(got, path, "{reason}");
            assert!(reason.contains(why), "{path}: {reason:?} lacks {why:?}");
        }
    }
}
