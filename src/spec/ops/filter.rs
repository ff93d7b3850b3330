//! `filter`: keeps the samples whose field compares with a number.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{is_scalar, scalar};
use crate::dataset::number::Wide;
use crate::dataset::{ElementSpec, Record, SampleContext, SampleResult, Transform};
use crate::error::Fault;
use crate::order::Op;

/// Keeps the samples whose scalar field compares with `value` as `is` says, and leaves a gap for
/// every other sample.
///
/// The comparison is exact between any integer and any float: no number is rounded. An `F32` may
/// differ from a decimal fraction, since `0.1` is no `F32`. A NaN is `!=` every value, and every
/// other comparison with a NaN is false.
///
/// ```
/// use windrow::dataset::{Record, Tensor};
/// use windrow::spec::ops::{Compare, Filter};
/// use windrow::{Dataset, range};
/// let numbers = range(0..9).try_map(|x| Record::new().with("x", Tensor::scalar(x)));
/// let small = numbers.transform(Filter::new("x", Compare::Less, 3u64));
/// assert!(small.get(2)?.is_some() && small.get(3)?.is_none());
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Filter {
    /// The name of the field, a scalar of any dtype. The field is on the left of the comparison.
    pub field: String,
    /// The comparison: `"=="`, `"!="`, `"<"`, `"<="`, `">"` or `">="`.
    pub is: Compare,
    /// The number on the right of the comparison, an integer of 64 bits or a float.
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    pub value: Value,
}

/// A comparison of two numbers, which JSON writes as its sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Compare {
    /// `==`
    #[serde(rename = "==")]
    Equal,
    /// `!=`
    #[serde(rename = "!=")]
    NotEqual,
    /// `<`
    #[serde(rename = "<")]
    Less,
    /// `<=`
    #[serde(rename = "<=")]
    LessOrEqual,
    /// `>`
    #[serde(rename = ">")]
    Greater,
    /// `>=`
    #[serde(rename = ">=")]
    GreaterOrEqual,
}

/// A number of JSON: an integer of 64 bits or a float.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number as the filter's value")]
#[non_exhaustive]
pub enum Value {
    /// An integer below 2^63.
    Signed(i64),
    /// An integer from 2^63 to 2^64 - 1.
    Unsigned(u64),
    /// A number with a fraction or an exponent, but not NaN.
    Float(f64),
}

impl Filter {
    /// Creates a filter that keeps the records whose field compares with the value as `is` says.
    #[must_use]
    pub fn new(field: impl Into<String>, is: Compare, value: impl Into<Value>) -> Self {
        Self { field: field.into(), is, value: value.into() }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// Returns the reason for a value that is NaN.
    pub fn validate(&self) -> Result<(), String> {
        match self.value {
            Value::Float(value) if value.is_nan() => Err("`value` is NaN; give a number".into()),
            _ => Ok(()),
        }
    }
}

impl Transform<Record> for Filter {
    type Sample = Record;

    fn is_same_each_epoch(&self) -> bool {
        true
    }

    fn apply(&self, _: SampleContext, record: Record) -> SampleResult<Record> {
        self.validate().map_err(Fault::new)?;
        let order = compared(scalar(&record, &self.field)?, self.value.wide());
        Ok(self.is.holds(order).then_some(record))
    }

    fn element_spec(&self, samples: &ElementSpec) -> Result<ElementSpec, String> {
        self.validate()?;
        samples.change_field(&self.field, is_scalar)
    }

    fn op(&self) -> Op {
        Op::new("filter")
            .with("field", &self.field)
            .with("is", self.is.sign())
            .with("value", self.value.wide())
    }

    fn leaves_gaps(&self) -> bool {
        true
    }
}

impl Compare {
    /// Returns the sign of the comparison, such as `<=`.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Self::Equal => order == Some(Ordering::Equal),
            Self::NotEqual => order != Some(Ordering::Equal),
            Self::Less => order.is_some_and(Ordering::is_lt),
            Self::LessOrEqual => order.is_some_and(Ordering::is_le),
            Self::Greater => order.is_some_and(Ordering::is_gt),
            Self::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        }
    }
}

impl Value {
    fn wide(self) -> Wide {
        match self {
            Self::Signed(x) => Wide::Signed(x),
            Self::Unsigned(x) => Wide::Unsigned(x),
            Self::Float(x) => Wide::Float(x),
        }
    }
}

impl From<i64> for Value {
    fn from(x: i64) -> Self {
        Self::Signed(x)
    }
}

impl From<u64> for Value {
    fn from(x: u64) -> Self {
        i64::try_from(x).map_or(Self::Unsigned(x), Self::Signed)
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Self {
        Self::Float(x)
    }
}

/// Compares two numbers exactly; `None` for a NaN.
fn compared(one: Wide, other: Wide) -> Option<Ordering> {
    match (whole(one), whole(other)) {
        (Ok(one), Ok(other)) => Some(one.cmp(&other)),
        (Err(one), Err(other)) => one.partial_cmp(&other),
        (Ok(one), Err(other)) => with_float(one, other),
        (Err(one), Ok(other)) => with_float(other, one).map(Ordering::reverse),
    }
}

fn whole(x: Wide) -> Result<i128, f64> {
    match x {
        Wide::Signed(x) => Ok(x.into()),
        Wide::Unsigned(x) => Ok(x.into()),
        Wide::Float(x) => Err(x),
    }
}

/// Compares an integer of 65 bits and a float.
fn with_float(whole: i128, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    // The conversion saturates far beyond 65 bits, so an infinity stays on its side.
    let floor = float.floor();
    let fraction = if float > floor { Ordering::Less } else { Ordering::Equal };
    Some(whole.cmp(&(floor as i128)).then(fraction))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dataset::{Dataset, Tensor};
    use crate::source::from_vec;

    const SIGNS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];

    /// Returns the signs for which the filter keeps a sample.
    fn kept(tensor: &Tensor, value: &str) -> String {
        let stays = |sign: &&str| {
            let json = format!(r#"{{"field":"x","is":"{sign}","value":{value}}}"#);
            let filter: Filter = serde_json::from_str(&json).unwrap();
            let again = serde_json::to_string(&filter).unwrap();
            assert_eq!(serde_json::from_str::<Filter>(&again).unwrap(), filter);
            let record = Record::new().with("x", tensor.clone()).unwrap();
            let made = from_vec(vec![record]).transform(filter);
            assert!(made.has_gaps());
            made.get(0).unwrap().is_some()
        };
        SIGNS.into_iter().filter(stays).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn integers_beyond_the_floats_are_compared_exactly() {
        let large = Tensor::scalar((1u64 << 53) + 1);
        assert_eq!(kept(&large, "9007199254740993"), "== <= >=");
        assert_eq!(kept(&large, "9007199254740992.0"), "!= > >=");
        assert_eq!(kept(&Tensor::scalar(u64::MAX), "18446744073709551615"), "== <= >=");
        assert_eq!(kept(&Tensor::scalar(u64::MAX), "1.8446744073709552e19"), "!= < <=");
        assert_eq!(kept(&Tensor::scalar(i64::MIN), "-9223372036854775808"), "== <= >=");
        assert_eq!(kept(&Tensor::scalar(9007199254740992.0f64), "9007199254740993"), "!= < <=");
    }

    #[test]
    fn floats_nan_and_bool_have_their_place() {
        assert_eq!(kept(&Tensor::scalar(0.1f32), "0.1"), "!= > >=");
        assert_eq!(kept(&Tensor::scalar(-3i8), "-2.5"), "!= < <=");
        assert_eq!(kept(&Tensor::scalar(-2i8), "-2.5"), "!= > >=");
        assert_eq!(kept(&Tensor::scalar(-0.0f64), "0"), "== <= >=");
        assert_eq!(kept(&Tensor::scalar(f32::NAN), "0"), "!=");
        assert_eq!(kept(&Tensor::scalar(f32::INFINITY), "18446744073709551615"), "!= > >=");
        assert_eq!(kept(&Tensor::scalar(true), "1"), "== <= >=");
    }

    #[test]
    fn a_field_with_axes_is_refused() {
        let filter = Filter { field: "x".into(), is: Compare::Less, value: 1i64.into() };
        let row = Tensor::from_slice([2], &[1u8, 2]).unwrap();
        let record = Record::new().with("x", row).unwrap();
        let message = from_vec(vec![record]).transform(filter).get(0).unwrap_err().to_string();
        assert!(message.contains("filter of index 0: field \"x\": expected a scalar"), "{message}");
    }

    #[test]
    fn options_are_checked_and_described() {
        let filter = |value| Filter { field: "x".into(), is: Compare::LessOrEqual, value };
        assert_eq!(filter(2.0.into()).op().to_string(), "filter(field=x,is=<%3d,value=2.0)");
        assert_eq!(filter(u64::MAX.into()).validate(), Ok(()));
        assert!(filter(f64::NAN.into()).validate().unwrap_err().contains("NaN"));
        assert!(serde_json::from_str::<Compare>("\"=\"").is_err());
    }

    proptest! {
        #[test]
        fn halves_compare_as_doubled_integers(one in -99i64..99, other in -99i64..99) {
            let exact = (one * 2).cmp(&other);
            let float = other as f64 / 2.0;
            prop_assert_eq!(compared(Wide::Signed(one), Wide::Float(float)), Some(exact));
            prop_assert_eq!(compared(Wide::Float(float), Wide::Signed(one)), Some(exact.reverse()));
        }
    }
}
