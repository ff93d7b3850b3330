//! Resizing by the crate `fast_image_resize`, with weights that use no sine of the platform.

use std::f64::consts::PI;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{Filter, FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use super::filter::ResizeFilter;

/// Resizes rows of pixels. `from` and `to` are a height, a width and the bytes of the pixels.
pub(super) fn resize(
    filter: ResizeFilter,
    channels: u8,
    from: (u32, u32, &[u8]),
    to: (u32, u32, &mut [u8]),
) -> Result<(), String> {
    match channels {
        1 => pixels::<U8>(filter, from, to),
        2 => pixels::<U8x2>(filter, from, to),
        3 => pixels::<U8x3>(filter, from, to),
        _ => pixels::<U8x4>(filter, from, to),
    }
}

fn pixels<P: PixelTrait>(
    filter: ResizeFilter,
    (old_height, old_width, from): (u32, u32, &[u8]),
    (height, width, to): (u32, u32, &mut [u8]),
) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("resizing failed: {error}");
    let filter = match filter {
        ResizeFilter::Bilinear => FilterType::Bilinear,
        ResizeFilter::Lanczos3 => FilterType::Custom(
            Filter::new("lanczos3", lanczos3, 3.0).map_err(|error| failed(&error))?,
        ),
    };
    let from = TypedImageRef::<P>::from_buffer(old_width, old_height, from);
    let from = from.map_err(|error| failed(&error))?;
    let mut to = TypedImage::<P>::from_buffer(width, height, to).map_err(|error| failed(&error))?;
    // Opacity is resized like every other channel.
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false);
    Resizer::new().resize_typed(&from, &mut to, &options).map_err(|error| failed(&error))
}

/// Returns the weight of a pixel at a distance: `sinc(x) sinc(x / 3)`.
fn lanczos3(x: f64) -> f64 {
    if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { libm::sin(x * PI) / (x * PI) }
}
