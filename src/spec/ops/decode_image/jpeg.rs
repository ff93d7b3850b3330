//! JPEG by the crate `zune-jpeg`, restricted to the code that is the same on every processor.
//!
//! The decoder gets only the segments that pixels need. With comments, previews and profiles, the
//! decoder would copy them and go over all of them again at each one.

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::pixels::{Pixels, check_size};

/// The largest number of scans: as many as the decoder accepts of a progressive picture.
const SCANS_MAX: u32 = 100;
/// More pixels than a byte of a scan can hold: a block of 64 pixels takes at least one bit, of one
/// colour. The bound is 4 times that, since the colours of a picture may have sides of different
/// detail.
const PIXELS_PER_BYTE_MAX: u64 = 2048;

/// Returns the pixels of a file.
pub(super) fn decode(file: &[u8]) -> Result<Pixels, String> {
    let Needed { bytes: needed, data } = Needed::of(file)?;
    let broken = |error| format!("is broken: {error}");
    let side_max = usize::from(u16::MAX);
    let options = DecoderOptions::new_safe()
        // Another crate may have turned on the features that use instructions of the processor.
        .set_use_unsafe(false)
        .set_strict_mode(true)
        .set_max_width(side_max)
        .set_max_height(side_max);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&needed), options);
    decoder.decode_headers().map_err(|error| broken(format!("{error:?}")))?;
    let (width, height) = decoder.dimensions().ok_or("claims no size")?;
    let (width, height) = (width as u64, height as u64);
    check_size(width, height)?;
    if width * height / PIXELS_PER_BYTE_MAX > data {
        let claim = format!("claims {width} by {height} pixels");
        return Err(format!("{claim}, more than can be packed into its {data} bytes of data"));
    }
    let gray = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let channels = if gray { 1 } else { 3 };
    let colors = if gray { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(colors));
    let bytes = decoder.decode().map_err(|error| broken(format!("{error:?}")))?;
    if bytes.len() as u64 != width * height * u64::from(channels) {
        return Err(broken(format!("it decodes to {} bytes", bytes.len())));
    }
    Ok(Pixels { height, width, channels, bytes })
}

/// The parts of a file that the decoder needs.
struct Needed {
    bytes: Vec<u8>,
    /// The number of bytes that are data of scans.
    data: u64,
}

impl Needed {
    /// Splits a file into segments as the decoder does, so that this check sees all that the
    /// decoder would find.
    ///
    /// # Errors
    /// Returns an error if no end mark follows the last scan: the decoder would fill the missing
    /// last rows with zeros.
    fn of(file: &[u8]) -> Result<Self, String> {
        let short = || "is cut short or broken: its end mark is missing".to_owned();
        let (start, mut rest) = file.split_at_checked(2).ok_or_else(short)?;
        let mut bytes = Vec::with_capacity(file.len());
        bytes.extend_from_slice(start);
        let (mut scans, mut data) = (0, 0);
        loop {
            let (before, kind) = next_mark(&mut rest, scans > 0).ok_or_else(short)?;
            bytes.extend_from_slice(before);
            data += before.len() as u64;
            if kind == 0xd9 {
                bytes.extend_from_slice(&[0xff, kind]);
                return Ok(Self { bytes, data });
            }
            let length = usize::from(u16::from_be_bytes(*rest.first_chunk().ok_or_else(short)?));
            let (segment, after) = rest.split_at_checked(length).ok_or_else(short)?;
            rest = after;
            let content = segment.get(2..).ok_or("is broken: a segment has no length")?;
            let content = match kind {
                // The decoder may misread these segments beyond the part that is kept here.
                0xe0 if content.starts_with(b"AVI1\0") => &content[..5],
                0xee if content.starts_with(b"Adobe") => &content[..content.len().min(12)],
                0xe0..=0xef | 0xfe => continue,
                0x01 => return Err("is broken: it has a mark of arithmetic coding".into()),
                _ => content,
            };
            scans += u32::from(kind == 0xda);
            if scans > SCANS_MAX {
                return Err(format!("has more than {SCANS_MAX} scans"));
            }
            bytes.extend_from_slice(&[0xff, kind]);
            bytes.extend_from_slice(&(content.len() as u16 + 2).to_be_bytes());
            bytes.extend_from_slice(content);
        }
    }
}

/// Moves `rest` behind the next mark, and returns the bytes before the mark and its kind.
///
/// Within a scan, a 0 follows a data byte that looks like a mark, and restart marks belong to the
/// data. Before the first scan, the decoder takes zeros for filling.
fn next_mark<'a>(rest: &mut &'a [u8], in_scan: bool) -> Option<(&'a [u8], u8)> {
    let all = *rest;
    let mut from = 0;
    loop {
        let mark = from + all[from..].iter().position(|&byte| byte == 0xff)?;
        let filling = |byte: &u8| *byte == 0xff || (*byte == 0 && !in_scan);
        let filled = mark + all[mark..].iter().position(|byte| !filling(byte))?;
        from = filled + 1;
        match all[filled] {
            0 | 0xd0..=0xd7 if in_scan => {}
            kind => {
                *rest = &all[from..];
                return Some((&all[..mark], kind));
            }
        }
    }
}
