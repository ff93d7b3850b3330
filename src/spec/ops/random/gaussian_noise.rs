//! `gaussian_noise`: adds a random number of a normal distribution to each number.

use serde::{Deserialize, Serialize};

use super::{replaced, same_numbers};
use crate::dataset::Tensor;
use crate::error::Fault;
use crate::order::Rng;
use crate::spec::whole;

/// Adds to each number of a field a separate random number, from the normal distribution with mean
/// `mean` and standard deviation `sigma`.
///
/// The field is `U8` or a float, of any shape. The op computes in `F64` and rounds to the dtype. A
/// `U8` is rounded to nearest even and cut off at 0 and 255. A float is not cut off.
///
/// The numbers come from Marsaglia's polar method. Its logarithm is a series of sums, products and
/// quotients in a fixed order, so the bits are the same on every platform.
///
/// The names and defaults are those of torchvision's `GaussianNoise`, which cuts floats off at 0
/// and 1 by default. For `U8`, `mean` and `sigma` count in steps of the bytes: 0.1 for pixels from
/// 0 to 1 is 25.5 for bytes.
///
/// ```
/// use windrow::dataset::{Record, Tensor};
/// use windrow::spec::ops::GaussianNoise;
/// use windrow::{Dataset, from_vec};
/// let record = Record::new().with("x", Tensor::from_slice([2], &[1.0f32, 2.0])?)?;
/// let noisy = from_vec(vec![record]).transform(GaussianNoise::new("x", 0.01));
/// let noisy = noisy.get(0)?.unwrap_or_default()["x"].to_vec::<f32>()?;
/// assert!((0.9..1.1).contains(&noisy[0]) && noisy[0] != 1.0);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GaussianNoise {
    /// The name of the field, `U8`, `F16`, `BF16`, `F32` or `F64`.
    pub field: String,
    /// The mean of the numbers to add, finite. The default is 0.
    #[serde(default)]
    pub mean: f64,
    /// The standard deviation of the numbers to add, finite and 0 or more. The default is 0.1.
    #[serde(default = "tenth")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub sigma: f64,
    /// The seed of the random numbers, a whole number from 0 to 2^64 - 1. The default is the
    /// document's `seed`.
    #[serde(default, with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::spec::schema::Whole<0>"))]
    pub seed: Option<u64>,
}

impl GaussianNoise {
    /// Creates an op that adds numbers with mean 0 and this standard deviation.
    #[must_use]
    pub fn new(field: impl Into<String>, sigma: f64) -> Self {
        Self { field: field.into(), mean: 0.0, sigma, seed: None }
    }

    /// Sets the mean of the numbers to add.
    #[must_use]
    pub fn mean(self, mean: f64) -> Self {
        Self { mean, ..self }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// Returns the reason for a mean or a deviation that is not finite, or a negative deviation.
    pub fn validate(&self) -> Result<(), String> {
        if !self.mean.is_finite() {
            return Err(format!("`mean` is {}; give a finite number", self.mean));
        }
        if !self.sigma.is_finite() || self.sigma < 0.0 {
            return Err(format!("`sigma` is {}; give a finite number of at least 0", self.sigma));
        }
        Ok(())
    }

    fn noisy(&self, tensor: &Tensor, rng: &mut Rng) -> Result<Tensor, Fault> {
        let mut second = None;
        replaced(tensor, &mut |x| {
            let normal = second.take().unwrap_or_else(|| {
                let (first, other) = normals(rng);
                second = Some(other);
                first
            });
            x + (self.mean + self.sigma * normal)
        })
    }
}

random_op!(
    GaussianNoise,
    "gaussian_noise",
    Self::noisy,
    |_, field| same_numbers(field),
    |to, op| {
        let op = op.with("mean", format_args!("{:?}", to.mean));
        op.with("sigma", format_args!("{:?}", to.sigma))
    }
);

/// Returns two independent numbers of the standard normal distribution.
///
/// G. Marsaglia and T. A. Bray, "A convenient method for generating normal variables", 1964.
fn normals(rng: &mut Rng) -> (f64, f64) {
    loop {
        let x = 2.0 * rng.unit_f64() - 1.0;
        let y = 2.0 * rng.unit_f64() - 1.0;
        let square = x * x + y * y;
        if square > 0.0 && square < 1.0 {
            let factor = (-2.0 * logarithm(square) / square).sqrt();
            return (x * factor, y * factor);
        }
    }
}

/// Returns the natural logarithm of a normal positive number, with the same bits on every platform.
///
/// For `m` from 1/√2 to √2 and `t = (m - 1) / (m + 1)`, the logarithm of `m` is the series
/// `2 (t + t^3 / 3 + t^5 / 5 + …)`, here up to `t^23 / 23`.
fn logarithm(x: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    let mut exponent = (x.to_bits() >> 52) as i32 - 1022;
    let mut m = f64::from_bits(x.to_bits() & MANTISSA | 1022 << 52);
    if m < std::f64::consts::FRAC_1_SQRT_2 {
        m *= 2.0;
        exponent -= 1;
    }
    let t = (m - 1.0) / (m + 1.0);
    let square = t * t;
    let series = (0..12).rev().fold(0.0, |sum, n| sum * square + 1.0 / f64::from(2 * n + 1));
    2.0 * t * series + f64::from(exponent) * std::f64::consts::LN_2
}

fn tenth() -> f64 {
    0.1
}

#[cfg(test)]
mod tests {
    use super::super::drawn;
    use super::*;
    use crate::dataset::Transform;

    /// Compares with values of Python's `decimal` of 60 digits, rounded to nearest.
    #[test]
    fn the_logarithm_is_right_to_the_last_bits() {
        for (x, want) in [
            (1.0, 0.0),
            (0.3, -1.2039728043259361),
            (0.2, -1.6094379124341003),
            (0.75, -0.287_682_072_451_780_9),
            (1.0 - 1.0 / f64::from(1 << 20), -9.5367477115389e-07),
            (0.7072, -0.3464417676587033),
            (1e-30, -69.077_552_789_821_37),
        ] {
            let error = (logarithm(x) - want).abs();
            assert!(error <= 4.0 * f64::EPSILON * want.abs(), "ln {x} is {:e}", logarithm(x));
        }
    }

    #[test]
    fn the_numbers_are_normal() {
        let count = 40_000u32;
        let zeros = Tensor::from_slice([count.into()], &vec![0.0f64; count as usize]).unwrap();
        let op = GaussianNoise::new("x", 1.0).seed(6);
        let numbers = drawn(&zeros, &op, 1).unwrap()[0].to_vec::<f64>().unwrap();
        let moment = |power| numbers.iter().map(|x| x.powi(power)).sum::<f64>() / f64::from(count);
        let moments = [moment(1), moment(2) - 1.0, moment(3), moment(4) - 3.0];
        for (moment, bound) in moments.iter().zip([0.02, 0.03, 0.06, 0.2]) {
            assert!(moment.abs() < bound, "{moments:?}");
        }
        // Shares of the distribution below -2, -1, 0, 1 and 2.
        for (bound, share) in [(-2.0, 0.0228), (-1.0, 0.1587), (0.0, 0.5), (1.0, 0.8413)] {
            let below = numbers.iter().filter(|&&x| x < bound).count() as f64 / f64::from(count);
            assert!((below - share).abs() < 0.01, "{below} below {bound}");
        }
        let neighbours = numbers.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>();
        assert!((neighbours / f64::from(count)).abs() < 0.02, "{neighbours}");
    }

    #[test]
    fn mean_and_deviation_are_those_of_the_options() {
        let bytes = Tensor::from_slice([3], &[0u8, 100, 250]).unwrap();
        let added = drawn(&bytes, &GaussianNoise::new("x", 0.0).mean(7.5), 1).unwrap();
        assert_eq!(added[0].to_vec::<u8>().unwrap(), [8, 108, 255]);
        let pair = Tensor::from_slice([3], &[1.0f64; 3]).unwrap();
        let made = |sigma| drawn(&pair, &GaussianNoise::new("x", sigma), 1).unwrap()[0].to_vec();
        let (one, two): (Vec<f64>, Vec<f64>) = (made(1.0).unwrap(), made(2.0).unwrap());
        for (one, two) in one.iter().zip(two) {
            assert!(((two - 1.0) - 2.0 * (one - 1.0)).abs() < 1e-12);
        }
    }

    #[test]
    fn options_are_checked_and_described() {
        let read = |json: &str| serde_json::from_str::<GaussianNoise>(json);
        let noise = read(r#"{"field":"x"}"#).unwrap();
        assert_eq!(noise, GaussianNoise::new("x", 0.1));
        assert_eq!(noise.op().to_string(), "gaussian_noise(field=x,mean=0.0,sigma=0.1,seed=0)");
        assert!(noise.validate().is_ok());
        let why = GaussianNoise::new("x", -1.0).validate().unwrap_err();
        assert!(why.contains("`sigma` is -1"), "{why}");
        let why = GaussianNoise::new("x", 1.0).mean(f64::NAN).validate().unwrap_err();
        assert!(why.contains("`mean` is NaN"), "{why}");
    }
}
