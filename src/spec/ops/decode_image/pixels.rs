//! The pixels of a picture, and their largest number.

/// The largest number of pixels of a picture: 64 Mi, which is 8,192 by 8,192.
pub const PIXELS_MAX: u64 = 1 << 26;

/// The pixels of a picture, row by row.
#[cfg_attr(not(feature = "image"), allow(dead_code, reason = "only decoders ask"))]
pub(super) struct Pixels {
    pub(super) height: u64,
    pub(super) width: u64,
    /// 1: gray; 2: gray and opacity; 3: red, green, blue; 4: these and opacity.
    pub(super) channels: u8,
    pub(super) bytes: Vec<u8>,
}

/// Returns an error for a picture without pixels or with too many.
#[cfg(feature = "image")]
pub(super) fn check_size(width: u64, height: u64) -> Result<(), String> {
    if width == 0 || height == 0 {
        return Err(format!("claims {width} by {height} pixels"));
    }
    // Both are below 2^32.
    if width * height > PIXELS_MAX {
        return Err(format!("claims {width} by {height} pixels; at most {PIXELS_MAX} are decoded"));
    }
    Ok(())
}
