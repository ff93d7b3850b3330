//! Reads and writes whole numbers from 0 to 2^64 - 1, also as strings of digits: JavaScript's numbers
//! lose bits beyond 2^53.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserializer, Serializer};

/// The largest number that is written as a JSON number; up to here, JavaScript's numbers are
/// exact.
const EXACT_MAX: u64 = 1 << 53;

struct Whole;

impl Visitor<'_> for Whole {
    type Value = u64;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a whole number from 0 to 2^64 - 1, or a string of its digits")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        let signed = Unexpected::Signed(number);
        number.try_into().map_err(|_| E::invalid_value(signed, &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>, T: From<u64>>(from: D) -> Result<T, D::Error> {
    from.deserialize_any(Whole).map(T::from)
}

pub(super) fn serialize<S: Serializer, T: Copy + Into<Option<u64>>>(
    number: &T,
    to: S,
) -> Result<S::Ok, S::Error> {
    match (*number).into() {
        Some(number) if number <= EXACT_MAX => to.serialize_u64(number),
        Some(number) => to.collect_str(&number),
        None => to.serialize_none(),
    }
}
