//! Properties of pictures.

use std::io::Write;

use windrow::dataset::{Record, SampleContext, Tensor, Transform};
use windrow::spec::ops::{DecodeImage, Resize, ResizeFilter};

use super::{BYTES_MAX, FREE, bounded};

/// The most that decoding may take: for each pixel, the smallest block of the format at the least,
/// and for the file, since it is copied.
fn decodes(file: &[u8], pixels_max: u64, size: impl Fn(&[u8]) -> Option<u64>) -> bool {
    let file = &file[..file.len().min(BYTES_MAX)];
    let Some(pixels) = size(file) else {
        let refused = bounded(4 * file.len() + FREE, || decoded(file, None).is_err());
        assert!(refused, "a picture without a size");
        return false;
    };
    // More would make a fuzzer slow.
    if pixels > pixels_max && pixels <= windrow::spec::ops::PIXELS_MAX {
        return false;
    }
    let bound = 4 * file.len() + 64 * pixels.min(pixels_max) as usize + FREE;
    let Ok(picture) = bounded(bound, || decoded(file, None)) else { return false };
    let [height, width, channels] = *picture.shape() else { panic!("a picture has three axes") };
    assert!(height * width == pixels && (1..=4).contains(&channels));
    assert_eq!(decoded(file, None).as_ref(), Ok(&picture));
    let gray = decoded(file, Some(1)).expect("the same picture in gray");
    assert_eq!(gray.shape(), [height, width, 1]);
    true
}

fn decoded(file: &[u8], channels: Option<u8>) -> Result<Tensor, String> {
    let file = Tensor::from_slice([file.len() as u64], file).expect("bytes are a tensor");
    let mut decode = DecodeImage::new("x");
    decode.channels = channels;
    through(&decode, file)
}

fn through(
    transform: &impl Transform<Record, Sample = Record>,
    tensor: Tensor,
) -> Result<Tensor, String> {
    let record = Record::new().with("x", tensor).expect("a record of one tensor");
    let made = transform.apply(SampleContext::new(0, 1, 1), record);
    let made = made.map_err(|fault| fault.to_string())?;
    Ok(made.expect("neither op leaves gaps")["x"].clone())
}

/// The size is in the first chunk. The checksums are made right first, since hardly any bytes have them.
pub(super) fn png(bytes: &[u8]) -> bool {
    let size = |file: &[u8]| {
        let side = |at: usize| {
            let side = file.get(at..at + 4)?.try_into().ok()?;
            Some(u64::from(u32::from_be_bytes(side)))
        };
        side(16)?.checked_mul(side(20)?)
    };
    let mut sealed = bytes[..bytes.len().min(BYTES_MAX)].to_vec();
    let mut at = 8;
    while let Some(length) = sealed.get(at..).and_then(|rest| rest.first_chunk()) {
        let length = u32::from_be_bytes(*length) as usize;
        let Some(chunk) = sealed.get_mut(at + 4..).filter(|rest| rest.len() >= length + 8) else {
            break;
        };
        let (summed, sum) = chunk.split_at_mut(length + 4);
        sum[..4].copy_from_slice(&crc32fast::hash(summed).to_be_bytes());
        at += length + 12;
    }
    _ = decodes(bytes, 1 << 20, size);
    decodes(&sealed, 1 << 20, size)
}

pub(super) fn png_seeds() -> Vec<Vec<u8>> {
    let zlib = |bytes: &[u8]| {
        let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).expect("memory takes all");
        out.finish().expect("memory takes all")
    };
    let file = |header: [u8; 13], chunks: &[(&[u8; 4], &[u8])]| {
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, content) in
            [(b"IHDR", &header[..])].iter().chain(chunks).chain(&[(b"IEND", &[][..])])
        {
            let named = [&name[..], content].concat();
            file.extend((content.len() as u32).to_be_bytes());
            file.extend(&named);
            file.extend(crc32fast::hash(&named).to_be_bytes());
        }
        file
    };
    let header = |depth, color, interlace| [0, 0, 0, 3, 0, 0, 0, 2, depth, color, 0, 0, interlace];
    let rgb = zlib(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let text = [&b"Comment\0\0"[..], &zlib(&[b'.'; 5000])].concat();
    vec![
        file(header(8, 2, 0), &[(b"zTXt", &text), (b"tRNS", &[0, 1, 0, 2, 0, 3]), (b"IDAT", &rgb)]),
        file(
            header(2, 3, 0),
            &[(b"PLTE", &[9; 6]), (b"tRNS", &[7]), (b"IDAT", &zlib(&[0, 0, 2, 20]))],
        ),
        file(header(16, 0, 0), &[(b"tRNS", &[0, 1]), (b"IDAT", &zlib(&[1; 14]))]),
        file(header(1, 0, 1), &[(b"IDAT", &zlib(&[0; 10]))]),
    ]
}

/// The size is in the frame's header.
pub(super) fn jpeg(bytes: &[u8]) -> bool {
    let side = |pair: &[u8]| u64::from(u16::from_be_bytes([pair[0], pair[1]]));
    // Any of the frames that there may be.
    let size = |file: &[u8]| {
        let frames = file.windows(9).filter(|frame| matches!(frame[..2], [0xff | 0, 0xc0..=0xc2]));
        frames.map(|frame| side(&frame[5..7]) * side(&frame[7..9])).max()
    };
    let file = &bytes[..bytes.len().min(BYTES_MAX)];
    let most = size(file).unwrap_or(0);
    if most > 1 << 18 {
        return false;
    }
    // Sides are rounded up to 32, so a picture of one row has as much as one of 32.
    let rows = file.windows(9).filter(|frame| matches!(frame[..2], [0xff | 0, 0xc0..=0xc2]));
    let padded = rows.map(|frame| {
        side(&frame[5..7]).next_multiple_of(32) * side(&frame[7..9]).next_multiple_of(32)
    });
    let bound = 4 * file.len() + 32 * padded.max().unwrap_or(0) as usize + FREE;
    let Ok(picture) = bounded(bound, || decoded(file, None)) else { return false };
    assert_eq!(decoded(file, None), Ok(picture));
    true
}

pub(super) fn jpeg_seeds() -> Vec<Vec<u8>> {
    vec![
        include_bytes!("../../../data/pictures/gray.jpg").to_vec(),
        include_bytes!("../../../data/pictures/baseline.jpg").to_vec(),
        include_bytes!("../../../data/pictures/progressive.jpg").to_vec(),
    ]
}

/// The first bytes say sizes, channels and filter; a size that is said to be right gives a picture.
pub(super) fn resize(bytes: &[u8]) -> bool {
    let Some((&[a, b, c, d, how], pixels)) = bytes.split_first_chunk() else { return false };
    let [height, width, new_height, new_width] = [a, b, c, d].map(|side| match side {
        // Few values say large sides.
        250.. => 1u32 << (side - 250 + 16),
        side => u32::from(side),
    });
    let channels = u64::from(how & 3) + 1;
    let count = u64::from(height) * u64::from(width) * channels;
    if count > 1 << 18 {
        return false;
    }
    let pixels: Vec<u8> = pixels.iter().chain(&[7]).copied().cycle().take(count as usize).collect();
    let picture = Tensor::from_slice([height.into(), width.into(), channels], &pixels);
    let filter = [ResizeFilter::Bilinear, ResizeFilter::Lanczos3][usize::from(how >> 7)];
    let op = Resize::new("x", new_height, new_width).filter(filter);
    let between = u64::from(width) * u64::from(new_height);
    let new = u64::from(new_height) * u64::from(new_width);
    if between.max(new) > 1 << 20 && between.max(new) <= 1 << 26 {
        return false;
    }
    let places = count + channels * (between.min(1 << 20) + new.min(1 << 20));
    let sides = [height, width, new_height, new_width].map(|side| u64::from(side.min(1 << 20)));
    let bound = 2 * places as usize + 150 * sides.iter().sum::<u64>() as usize + FREE;
    let picture = picture.expect("as many bytes as pixels");
    let Ok(made) = bounded(bound, || through(&op, picture)) else { return false };
    assert_eq!(made.shape(), [new_height.into(), new_width.into(), channels]);
    true
}

pub(super) fn resize_seeds() -> Vec<Vec<u8>> {
    vec![
        vec![4, 5, 3, 9, 0x82, 1, 2, 3, 200, 255],
        vec![7, 1, 1, 7, 0x00, 9, 8],
        vec![1, 252, 2, 2, 0],
    ]
}
