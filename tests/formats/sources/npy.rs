//! `.npy` files: what NumPy writes, and what it never would.

use proptest::prelude::*;
use windrow::dataset::{Dtype, Tensor};
use windrow::source::{Folder, Identity, LocalFile, MemoryFiles, Npy, NpyOptions, Source};

use super::{bytes, column, flat, text};
use crate::spy::largest_request;

/// A file with this header text.
fn file(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
    let length = header.len() as u32;
    let length = if version == 1 { &length.to_le_bytes()[..2] } else { &length.to_le_bytes()[..] };
    [b"\x93NUMPY", &[version, 0][..], length, header.as_bytes(), data].concat()
}

fn header(descr: &str, fortran: bool, shape: &str) -> String {
    let order = if fortran { "True" } else { "False" };
    format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n")
}

fn open(file: impl Into<Vec<u8>>) -> windrow::Result<Npy> {
    Npy::new(vec![("data".into(), bytes("x.npy", file))], Identity::Blocks)
}

/// What opening a file with this header says, without the file's name.
fn refused(header: &str) -> String {
    let message = text(open(file(1, header, &[0; 64])));
    message.strip_prefix("x.npy").map(String::from).unwrap_or(message)
}

#[test]
fn files_that_numpy_wrote_are_read() {
    let folder = Folder::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data"));
    let open = |name: &str| Npy::open(&folder, &NpyOptions::file(name));

    let npy = open("c_f4_v1.npy").unwrap();
    let rows = [[0.0f32, 0.25, 0.5], [0.75, 1.0, 1.25]];
    assert_eq!(column(&npy, "data"), rows.map(|row| Tensor::from_slice([3], &row).unwrap()));

    let npy = open("fortran_be_f8_v2.npy").unwrap();
    let row = |first: u8| std::array::from_fn::<_, 6, _>(|i| (f64::from(first) + i as f64) / 8.0);
    let rows = [row(0), row(6)].map(|row| Tensor::from_slice([3, 2], &row).unwrap());
    assert_eq!(column(&npy, "data"), rows);

    let npy = open("bool_v3.npy").unwrap();
    assert_eq!(column(&npy, "data"), [true, false, true].map(Tensor::scalar));

    let message = text(open("structured_v1.npy"));
    assert!(message.contains("at byte 20: its dtype \"[('a', '<f4'), ('b', '<i2')]"), "{message}");
    let message = text(open("objects_v1.npy"));
    assert!(message.contains("\"|O\" is Python objects: those are pickles"), "{message}");
}

#[test]
fn every_dtype_byte_order_version_and_axis_order_gives_the_same_rows() {
    let dtypes = [
        ("b1", Dtype::BOOL),
        ("u1", Dtype::U8),
        ("i1", Dtype::I8),
        ("u2", Dtype::U16),
        ("i2", Dtype::I16),
        ("u4", Dtype::U32),
        ("i4", Dtype::I32),
        ("u8", Dtype::U64),
        ("i8", Dtype::I64),
        ("f2", Dtype::F16),
        ("f4", Dtype::F32),
        ("f8", Dtype::F64),
    ];
    for (name, dtype) in dtypes {
        let size = dtype.size() as usize;
        let mask = if dtype == Dtype::BOOL { 1 } else { 0xff };
        let expected: Vec<u8> = (0..2 * 3 * 2 * size).map(|i| (i * 37) as u8 & mask).collect();
        for (mark, fortran, version) in ["<", ">", "=", "|", ""].iter().flat_map(|mark| {
            [false, true].iter().flat_map(move |order| [1, 2, 3].map(|v| (*mark, *order, v)))
        }) {
            let mut elements: Vec<Vec<u8>> = expected.chunks(size).map(<[u8]>::to_vec).collect();
            if fortran {
                // Element (i, j, k) of shape (2, 3, 2), with i fastest.
                let place = |p: usize| (p % 2) * 6 + (p / 2 % 3) * 2 + p / 6;
                elements = (0..12).map(|p| elements[place(p)].clone()).collect();
            }
            if mark == ">" {
                elements.iter_mut().for_each(|element| element.reverse());
            }
            let header = header(&format!("{mark}{name}"), fortran, "(2, 3, 2)");
            let npy = open(file(version, &header, &elements.concat())).unwrap();
            let rows = column(&npy, "data");
            assert_eq!((rows.len(), rows[0].dtype(), rows[0].shape()), (2, dtype, &[3, 2][..]));
            assert_eq!(flat(&npy, "data"), expected, "{header} {version}");
        }
    }
}

#[test]
fn fortran_order_is_the_same_through_windows_and_slices() {
    let folder = tempfile::tempdir().unwrap();
    // Strides below, around and above the size of one window, and elements of two sizes.
    for (samples, row, size) in [(3u64, 9000usize, 2usize), (9000, 3, 2), (20_000, 5, 4)] {
        let data: Vec<u8> =
            (0..samples as usize * row * size).map(|i| (i / size * 7) as u8).collect();
        let shape = format!("({samples}, {row})");
        let file = file(1, &header(&format!("<u{size}"), true, &shape), &data);
        let path = folder.path().join("x.npy");
        std::fs::write(&path, &file).unwrap();
        let whole = open(file).unwrap();
        let local = std::sync::Arc::new(LocalFile::open(&path).unwrap());
        let local = Npy::new(vec![("data".into(), local)], Identity::Blocks).unwrap();
        for index in [0, 1, samples / 2, samples - 1] {
            let expected: Vec<u8> = (0..row)
                .flat_map(|j| {
                    data[(index as usize + samples as usize * j) * size..][..size].to_vec()
                })
                .collect();
            assert_eq!(whole.get(index).unwrap()["data"].bytes(), expected);
            assert_eq!(local.get(index).unwrap()["data"].bytes(), expected);
        }
    }
}

#[test]
fn rows_may_be_scalars_and_arrays_may_be_empty() {
    let npy = open(file(1, &header("<i2", false, "(2,)"), &[1, 0, 2, 0])).unwrap();
    assert_eq!(column(&npy, "data"), [1i16, 2].map(Tensor::scalar));
    for (shape, len, row) in [("(0, 4)", 0, 0), ("(5, 0)", 5, 0), ("(0,)", 0, 0)] {
        for fortran in [false, true] {
            let npy = open(file(1, &header("<f4", fortran, shape), &[])).unwrap();
            assert_eq!((npy.len(), flat(&npy, "data").len()), (len, row), "{shape}");
        }
    }
    let message = text(open(file(1, &header("<f4", false, "()"), &[0; 4])));
    assert!(message.contains("holds one value without axes"), "{message}");
}

#[test]
fn any_byte_but_zero_is_true() {
    let npy = open(file(1, &header("|b1", false, "(3,)"), &[0, 1, 0xff])).unwrap();
    assert_eq!(column(&npy, "data"), [false, true, true].map(Tensor::scalar));
}

#[test]
fn an_index_past_the_end_is_a_fault() {
    let npy = open(file(1, &header("|u1", false, "(3,)"), &[0; 3])).unwrap();
    assert_eq!(text(npy.get(3)), "npy of index 3: the source has 3 samples");
}

#[test]
fn a_file_that_is_cut_is_refused_at_every_length() {
    for version in [1, 2, 3] {
        let whole = file(version, &header("<f4", false, "(2, 3)"), &[7; 24]);
        assert!(open(&whole[..]).is_ok());
        for length in 0..whole.len() {
            let message = text(open(&whole[..length]));
            assert!(message.starts_with("x.npy at byte "), "{length}: {message}");
            let from = if version == 1 { 10 } else { 12 };
            assert!(length < from || message.contains("is cut short: its "), "{message}");
            let there = (length + 24).checked_sub(whole.len());
            if let Some(there) = there {
                let from = whole.len() - 24;
                let takes = format!("shape [2, 3] of F32 takes 24 bytes from byte {from} on");
                assert!(message.ends_with(&format!("{takes}, only {there} follow")), "{message}");
            }
        }
        // NumPy lets bytes after the array be.
        assert!(open([&whole[..], b"more"].concat()).is_ok());
    }
}

#[test]
fn a_header_may_be_written_in_any_way_python_reads() {
    for header in [
        "{'shape':(2,),'fortran_order':False,'descr':'<i2'}",
        "  {\n\"descr\"\t: \"<i2\" ,\r\n 'shape': ( 2 , ) , 'fortran_order' : True , }   \n\n",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }",
    ] {
        let npy = open(file(1, header, &[1, 0, 2, 0])).unwrap();
        assert_eq!(flat(&npy, "data"), [1, 0, 2, 0], "{header}");
    }
    for shape in ["(2, 1)", "(2,1,)", "( 2,\n1 )"] {
        assert!(open(file(3, &header("<i2", false, shape), &[0; 4])).is_ok(), "{shape}");
    }
}

#[test]
fn a_dtype_that_is_no_plain_number_is_named_with_what_to_do() {
    for (descr, says) in [
        ("<c8", "complex numbers; save the real"),
        ("|O", "pickles, which are never read"),
        ("<U5", "is strings"),
        ("|S3", "is strings"),
        ("<M8[ns]", "is dates or durations"),
        ("<m8[s]", "is dates or durations"),
        ("|V2", "raw bytes, as bfloat16 is saved"),
        ("<f16", "is not one of b1, i1"),
        ("<i3", "is not one of b1, i1"),
        ("float32", "is not one of b1, i1"),
        ("<<i2", "is not one of b1, i1"),
        ("", "is not one of b1, i1"),
    ] {
        let message = refused(&header(descr, false, "(2,)"));
        assert!(message.starts_with(&format!(" at byte 20: its dtype {descr:?} ")), "{message}");
        assert!(message.contains(says), "{message}");
    }
    for descr in ["[('a', '<f4')]", "('<f4', (2,))", "{'a': 1}", "None"] {
        let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (2,)}}");
        let message = refused(&header);
        assert!(message.starts_with(&format!(" at byte 20: its dtype \"{descr}")), "{message}");
        assert!(message.contains("is not a plain one"), "{message}");
    }
}

#[test]
fn a_hostile_shape_is_refused_with_its_place() {
    for (shape, says) in [
        ("(-1,)", "expected a length, which is never negative, in its header"),
        ("(18446744073709551616,)", "18446744073709551616, which is beyond 2^64"),
        ("(9223372036854775807, 9223372036854775807)", "beyond 2^63 bytes"),
        ("(0, 9223372036854775807, 4)", "beyond 2^63 bytes"),
        ("(4611686018427387904,)", "beyond 2^63 bytes"),
        ("(1000000000000, 3)", "takes 6000000000000 bytes from byte"),
        ("(1, 1, 1, 1, 1, 1, 1, 1, 1)", "more than 8 axes"),
        ("(3L,)", "Python 2"),
        ("(03,)", "does not start with 0"),
        ("(3)", "a tuple of one is (3,)"),
        ("(,)", "expected a length in its header"),
        ("(3,,)", "expected a length in its header"),
        ("(3 4)", "expected , or ) in its header"),
        ("(3.0,)", "expected , or ) in its header"),
        ("(3,", "expected a length in its header, found \"}\""),
        ("(0x3,)", "expected , or ) in its header"),
        ("(1_0,)", "expected , or ) in its header"),
        ("(True,)", "expected a length in its header"),
        ("[3]", "expected ( in its header"),
        ("3", "expected ( in its header"),
    ] {
        let header = format!("{{'descr': '<i2', 'fortran_order': False, 'shape': {shape}}}\n");
        let mut message = String::new();
        let most = largest_request(|| message = refused(&header));
        assert!(message.contains(says), "{shape}: {message}");
        assert!(most < 1 << 16, "{shape}: {most} bytes at once");
    }
}

#[test]
fn a_header_that_is_no_such_dict_is_refused_with_its_place() {
    for (header, says) in [
        ("", " at byte 10: expected { in its header, found the end of its header"),
        ("[]", " at byte 10: expected { in its header, found \"[]\""),
        ("{}", " at byte 12: has no \"descr\" in its header"),
        ("{'descr': '<i2'}", "has no \"fortran_order\""),
        ("{'descr': '<i2', 'fortran_order': False}", "has no \"shape\""),
        ("{'descr': '<i2', 'descr': '<i2'}", " at byte 27: has the key \"descr\" twice"),
        ("{'color': 1}", " at byte 11: has the unknown key \"color\""),
        ("{descr: '<i2'}", " at byte 11: expected a string in its header, found \"descr: '<i2'}\""),
        ("{'descr' '<i2'}", "expected : in its header"),
        ("{'descr': '<i2' 'shape': (2,)}", "expected , in its header"),
        ("{'descr': '<i2\n'}", "an escape or a line break"),
        ("{'des\\x63r': '<i2'}", "an escape or a line break"),
        ("{'descr': '<i2", "a string without an end"),
        ("{'fortran_order': 1}", "expected True or False in its header"),
        ("{'fortran_order': Truethy}", "expected , in its header"),
        (
            "{'descr': '<i2', 'fortran_order': False, 'shape': (2,)} + x",
            "has \"+ x\" after its header",
        ),
        ("{,}", "expected a string in its header"),
    ] {
        let message = refused(header);
        assert!(message.contains(says), "{header}: {message}");
    }
    let mut latin = file(3, &header("<i2", false, "(2,)"), &[0; 4]);
    latin[13] = 0xe9;
    assert!(text(open(latin)).contains("at byte 13: its header is not UTF-8"));
}

#[test]
fn what_is_no_npy_file_is_said_so() {
    let known = file(1, &header("<i2", false, "(2,)"), &[0; 4]);
    let other = |at: usize, byte: u8| {
        let mut file = known.clone();
        file[at] = byte;
        text(open(file))
    };
    assert!(text(open(*b"PK\x03\x04......")).contains("is an archive (npz?)"));
    assert!(text(open(*b"\x1f\x8b\x08\0......")).contains("is gzip"));
    assert!(other(0, b'X').contains("does not start with \\x93NUMPY"));
    assert!(other(6, 4).contains("at byte 6: has version 4.0; 1.0, 2.0 and 3.0 can be read"));
    assert!(other(7, 1).contains("has version 1.1"));
    let claims = file(2, "", &[])[..8].iter().copied().chain([0xff; 40]).collect::<Vec<_>>();
    assert!(text(open(claims)).contains("claims a header of 4294967295 bytes; at most 65536"));
}

#[test]
fn fields_come_from_several_files_of_one_length() {
    let [a, b] = ["(2,)", "(3,)"].map(|shape| file(1, &header("|u1", false, shape), &[5, 6, 7]));
    let files = MemoryFiles::default().with("a.npy", a.clone()).with("b.npy", b);
    let pairs = [("x", "a.npy"), ("y", "a.npy")];
    let npy = Npy::open(&files, &NpyOptions::from(pairs)).unwrap();
    let record = npy.get(1).unwrap();
    assert_eq!((&record["x"], &record["y"]), (&Tensor::scalar(6u8), &Tensor::scalar(6u8)));

    let message = text(Npy::open(&files, &NpyOptions::from([("x", "a.npy"), ("y", "b.npy")])));
    assert_eq!(message, "b.npy: field y has 3 samples, field x of a.npy has 2");
    let message = text(Npy::open(&files, &NpyOptions::default()));
    assert_eq!(message, "npy.fields is empty; allowed: one field or more");
    let twice = vec![("x".into(), bytes("a", a.clone())), ("x".into(), bytes("a", a.clone()))];
    assert_eq!(
        text(Npy::new(twice, Identity::Blocks)),
        "npy.fields is \"x\" twice; allowed: each name once"
    );
    let long = "x".repeat(256);
    assert!(
        text(Npy::new(vec![(long, bytes("a", a))], Identity::Blocks)).contains("at most 255 bytes")
    );
}

#[test]
fn the_op_tells_other_content_and_not_other_places() {
    let one = file(1, &header("|u1", false, "(2,)"), &[1, 2]);
    let other = file(1, &header("|u1", false, "(2,)"), &[1, 3]);
    let op = |name: &str, file: &[u8]| {
        Npy::new(vec![("x".into(), bytes(name, file))], Identity::Blocks).unwrap().op().to_string()
    };
    assert!(op("a.npy", &one).starts_with("npy(len=2,x="), "{}", op("a.npy", &one));
    assert_eq!(op("a.npy", &one), op("https://example.org/b.npy", &one));
    assert_ne!(op("a.npy", &one), op("a.npy", &other));
}

#[test]
fn an_option_that_does_not_exist_is_refused() {
    let read = |json| text(serde_json::from_str::<NpyOptions>(json));
    assert!(read(r#"{"fields": {}, "mmap": true}"#).contains("unknown field `mmap`"));
    assert!(read("{}").contains("missing field `fields`"));
}

/// Opens a file that may be anything, and reads what can be read.
fn survive(file: Vec<u8>) {
    let most = largest_request(|| {
        if let Ok(npy) = open(file) {
            for index in [0, npy.len() / 2, npy.len().wrapping_sub(1), u64::MAX] {
                _ = npy.get(index);
            }
        }
    });
    assert!(most < 1 << 17, "{most} bytes at once");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_valid_file_with_some_bytes_changed_never_panics(
        version in 1u8..=3,
        fortran: bool,
        changes in prop::collection::vec((0usize..110, any::<u8>()), 1..6),
    ) {
        let mut file = file(version, &header("<i2", fortran, "(2, 3)"), &[1; 12]);
        for (at, byte) in changes {
            let at = at % file.len();
            file[at] = byte;
        }
        survive(file);
    }

    #[test]
    fn a_header_of_pieces_in_any_order_never_panics(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "{", "}", "'descr'", ":", "'<f8'", "'|b1'", ",", "'fortran_order'", "True", "False",
                "'shape'", "(", ")", "1", "3", "99999999999999999999", "18446744073709551615", " ",
                "\"", "\\", "L", "-", "[", "é", "\n", "'descr': '<f4', ", "'shape': (0, 7), ",
                "'fortran_order': True, ", "'shape': (4294967296, 4294967295, 0), ",
            ]),
            0..24,
        ),
        braces: bool,
    ) {
        let text = pieces.concat();
        let text = if braces { format!("{{{text}}}") } else { text };
        survive(file(3, &text, &[1; 40]));
    }

    #[test]
    fn random_bytes_never_panic(
        start in prop::sample::select(vec![&b""[..], b"\x93NUMPY", b"\x93NUMPY\x01\0\x20\0"]),
        rest in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        survive([start, &rest].concat());
    }
}
