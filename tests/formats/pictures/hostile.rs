//! Files that are cut, changed, or made to do harm.

use proptest::prelude::*;

use super::png::{Kind, file, seal, write, zlib};
use super::{decoded, pictures};
use crate::spy::{largest_request, most_in_use};

const RGB: Kind = Kind { color: 2, depth: 8, interlaced: false };

fn small() -> Vec<u8> {
    write(RGB, 7, &(0..7 * 5 * 3).map(|i| i * 2).collect::<Vec<_>>(), &[])
}

/// What decoding says, without taking more memory than this at once.
fn refused(file: &[u8], most: usize) -> String {
    let mut why = String::new();
    let took = largest_request(|| {
        why = decoded(file, None).err().unwrap_or_else(|| "no error".into());
    });
    assert!(took <= most, "{took} bytes at once for {why}");
    why
}

#[test]
fn a_picture_that_is_cut_at_any_byte_is_an_error() {
    let whole = small();
    for length in 0..whole.len() {
        let why = refused(&whole[..length], 1 << 16);
        assert!(why.starts_with("field \"x\": "), "{length}: {why}");
    }
    for (name, whole) in pictures() {
        for length in 0..whole.len() {
            let why = refused(&whole[..length], 1 << 20);
            assert_ne!(why, "no error", "{name} at {length} of {}", whole.len());
        }
    }
}

#[test]
fn a_png_with_any_bit_changed_is_an_error() {
    let whole = small();
    for at in 0..whole.len() {
        let mut broken = whole.clone();
        broken[at] ^= 1 << (at % 8);
        assert_ne!(refused(&broken, 1 << 16), "no error", "byte {at}");
    }
}

fn header(width: u32, height: u32, rest: [u8; 5]) -> Vec<u8> {
    [&width.to_be_bytes()[..], &height.to_be_bytes(), &rest].concat()
}

#[test]
fn a_png_that_breaks_the_rules_is_refused() {
    let (rgb, data) = (header(1, 1, [8, 2, 0, 0, 0]), zlib(&[0, 1, 2, 3]));
    let index = header(1, 1, [2, 3, 0, 0, 0]);
    let (ihdr, idat, iend) = ((b"IHDR", &rgb[..]), (b"IDAT", &data[..]), (b"IEND", &[][..]));
    assert!(decoded(&file(&[ihdr, idat, iend]), None).is_ok());
    let with = |rest| header(1, 1, rest);
    for (chunks, says) in [
        (vec![idat, iend], "does not start with a header"),
        (vec![(b"IHDR", &rgb[..12]), idat, iend], "does not start with a header"),
        (vec![ihdr, iend], "picture "),
        (vec![ihdr, idat], "is cut short"),
        (vec![ihdr, (b"ABCD", &[]), idat, iend], "has the unknown chunk \"ABCD\""),
        (vec![(b"IHDR", &header(0, 1, [8, 2, 0, 0, 0])), idat, iend], "claims 0 by 1 pixels"),
        (vec![(b"IHDR", &with([4, 2, 0, 0, 0])), idat, iend], "colour type 2 with 4 bits"),
        (vec![(b"IHDR", &with([8, 5, 0, 0, 0])), idat, iend], "colour type 5 with 8 bits"),
        (vec![(b"IHDR", &with([8, 2, 1, 0, 0])), idat, iend], "methods 1, 0 and 0"),
        (vec![(b"IHDR", &with([8, 2, 0, 0, 2])), idat, iend], "methods 0, 0 and 2"),
        (vec![(b"IHDR", &index), idat, iend], "has no palette"),
        (vec![(b"IHDR", &index), (b"PLTE", &[0; 15]), idat, iend], "has a palette of 15 bytes"),
        (vec![(b"IHDR", &index), (b"PLTE", &[0; 4]), idat, iend], "has a palette of 4 bytes"),
        (vec![(b"IHDR", &index), (b"PLTE", &[]), idat, iend], "has a palette of 0 bytes"),
        (vec![ihdr, (b"IDAT", &data[..9]), iend], "is broken"),
        (vec![ihdr, (b"IDAT", &zlib(&[5, 1, 2, 3])), iend], "is broken"),
        (vec![ihdr, (b"IDAT", &zlib(&[0, 1, 2])), iend], "is broken"),
    ] {
        let why = refused(&file(&chunks), 1 << 16);
        assert!(why.contains(says), "{why} is not {says}");
    }
}

#[test]
fn a_bomb_takes_no_memory() {
    let bomb = |width, height, data: &[u8]| {
        let header = header(width, height, [8, 6, 0, 0, 0]);
        file(&[(b"IHDR", &header), (b"IDAT", data), (b"IEND", &[])])
    };
    let data = zlib(&[0; 100]);
    let claim = "claims 4294967295 by 4294967295 pixels; at most 67108864 are decoded";
    assert!(refused(&bomb(u32::MAX, u32::MAX, &data), 1 << 12).contains(claim));
    assert!(refused(&bomb(8192, 8193, &data), 1 << 12).contains("at most 67108864"));
    let why = refused(&bomb(8192, 8192, &data), 1 << 12);
    assert!(why.contains("more than can be packed into its 111 bytes of data"), "{why}");
    // A JPEG's size lies in its frame header.
    let (_, mut jpeg) = pictures().swap_remove(0);
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].fill(0xff);
    let why = refused(&jpeg, 1 << 20);
    assert!(why.contains("claims 65535 by 65535 pixels; at most"), "{why}");
    jpeg[frame + 5..frame + 7].fill(0);
    assert_ne!(refused(&jpeg, 1 << 20), "no error");
}

/// Texts and profiles that unpack to 96 MB, by the chunks that have them.
#[cfg(feature = "gz")]
fn texts() -> Vec<(&'static [u8; 4], Vec<u8>)> {
    use std::io::Write;
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&vec![b' '; 32 << 20]).unwrap();
    let packed = packed.finish().unwrap();
    let chunk = |name, head: &[u8]| (name, [head, &packed].concat());
    vec![
        chunk(b"zTXt", b"Comment\0\0"),
        chunk(b"iTXt", b"Comment\0\x01\0\0\0"),
        chunk(b"iCCP", b"profile\0\0"),
    ]
}

#[cfg(feature = "gz")]
#[test]
fn texts_and_profiles_of_a_png_take_no_memory_wherever_they_are() {
    let whole = small();
    let want = decoded(&whole, None).unwrap();
    let texts = texts();
    let texts: Vec<_> = texts.iter().map(|(name, content)| (*name, &content[..])).collect();
    let with = &file(&texts)[8..];
    // After the header, between the data, and before the end.
    let second = whole.windows(4).rposition(|name| name == b"IDAT").unwrap() - 4;
    for at in [33, second, whole.len() - 12] {
        let bomb = [&whole[..at], with, &whole[at..]].concat();
        let mut got = None;
        let most = most_in_use(|| got = Some(decoded(&bomb, None)));
        assert_eq!(got.unwrap().unwrap(), want, "at {at}");
        assert!(most < 3 * bomb.len() + (1 << 16), "{most} bytes for {} at {at}", bomb.len());
    }
}

#[test]
fn nothing_hides_in_a_chunk_that_the_decoder_reads_otherwise() {
    // Texts within a transparent colour and within a palette that are longer than what is read.
    let inner = &file(&[(b"tEXt", &[b'a'; 300])])[8..];
    let whole = small();
    let (head, tail) = whole.split_at(33);
    for (name, content) in
        [(b"tRNS", [&[0; 6], inner].concat()), (b"tRNS", Vec::new()), (b"tRNS", vec![0; 5])]
    {
        let bad = [head, &file(&[(name, &content)])[8..], tail].concat();
        let why = decoded(&bad, None).unwrap_err();
        assert!(why.ends_with("has no sound transparent colour"), "{why}");
    }
    let palette = [&vec![0; 3 * 300][..], inner].concat();
    let suggested = [head, &file(&[(b"PLTE", &palette)])[8..], tail].concat();
    assert_eq!(decoded(&suggested, None), decoded(&whole, None));
}

#[test]
fn a_chunk_that_is_not_needed_still_has_a_right_checksum() {
    let whole = small();
    let mut text = file(&[(b"tEXt", b"Comment\0oat")])[8..].to_vec();
    text[12] ^= 1;
    let why = decoded(&[&whole[..33], &text, &whole[33..]].concat(), None).unwrap_err();
    assert!(why.ends_with("is broken: the chunk \"tEXt\" has a wrong checksum"), "{why}");
}

/// The places of a JPEG before each of its segments, and before its end.
fn places(file: &[u8]) -> Vec<usize> {
    let mut places = vec![2];
    loop {
        let at = places[places.len() - 1];
        if file[at..at + 2] == [0xff, 0xda] {
            break;
        }
        places.push(at + 2 + usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]])));
    }
    places.push(file.len() - 2);
    places
}

/// A segment of a JPEG.
fn segment(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16 + 2).to_be_bytes();
    [&[0xff, kind], &length[..], content].concat()
}

#[test]
fn comments_and_profiles_of_a_jpeg_take_no_memory_wherever_they_are() {
    // Profiles of one byte each, of which the decoder keeps a list.
    let profile = segment(0xe2, b"ICC_PROFILE\0\x01\x01.");
    let namespace = b"http://ns.adobe.com/xmp/extension/\0";
    let about = [&namespace[..], &[b'7'; 32], &[0, 1, 0, 0, 0, 0, 0, 0], b"<x/>"].concat();
    let others = [
        segment(0xe1, b"Exif\0\0........"),
        segment(0xe1, &about),
        segment(0xed, b"Photoshop 3.0\0...."),
        segment(0xee, b"no Adobe"),
        segment(0xe0, b"JFXX\0."),
        segment(0xfe, &[0xff; 300]),
    ];
    let many = [profile.repeat(100_000), others.concat()].concat();
    for (name, whole) in pictures() {
        let mut want = None;
        let alone = most_in_use(|| want = Some(decoded(&whole, None)));
        for place in places(&whole) {
            let bomb = [&whole[..place], &many, &whole[place..]].concat();
            let mut got = None;
            let most = most_in_use(|| got = Some(decoded(&bomb, None)));
            assert_eq!(got, want, "{name} at {place}");
            let bound = alone + 2 * bomb.len() + (1 << 10);
            assert!(most < bound, "{name} at {place}: {most} bytes, {bound} are the bound");
        }
    }
}

#[test]
fn a_jpeg_of_more_pixels_than_its_data_can_hold_takes_no_memory() {
    for (name, whole) in pictures() {
        let mut bomb = whole.clone();
        let frame = bomb.windows(2).position(|pair| pair[0] == 0xff && pair[1] & 0xfd == 0xc0);
        let frame = frame.unwrap();
        bomb[frame + 5..frame + 9].copy_from_slice(&[31, 64, 31, 64]);
        let mut why = String::new();
        let most = most_in_use(|| why = decoded(&bomb, None).unwrap_err());
        assert!(why.contains("claims 8000 by 8000 pixels, more than can be packed"), "{why}");
        assert!(most < 4 << 20, "{name}: {most} bytes");
    }
}

#[test]
fn the_scans_of_a_jpeg_are_counted() {
    let (_, whole) = pictures().swap_remove(0);
    let scan = places(&whole)[places(&whole).len() - 2];
    let header = &whole[scan..scan + 14];
    let why = |scans| {
        decoded(&[&whole[..scan], &header.repeat(scans), &whole[scan..]].concat(), None)
            .unwrap_err()
    };
    assert!(why(100).ends_with("has more than 100 scans"), "{}", why(100));
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_png_with_some_bytes_changed_never_panics(
        kind in prop::sample::select(Kind::all().collect::<Vec<_>>()),
        changes in changes(),
        sealed: bool,
    ) {
        let samples: Vec<u16> = (0..9 * 5 * kind.samples()).map(|i| i as u16 % 2).collect();
        let palette: &[(&[u8; 4], &[u8])] =
            if kind.color == 3 { &[(b"PLTE", &[9; 6]), (b"tRNS", &[7; 2])] } else { &[] };
        let mut file = write(kind, 9, &samples, palette);
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        if sealed {
            seal(&mut file);
        }
        refused(&file, 8 << 20);
    }

    #[test]
    fn a_jpeg_with_some_bytes_changed_never_panics(
        picture in 0usize..5,
        changes in changes(),
        keep in 0usize..20_000,
    ) {
        let (_, mut file) = pictures().swap_remove(picture);
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        // The size stays small, for the sake of the test's time.
        let frame = file.windows(2).position(|pair| pair[0] == 0xff && pair[1] & 0xfd == 0xc0);
        if let Some(size) = frame.and_then(|frame| file.get_mut(frame + 5..frame + 9)) {
            (size[0], size[2]) = (0, 0);
        }
        if keep > 10 {
            file.truncate(keep);
        }
        refused(&file, 8 << 20);
    }

    #[test]
    fn random_bytes_after_a_right_start_never_panic(rest in prop::collection::vec(any::<u8>(), 0..300)) {
        refused(&[b"\x89PNG\r\n\x1a\n", &rest[..]].concat(), 1 << 16);
        refused(&[b"\xff\xd8\xff", &rest[..]].concat(), 8 << 20);
    }
}
