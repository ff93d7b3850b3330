//! PNG by the crate `zune-png`, after a check of the chunks that is stricter than the crate's own.
//!
//! The decoder gets only the chunks that pixels need. The decoder would unpack texts and profiles
//! of any size, which the op does not use.

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_core::result::DecodingResult;
use zune_png::PngDecoder;

use super::pixels::{Pixels, check_size};

/// The first bytes of every PNG file.
const MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";
/// More bytes than deflate can unpack from one byte: the most is 1,032.
const DEFLATE_RATIO_MAX: u64 = 1040;

/// Returns the pixels of a file.
pub(super) fn decode(file: &[u8]) -> Result<Pixels, String> {
    let Checked { width, height, key, needed } = check(file)?;
    let options = DecoderOptions::new_safe()
        .set_use_unsafe(false)
        .set_strict_mode(true)
        .set_max_width(width as usize)
        .set_max_height(height as usize)
        .png_set_confirm_crc(true)
        .inflate_set_confirm_adler(true)
        .png_set_decode_animated(false);
    let mut decoder = PngDecoder::new_with_options(ZCursor::new(&needed), options);
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
        (DecodingResult::U16(wide), Some(key)) if key.len() == usize::from(channels) => {
            let pixels = wide.chunks_exact(key.len());
            channels += 1;
            let opacity = |pixel: &[u16]| if *pixel == *key { 0 } else { 255 };
            pixels.flat_map(|pixel| pixel.iter().map(upper).chain([opacity(pixel)])).collect()
        }
        _ => return Err("is broken: its samples are not of the size that it claims".into()),
    };
    if bytes.len() as u64 != width * height * u64::from(channels) {
        return Err(format!("is broken: it decodes to {} bytes", bytes.len()));
    }
    Ok(Pixels { height, width, channels, bytes })
}

/// A file whose chunks are checked.
struct Checked {
    width: u64,
    height: u64,
    /// The transparent colour of a file with samples of 16 bits. The decoder cannot find this
    /// colour, since it compares the bytes in the wrong order.
    key: Option<Vec<u16>>,
    /// The file without the chunks that the decoder does not need.
    needed: Vec<u8>,
}

/// Checks the chunks of a file.
fn check(file: &[u8]) -> Result<Checked, String> {
    if !file.starts_with(MAGIC) {
        return Err("is broken: its first 8 bytes are not those of a PNG file".into());
    }
    let mut rest = &file[MAGIC.len()..];
    let header = Chunk::next(&mut rest).filter(|header| header.is(b"IHDR"));
    let header = header.ok_or("does not start with a header")?;
    let &[ref size @ .., depth, color, compression, filter, interlace] = header.content else {
        return Err("does not start with a header".into());
    };
    let [width, height] = *size.as_chunks::<4>().0 else {
        return Err("does not start with a header".into());
    };
    let [width, height] = [width, height].map(|side| u64::from(u32::from_be_bytes(side)));
    check_size(width, height)?;
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
    let mut needed = Vec::with_capacity(file.len());
    needed.extend_from_slice(MAGIC);
    needed.extend_from_slice(header.whole);
    let (mut palette, mut data, mut key) = (None, 0, None);
    loop {
        let chunk = Chunk::next(&mut rest).ok_or("is cut short: a chunk or its end is missing")?;
        let size = chunk.content.len();
        let keep = match chunk.name {
            b"PLTE" if palette.is_some() || data > 0 => return Err("has a palette too many".into()),
            b"PLTE" => {
                palette = Some(size);
                color == 3
            }
            b"IDAT" => {
                data += size as u64;
                true
            }
            b"IEND" => true,
            b"tRNS" => {
                let sound = match color {
                    0 | 2 => size == 2 * samples as usize && key.is_none(),
                    3 => palette.is_some_and(|palette| size <= palette / 3),
                    _ => false,
                };
                if !sound {
                    return Err("has no sound transparent colour".into());
                }
                if depth == 16 {
                    let samples = chunk.content.as_chunks::<2>().0.iter();
                    key = Some(samples.map(|&sample| u16::from_be_bytes(sample)).collect());
                }
                depth < 16
            }
            name if name[0].is_ascii_lowercase() => false,
            name => return Err(format!("has the unknown chunk \"{}\"", name.escape_ascii())),
        };
        match keep {
            // The decoder checks the checksum.
            true => needed.extend_from_slice(chunk.whole),
            // The wrong byte may be in the name, so the chunk may be one that pixels need.
            false if !chunk.is_whole() => {
                let name = chunk.name.escape_ascii();
                return Err(format!("is broken: the chunk \"{name}\" has a wrong checksum"));
            }
            false => {}
        }
        if chunk.is(b"IEND") {
            break;
        }
    }
    let most = 3 << depth.min(8);
    match (color, palette) {
        (3, None) => return Err("has no palette, which its colours refer to".into()),
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
    Ok(Checked { width, height, key, needed })
}

/// A chunk of a file.
struct Chunk<'a> {
    name: &'a [u8; 4],
    content: &'a [u8],
    /// The whole chunk, from its length to its checksum.
    whole: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Returns the next chunk and moves `rest` behind it.
    fn next(rest: &mut &'a [u8]) -> Option<Self> {
        let length = usize::try_from(u32::from_be_bytes(*rest.first_chunk()?)).ok()?;
        let (whole, after) = rest.split_at_checked(length.checked_add(12)?)?;
        *rest = after;
        let (name, content) = whole[4..whole.len() - 4].split_first_chunk()?;
        Some(Self { name, content, whole })
    }

    fn is(&self, name: &[u8; 4]) -> bool {
        self.name == name
    }

    /// Returns true if the checksum of the chunk is right.
    fn is_whole(&self) -> bool {
        let (summed, sum) = self.whole.split_at(self.whole.len() - 4);
        crc32fast::hash(&summed[4..]).to_be_bytes() == sum
    }
}
