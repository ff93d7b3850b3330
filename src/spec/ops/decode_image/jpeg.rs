//! JPEG by the crate `zune-jpeg`, held to its code that is the same on every processor.

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::Pixels;
use super::decode::check_size;

/// The pixels of a file.
pub(super) fn decode(file: &[u8]) -> Result<Pixels, String> {
    if !has_end(file) {
        return Err("is cut short or broken: its end mark is missing".into());
    }
    let broken = |error| format!("is broken: {error}");
    let side_max = usize::from(u16::MAX);
    let options = DecoderOptions::new_safe()
        // Another crate may have switched the features on that use the processor's own.
        .set_use_unsafe(false)
        .set_strict_mode(true)
        .set_max_width(side_max)
        .set_max_height(side_max);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().map_err(|error| broken(format!("{error:?}")))?;
    let (width, height) = decoder.dimensions().ok_or("claims no size")?;
    let (width, height) = (width as u64, height as u64);
    check_size(width, height)?;
    let gray = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let channels = if gray { 1 } else { 3 };
    let colors = if gray { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(colors));
    let bytes = decoder.decode().map_err(|error| broken(format!("{error:?}")))?;
    if bytes.len() as u64 != width * height * u64::from(channels) {
        return Err(broken(format!("{} bytes came out of it", bytes.len())));
    }
    Ok(Pixels { height, width, channels, bytes })
}

/// Whether the end mark stands where a reader of the file's segments and scans finds it.
///
/// The decoder takes zeros for what is missing in the last rows.
fn has_end(file: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[mark, kind]) = file.get(at..at + 2).and_then(|pair| pair.first_chunk()) {
        at = match (mark, kind) {
            (0xff, 0xd9) => return true,
            // Filling, or a mark within a scan.
            (0xff, 0xff) => at + 1,
            (0xff, 0x00 | 0xd0..=0xd7 | 0x01) => at + 2,
            // A segment with its length; the one that starts a scan is followed by its data.
            (0xff, _) => match file.get(at + 2..at + 4) {
                Some(&[high, low]) => at + 2 + usize::from(u16::from_be_bytes([high, low])),
                _ => return false,
            },
            // Data of a scan.
            _ => match file[at..].iter().position(|&byte| byte == 0xff) {
                Some(skipped) => at + skipped,
                None => return false,
            },
        };
    }
    false
}
