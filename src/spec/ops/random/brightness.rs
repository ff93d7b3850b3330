//! `random_brightness`: multiplies a picture by a random factor.

use serde::{Deserialize, Serialize};

use super::{between, factors, replaced, same_numbers};
use crate::dataset::Tensor;
use crate::error::Fault;
use crate::order::Rng;
use crate::spec::whole;

/// Multiplies all numbers of a field by one random factor from `lower` to `upper`.
///
/// The field is `U8` or a float, of any shape. The op computes in `F64` and rounds to the dtype. A
/// `U8` is rounded to nearest even and cut off at 0 and 255. A float is not cut off, since its
/// range may be any.
///
/// The op is torchvision's `ColorJitter` with the option `brightness=(lower, upper)`, except that
/// `ColorJitter` rounds down, and cuts floats off at 0 and 1. `tf.image.random_brightness` adds a
/// number instead of multiplying.
///
/// ```
/// use windrow::dataset::{Record, Tensor};
/// use windrow::spec::ops::RandomBrightness;
/// use windrow::{Dataset, from_vec};
/// let record = Record::new().with("x", Tensor::from_slice([3], &[0u8, 5, 200])?)?;
/// let brighter = from_vec(vec![record]).transform(RandomBrightness::new("x", 1.5, 1.5));
/// assert_eq!(brighter.get(0)?.unwrap_or_default()["x"].to_vec::<u8>()?, [0, 8, 255]);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RandomBrightness {
    /// The name of the field, `U8`, `F16`, `BF16`, `F32` or `F64`.
    pub field: String,
    /// The smallest factor, 0 or more.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub lower: f64,
    /// The largest factor, finite and at least `lower`.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub upper: f64,
    /// The seed of the random numbers, a whole number from 0 to 2^64 - 1. The default is the
    /// document's `seed`.
    #[serde(default, with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::spec::schema::Whole<0>"))]
    pub seed: Option<u64>,
}

impl RandomBrightness {
    /// Creates an op that multiplies by a factor from `lower` to `upper`.
    #[must_use]
    pub fn new(field: impl Into<String>, lower: f64, upper: f64) -> Self {
        Self { field: field.into(), lower, upper, seed: None }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// Returns the reason for a bound that is negative or not finite, or a `lower` above `upper`.
    pub fn validate(&self) -> Result<(), String> {
        factors(self.lower, self.upper)
    }

    fn brightened(&self, tensor: &Tensor, rng: &mut Rng) -> Result<Tensor, Fault> {
        let factor = between(rng, self.lower, self.upper);
        replaced(tensor, &mut |x| x * factor)
    }
}

random_op!(
    RandomBrightness,
    "random_brightness",
    Self::brightened,
    |_, field| same_numbers(field),
    |to, op| {
        let op = op.with("lower", format_args!("{:?}", to.lower));
        op.with("upper", format_args!("{:?}", to.upper))
    }
);

#[cfg(test)]
mod tests {
    use half::{bf16, f16};

    use super::super::drawn;
    use super::*;
    use crate::dataset::{Element, Transform};

    #[test]
    fn all_numbers_have_one_factor_between_the_bounds() {
        let picture = Tensor::from_slice([2, 1], &[1.0f64, -2.0]).unwrap();
        let made = drawn(&picture, &RandomBrightness::new("x", 0.8, 1.2).seed(4), 500).unwrap();
        let factors: Vec<f64> = made.iter().map(|made| made.to_vec().unwrap()[0]).collect();
        assert!(factors.iter().all(|factor| (0.8..=1.2).contains(factor)));
        let (low, high) = (0.85, 1.15);
        assert!(factors.iter().any(|&x| x < low) && factors.iter().any(|&x| x > high));
        for (made, factor) in made.iter().zip(factors) {
            assert_eq!(made.to_vec::<f64>().unwrap(), [factor, -2.0 * factor]);
        }
    }

    #[test]
    fn bytes_round_to_even_and_stay_bytes_and_floats_keep_their_dtype() {
        fn twice<T: Element>(numbers: &[T], factor: f64) -> Vec<T> {
            let tensor = Tensor::from_slice([numbers.len() as u64], numbers).unwrap();
            let made = drawn(&tensor, &RandomBrightness::new("x", factor, factor), 1).unwrap();
            made[0].to_vec().unwrap()
        }
        assert_eq!(twice(&[1u8, 3, 5, 254, 255], 0.5), [0, 2, 2, 127, 128]);
        assert_eq!(twice(&[0u8, 2, 200], f64::MAX), [0, 255, 255]);
        assert_eq!(twice(&[f16::from_f32(1.5)], 3.0), [f16::from_f32(4.5)]);
        assert_eq!(twice(&[bf16::from_f32(-1.0)], 300.0), [bf16::from_f32(-300.0)]);
        assert_eq!(twice(&[0.1f32], 3.0), [(f64::from(0.1f32) * 3.0) as f32]);
        let wrong = Tensor::from_slice([1], &[1i32]).unwrap();
        let why = drawn(&wrong, &RandomBrightness::new("x", 1.0, 1.0), 1).unwrap_err();
        assert!(
            why.contains("field \"x\": expected U8, F16, BF16, F32 or F64, found I32"),
            "{why}"
        );
    }

    #[test]
    fn options_are_checked_and_described() {
        let read = |json: &str| serde_json::from_str::<RandomBrightness>(json);
        let op = read(r#"{"field":"x","lower":0.5,"upper":2}"#).unwrap();
        assert_eq!(op, RandomBrightness::new("x", 0.5, 2.0));
        assert_eq!(op.op().to_string(), "random_brightness(field=x,lower=0.5,upper=2.0,seed=0)");
        assert!(op.validate().is_ok());
        for (lower, upper, says) in [
            (-0.5, 1.0, "`lower` is -0.5; give a factor of at least 0"),
            (2.0, 1.0, "`lower` is 2 and `upper` is 1"),
            (0.0, f64::INFINITY, "`upper` is inf"),
            (f64::NAN, 1.0, "`lower` is NaN"),
        ] {
            let why = RandomBrightness::new("x", lower, upper).validate().unwrap_err();
            assert!(why.contains(says), "{why}");
        }
    }
}
