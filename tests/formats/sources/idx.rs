//! idx files, plain and packed.

use proptest::prelude::*;
use windrow::dataset::{Dtype, Tensor};
use windrow::source::{Identity, Idx, IdxOptions, MemoryFiles, Source};

use super::{bytes, column, flat, text};
use crate::spy::largest_request;
#[cfg(feature = "gz")]
use crate::spy::most_in_use;

fn file(kind: u8, axes: &[u32], data: &[u8]) -> Vec<u8> {
    let axes: Vec<u8> = axes.iter().flat_map(|axis| axis.to_be_bytes()).collect();
    [&[0, 0, kind, (axes.len() / 4) as u8][..], &axes, data].concat()
}

fn open(file: impl Into<Vec<u8>>) -> windrow::Result<Idx> {
    Idx::new(vec![("data".into(), bytes("x.idx", file))], Identity::Blocks)
}

#[test]
fn every_type_is_read_as_little_endian() {
    for (kind, dtype) in [
        (0x08, Dtype::U8),
        (0x09, Dtype::I8),
        (0x0b, Dtype::I16),
        (0x0c, Dtype::I32),
        (0x0d, Dtype::F32),
        (0x0e, Dtype::F64),
    ] {
        let size = dtype.size() as usize;
        let expected: Vec<u8> = (0..2 * 3 * size).map(|i| (i * 11) as u8).collect();
        let big: Vec<u8> = expected.chunks(size).flat_map(|e| e.iter().rev().copied()).collect();
        let idx = open(file(kind, &[2, 3], &big)).unwrap();
        let rows = column(&idx, "data");
        assert_eq!((rows.len(), rows[1].dtype(), rows[1].shape()), (2, dtype, &[3][..]));
        assert_eq!(flat(&idx, "data"), expected);
    }
    let idx = open(file(0x0d, &[1], &1.5f32.to_be_bytes())).unwrap();
    assert_eq!(column(&idx, "data"), [Tensor::scalar(1.5f32)]);
    assert_eq!(open(file(8, &[0, 28, 28], &[])).unwrap().len(), 0);
}

#[test]
fn a_file_that_is_cut_or_too_long_is_refused_with_both_sizes() {
    let whole = file(0x0b, &[2, 2], &[7; 8]);
    assert!(open(&whole[..]).is_ok());
    for length in 0..whole.len() {
        let message = text(open(&whole[..length]));
        assert!(message.starts_with("x.idx at byte "), "{length}: {message}");
        if length >= 12 {
            let says = format!("I16 takes 8 bytes from byte 12 on, only {} follow", length - 12);
            assert!(message.ends_with(&says), "{message}");
        }
    }
    let message = text(open([&whole[..], &[0]].concat()));
    let says =
        "at byte 20: is too long: its shape [2, 2] of I16 takes 8 bytes after the header, but 9";
    assert!(message.contains(says), "{message}");
}

#[test]
fn a_hostile_header_is_refused_with_its_place() {
    for (file, says) in [
        (b"\0\0".to_vec(), "at byte 0: is not an idx file: it has 2 bytes"),
        (b"\x93NUMPY".to_vec(), "at byte 0: is not an idx file"),
        (file(0x0a, &[1], &[1]), "at byte 2: has the type 0x0a"),
        (file(8, &[], &[1]), "at byte 3: has 0 axes; 1 to 8 can be read"),
        (file(8, &[1; 9], &[1]), "at byte 3: has 9 axes"),
        (file(8, &[u32::MAX; 8], &[1]), "beyond 2^63 bytes"),
        (file(8, &[u32::MAX, 3], &[1]), "takes 12884901885 bytes from byte 12 on, only 1 follow"),
        (file(8, &[2, 2], &[1])[..9].to_vec(), "2 axes take 8 bytes, only 5 follow"),
    ] {
        let mut message = String::new();
        let most = largest_request(|| message = text(open(file)));
        assert!(message.contains(says), "{message}");
        assert!(most < 1 << 16, "{most} bytes at once");
    }
}

#[test]
fn fields_come_from_several_files_of_one_length() {
    let files = MemoryFiles::default()
        .with("images", file(8, &[2, 2], &[1, 2, 3, 4]))
        .with("labels", file(8, &[2], &[8, 9]))
        .with("more", file(8, &[3], &[8, 9, 7]));
    let pairs = [("image", "images"), ("label", "labels")];
    let idx = Idx::open(&files, &IdxOptions::from(pairs)).unwrap();
    let record = idx.get(1).unwrap();
    assert_eq!((record["image"].bytes(), record["label"].bytes()), (&[3, 4][..], &[9][..]));
    assert!(idx.op().to_string().starts_with("idx(len=2,image="));
    let message = text(Idx::open(&files, &IdxOptions::from([("a", "images"), ("b", "more")])));
    assert_eq!(message, "more: field b has 3 samples, field a of images has 2");
    assert!(text(Idx::open(&files, &IdxOptions::file("none"))).starts_with("opening none: "));
}

#[cfg(not(feature = "gz"))]
#[test]
fn gzip_without_the_feature_says_what_to_do() {
    let message = text(open(*b"\x1f\x8b\x08\0\0\0\0\0\0\0"));
    let says = "reading x.idx, which is gzip is not available: this build of windrow lacks";
    assert!(message.starts_with(says) && message.ends_with("unpack the file first"), "{message}");
}

/// Opens a file that may be anything, and reads what can be read.
fn survive(file: Vec<u8>) {
    let most = largest_request(|| {
        if let Ok(idx) = open(file) {
            for index in [0, idx.len() / 2, idx.len().wrapping_sub(1), u64::MAX] {
                _ = idx.get(index);
            }
        }
    });
    // Unpacking has tables and buffers of its own.
    assert!(most < 1 << 18, "{most} bytes at once");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_valid_file_with_some_bytes_changed_never_panics(
        changes in prop::collection::vec((0usize..24, any::<u8>()), 1..4),
    ) {
        let mut file = file(0x0b, &[2, 3], &[1; 12]);
        changes.into_iter().for_each(|(at, byte)| file[at] = byte);
        survive(file);
    }

    #[test]
    fn random_bytes_never_panic(rest in prop::collection::vec(any::<u8>(), 0..60)) {
        survive([&[0, 0], &rest[..]].concat());
        survive(rest);
    }
}

#[cfg(feature = "gz")]
mod gz {
    use super::*;
    use crate::sources::gzip;

    #[test]
    fn a_packed_file_gives_what_the_plain_one_does() {
        let data: Vec<u8> = (0..60_000u32).map(|i| ((i * i) >> 7) as u8).collect();
        let plain = file(0x0c, &[150, 10, 10], &data);
        let (one, other) = (open(&plain[..]).unwrap(), open(gzip(&plain)).unwrap());
        assert_eq!(flat(&one, "data"), flat(&other, "data"));
        assert_ne!(one.op(), other.op());
        // gzip files put one after another are one file.
        let (start, end) = plain.split_at(30_000);
        let parts = open([gzip(start), gzip(end)].concat()).unwrap();
        assert_eq!(flat(&parts, "data"), flat(&one, "data"));
    }

    #[test]
    fn a_packed_file_that_is_cut_or_broken_is_refused() {
        let packed =
            gzip(&file(8, &[2, 300], &(0..600).map(|i| (i * i) as u8).collect::<Vec<_>>()));
        for length in 0..packed.len() {
            let message = text(open(&packed[..length]));
            assert!(message.starts_with("x.idx"), "{length}: {message}");
            assert_eq!(message.contains("not a sound gzip file"), length >= 2, "{message}");
        }
        // From the last 8 bytes on: the checksum and the length.
        for at in packed.len() - 8..packed.len() {
            let mut broken = packed.clone();
            broken[at] ^= 1;
            assert!(text(open(broken)).contains("not a sound gzip file"), "byte {at}");
        }
        assert!(open([&packed[..], b"more"].concat()).is_err());
    }

    #[test]
    fn what_unpacks_to_another_size_than_it_says_is_refused() {
        let message = text(open(gzip(&file(8, &[10], &[1; 9]))));
        let says = "is cut short: its shape [10] of U8 takes 10 bytes after the header, but it unpacks to 9";
        assert!(message.contains(says), "{message}");
        let message = text(open(gzip(&file(8, &[10], &[1; 11]))));
        assert!(message.contains("is too long: its shape [10] of U8 takes 10 bytes"), "{message}");
    }

    #[test]
    fn a_gzip_bomb_is_refused_before_it_takes_memory() {
        // 20 MB of zeros behind a header of 10 bytes.
        let small = gzip(&file(8, &[10], &vec![0; 20 << 20]));
        // A claim of 4 GB in a few bytes.
        let large = gzip(&file(8, &[u32::MAX], &[0; 10]));
        let most = "a gzip file of this size may unpack to at most 16777216; unpack the file first";
        for (bomb, says) in [(small, "but more follow"), (large, most)] {
            let mut message = String::new();
            let most = largest_request(|| message = text(open(bomb)));
            assert!(message.contains(says), "{message}");
            assert!(most < 1 << 18, "{most} bytes at once");
        }
    }

    #[test]
    fn a_packed_file_takes_memory_for_what_is_in_it_and_not_for_what_it_claims() {
        // 60 KB that cannot be packed, in front of which a header claims 12 MB.
        let noise: Vec<u8> = (0u32..15_000)
            .flat_map(|i| i.wrapping_mul(2_654_435_761).rotate_left(i % 31).to_le_bytes())
            .collect();
        let packed = gzip(&file(8, &[12 << 20], &noise));
        let mut message = String::new();
        let most = most_in_use(|| message = text(open(packed)));
        assert!(message.ends_with("after the header, but it unpacks to 60000"), "{message}");
        assert!(most < 1 << 20, "{most} bytes");

        let packed = gzip(&file(8, &[12 << 20], &vec![7; 12 << 20]));
        let most = most_in_use(|| assert_eq!(open(packed).unwrap().len(), 12 << 20));
        assert!(most < 21 << 20, "{most} bytes");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn a_packed_file_with_some_bytes_changed_never_panics(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut packed = gzip(&file(0x0b, &[20, 3], &[1; 120]));
            for (at, byte) in changes {
                let at = at.index(packed.len());
                packed[at] = byte;
            }
            survive(packed);
        }
    }
}
