//! Decoding in a build without the feature `image`, which `validate` refuses first.

use super::pixels::Pixels;

pub(super) fn decode(_: &[u8]) -> Result<Pixels, String> {
    Err("this build of windrow lacks the feature `image`; build windrow with it".into())
}
