//! `resize`: changes the height and the width of a picture.

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
use crate::dataset::{Dtype, FieldSpec, Tensor};
use crate::error::Fault;

/// The longest side, in pixels: the resizer holds weights for each pixel of a side.
const SIDE_MAX: u32 = 1 << 20;

/// Resizes the picture in a field, `U8` of shape `[height, width]` or `[height, width, channels]`
/// with 1 to 4 channels. Each channel is resized by itself.
///
/// If a side gets smaller, the filter is stretched so that every pixel counts. The crate `libm`
/// computes the weights, which are rounded to whole numbers; the sums are whole numbers too. So the
/// bits are the same on every platform and every processor. A picture of the requested size stays
/// unchanged.
///
/// Sides have at most 1 Mi pixels before and after. The op needs memory for the old width times the
/// new height, of at most 64 Mi pixels. The op also needs some 100 bytes for each pixel of the
/// longer sides.
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
    /// The name of the field with the picture.
    pub field: String,
    /// The new height, from 1 to 1 Mi pixels.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = SIDE_MAX)))]
    pub height: u32,
    /// The new width, from 1 to 1 Mi pixels.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = SIDE_MAX)))]
    pub width: u32,
    /// The filter that weighs the pixels: `"bilinear"` or `"lanczos3"`. The default is
    /// `"bilinear"`.
    #[serde(default)]
    pub filter: ResizeFilter,
}

impl Resize {
    /// Creates an op that resizes a field to a height and a width with the filter `bilinear`.
    #[must_use]
    pub fn new(field: impl Into<String>, height: u32, width: u32) -> Self {
        Self { field: field.into(), height, width, filter: ResizeFilter::default() }
    }

    /// Sets the filter.
    #[must_use]
    pub fn filter(self, filter: ResizeFilter) -> Self {
        Self { filter, ..self }
    }

    /// Checks the options, and that this build has the feature `image`.
    ///
    /// # Errors
    /// Returns the reason for a side of 0 or more than 1 Mi pixels, or more than 64 Mi pixels together.
    /// A build without the feature is an error too.
    pub fn validate(&self) -> Result<(), String> {
        pictures("resize")?;
        let (sides, Self { height, width, .. }) = (1..=SIDE_MAX, self);
        let pixels = u64::from(*height) * u64::from(*width);
        if !sides.contains(height) || !sides.contains(width) || pixels > PIXELS_MAX {
            return Err(format!(
                "`height` is {height} and `width` is {width}; give sides of 1 to {SIDE_MAX} pixels, \
                 and at most {PIXELS_MAX} pixels together"
            ));
        }
        Ok(())
    }

    /// Returns the spec of the result, or the reason why the field is no picture.
    fn declared(&self, field: &FieldSpec) -> Result<FieldSpec, String> {
        let sides = [self.height, self.width].map(|side| Some(side.into()));
        let channels = match field.shape.as_deref() {
            _ if field.has_other_dtype(Dtype::U8) => None,
            None => return Ok(FieldSpec::of_dtype(Dtype::U8)),
            Some([Some(0), _, ..] | [_, Some(0), ..]) => None,
            Some([_, _]) => Some(None),
            Some([_, _, channels @ (None | Some(1..=4))]) => Some(Some(*channels)),
            Some(_) => None,
        };
        let channels = channels.ok_or_else(|| no_picture(field))?;
        Ok(FieldSpec::new(Dtype::U8, sides.into_iter().chain(channels).collect::<Vec<_>>()))
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
            return Err(Fault::new(no_picture(&FieldSpec::exact(tensor.dtype(), shape))));
        }
        if (old_height, old_width) == (height, width) {
            return Ok(tensor.clone());
        }
        let longest = old_height.max(old_width);
        let between = u64::from(old_width) * u64::from(height);
        if longest > SIDE_MAX || between > PIXELS_MAX {
            let from = format!("{old_height} by {old_width} pixels to {height} by {width}");
            let bounds = format!(
                "a side may have at most {SIDE_MAX} pixels, and the old width times the new height \
                 at most {PIXELS_MAX}; resize in two steps or cut the picture"
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

field_op!(
    Resize,
    "resize",
    Self::resized,
    |to, op| {
        let filter = match to.filter {
            ResizeFilter::Bilinear => "bilinear",
            ResizeFilter::Lanczos3 => "lanczos3",
        };
        op.with("height", to.height).with("width", to.width).with("filter", filter)
    },
    Self::declared
);

fn no_picture(field: &FieldSpec) -> String {
    let why = "expected a picture, U8 of shape [height, width] or [height, width, 1 to 4]";
    format!("{why}, found {field}")
}
