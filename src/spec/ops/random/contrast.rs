//! `random_contrast`: moves the pixels of a picture away from their mean, or towards it.

use serde::{Deserialize, Serialize};

use super::picture::{Picture, same_picture};
use super::{between, factors, replaced, same_numbers, visit};
use crate::dataset::Tensor;
use crate::error::Fault;
use crate::order::Rng;
use crate::spec::whole;

/// Replaces each number `x` of a picture by `(x - mean) * factor + mean`, with the mean of its
/// channel and one random factor from `lower` to `upper`.
///
/// The picture has shape `[height, width]` or `[height, width, channels]`, and is `U8` or a float.
/// The op computes in `F64`, adds up a channel from the first pixel to the last, and rounds to the
/// dtype. A `U8` is rounded to nearest even and cut off at 0 and 255. A float is not cut off.
///
/// The op is `tf.image.random_contrast`. torchvision's `ColorJitter` with `contrast` takes the mean
/// of the gray picture for all channels.
///
/// ```
/// use windrow::dataset::{Record, Tensor};
/// use windrow::spec::ops::RandomContrast;
/// use windrow::{Dataset, from_vec};
/// let picture = Tensor::from_slice([1, 2], &[100u8, 200])?;
/// let pictures = from_vec(vec![Record::new().with("x", picture)?]);
/// let softer = pictures.transform(RandomContrast::new("x", 0.5, 0.5));
/// assert_eq!(softer.get(0)?.unwrap_or_default()["x"].to_vec::<u8>()?, [125, 175]);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RandomContrast {
    /// The name of the field with the picture, `U8`, `F16`, `BF16`, `F32` or `F64`.
    pub field: String,
    /// The smallest factor, 0 or more. 0 makes a picture of one colour.
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

impl RandomContrast {
    /// Creates an op that changes the contrast by a factor from `lower` to `upper`.
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

    fn contrasted(&self, tensor: &Tensor, rng: &mut Rng) -> Result<Tensor, Fault> {
        let Picture { height, width, channels, .. } = Picture::of(tensor)?;
        let factor = between(rng, self.lower, self.upper);
        let mut means = vec![0.0; channels as usize];
        let (last, mut channel) = (means.len() - 1, 0);
        visit(tensor, &mut |x| {
            means[channel] += x;
            channel = if channel == last { 0 } else { channel + 1 };
        })?;
        means.iter_mut().for_each(|sum| *sum /= (height * width) as f64);
        let mut channel = 0;
        replaced(tensor, &mut |x| {
            let mean = means[channel];
            channel = if channel == last { 0 } else { channel + 1 };
            (x - mean) * factor + mean
        })
    }
}

random_op!(
    RandomContrast,
    "random_contrast",
    Self::contrasted,
    |_, field| same_numbers(&same_picture(field)?),
    |to, op| {
        let op = op.with("lower", format_args!("{:?}", to.lower));
        op.with("upper", format_args!("{:?}", to.upper))
    }
);

#[cfg(test)]
mod tests {
    use super::super::drawn;
    use super::*;
    use crate::dataset::Transform;

    #[test]
    fn each_channel_moves_around_its_own_mean() {
        let picture = Tensor::from_slice([1, 2, 2], &[0u8, 90, 100, 100]).unwrap();
        let changed = |factor: f64| {
            let made = drawn(&picture, &RandomContrast::new("x", factor, factor), 1).unwrap();
            made[0].to_vec::<u8>().unwrap()
        };
        assert_eq!(changed(0.0), [50, 95, 50, 95]);
        assert_eq!(changed(0.5), [25, 92, 75, 98]);
        assert_eq!(changed(1.0), [0, 90, 100, 100]);
        assert_eq!(changed(4.0), [0, 75, 250, 115]);
        let floats = Tensor::from_slice([2, 1], &[-1.0f32, 2.0]).unwrap();
        let made = drawn(&floats, &RandomContrast::new("x", 2.0, 2.0), 1).unwrap();
        assert_eq!(made[0].to_vec::<f32>().unwrap(), [-2.5, 3.5]);
    }

    #[test]
    fn the_factor_differs_from_sample_to_sample() {
        let picture = Tensor::from_slice([1, 2], &[-1.0f64, 1.0]).unwrap();
        let made = drawn(&picture, &RandomContrast::new("x", 0.5, 1.5), 300).unwrap();
        let factors: Vec<f64> = made.iter().map(|made| made.to_vec().unwrap()[1]).collect();
        assert!(factors.iter().all(|factor| (0.5..=1.5).contains(factor)));
        assert!(factors.iter().any(|&x| x < 0.6) && factors.iter().any(|&x| x > 1.4));
    }

    #[test]
    fn options_and_fields_are_checked_and_described() {
        let read = |json: &str| serde_json::from_str::<RandomContrast>(json);
        let op = read(r#"{"field":"x","lower":0.5,"upper":2,"seed":1}"#).unwrap();
        assert_eq!(op, RandomContrast::new("x", 0.5, 2.0).seed(1));
        assert_eq!(op.op().to_string(), "random_contrast(field=x,lower=0.5,upper=2.0,seed=1)");
        let why = RandomContrast::new("x", 1.0, 0.0).validate().unwrap_err();
        assert!(why.contains("`lower` is 1 and `upper` is 0"), "{why}");
        let row = Tensor::from_slice([2], &[1u8, 2]).unwrap();
        assert!(drawn(&row, &op, 1).unwrap_err().contains("expected a picture"));
        let wrong = Tensor::from_slice([1, 1], &[true]).unwrap();
        assert!(drawn(&wrong, &op, 1).unwrap_err().contains("found BOOL"));
    }
}
