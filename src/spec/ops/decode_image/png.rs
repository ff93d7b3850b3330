//! PNG by the crate `zune-png`, after a look at the chunks that is stricter than its own.

use std::ops::Range;

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_core::result::DecodingResult;
use zune_png::PngDecoder;

use super::Pixels;
use super::decode::check_size;

/// What every file starts with.
const MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";
/// More bytes than deflate can make of one: its best is 1,032.
const DEFLATE_RATIO_MAX: u64 = 1040;

/// The pixels of a file.
pub(super) fn decode(file: &[u8]) -> Result<Pixels, String> {
    let Checked { width, height, key } = check(file)?;
    let options = DecoderOptions::new_safe()
        .set_use_unsafe(false)
        .set_strict_mode(true)
        .set_max_width(width as usize)
        .set_max_height(height as usize)
        .png_set_confirm_crc(true)
        .inflate_set_confirm_adler(true)
        .png_set_decode_animated(false);
    // The decoder looks for a transparent colour of 16 bits with its bytes in the wrong order.
    let without: Vec<u8>;
    let shown = match &key {
        None => file,
        Some((place, _)) => {
            without = [&file[..place.start], &file[place.end..]].concat();
            &without
        }
    };
    let mut decoder = PngDecoder::new_with_options(ZCursor::new(shown), options);
    let decoded = decoder.decode().map_err(|error| format!("is broken: {error:?}"))?;
    let mut channels: u8 = match decoder.colorspace() {
        Some(ColorSpace::Luma) => 1,
        Some(ColorSpace::LumaA) => 2,
        Some(ColorSpace::RGB) => 3,
        Some(ColorSpace::RGBA) => 4,
        other => return Err(format!("has the colours {other:?}")),
    };
    let upper = |sample: &u16| (sample >> 8) as u8;
    let bytes = match (decoded, key) {
        (DecodingResult::U8(bytes), None) => bytes,
        (DecodingResult::U16(wide), None) => wide.iter().map(upper).collect(),
        (DecodingResult::U16(wide), Some((_, key))) if key.len() == usize::from(channels) => {
            let pixels = wide.chunks_exact(key.len());
            channels += 1;
            let opacity = |pixel: &[u16]| if *pixel == *key { 0 } else { 255 };
            pixels.flat_map(|pixel| pixel.iter().map(upper).chain([opacity(pixel)])).collect()
        }
        _ => return Err("is broken: its samples are not of the size that it claims".into()),
    };
    if bytes.len() as u64 != width * height * u64::from(channels) {
        return Err(format!("is broken: {} bytes came out of it", bytes.len()));
    }
    Ok(Pixels { height, width, channels, bytes })
}

/// What the chunks say.
struct Checked {
    width: u64,
    height: u64,
    /// The transparent colour, where samples have 16 bits, and the chunk that it stands in.
    key: Option<(Range<usize>, Vec<u16>)>,
}

/// Looks at the chunks.
fn check(file: &[u8]) -> Result<Checked, String> {
    if !file.starts_with(MAGIC) {
        return Err("is broken: its first 8 bytes are not those of a PNG file".into());
    }
    let mut rest = &file[MAGIC.len()..];
    let header = chunk(&mut rest).filter(|header| header.0 == *b"IHDR" && header.1.len() == 13);
    let (_, header) = header.ok_or("does not start with a header")?;
    let number = |at: usize| header[at..at + 4].iter().fold(0, |n, &byte| n << 8 | u64::from(byte));
    let (width, height) = (number(0), number(4));
    check_size(width, height)?;
    let [depth, color, compression, filter, interlace] = header[8..] else {
        return Err("does not start with a header".into());
    };
    let samples = match (color, depth) {
        (0, 1 | 2 | 4 | 8 | 16) | (3, 1 | 2 | 4 | 8) => 1,
        (2, 8 | 16) => 3,
        (4, 8 | 16) => 2,
        (6, 8 | 16) => 4,
        _ => return Err(format!("has the colour type {color} with {depth} bits, which is none")),
    };
    if compression != 0 || filter != 0 || interlace > 1 {
        let three = format!("{compression}, {filter} and {interlace}");
        return Err(format!("has compression, filter and interlace methods {three}"));
    }
    let (mut palette, mut data, mut key) = (None, 0, None);
    loop {
        let start = file.len() - rest.len();
        let (name, content) =
            chunk(&mut rest).ok_or("is cut short: a chunk or its end is missing")?;
        match &name {
            b"PLTE" if palette.is_some() || data > 0 => return Err("has a palette too many".into()),
            b"PLTE" => palette = Some(content.len()),
            b"IDAT" => data += content.len() as u64,
            b"IEND" => break,
            b"tRNS" if depth == 16 && (color == 0 || color == 2) => {
                if key.is_some() || content.len() != 2 * samples as usize {
                    return Err("has no sound transparent colour".into());
                }
                let key_samples = content.as_chunks::<2>().0.iter();
                let key_samples = key_samples.map(|&bytes| u16::from_be_bytes(bytes)).collect();
                key = Some((start..file.len() - rest.len(), key_samples));
            }
            _ if name[0].is_ascii_lowercase() => {}
            _ => return Err(format!("has the unknown chunk \"{}\"", name.escape_ascii())),
        }
    }
    let most = 3 << depth.min(8);
    match (color, palette) {
        (3, None) => return Err("has no palette, which its colours are chosen from".into()),
        (3, Some(size)) if size == 0 || size % 3 != 0 || size > most => {
            return Err(format!(
                "has a palette of {size} bytes; 3 to {most} in threes are allowed"
            ));
        }
        _ => {}
    }
    let raw = (width * u64::from(depth) * samples).div_ceil(8) * height;
    if raw / DEFLATE_RATIO_MAX > data {
        let claim = format!("claims {width} by {height} pixels");
        return Err(format!("{claim}, more than can be packed into its {data} bytes of data"));
    }
    Ok(Checked { width, height, key })
}

/// Takes the next chunk: its name and its content. The checksum is for the decoder to check.
fn chunk<'a>(rest: &mut &'a [u8]) -> Option<([u8; 4], &'a [u8])> {
    let (head, after) = rest.split_first_chunk::<8>()?;
    let [a, b, c, d, name @ ..] = *head;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
    let content = after.get(..length)?;
    *rest = after.get(length.checked_add(4)?..)?;
    Some((name, content))
}
