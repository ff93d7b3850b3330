//! Decoding in a build without the feature `image`.

use super::pixels::Pixels;

/// Says that this build cannot.
pub(super) fn available() -> Result<(), String> {
    Err("decode_image is not available: this build of windrow is without the feature `image`; \
         build with it"
        .into())
}

pub(super) fn decode(_: &[u8]) -> Result<Pixels, String> {
    Err("this build of windrow is without the feature `image`".into())
}
