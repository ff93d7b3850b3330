//! Resizing in a build without the feature `image`, which `validate` refuses first.

use super::filter::ResizeFilter;

pub(super) fn resize(
    _: ResizeFilter,
    _: u8,
    _: (u32, u32, &[u8]),
    _: (u32, u32, &mut [u8]),
) -> Result<(), String> {
    Err("this build of windrow lacks the feature `image`; build windrow with it".into())
}
