//! `decode_image`: decodes a PNG or JPEG file into pixels.

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

use super::{bytes, holds_bytes, pictures};
use crate::dataset::{Dtype, FieldSpec, Tensor};
use crate::error::Fault;

/// Decodes the PNG or JPEG file in a field into a `U8` tensor of shape `[height, width, channels]`.
///
/// The field holds the bytes of the file, `U8` of shape `[n]`, as the source `tar` gives them. The
/// first bytes of the file tell the format. The bits are the same on every platform: the decoders
/// compute with whole numbers, in one way on every processor.
///
/// Without `channels`, a picture has the channels of its file: 1 for gray, 3 for colours, and one
/// more for a PNG with transparency. The decoder looks up palettes, spreads smaller depths to the
/// range 0 to 255, and keeps the upper 8 of 16 bits.
///
/// With `channels`, gray is copied into red, green and blue. Colours become gray as
/// `(19595 r + 38470 g + 7471 b + 32768) / 65536`, rounded down. Opacity is dropped, or is 255 for
/// files without opacity. JPEG of four inks is converted to red, green and blue first.
/// The op applies no orientation, colour profile or gamma, and takes the first picture of an
/// animation. The decoder skips texts, profiles and all other data that pixels do not need, without
/// unpacking them. So decoding takes at most some 20 bytes for each pixel, and twice the size of
/// the file.
///
/// A file that is cut short or has a wrong checksum is an error. A file of more than 64 Mi pixels
/// is an error before any memory is taken for them.
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
    /// The name of the field with the bytes of the file.
    pub field: String,
    /// The number of channels: 1 for gray, 3 for red, green and blue, 4 for these and opacity. The
    /// default is the channels of each file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("enum" = [1, 3, 4, null])))]
    pub channels: Option<u8>,
}

impl DecodeImage {
    /// Creates an op that decodes a field with the channels of each file.
    #[must_use]
    pub fn new(field: impl Into<String>) -> Self {
        Self { field: field.into(), channels: None }
    }

    /// Sets the number of channels: 1, 3 or 4.
    #[must_use]
    pub fn channels(self, channels: u8) -> Self {
        Self { channels: Some(channels), ..self }
    }

    /// Checks the options, and that this build has the feature `image`.
    ///
    /// # Errors
    /// Returns the reason for channels other than 1, 3 and 4, or for a build that cannot decode.
    pub fn validate(&self) -> Result<(), String> {
        pictures("decode_image")?;
        match self.channels {
            None | Some(1 | 3 | 4) => Ok(()),
            Some(other) => Err(format!("`channels` is {other}; give 1, 3 or 4")),
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

field_op!(
    DecodeImage,
    "decode_image",
    Self::decoded,
    |to, op| match to.channels {
        Some(channels) => op.with("channels", channels),
        None => op,
    },
    |to, field| {
        holds_bytes(field, "a picture file")?;
        Ok(FieldSpec::new(Dtype::U8, [None, None, to.channels.map(u64::from)]))
    }
);
