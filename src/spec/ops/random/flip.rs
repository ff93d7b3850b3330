//! `random_flip`: mirrors a picture or leaves it unchanged.

use serde::{Deserialize, Serialize};

use super::picture::{Picture, same_picture};
use crate::dataset::Tensor;
use crate::error::Fault;
use crate::order::Rng;
use crate::spec::whole;

/// Mirrors the picture in a field with a probability, and otherwise leaves the picture unchanged.
///
/// The picture has shape `[height, width]` or `[height, width, channels]`, of any dtype. The op is
/// torchvision's `RandomHorizontalFlip` and `RandomVerticalFlip`, whose option `p` is the
/// `probability`. For both directions, use the op twice.
///
/// ```
/// use windrow::dataset::{Record, Tensor};
/// use windrow::spec::ops::RandomFlip;
/// use windrow::{Dataset, from_vec};
/// let picture = Tensor::from_slice([1, 3], &[1u8, 2, 3])?;
/// let pictures = from_vec(vec![Record::new().with("x", picture)?]);
/// let flipped = pictures.transform(RandomFlip::new("x").probability(1.0));
/// assert_eq!(flipped.get(0)?.unwrap_or_default()["x"].to_vec::<u8>()?, [3, 2, 1]);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RandomFlip {
    /// The name of the field with the picture.
    pub field: String,
    /// The direction: `"horizontal"` swaps left and right, `"vertical"` top and bottom. The default
    /// is `"horizontal"`.
    #[serde(default)]
    pub direction: FlipDirection,
    /// The probability that a picture is mirrored, from 0 to 1. The default is 0.5.
    #[serde(default = "half")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub probability: f64,
    /// The seed of the random numbers, a whole number from 0 to 2^64 - 1. The default is the
    /// document's `seed`.
    #[serde(default, with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::spec::schema::Whole<0>"))]
    pub seed: Option<u64>,
}

/// The direction in which a picture is mirrored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FlipDirection {
    /// `horizontal`: left and right are swapped.
    #[default]
    Horizontal,
    /// `vertical`: top and bottom are swapped.
    Vertical,
}

impl RandomFlip {
    /// Creates an op that swaps left and right of every second picture or so.
    #[must_use]
    pub fn new(field: impl Into<String>) -> Self {
        let direction = FlipDirection::default();
        Self { field: field.into(), direction, probability: half(), seed: None }
    }

    /// Sets the direction.
    #[must_use]
    pub fn direction(self, direction: FlipDirection) -> Self {
        Self { direction, ..self }
    }

    /// Sets the probability.
    #[must_use]
    pub fn probability(self, probability: f64) -> Self {
        Self { probability, ..self }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// Returns the reason for a probability outside of 0 to 1.
    pub fn validate(&self) -> Result<(), String> {
        super::probability(self.probability)
    }

    fn flipped(&self, tensor: &Tensor, rng: &mut Rng) -> Result<Tensor, Fault> {
        let picture = Picture::of(tensor)?;
        if rng.unit_f64() >= self.probability {
            return Ok(tensor.clone());
        }
        let [last_row, last_column] = [picture.height, picture.width].map(|side| side as usize - 1);
        let sides = [picture.height, picture.width];
        match self.direction {
            FlipDirection::Horizontal => picture.rearranged(sides, |r, c| (r, last_column - c)),
            FlipDirection::Vertical => picture.rearranged(sides, |r, c| (last_row - r, c)),
        }
    }
}

random_op!(RandomFlip, "random_flip", Self::flipped, |_, field| same_picture(field), |to, op| {
    let direction = match to.direction {
        FlipDirection::Horizontal => "horizontal",
        FlipDirection::Vertical => "vertical",
    };
    op.with("direction", direction).with("probability", format_args!("{:?}", to.probability))
});

fn half() -> f64 {
    0.5
}

#[cfg(test)]
mod tests {
    use super::super::drawn;
    use super::*;
    use crate::dataset::Transform;

    #[test]
    fn rows_or_columns_are_mirrored_with_all_their_channels() {
        let picture = Tensor::from_slice([2, 2, 2], &[1i16, 2, 3, 4, 5, 6, 7, 8]).unwrap();
        let always = RandomFlip::new("x").probability(1.0);
        let flipped = |op: &RandomFlip| drawn(&picture, op, 1).unwrap()[0].to_vec::<i16>().unwrap();
        assert_eq!(flipped(&always), [3, 4, 1, 2, 7, 8, 5, 6]);
        let vertical = always.direction(FlipDirection::Vertical);
        assert_eq!(flipped(&vertical), [5, 6, 7, 8, 1, 2, 3, 4]);
        assert_eq!(flipped(&vertical.probability(0.0)), [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn the_share_of_mirrored_pictures_is_the_probability() {
        let picture = Tensor::from_slice([1, 2], &[0u8, 1]).unwrap();
        for (probability, expected) in [(0.5, 430..570), (0.1, 65..140)] {
            let op = RandomFlip::new("x").probability(probability).seed(3);
            let made = drawn(&picture, &op, 1000).unwrap();
            let count = made.iter().filter(|made| **made != picture).count();
            assert!(expected.contains(&count), "{count} of 1000 for {probability}");
        }
    }

    #[test]
    fn options_are_checked_and_described() {
        let read = |json: &str| serde_json::from_str::<RandomFlip>(json);
        let flip = read(r#"{"field":"x"}"#).unwrap();
        assert_eq!(flip, RandomFlip::new("x"));
        let text = "random_flip(field=x,direction=horizontal,probability=0.5,seed=0)";
        assert_eq!(flip.op().to_string(), text);
        let all = read(r#"{"field":"x","direction":"vertical","probability":1,"seed":"7"}"#);
        let text = "random_flip(field=x,direction=vertical,probability=1.0,seed=7)";
        assert_eq!(all.unwrap().op().to_string(), text);
        for probability in [-0.1, 1.1, f64::NAN] {
            let why = RandomFlip::new("x").probability(probability).validate().unwrap_err();
            assert!(why.contains("`probability` is") && why.contains("from 0 to 1"), "{why}");
        }
        for shape in [&[2][..], &[1, 1, 1, 2], &[0, 2]] {
            let size = shape.iter().product::<u64>() as usize;
            let tensor = Tensor::from_slice(shape, &vec![0u8; size]).unwrap();
            let why = drawn(&tensor, &RandomFlip::new("x"), 1).unwrap_err();
            assert!(why.contains("field \"x\": expected a picture of shape"), "{why}");
        }
    }
}
