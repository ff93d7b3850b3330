//! `resize`: another height and width for a picture.

#[cfg(feature = "image")]
mod convolve;
#[cfg(not(feature = "image"))]
#[path = "absent.rs"]
mod convolve;
mod filter;

pub use filter::ResizeFilter;

use serde::{Deserialize, Serialize};

use super::decode_image::PIXELS_MAX;
use super::pictures;
use crate::dataset::{Dtype, Tensor};
use crate::error::Fault;

/// The longest side, in pixels: of each pixel of a side there are weights.
const SIDE_MAX: u32 = 1 << 20;

/// Resizes the picture in a field: `U8` of shape `[height, width]` or `[height, width, channels]`
/// with 1 to 4 channels, each of which is resized by itself.
///
/// Where a side gets smaller, the filter is stretched so that every pixel counts. The weights are
/// computed by the crate `libm` and rounded to whole numbers, and the sums are whole numbers, so the
/// bits are the same on every platform and every processor. A picture that has the size already is
/// left as it is.
///
/// Sides have at most 1 Mi pixels before and after. Memory: the old width times the new height, of at
/// most 64 Mi pixels, and some 100 bytes for each pixel of the longer sides.
///
#[cfg_attr(feature = "image", doc = "```")]
#[cfg_attr(not(feature = "image"), doc = "```no_run")]
/// use windrow::dataset::{Record, Tensor};
/// use windrow::spec::ops::Resize;
/// use windrow::{Dataset, from_vec};
/// let gradient = Tensor::from_slice([2, 4], &[0u8, 40, 80, 120, 0, 40, 80, 120])?;
/// let pictures = from_vec(vec![Record::new().with("x", gradient)?]);
/// let small = pictures.transform(Resize::new("x", 1, 2)).get(0)?.unwrap_or_default();
/// assert_eq!(small["x"], Tensor::from_slice([1, 2], &[29u8, 91])?);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Resize {
    /// The field.
    pub field: String,
    /// The height it becomes, in pixels; at least 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 67_108_864)))]
    pub height: u32,
    /// The width it becomes, in pixels; at least 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 67_108_864)))]
    pub width: u32,
    /// How pixels are weighed; `bilinear` unless set.
    #[serde(default)]
    pub filter: ResizeFilter,
}

impl Resize {
    /// Resizes a field to a height and a width with the filter `bilinear`.
    #[must_use]
    pub fn new(field: impl Into<String>, height: u32, width: u32) -> Self {
        Self { field: field.into(), height, width, filter: ResizeFilter::default() }
    }

    /// The same with another filter.
    #[must_use]
    pub fn filter(self, filter: ResizeFilter) -> Self {
        Self { filter, ..self }
    }

    /// Finds what is wrong with the options, or that this build is without the feature `image`.
    ///
    /// # Errors
    /// No pixel or more than 64 Mi, or a build that cannot resize.
    pub fn validate(&self) -> Result<(), String> {
        pictures("resize")?;
        let pixels = u64::from(self.height) * u64::from(self.width);
        if pixels == 0 || pixels > PIXELS_MAX {
            let size = format!("`height` is {} and `width` is {}", self.height, self.width);
            return Err(format!("{size}; 1 to {PIXELS_MAX} pixels are needed"));
        }
        Ok(())
    }

    fn resized(&self, tensor: &Tensor) -> Result<Tensor, Fault> {
        let (shape, (height, width)) = (tensor.shape(), (self.height, self.width));
        let (sides, channels) = match *shape {
            [height, width] => ([height, width], 1),
            [height, width, channels @ 1..=4] => ([height, width], channels as u8),
            _ => ([0; 2], 0),
        };
        let [old_height, old_width] = sides.map(|side| u32::try_from(side).unwrap_or(0));
        if tensor.dtype() != Dtype::U8 || old_height == 0 || old_width == 0 {
            let dtype = tensor.dtype();
            let why = "a picture is U8 of shape [height, width] or [height, width, 1 to 4]";
            return Err(Fault::new(format!("{why}, this is {dtype} of shape {shape:?}")));
        }
        if (old_height, old_width) == (height, width) {
            return Ok(tensor.clone());
        }
        let longest = old_height.max(old_width).max(height).max(width);
        let between = u64::from(old_width) * u64::from(height);
        if longest > SIDE_MAX || between > PIXELS_MAX {
            let from = format!("{old_height} by {old_width} pixels to {height} by {width}");
            let bounds = format!(
                "sides of at most {SIDE_MAX}, and an old width times a new height of at most \
                 {PIXELS_MAX}, are resized; resize in two steps or cut the picture"
            );
            return Err(Fault::new(format!("{from}: {bounds}")));
        }
        let mut new_shape = shape.to_vec();
        new_shape[..2].copy_from_slice(&[height.into(), width.into()]);
        let from = (old_height, old_width, tensor.bytes());
        Tensor::build(Dtype::U8, new_shape, |out| {
            convolve::resize(self.filter, channels, from, (height, width, out)).map_err(Fault::new)
        })
    }
}

field_op!(Resize, "resize", Self::resized, |to, op| {
    let filter = match to.filter {
        ResizeFilter::Bilinear => "bilinear",
        ResizeFilter::Lanczos3 => "lanczos3",
    };
    op.with("height", to.height).with("width", to.width).with("filter", filter)
});
