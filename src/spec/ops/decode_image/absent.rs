//! Decoding in a build without the feature `image`, which no file gets to.

use super::pixels::Pixels;

pub(super) fn decode(_: &[u8]) -> Result<Pixels, String> {
    Err("this build of windrow is without the feature `image`".into())
}
