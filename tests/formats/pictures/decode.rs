//! What the pixels of a file are.

use windrow::dataset::Tensor;
use windrow::dataset::Transform;
use windrow::order::Op;
use windrow::spec::ops::{DecodeImage, PIXELS_MAX};

use super::png::{Kind, write};
use super::{decoded, hash, pictures, through};

/// Samples that use all of their range.
fn samples(kind: Kind, count: usize, most: u32) -> Vec<u16> {
    let mut state = 0x2545_f491u32;
    let mut next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 16) % (most + 1)) as u16
    };
    (0..count * kind.samples()).map(&mut next).collect()
}

#[test]
fn every_kind_of_png_gives_the_pixels_that_were_written() {
    let palette: Vec<u8> = (0..768u32).map(|i| (i * 7 + i / 3) as u8).collect();
    let opacity: Vec<u8> = (0..100).map(|i| 255 - i * 2).collect();
    for kind in Kind::all() {
        for (width, height) in [(1u32, 1u32), (3, 2), (9, 17), (33, 5)] {
            for transparent in [false, true] {
                let colors = 1usize << kind.depth.min(8);
                let most = (1u32 << kind.depth) - 1;
                let samples = samples(kind, (width * height) as usize, most);
                let palette = &palette[..3 * colors];
                let opacity = &opacity[..colors.min(100)];
                let key: Vec<u8> = samples[..kind.samples()]
                    .iter()
                    .flat_map(|sample| sample.to_be_bytes())
                    .collect();
                let mut before: Vec<(&[u8; 4], &[u8])> = vec![(b"gAMA", &[0, 0, 0xb1, 0x8f])];
                match (kind.color, transparent) {
                    (3, false) => before.push((b"PLTE", palette)),
                    (3, true) => before.extend([(b"PLTE", palette), (b"tRNS", opacity)]),
                    (0 | 2, true) => before.push((b"tRNS", &key)),
                    (_, true) => continue,
                    _ => {}
                }
                let file = write(kind, width, &samples, &before);
                let spread = |sample: u16| match kind.depth {
                    16 => (sample >> 8) as u8,
                    _ => (u32::from(sample) * 255 / most) as u8,
                };
                let pixels = samples.chunks(kind.samples());
                let want: Vec<u8> = match (kind.color, transparent) {
                    (3, _) => pixels
                        .flat_map(|pixel| {
                            let at = usize::from(pixel[0]);
                            let color = &palette[3 * at..][..3];
                            let last = opacity.get(at).copied().unwrap_or(255);
                            color
                                .iter()
                                .copied()
                                .chain(transparent.then_some(last))
                                .collect::<Vec<_>>()
                        })
                        .collect(),
                    (_, true) => pixels
                        .flat_map(|pixel| {
                            let last = if pixel == &samples[..kind.samples()] { 0 } else { 255 };
                            pixel.iter().map(|&x| spread(x)).chain([last]).collect::<Vec<_>>()
                        })
                        .collect(),
                    _ => samples.iter().map(|&sample| spread(sample)).collect(),
                };
                let channels = want.len() as u64 / u64::from(width * height);
                let want = Tensor::from_slice([height.into(), width.into(), channels], &want);
                let got = decoded(&file, None).unwrap_or_else(|why| panic!("{kind:?}: {why}"));
                assert_eq!(got, want.unwrap(), "{kind:?} {width} by {height}, {transparent}");
            }
        }
    }
}

/// The pixels of the pictures in `tests/data/pictures`, as every platform has them.
const PIXELS: &[(&str, [u64; 3], &str)] = &[
    ("baseline.jpg", [59, 101, 3], "9c4c938d53db488c"),
    ("full.jpg", [59, 101, 3], "eca7ae12b8d62d8f"),
    ("gray.jpg", [59, 101, 1], "1134a8b923ca34b7"),
    ("progressive.jpg", [59, 101, 3], "9eb57cc7b6b6477d"),
    ("wide.jpg", [59, 101, 3], "2d409eba7fee4a01"),
];

#[test]
fn every_kind_of_jpeg_has_the_same_pixels_everywhere() {
    let got: Vec<_> = pictures()
        .into_iter()
        .map(|(name, file)| {
            let tensor = decoded(&file, None).unwrap_or_else(|why| panic!("{name}: {why}"));
            (name, tensor.shape().to_vec(), hash(&tensor))
        })
        .collect();
    let want: Vec<_> = PIXELS
        .iter()
        .map(|(name, shape, hash)| (name.to_string(), shape.to_vec(), hash.to_string()))
        .collect();
    assert_eq!(got, want);
}

#[test]
fn jpegs_of_one_picture_are_close_to_each_other() {
    let all = pictures();
    let (_, best) = all.iter().find(|(name, _)| name == "full.jpg").unwrap();
    for (name, file) in &all {
        let channels = if name == "gray.jpg" { 1 } else { 3 };
        let [one, other] = [best, file].map(|file| decoded(file, Some(channels)).unwrap());
        let off = one.bytes().iter().zip(other.bytes()).map(|(&a, &b)| u64::from(a.abs_diff(b)));
        let mean = off.sum::<u64>() as f64 / one.len() as f64;
        assert!(mean < 12.0, "{name}: {mean}");
    }
}

#[test]
fn channels_are_those_asked_for() {
    let kind = Kind { color: 6, depth: 8, interlaced: false };
    let file = write(kind, 2, &[10, 20, 30, 40, 50, 60, 70, 80], &[]);
    for (channels, want) in [
        (None, &[10, 20, 30, 40, 50, 60, 70, 80][..]),
        (Some(4), &[10, 20, 30, 40, 50, 60, 70, 80]),
        (Some(3), &[10, 20, 30, 50, 60, 70]),
        (Some(1), &[18, 58]),
    ] {
        let tensor = decoded(&file, channels).unwrap();
        assert_eq!(tensor.bytes(), want);
        assert_eq!(tensor.shape(), [1, 2, want.len() as u64 / 2]);
    }
    for (name, file) in pictures() {
        for channels in [1, 3, 4] {
            let tensor = decoded(&file, Some(channels)).unwrap();
            assert_eq!(tensor.shape(), [59, 101, u64::from(channels)], "{name}");
        }
    }
}

#[test]
fn what_is_no_picture_is_told_by_what_it_is() {
    for (file, says) in [
        (&b""[..], "field \"x\": the file is empty; give a PNG or JPEG picture"),
        (b"hello", "field \"x\": the file starts with \"hello\", so it is no PNG or JPEG picture"),
        (b"<!DOCTYPE html>", "it looks like SVG or HTML"),
        (b"GIF89a", "it is GIF"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "it is WebP"),
        (b"\x89PNG", "the PNG picture is broken: its first 8 bytes are not"),
        (b"\xff\xd8", "the JPEG picture is cut short or broken: its end mark"),
        (b"\xff\xd8\xff\xd9", "the JPEG picture is broken: "),
        (b"\xff\xd8\xff\xe0", "its end mark is missing"),
    ] {
        let why = decoded(file, None).unwrap_err();
        assert!(why.contains(says), "{why}");
    }
    let decode = DecodeImage::new("x");
    let why = through(&decode, Tensor::from_slice([2, 2], &[0u8; 4]).unwrap()).unwrap_err();
    assert!(why.ends_with("U8 of shape [n], found U8 of shape [2, 2]"), "{why}");
    let why = through(&decode, Tensor::from_slice([2], &[0i8; 2]).unwrap()).unwrap_err();
    assert!(why.ends_with("found I8 of shape [2]"), "{why}");
}

#[test]
fn options_are_checked_and_described() {
    let read = |json: &str| serde_json::from_str::<DecodeImage>(json);
    let decode = read(r#"{"field":"x","channels":3}"#).unwrap();
    assert_eq!(decode, DecodeImage::new("x").channels(3));
    let text = |op: Op| op.to_string();
    assert_eq!(text(decode.op()), "decode_image(field=x,channels=3)");
    assert_eq!(text(DecodeImage::new("x").op()), "decode_image(field=x)");
    assert!(read(r#"{"field":"x","channel":3}"#).is_err());
    for channels in [0, 2, 5] {
        let why = DecodeImage::new("x").channels(channels).validate().unwrap_err();
        assert_eq!(why, format!("`channels` is {channels}; give 1, 3 or 4"));
    }
    assert_eq!(PIXELS_MAX, 8192 * 8192);
}
