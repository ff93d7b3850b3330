//! Properties of the formats of sources.

use std::io::Write;

use windrow::dataset::Dtype;
use windrow::source::{
    Columns, Csv, CsvField, CsvOptions, Identity, Idx, Jsonl, JsonlField, JsonlOptions, Npy,
    Source, Tar, TarOptions, identity,
};

use super::{BYTES_MAX, FREE, bounded, samples, source};

/// Packs each seed.
pub(super) fn packed(seeds: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    seeds.iter().map(|seed| pack(seed)).collect()
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).expect("memory takes all");
    out.finish().expect("memory takes all")
}

/// A table of bytes and of floats.
fn table(bytes: &[u8], bound: usize) -> bool {
    let fields = |header: bool| {
        let first = CsvField::new("first", 0, Dtype::F32);
        let all = CsvField::new("all", Columns::All, Dtype::F64);
        let options = CsvOptions::new("x", [first, all]);
        if header { options.with_header() } else { options.without_header() }
    };
    let bytes = source(bytes);
    [false, true]
        .map(|header| samples(bound, || Csv::new(&*bytes, &fields(header))))
        .contains(&true)
}

/// A table takes a few times its tensors, of at most 12 bytes for 2 of its text.
pub(super) fn csv(bytes: &[u8]) -> bool {
    !bytes.starts_with(&[0x1f, 0x8b]) && table(bytes, 40 * bytes.len() + FREE)
}

pub(super) fn csv_seeds() -> Vec<Vec<u8>> {
    [&b"1,2\n3,4\n"[..], b"a,\"b\"\"c\"\r\n-1.5,\"2\"\r\n", b"1\n\n2\n"].map(Vec::from).to_vec()
}

/// A packed table takes a few times the most that may be kept of it, the line at hand included.
pub(super) fn csv_gz(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b]) && table(bytes, 140 << 20)
}

/// What unpacks tells its content by its packed bytes, and an idx file of any claim is refused or has
/// what it claims. Bytes that are not packed are packed first, as the data of one.
pub(super) fn gzip(bytes: &[u8]) -> bool {
    let seen = bytes.starts_with(&[0x1f, 0x8b]);
    let inner = [&[0, 0, 8, 1][..], &(bytes.len() as u32).to_be_bytes(), bytes].concat();
    let whole = pack(&inner);
    let open = |file: &[u8]| {
        let file = source(file);
        Idx::new(vec![("x".into(), file.clone())], Identity::Blocks)
            .map(|idx| (idx, identity(&*file, Identity::Blocks)))
    };
    if whole.len() < BYTES_MAX {
        let (idx, _) = open(&whole).expect("what was packed can be unpacked");
        assert_eq!(idx.len(), bytes.len() as u64);
        // Cut anywhere, or with the bytes in its middle, it is refused or says the same.
        let cut = bytes.first().map_or(0, |&cut| usize::from(cut) * whole.len() / 256);
        assert!(open(&whole[..cut]).is_err(), "cut at {cut} of {}", whole.len());
        let changed = [&whole[..cut], bytes, &whole[cut..]].concat();
        _ = bounded(70 << 20, || open(&changed).is_ok());
    }
    _ = bounded(70 << 20, || open(bytes).is_ok());
    seen
}

/// An idx file takes its bytes.
pub(super) fn idx(bytes: &[u8]) -> bool {
    let file = source(bytes);
    !bytes.starts_with(&[0x1f, 0x8b])
        && samples(2 * bytes.len() + FREE, || Idx::new(vec![("x".into(), file)], Identity::Blocks))
}

pub(super) fn idx_seeds() -> Vec<Vec<u8>> {
    vec![
        vec![0, 0, 0x0b, 2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 1, 0, 2, 0, 3, 0, 4],
        vec![0, 0, 0x08, 1, 0, 0, 0, 2, 7, 9],
        vec![0, 0, 0x0e, 1, 0, 0, 0, 0],
    ]
}

/// A packed idx file takes twice the most that may be kept of it, and a sample of it.
pub(super) fn idx_gz(bytes: &[u8]) -> bool {
    let file = source(bytes);
    bytes.starts_with(&[0x1f, 0x8b])
        && samples(70 << 20, || Idx::new(vec![("x".into(), file)], Identity::Blocks))
}

/// An npy file takes its bytes.
pub(super) fn npy(bytes: &[u8]) -> bool {
    let file = source(bytes);
    samples(2 * bytes.len() + FREE, || Npy::new(vec![("x".into(), file)], Identity::Blocks))
}

pub(super) fn npy_seeds() -> Vec<Vec<u8>> {
    let file = |version: u8, descr: &str, order: &str, shape: &str, data: &[u8]| {
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let mut file = vec![0x93, b'N', b'U', b'M', b'P', b'Y', version, 0];
        let length = (header.len() as u32).to_le_bytes();
        file.extend(if version == 1 { &length[..2] } else { &length });
        [&file, header.as_bytes(), data].concat()
    };
    vec![
        file(1, "<i2", "False", "(2, 3)", &[7; 12]),
        file(2, ">f8", "True", "(2, 2, 1)", &[7; 32]),
        file(3, "|b1", "True", "(3,)", &[0, 1, 2]),
    ]
}

/// An archive takes what its headers say of each file.
pub(super) fn tar(bytes: &[u8]) -> bool {
    let file = source(bytes);
    let open = |options: &TarOptions| Tar::new(vec![file.clone()], options);
    let all = TarOptions::new(["x"]);
    let some = TarOptions::new(["x"]).fields(["a", "__key__"]);
    [all, some].map(|options| samples(4 * bytes.len() + FREE, || open(&options))).contains(&true)
}

pub(super) fn tar_seeds() -> Vec<Vec<u8>> {
    let member = |kind: u8, name: &str, data: &[u8]| {
        let mut block = vec![0; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
        block[148..156].fill(b' ');
        block[156] = kind;
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        block.extend(data);
        block.resize(block.len().next_multiple_of(512), 0);
        block
    };
    let end = vec![0; 1024];
    vec![
        [member(b'0', "1.a", b"oats"), member(b'0', "1.b", b""), end.clone()].concat(),
        [member(b'L', "x", b"long/2.a\0"), member(b'0', "x", b"rye"), end.clone()].concat(),
        [member(b'x', "x", b"12 path=3.a\n9 size=2\n"), member(b'0', "x", b"no"), end].concat(),
    ]
}

/// A line takes a few times its text, most of it for the names of its members.
pub(super) fn jsonl(bytes: &[u8]) -> bool {
    let file = source(bytes);
    let fields = [
        JsonlField::new("x", Dtype::F64),
        JsonlField::new("y", Dtype::U8).at("/a/0/b"),
        JsonlField::new("z", Dtype::BOOL).at("/a/1"),
    ];
    fields
        .map(|field| {
            let options = JsonlOptions::new("x", [field]);
            samples(40 * bytes.len() + FREE, || Jsonl::new(file.clone(), &options))
        })
        .contains(&true)
}

pub(super) fn jsonl_seeds() -> Vec<Vec<u8>> {
    [
        &b"{\"x\": [[1, 2.5], [3, -4e2]]}\n"[..],
        b"\n{\"a\": [{\"b\": \"oat\\n\\u00e9\"}]}\r\n\n",
        b"{\"a\": [0, true]}\n",
    ]
    .map(Vec::from)
    .to_vec()
}
