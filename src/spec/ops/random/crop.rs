//! `random_crop`: cuts a rectangle at a random place out of a picture.

use serde::{Deserialize, Serialize};

use super::filler;
use super::picture::{Picture, same_picture};
use crate::dataset::{FieldSpec, Tensor};
use crate::error::Fault;
use crate::order::Rng;
use crate::spec::ops::PIXELS_MAX;
use crate::spec::whole;

/// The longest side of the result, and the widest padding, in pixels.
const SIDE_MAX: u32 = 1 << 20;
/// The most numbers in the result.
const NUMBERS_MAX: u64 = 4 * PIXELS_MAX;

/// Cuts a rectangle out of the picture in a field. Every place has the same probability.
///
/// The picture has shape `[height, width]` or `[height, width, channels]`, of any dtype. With
/// `padding`, the op first adds so many pixels on each side, which have the value `fill` in each
/// channel. The op is torchvision's `RandomCrop` with one number as `padding`, and
/// `tf.image.random_crop`. A picture that is smaller than the rectangle, even with the padding, is
/// an error: torchvision's `pad_if_needed` is absent. The result has at most 256 Mi numbers.
///
/// ```
/// use windrow::dataset::{Record, Tensor};
/// use windrow::spec::ops::RandomCrop;
/// use windrow::{Dataset, from_vec};
/// let picture = Tensor::from_slice([2, 3], &[1u8, 2, 3, 4, 5, 6])?;
/// let pictures = from_vec(vec![Record::new().with("x", picture)?]);
/// let cut = pictures.transform(RandomCrop::new("x", 1, 2)).get(0)?.unwrap_or_default();
/// let cut = cut["x"].to_vec::<u8>()?;
/// assert!([[1, 2], [2, 3], [4, 5], [5, 6]].contains(&[cut[0], cut[1]]));
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RandomCrop {
    /// The name of the field with the picture.
    pub field: String,
    /// The height of the rectangle, from 1 to 1 Mi pixels.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = SIDE_MAX)))]
    pub height: u32,
    /// The width of the rectangle, from 1 to 1 Mi pixels.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = SIDE_MAX)))]
    pub width: u32,
    /// The number of pixels to add on each side first, from 0 to 1 Mi. The default is 0.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = SIDE_MAX)))]
    pub padding: u32,
    /// The number that added pixels have in each channel, a finite number of the field's dtype. The
    /// default is 0.
    #[serde(default)]
    pub fill: f64,
    /// The seed of the random numbers, a whole number from 0 to 2^64 - 1. The default is the
    /// document's `seed`.
    #[serde(default, with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::spec::schema::Whole<0>"))]
    pub seed: Option<u64>,
}

impl RandomCrop {
    /// Creates an op that cuts out a rectangle of this height and width, without padding.
    #[must_use]
    pub fn new(field: impl Into<String>, height: u32, width: u32) -> Self {
        Self { field: field.into(), height, width, padding: 0, fill: 0.0, seed: None }
    }

    /// Sets the number of pixels to add on each side first.
    #[must_use]
    pub fn padding(self, padding: u32) -> Self {
        Self { padding, ..self }
    }

    /// Sets the number that added pixels have.
    #[must_use]
    pub fn fill(self, fill: f64) -> Self {
        Self { fill, ..self }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// Returns the reason for a side of 0 or more than 1 Mi pixels, or more than 64 Mi pixels together.
    /// A padding of more than 1 Mi pixels and a `fill` that is not finite are errors too.
    pub fn validate(&self) -> Result<(), String> {
        let (sides, Self { height, width, padding, fill, .. }) = (1..=SIDE_MAX, self);
        let pixels = u64::from(*height) * u64::from(*width);
        if !sides.contains(height) || !sides.contains(width) || pixels > PIXELS_MAX {
            return Err(format!(
                "`height` is {height} and `width` is {width}; give sides of 1 to {SIDE_MAX} pixels, \
                 and at most {PIXELS_MAX} pixels together"
            ));
        }
        if *padding > SIDE_MAX {
            return Err(format!("`padding` is {padding}; give 0 to {SIDE_MAX} pixels"));
        }
        if !fill.is_finite() {
            return Err(format!("`fill` is {fill}; give a finite number"));
        }
        Ok(())
    }

    fn declared(&self, field: &FieldSpec) -> Result<FieldSpec, String> {
        let mut cut = same_picture(field)?;
        if let Some(dtype) = field.dtype {
            filler("fill", self.fill, dtype)?;
        }
        if let Some(shape) = &mut cut.shape {
            // A side of unknown length may be long enough.
            let own = [shape[0], shape[1]].map(|side| side.unwrap_or(u64::MAX));
            if self.spare(own).is_none() {
                return Err(self.too_small(&field.to_string()));
            }
            shape[0] = Some(self.height.into());
            shape[1] = Some(self.width.into());
        }
        Ok(cut)
    }

    /// Returns the number of rows and columns that the padded picture has more than the rectangle.
    fn spare(&self, [height, width]: [u64; 2]) -> Option<[u64; 2]> {
        let around = 2 * u64::from(self.padding);
        let rows = height.saturating_add(around).checked_sub(self.height.into())?;
        Some([rows, width.saturating_add(around).checked_sub(self.width.into())?])
    }

    fn too_small(&self, picture: &str) -> String {
        let Self { height, width, padding, .. } = self;
        format!(
            "the picture of {picture} with padding {padding} is smaller than {height} by {width}; \
             raise `padding`, or resize the pictures first"
        )
    }

    fn cropped(&self, tensor: &Tensor, rng: &mut Rng) -> Result<Tensor, Fault> {
        let picture = Picture::of(tensor)?;
        let [height, width, padding] = [self.height, self.width, self.padding].map(u64::from);
        let numbers = (height * width).saturating_mul(picture.channels);
        if numbers > NUMBERS_MAX {
            let why = format!("the result of {height} by {width} pixels has {numbers} numbers");
            return Err(Fault::new(format!("{why}; cut out at most {NUMBERS_MAX}")));
        }
        let Some([rows, columns]) = self.spare([picture.height, picture.width]) else {
            let own = format!("{} by {} pixels", picture.height, picture.width);
            return Err(Fault::new(self.too_small(&own)));
        };
        let (top, left) = (rng.below(rows.saturating_add(1)), rng.below(columns.saturating_add(1)));
        let dtype = tensor.dtype();
        let fill = filler("fill", self.fill, dtype).map_err(Fault::new)?;
        let (rows, columns) = (
            Overlap::new(top, padding, height, picture.height),
            Overlap::new(left, padding, width, picture.width),
        );
        let (pixel, from) = (picture.pixel(), tensor.bytes());
        let (line, own_line) = (pixel * width as usize, pixel * picture.width as usize);
        let count = columns.count * pixel;
        Tensor::build(dtype, picture.sized(height, width), |out| {
            let covered = rows.count as u64 == height && columns.count as u64 == width;
            if !covered && fill != [0; 8] {
                let element = &fill[..dtype.size() as usize];
                out.chunks_exact_mut(element.len()).for_each(|to| to.copy_from_slice(element));
            }
            for row in 0..rows.count {
                let to = (rows.to + row) * line + columns.to * pixel;
                let own = (rows.from + row) * own_line + columns.from * pixel;
                out[to..to + count].copy_from_slice(&from[own..own + count]);
            }
            Ok(())
        })
    }
}

random_op!(RandomCrop, "random_crop", Self::cropped, Self::declared, |to, op| {
    let op = op.with("height", to.height).with("width", to.width).with("padding", to.padding);
    op.with("fill", format_args!("{:?}", to.fill))
});

/// The rows or columns of the picture that lie in the rectangle.
struct Overlap {
    /// The first one in the rectangle.
    to: usize,
    /// The first one in the picture.
    from: usize,
    count: usize,
}

impl Overlap {
    /// Returns the overlap of a rectangle that starts at `start` of the padded picture.
    fn new(start: u64, padding: u64, len: u64, own_len: u64) -> Self {
        let to = padding.saturating_sub(start).min(len);
        let from = start.saturating_sub(padding).min(own_len);
        let count = (len - to).min(own_len - from);
        Self { to: to as usize, from: from as usize, count: count as usize }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::drawn;
    use super::*;
    use crate::dataset::Transform;

    #[test]
    fn every_place_is_drawn_and_no_other() {
        let picture = Tensor::from_slice([2, 3], &[1u8, 2, 3, 4, 5, 6]).unwrap();
        let made = drawn(&picture, &RandomCrop::new("x", 1, 2), 200).unwrap();
        let places: BTreeSet<Vec<u8>> = made.iter().map(|made| made.to_vec().unwrap()).collect();
        assert_eq!(places, [[1, 2], [2, 3], [4, 5], [5, 6]].map(Vec::from).into());
    }

    #[test]
    fn what_fits_no_picture_of_the_field_is_known_before_the_run() {
        let spec = |op: RandomCrop, field: FieldSpec| {
            let made = op.element_spec(&crate::dataset::ElementSpec::new([("x", field)]));
            made.map(|spec| spec.to_string())
        };
        let picture = |height| FieldSpec::new(crate::dataset::Dtype::U8, [height, Some(4)]);
        let op = || RandomCrop::new("x", 6, 4);
        assert_eq!(spec(op().padding(1), picture(Some(4))).unwrap(), "{x: U8[6, 4]}");
        assert_eq!(spec(op(), picture(None)).unwrap(), "{x: U8[6, 4]}");
        let why = spec(op(), picture(Some(4))).unwrap_err();
        assert!(why.contains("shape [4, 4] with padding 0 is smaller than 6 by 4"), "{why}");
        let why = spec(op().fill(256.0), picture(None)).unwrap_err();
        assert!(why.contains("`fill` is 256, which no U8 is"), "{why}");
    }

    proptest! {
        #[test]
        fn the_rectangle_is_that_of_the_padded_picture(
            height in 1u64..5, width in 1u64..5, channels in 1u64..3, padding in 0u32..4,
            rows in 1u32..8, columns in 1u32..8, index in 0u64..99,
        ) {
            let pixels: Vec<f32> = (1..=height * width * channels).map(|x| x as f32).collect();
            let picture = Tensor::from_slice([height, width, channels], &pixels).unwrap();
            let op = RandomCrop::new("x", rows, columns).padding(padding).fill(-1.0);
            let made = drawn(&picture, &op, index + 1).map(|mut made| made.pop().unwrap());
            let around = 2 * u64::from(padding);
            if height + around < rows.into() || width + around < columns.into() {
                prop_assert!(made.unwrap_err().contains("is smaller than"));
                return Ok(());
            }
            let mut rng = crate::order::Rng::keyed(0, 0, 1, index);
            let top = rng.below(height + around - u64::from(rows) + 1) as i64;
            let left = rng.below(width + around - u64::from(columns) + 1) as i64;
            let mut want = Vec::new();
            for row in 0..i64::from(rows) {
                for column in 0..i64::from(columns) {
                    let row = row + top - i64::from(padding);
                    let column = column + left - i64::from(padding);
                    let inside = (0..height as i64).contains(&row) && (0..width as i64).contains(&column);
                    for channel in 0..channels as i64 {
                        let place = (row * width as i64 + column) * channels as i64 + channel;
                        want.push(if inside { pixels[place as usize] } else { -1.0 });
                    }
                }
            }
            let made = made.unwrap();
            prop_assert_eq!(made.shape(), [rows.into(), columns.into(), channels]);
            prop_assert_eq!(made.to_vec::<f32>().unwrap(), want);
        }
    }

    #[test]
    fn options_are_checked_and_described() {
        let read = |json: &str| serde_json::from_str::<RandomCrop>(json);
        let crop = read(r#"{"field":"x","height":2,"width":3,"padding":1,"fill":7}"#).unwrap();
        assert_eq!(crop, RandomCrop::new("x", 2, 3).padding(1).fill(7.0));
        let text = "random_crop(field=x,height=2,width=3,padding=1,fill=7.0,seed=0)";
        assert_eq!(crop.op().to_string(), text);
        assert!(crop.validate().is_ok());
        for (crop, says) in [
            (RandomCrop::new("x", 0, 1), "`height` is 0"),
            (RandomCrop::new("x", 1, SIDE_MAX + 1), "`width` is 1048577"),
            (RandomCrop::new("x", SIDE_MAX, 65), "pixels together"),
            (RandomCrop::new("x", 1, 1).padding(SIDE_MAX + 1), "`padding` is 1048577"),
            (RandomCrop::new("x", 1, 1).fill(f64::INFINITY), "`fill` is inf"),
        ] {
            let why = crop.validate().unwrap_err();
            assert!(why.contains(says), "{why}");
        }
        let picture = Tensor::from_slice([1, 1], &[1u8]).unwrap();
        let why = drawn(&picture, &RandomCrop::new("x", 1, 1).fill(0.5), 1).unwrap_err();
        assert!(why.contains("`fill` is 0.5, which no U8 is"), "{why}");
        let deep = Tensor::from_slice([1, 1, 99], &[0u8; 99]).unwrap();
        let why = drawn(&deep, &RandomCrop::new("x", 2048, 2048).padding(SIDE_MAX), 1).unwrap_err();
        assert!(why.contains("cut out at most 268435456"), "{why}");
    }
}
