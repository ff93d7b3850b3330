//! Resizing in a build without the feature `image`.

use super::filter::ResizeFilter;

/// Says that this build cannot.
pub(super) fn available() -> Result<(), String> {
    Err("resize is not available: this build of windrow is without the feature `image`; build \
         with it"
        .into())
}

pub(super) fn resize(
    _: ResizeFilter,
    _: u8,
    _: (u32, u32, &[u8]),
    _: (u32, u32, &mut [u8]),
) -> Result<(), String> {
    available()
}
