//! The archives and lines of `tests/golden/data`, made out of the digits and the pictures.
//!
//! `WINDROW_BLESS=1` writes them anew; a change of them changes golden digests.

use std::io::Read;

use super::pictures;
use super::png::{Kind, write};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/data");
const DIGITS: &[u8] = include_bytes!("../../../www/data/digits.csv.gz");

/// The first digits: 64 values from 0 to 16, and the label.
fn digits(count: usize) -> Vec<Vec<u16>> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(DIGITS).read_to_string(&mut text).unwrap();
    let row = |line: &str| line.split(',').map(|value| value.parse().unwrap()).collect();
    text.lines().take(count).map(row).collect()
}

/// One file of an archive, as `tar --format=ustar` packs it but without owner and time.
fn member(name: &str, data: &[u8]) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..107].copy_from_slice(b"0000644");
    block[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
    block[148..156].fill(b' ');
    block[156] = b'0';
    block[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block.extend(data);
    block.resize(block.len().next_multiple_of(512), 0);
    block
}

/// Forty digits as gray PNG files with their labels.
fn digits_tar() -> Vec<u8> {
    let kind = Kind { color: 0, depth: 8, interlaced: false };
    let mut archive = Vec::new();
    for (number, digit) in digits(40).iter().enumerate() {
        let pixels: Vec<u16> = digit[..64].iter().map(|&ink| 255 - ink * 255 / 16).collect();
        let name = format!("digits/{number:04}");
        archive.extend(member(&format!("{name}.png"), &write(kind, 8, &pixels, &[])));
        archive.extend(member(&format!("{name}.cls"), format!("{}\n", digit[64]).as_bytes()));
    }
    archive.extend([0; 1024]);
    archive
}

/// The pictures of `tests/data/pictures`, and a digit as every kind of PNG that keeps it.
fn pictures_tar() -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, file) in pictures() {
        archive.extend(member(&name.replace(".jpg", ".picture"), &file));
    }
    let digit = &digits(1)[0][..64];
    for kind in Kind::all().filter(|kind| kind.depth >= 4) {
        let most = (1u32 << kind.depth) - 1;
        let ink = |ink: u16| (u32::from(ink) * most / 16) as u16;
        let pixel = |&x: &u16| {
            let all = [ink(x), ink(16 - x), ink(x / 2), ink(16 - x / 2)];
            all[..kind.samples()].to_vec()
        };
        let samples: Vec<u16> = digit.iter().flat_map(pixel).collect();
        let palette: Vec<u8> = (0..3 << kind.depth.min(8)).map(|i: u32| (i * 5) as u8).collect();
        let before: &[(&[u8; 4], &[u8])] =
            if kind.color == 3 { &[(b"PLTE", &palette), (b"tRNS", &[0, 50, 100])] } else { &[] };
        let Kind { color, depth, interlaced } = kind;
        let name = format!("png-{color}-{depth}-{interlaced}.picture");
        archive.extend(member(&name, &write(kind, 8, &samples, before)));
    }
    archive.extend([0; 1024]);
    archive
}

/// A hundred digits, one a line.
fn digits_jsonl() -> Vec<u8> {
    let line = |(number, digit): (usize, &Vec<u16>)| {
        let rows: Vec<_> = digit[..64].chunks(8).map(|row| format!("{row:?}")).collect();
        let (rows, label) = (rows.join(","), digit[64]);
        let ink = digit[..64].iter().sum::<u16>();
        let mean = f64::from(ink) / 64.0;
        format!(
            "{{\"id\":\"digit {number}\",\"image\":[{rows}],\"about\":{{\"label\":{label},\"mean\":{mean}}}}}\n"
        )
        .replace(", ", ",")
    };
    digits(100).iter().enumerate().map(line).collect::<String>().into_bytes()
}

#[test]
fn the_golden_data_is_what_digits_and_pictures_make() {
    let bless = std::env::var_os("WINDROW_BLESS").is_some();
    for (name, made) in [
        ("digits.tar", digits_tar()),
        ("pictures.tar", pictures_tar()),
        ("digits.jsonl", digits_jsonl()),
    ] {
        let path = format!("{DATA}/{name}");
        if bless {
            std::fs::write(&path, &made).unwrap();
        }
        assert!(std::fs::read(&path).unwrap() == made, "{name} is not what it is made of");
    }
}
