//! `noise`: adds a uniform random number to each number.

use serde::{Deserialize, Serialize};

use super::{between, bounds, replaced, same_numbers};
use crate::dataset::Tensor;
use crate::error::Fault;
use crate::order::Rng;
use crate::spec::whole;

/// Adds to each number of a field a separate random number, uniform from `lower` to `upper`.
///
/// The field is `U8` or a float, of any shape. The op computes in `F64` and rounds to the dtype. A
/// `U8` is rounded to nearest even and cut off at 0 and 255. A float is not cut off. For a normal
/// distribution, see `gaussian_noise`.
///
/// ```
/// use windrow::dataset::{Record, Tensor};
/// use windrow::spec::ops::Noise;
/// use windrow::{Dataset, from_vec};
/// let record = Record::new().with("x", Tensor::from_slice([2], &[1.0f32, 2.0])?)?;
/// let noisy = from_vec(vec![record]).transform(Noise::new("x", -0.1, 0.1));
/// let noisy = noisy.get(0)?.unwrap_or_default()["x"].to_vec::<f32>()?;
/// assert!((0.9..=1.1).contains(&noisy[0]) && (1.9..=2.1).contains(&noisy[1]));
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Noise {
    /// The name of the field, `U8`, `F16`, `BF16`, `F32` or `F64`.
    pub field: String,
    /// The smallest number to add, finite.
    pub lower: f64,
    /// The largest number to add, finite and at least `lower`.
    pub upper: f64,
    /// The seed of the random numbers, a whole number from 0 to 2^64 - 1. The default is the
    /// document's `seed`.
    #[serde(default, with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::spec::schema::Whole<0>"))]
    pub seed: Option<u64>,
}

impl Noise {
    /// Creates an op that adds numbers from `lower` to `upper`.
    #[must_use]
    pub fn new(field: impl Into<String>, lower: f64, upper: f64) -> Self {
        Self { field: field.into(), lower, upper, seed: None }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// Returns the reason for a bound that is not finite, or a `lower` above `upper`.
    pub fn validate(&self) -> Result<(), String> {
        bounds(self.lower, self.upper)
    }

    fn noisy(&self, tensor: &Tensor, rng: &mut Rng) -> Result<Tensor, Fault> {
        replaced(tensor, &mut |x| x + between(rng, self.lower, self.upper))
    }
}

random_op!(Noise, "noise", Self::noisy, |_, field| same_numbers(field), |to, op| {
    let op = op.with("lower", format_args!("{:?}", to.lower));
    op.with("upper", format_args!("{:?}", to.upper))
});

#[cfg(test)]
mod tests {
    use super::super::drawn;
    use super::*;
    use crate::dataset::Transform;

    #[test]
    fn each_number_gets_its_own_number_between_the_bounds() {
        let zeros = Tensor::from_slice([4, 500], &[0.0f64; 2000]).unwrap();
        let made = drawn(&zeros, &Noise::new("x", -1.0, 3.0).seed(2), 2).unwrap();
        let numbers = made[0].to_vec::<f64>().unwrap();
        assert_ne!(numbers, made[1].to_vec::<f64>().unwrap());
        assert!(numbers.iter().all(|x| (-1.0..=3.0).contains(x)));
        assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]));
        let mean = numbers.iter().sum::<f64>() / 2000.0;
        assert!((mean - 1.0).abs() < 0.1, "{mean}");
        let mut counts = [0; 4];
        numbers.iter().for_each(|x| counts[(x + 1.0) as usize] += 1);
        assert!(counts.iter().all(|count| (430..570).contains(count)), "{counts:?}");
    }

    #[test]
    fn bytes_stay_bytes() {
        let bytes = Tensor::from_slice([3], &[0u8, 100, 255]).unwrap();
        let added = |by| drawn(&bytes, &Noise::new("x", by, by), 1).unwrap()[0].to_vec::<u8>();
        assert_eq!(added(2.5).unwrap(), [2, 102, 255]);
        assert_eq!(added(-2.5).unwrap(), [0, 98, 252]);
    }

    #[test]
    fn options_are_checked_and_described() {
        let read = |json: &str| serde_json::from_str::<Noise>(json);
        let noise = read(r#"{"field":"x","lower":-1,"upper":0.5,"seed":3}"#).unwrap();
        assert_eq!(noise, Noise::new("x", -1.0, 0.5).seed(3));
        assert_eq!(noise.op().to_string(), "noise(field=x,lower=-1.0,upper=0.5,seed=3)");
        assert!(noise.validate().is_ok());
        for (lower, upper) in [(1.0, 0.0), (-f64::MAX, f64::MAX), (0.0, f64::NAN)] {
            let why = Noise::new("x", lower, upper).validate().unwrap_err();
            assert!(why.contains("`lower` is") && why.contains("`upper` is"), "{why}");
        }
    }
}
