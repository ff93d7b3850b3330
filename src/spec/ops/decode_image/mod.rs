//! `decode_image`: pixels out of a PNG or JPEG file.

mod channels;

#[cfg(feature = "image")]
mod decode;
#[cfg(not(feature = "image"))]
#[path = "absent.rs"]
mod decode;
#[cfg(feature = "image")]
mod jpeg;
mod pixels;
#[cfg(feature = "image")]
mod png;

pub use pixels::PIXELS_MAX;

use serde::{Deserialize, Serialize};

use super::{bytes, pictures};
use crate::dataset::{Dtype, Tensor};
use crate::error::Fault;

/// Decodes the PNG or JPEG file in a field into a `U8` tensor of shape `[height, width, channels]`.
///
/// The field holds the bytes of the file, as the source `tar` gives them: `U8` of shape `[n]`. Which
/// format it is says the file itself. The bits are the same on every platform: the decoders compute
/// with whole numbers, in one way whatever the processor.
///
/// Without `channels`, a picture has those of its file: a gray one 1, a coloured one 3, and one more
/// where a PNG has transparency. A palette is looked up, bits are spread to the range 0 to 255, and of
/// 16 bits the upper 8 are kept. With `channels`, gray is copied into red, green and blue; colours
/// become gray as `(19595 r + 38470 g + 7471 b + 32768) / 65536`, rounded down; opacity is dropped,
/// or 255 where there is none. JPEG of four inks is converted to red, green and blue first.
///
/// Orientation, colour profiles and gamma are not applied. Of an animation, the first picture is
/// taken. Texts, profiles and whatever else pixels are not made of are skipped, packed as they are, so
/// decoding takes some 20 bytes a pixel at most, and the size of the file twice. A file that is cut short or has a wrong checksum is an error, and so is one of more than 64
/// Mi pixels, before any memory is taken for them.
///
#[cfg_attr(feature = "image", doc = "```")]
#[cfg_attr(not(feature = "image"), doc = "```no_run")]
/// use windrow::dataset::{Record, Tensor};
/// use windrow::spec::ops::DecodeImage;
/// use windrow::{Dataset, from_vec};
///
/// // One red pixel.
/// let file = *b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde\0\0\0\x0c\
///     IDATx\xdac\xf8\xcf\xc0\0\0\x03\x01\x01\0\xf7\x03AC\0\0\0\0IEND\xaeB`\x82";
/// let record = Record::new().with("png", Tensor::from_slice([file.len() as u64], &file)?)?;
/// let decoded = from_vec(vec![record]).transform(DecodeImage::new("png"));
/// assert_eq!(decoded.get(0)?.unwrap_or_default()["png"], Tensor::from_slice([1, 1, 3], &[255u8, 0, 0])?);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DecodeImage {
    /// The field.
    pub field: String,
    /// 1 for gray, 3 for red, green and blue, 4 for these and opacity; those of the file unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("enum" = [1, 3, 4, null])))]
    pub channels: Option<u8>,
}

impl DecodeImage {
    /// Decodes a field with the channels of each file.
    #[must_use]
    pub fn new(field: impl Into<String>) -> Self {
        Self { field: field.into(), channels: None }
    }

    /// The same with so many channels: 1, 3 or 4.
    #[must_use]
    pub fn channels(self, channels: u8) -> Self {
        Self { channels: Some(channels), ..self }
    }

    /// Finds what is wrong with the options, or that this build is without the feature `image`.
    ///
    /// # Errors
    /// Channels other than 1, 3 and 4, or a build that cannot decode.
    pub fn validate(&self) -> Result<(), String> {
        pictures("decode_image")?;
        match self.channels {
            None | Some(1 | 3 | 4) => Ok(()),
            Some(other) => Err(format!("`channels` is {other}; 1, 3 or 4 is needed")),
        }
    }

    fn decoded(&self, tensor: &Tensor) -> Result<Tensor, Fault> {
        let pixels = decode::decode(bytes(tensor, "a picture file")?).map_err(Fault::new)?;
        let channels = self.channels.unwrap_or(pixels.channels);
        let shape = [pixels.height, pixels.width, u64::from(channels)];
        Tensor::build_overwritten(Dtype::U8, shape, |out| {
            channels::convert(pixels.channels, &pixels.bytes, channels, out);
            Ok(())
        })
    }
}

field_op!(DecodeImage, "decode_image", Self::decoded, |to, op| match to.channels {
    Some(channels) => op.with("channels", channels),
    None => op,
});
