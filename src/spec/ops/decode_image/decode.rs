//! The choice of the decoder by the format of a file.

use super::pixels::Pixels;
use super::{jpeg, png};

/// Returns the pixels of a file, or the reason why the file cannot be decoded.
pub(super) fn decode(file: &[u8]) -> Result<Pixels, String> {
    let wrong = |format, why| format!("the {format} picture {why}");
    match file {
        [0x89, b'P', b'N', b'G', ..] => png::decode(file).map_err(|why| wrong("PNG", why)),
        [0xff, 0xd8, ..] => jpeg::decode(file).map_err(|why| wrong("JPEG", why)),
        [] => Err("the file is empty; give a PNG or JPEG picture".into()),
        _ => {
            let what = match file {
                [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "it is WebP",
                [b'G', b'I', b'F', b'8', ..] => "it is GIF",
                [b'B', b'M', ..] => "it is BMP",
                [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => "it is TIFF",
                [b'<', ..] => "it looks like SVG or HTML",
                _ => {
                    let start = file[..file.len().min(8)].escape_ascii();
                    let why = format!("the file starts with \"{start}\", so it is no PNG or JPEG");
                    return Err(format!("{why} picture; give one of these"));
                }
            };
            Err(format!("the file is no PNG or JPEG picture, {what}; convert it first"))
        }
    }
}
