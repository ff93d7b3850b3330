//! `random_erase`: sets a rectangle at a random place of a picture to one value.

use serde::{Deserialize, Serialize};

use super::picture::{Picture, same_picture};
use super::{between, filler};
use crate::dataset::{FieldSpec, Tensor};
use crate::error::Fault;
use crate::order::Rng;
use crate::spec::whole;

/// How many rectangles are drawn until one fits.
const DRAWS_MAX: u32 = 100;

/// Sets a rectangle of the picture in a field to `value`, with a probability.
///
/// The picture has shape `[height, width]` or `[height, width, channels]`, of any dtype. The area
/// of the rectangle, as a share of the picture, is from `scale[0]` to `scale[1]`. Its height is
/// from `ratio[0]` to `ratio[1]` times its width. The ratio is uniform in its logarithm, so tall
/// and wide rectangles are equally frequent. Height and width are rounded to whole pixels.
///
/// The op is torchvision's `RandomErasing`, whose option `p` is the `probability`, with one number
/// as `value`. A rectangle that does not fit into the picture is drawn again, up to 100 times
/// instead of 10. Then the picture stays unchanged.
///
/// ```
/// use windrow::dataset::{Record, Tensor};
/// use windrow::spec::ops::RandomErase;
/// use windrow::{Dataset, from_vec};
/// let picture = Tensor::from_slice([2, 2], &[1u8, 1, 1, 1])?;
/// let pictures = from_vec(vec![Record::new().with("x", picture)?]);
/// let erase = RandomErase::new("x").probability(1.0).scale([0.25, 0.25]).ratio([1.0, 1.0]);
/// let erased = pictures.transform(erase).get(0)?.unwrap_or_default();
/// assert_eq!(erased["x"].to_vec::<u8>()?.iter().sum::<u8>(), 3);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RandomErase {
    /// The name of the field with the picture.
    pub field: String,
    /// The probability that a rectangle is erased, from 0 to 1. The default is 0.5.
    #[serde(default = "half")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub probability: f64,
    /// The smallest and the largest area, as shares of the picture from 0 to 1. The default is
    /// `[0.02, 0.33]`.
    #[serde(default = "scale")]
    #[cfg_attr(feature = "schema", schemars(inner(range(min = 0, max = 1))))]
    pub scale: [f64; 2],
    /// The smallest and the largest ratio of height to width, from 0.1 to 10. The default is
    /// `[0.3, 3.3]`.
    #[serde(default = "ratio")]
    #[cfg_attr(feature = "schema", schemars(inner(range(min = 0.1, max = 10.0))))]
    pub ratio: [f64; 2],
    /// The number that erased pixels have in each channel, a finite number of the field's dtype.
    /// The default is 0.
    #[serde(default)]
    pub value: f64,
    /// The seed of the random numbers, a whole number from 0 to 2^64 - 1. The default is the
    /// document's `seed`.
    #[serde(default, with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::spec::schema::Whole<0>"))]
    pub seed: Option<u64>,
}

impl RandomErase {
    /// Creates an op with the default options.
    #[must_use]
    pub fn new(field: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            probability: half(),
            scale: scale(),
            ratio: ratio(),
            value: 0.0,
            seed: None,
        }
    }

    /// Sets the probability that a rectangle is erased.
    #[must_use]
    pub fn probability(self, probability: f64) -> Self {
        Self { probability, ..self }
    }

    /// Sets the smallest and the largest area, as shares of the picture.
    #[must_use]
    pub fn scale(self, scale: [f64; 2]) -> Self {
        Self { scale, ..self }
    }

    /// Sets the smallest and the largest ratio of height to width.
    #[must_use]
    pub fn ratio(self, ratio: [f64; 2]) -> Self {
        Self { ratio, ..self }
    }

    /// Sets the number that erased pixels have.
    #[must_use]
    pub fn value(self, value: f64) -> Self {
        Self { value, ..self }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// Returns the reason for a number outside of its bounds, or for a first number above the second.
    pub fn validate(&self) -> Result<(), String> {
        super::probability(self.probability)?;
        for (name, [lower, upper], least, most) in
            [("scale", self.scale, 0.0, 1.0), ("ratio", self.ratio, 0.1, 10.0)]
        {
            let inside = |x: f64| (least..=most).contains(&x);
            if !inside(lower) || !inside(upper) || lower > upper {
                return Err(format!(
                    "`{name}` is [{lower}, {upper}]; give two numbers from {least} to {most}, the \
                     smaller one first"
                ));
            }
        }
        if !self.value.is_finite() {
            return Err(format!("`value` is {}; give a finite number", self.value));
        }
        Ok(())
    }

    fn declared(&self, field: &FieldSpec) -> Result<FieldSpec, String> {
        if let Some(dtype) = field.dtype {
            filler("value", self.value, dtype)?;
        }
        same_picture(field)
    }

    fn erased(&self, tensor: &Tensor, rng: &mut Rng) -> Result<Tensor, Fault> {
        let picture = Picture::of(tensor)?;
        let dtype = tensor.dtype();
        let value = filler("value", self.value, dtype).map_err(Fault::new)?;
        if rng.unit_f64() >= self.probability {
            return Ok(tensor.clone());
        }
        let Some([top, left, height, width]) = self.rectangle(picture.height, picture.width, rng)
        else {
            return Ok(tensor.clone());
        };
        let (pixel, element) = (picture.pixel(), &value[..dtype.size() as usize]);
        Tensor::build_overwritten(dtype, tensor.shape(), |out| {
            out.copy_from_slice(tensor.bytes());
            for row in top..top + height {
                let start = (row * picture.width + left) as usize * pixel;
                let part = &mut out[start..start + width as usize * pixel];
                part.chunks_exact_mut(element.len()).for_each(|to| to.copy_from_slice(element));
            }
            Ok(())
        })
    }

    /// Draws a rectangle in a picture, as its first row and column, its height and its width.
    fn rectangle(&self, rows: u64, columns: u64, rng: &mut Rng) -> Option<[u64; 4]> {
        let ([least, most], [low, high]) = (self.scale, self.ratio);
        for _ in 0..DRAWS_MAX {
            let area = (rows * columns) as f64 * between(rng, least, most);
            let ratio = between(rng, low, high);
            // Keeping `ratio` with probability `low / ratio` makes its logarithm uniform.
            let keep = rng.unit_f64() * ratio < low;
            let height = (area * ratio).sqrt().round_ties_even();
            let width = (area / ratio).sqrt().round_ties_even();
            if keep && height <= rows as f64 && width <= columns as f64 {
                let (height, width) = (height as u64, width as u64);
                let top = rng.below(rows - height + 1);
                return Some([top, rng.below(columns - width + 1), height, width]);
            }
        }
        None
    }
}

random_op!(RandomErase, "random_erase", Self::erased, Self::declared, |to, op| {
    let pair = |[lower, upper]: [f64; 2]| format!("[{lower:?};{upper:?}]");
    op.with("probability", format_args!("{:?}", to.probability))
        .with("scale", pair(to.scale))
        .with("ratio", pair(to.ratio))
        .with("value", format_args!("{:?}", to.value))
});

fn half() -> f64 {
    0.5
}

fn scale() -> [f64; 2] {
    [0.02, 0.33]
}

fn ratio() -> [f64; 2] {
    [0.3, 3.3]
}

#[cfg(test)]
mod tests {
    use super::super::drawn;
    use super::*;
    use crate::dataset::Transform;

    #[test]
    fn exactly_one_rectangle_has_the_value_in_all_channels() {
        let picture = Tensor::from_slice([20, 30, 2], &[1u8; 1200]).unwrap();
        let erase = RandomErase::new("x").probability(1.0).value(9.0);
        for made in drawn(&picture, &erase, 300).unwrap() {
            let numbers = made.to_vec::<u8>().unwrap();
            let erased: Vec<(usize, usize)> = (0..600)
                .filter(|pixel| numbers[2 * pixel..2 * pixel + 2] == [9, 9])
                .map(|pixel| (pixel / 30, pixel % 30))
                .collect();
            assert_eq!(numbers.iter().filter(|&&x| x == 9).count(), 2 * erased.len());
            let rows = erased.iter().map(|place| place.0);
            let columns = erased.iter().map(|place| place.1);
            let height = rows.clone().max().unwrap() - rows.min().unwrap() + 1;
            let width = columns.clone().max().unwrap() - columns.min().unwrap() + 1;
            assert_eq!(height * width, erased.len());
            // 2 % and 33 % of 600 pixels, and half a pixel on each side.
            assert!((8..=215).contains(&erased.len()), "{height} by {width}");
        }
    }

    #[test]
    fn the_logarithm_of_the_ratio_is_uniform() {
        let erase = RandomErase::new("x").scale([0.01, 0.01]).ratio([0.1, 10.0]);
        let mut counts = [0; 4];
        for index in 0..2000 {
            let mut rng = Rng::keyed(1, 0, 0, index);
            let Some([_, _, height, width]) = erase.rectangle(1000, 1000, &mut rng) else {
                continue;
            };
            let ratio = height as f64 / width as f64;
            counts[[0.316, 1.0, 3.16].iter().filter(|&&bound| ratio > bound).count()] += 1;
        }
        assert!(counts.iter().all(|count| (420..580).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_rectangle_that_cannot_fit_leaves_the_picture() {
        let picture = Tensor::from_slice([1, 40], &[1u8; 40]).unwrap();
        let erase = RandomErase::new("x").probability(1.0).scale([1.0, 1.0]).ratio([0.5, 1.0]);
        assert!(drawn(&picture, &erase, 20).unwrap().iter().all(|made| *made == picture));
        let never = RandomErase::new("x").probability(0.0).scale([1.0, 1.0]);
        assert!(drawn(&picture, &never, 20).unwrap().iter().all(|made| *made == picture));
    }

    #[test]
    fn options_are_checked_and_described() {
        let read = |json: &str| serde_json::from_str::<RandomErase>(json);
        let erase = read(r#"{"field":"x"}"#).unwrap();
        assert_eq!(erase, RandomErase::new("x"));
        let text = "random_erase(field=x,probability=0.5,scale=[0.02;0.33],ratio=[0.3;3.3],value=0.0,seed=0)";
        assert_eq!(erase.op().to_string(), text);
        assert!(erase.validate().is_ok());
        assert!(read(r#"{"field":"x","scale":[0.1]}"#).is_err());
        for (erase, says) in [
            (RandomErase::new("x").probability(2.0), "`probability` is 2"),
            (RandomErase::new("x").scale([0.5, 0.4]), "`scale` is [0.5, 0.4]"),
            (RandomErase::new("x").scale([0.5, 1.1]), "two numbers from 0 to 1,"),
            (RandomErase::new("x").ratio([0.01, 1.0]), "two numbers from 0.1 to 10,"),
            (RandomErase::new("x").ratio([1.0, f64::NAN]), "`ratio` is [1, NaN]"),
            (RandomErase::new("x").value(f64::NAN), "`value` is NaN"),
        ] {
            let why = erase.validate().unwrap_err();
            assert!(why.contains(says), "{why}");
        }
        let picture = Tensor::from_slice([1, 1], &[true]).unwrap();
        let why = drawn(&picture, &RandomErase::new("x").value(2.0), 1).unwrap_err();
        assert!(why.contains("`value` is 2, which no BOOL is"), "{why}");
    }
}
