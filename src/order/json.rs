//! A JSON reader that refuses an object with the same key twice.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Reads JSON and refuses a repeated key; serde_json alone would keep the last of the two values.
pub(crate) fn value(json: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str::<Unique>(json)?;
    serde_json::from_str(json)
}

/// Any JSON value in which no object repeats a key.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Unique)
    }
}

macro_rules! plain {
    ($($visit:ident($kind:ty))*) => {$(
        fn $visit<E>(self, _: $kind) -> Result<Self, E> {
            Ok(self)
        }
    )*};
}

impl<'de> Visitor<'de> for Unique {
    type Value = Self;

    plain! { visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_str(&str) }

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Self, A::Error> {
        while values.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if keys.contains(&key) {
                entries.next_value::<IgnoredAny>()?;
                return Err(A::Error::custom(format_args!("{key:?} appears twice")));
            }
            entries.next_value::<Self>()?;
            keys.insert(key);
        }
        Ok(self)
    }
}

/// A 64-bit number that is a string in JSON.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Decimal(pub(super) u64);

impl From<Decimal> for String {
    fn from(number: Decimal) -> Self {
        number.0.to_string()
    }
}

impl TryFrom<String> for Decimal {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.parse() {
            Ok(number) if text == u64::to_string(&number) => Ok(Self(number)),
            _ => Err(format!("{text:?} is not a number from 0 to 2^64 - 1 in decimal digits")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_there_twice_is_refused_wherever_it_is() {
        for json in
            [r#"{"a": 1, "b": [true, null, -1.5, "x", {"a": {}}]}"#, "[]", "18446744073709551615"]
        {
            assert_eq!(value(json).unwrap(), serde_json::from_str::<Value>(json).unwrap());
        }
        for json in [r#"{"a": 1, "b": 2, "a": 1}"#, r#"[{"x": {"a": 1, "\u0061": 2}}]"#] {
            let why = value(json).unwrap_err().to_string();
            assert!(why.contains("\"a\" appears twice"), "{why}");
        }
        assert!(value("{").is_err());
        assert!(value(&"[".repeat(10_000)).is_err());
    }
}
