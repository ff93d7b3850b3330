//! What of a source's content goes into the fingerprint.

use std::sync::{Arc, Mutex};

use windrow::source::{ByteSource, Files, Folder, Identity, Images, ImagesOptions, InMemory};
use windrow::source::{MemoryFiles, Npy, NpyOptions, Source, identity};
use windrow::spec::Spec;
use windrow::{Loader, Result};

use super::bytes::{every_kind, pattern};
use super::text;

/// Longer than what is hashed as a whole.
const LONG: usize = 1_200_000;

/// Bytes that no block of a source of `LONG` bytes has: before, in the middle, after.
const BETWEEN: [usize; 3] = [16_384, 600_000, LONG - 16_385];
/// Bytes that a block has: the first and last byte, and both ends of the second block.
const INSIDE: [usize; 4] = [0, 78907, 78907 + 16_383, LONG - 1];

/// Bytes at an offset of nowhere else than this source, which notes what it is asked for.
#[derive(Debug)]
struct Counted(Vec<u8>, Mutex<Vec<(u64, usize)>>);

impl Counted {
    fn new(bytes: Vec<u8>) -> Arc<Self> {
        Arc::new(Self(bytes, Mutex::default()))
    }

    fn reads(&self) -> Vec<(u64, usize)> {
        std::mem::take(&mut self.1.lock().unwrap())
    }
}

impl ByteSource for Counted {
    fn name(&self) -> &str {
        "counted"
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.1.lock().unwrap().push((offset, buffer.len()));
        buffer.copy_from_slice(&self.0[offset as usize..][..buffer.len()]);
        Ok(())
    }
}

/// These bytes as a source that is read by ranges.
fn ranged(bytes: Vec<u8>) -> Counted {
    Counted(bytes, Mutex::default())
}

fn changed(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    bytes[at] ^= 1;
    bytes
}

/// The values are those of a program of a few lines in another language, from the specification alone.
#[test]
fn an_identity_is_the_hash_that_is_documented() {
    let of = |length, how| identity(&ranged(pattern(length)), how).unwrap();
    for how in [Identity::Blocks, Identity::Full] {
        assert_eq!(of(0, how), "af5570f5a1810b7a");
        assert_eq!(of(200_000, how), "bbf5e5cd97c026b0");
        assert_eq!(of(1 << 20, how), "6ebcaa61e8ef59f2");
    }
    assert_eq!(of(LONG as u64, Identity::Blocks), "ddb6c4912299faf7");
    assert_eq!(of((1 << 20) + 1, Identity::Blocks), "5dfa5fb473d2fba3");
    assert_eq!(of(LONG as u64, Identity::Full), "7b00f35856ad1b75");
}

#[test]
fn an_identity_tells_content_and_not_names() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = pattern(200_000);
    let own = identity(&ranged(bytes.clone()), Identity::Blocks).unwrap();
    for source in every_kind(folder.path(), &bytes) {
        assert_eq!(identity(&*source, Identity::Blocks).unwrap(), own, "{source:?}");
    }
    for at in [0, 65_535, 100_000, 199_999] {
        let other = identity(&ranged(changed(bytes.clone(), at)), Identity::Blocks).unwrap();
        assert_ne!(other, own, "byte {at}");
    }
    let longer = [&bytes[..65_536], &[0], &bytes[65_536..]].concat();
    assert_ne!(identity(&ranged(longer), Identity::Blocks).unwrap(), own);
}

#[test]
fn blocks_of_a_long_source_are_its_ends_and_evenly_between() {
    let bytes = pattern(LONG as u64);
    let source = Counted::new(bytes.clone());
    let own = identity(&*source, Identity::Blocks).unwrap();
    let reads = source.reads();
    assert_eq!(reads.len(), 16);
    assert!(reads.iter().all(|&(_, length)| length == 16 << 10), "{reads:?}");
    assert_eq!((reads[0].0, reads[15].0), (0, LONG as u64 - (16 << 10)));
    for at in INSIDE {
        let other = identity(&ranged(changed(bytes.clone(), at)), Identity::Blocks).unwrap();
        assert_ne!(other, own, "byte {at}");
    }
    for at in BETWEEN {
        let other = ranged(changed(bytes.clone(), at));
        assert_eq!(identity(&other, Identity::Blocks).unwrap(), own, "byte {at}");
        let full = identity(&ranged(bytes.clone()), Identity::Full).unwrap();
        assert_ne!(identity(&other, Identity::Full).unwrap(), full, "byte {at}");
        // What is in memory is looked at as a whole, whatever is asked for.
        let memory = InMemory::new("x", changed(bytes.clone(), at));
        assert_ne!(identity(&memory, Identity::Blocks).unwrap(), full, "byte {at}");
    }
    assert_eq!(
        identity(&InMemory::new("x", bytes.clone()), Identity::Blocks).unwrap(),
        identity(&ranged(bytes), Identity::Full).unwrap()
    );
}

/// What a loader of a document says to a state of the same document over other files.
fn resumed(source: &str, saved: &dyn Files, now: &dyn Files) -> String {
    let text =
        format!(r#"{{"version":1,"source":{source},"stages":[{{"stage":"batch","size":2}}]}}"#);
    let spec = Spec::from_json(&text).unwrap();
    let mut loader = Loader::builder(spec.open(saved).unwrap()).build().unwrap();
    let state = loader.next().unwrap().unwrap().state();
    assert!(Loader::builder(spec.open(saved).unwrap()).resume(&state).build().is_ok());
    super::text(Loader::builder(spec.open(now).unwrap()).resume(&state).build())
}

/// Refused with the file's identity as the field that differs.
fn refused_for(field: &str, source: &str, saved: Vec<u8>, at: usize) {
    let now = changed(saved.clone(), at);
    let files = |bytes: Vec<u8>| MemoryFiles::default().with("file", bytes);
    let message = resumed(source, &files(saved), &files(now));
    assert!(message.starts_with(&format!("state was saved with {field} ")), "{message}");
}

/// Bytes as gzip that packs nothing.
#[cfg(feature = "gz")]
fn stored(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// A table of almost 2 MiB.
#[cfg(feature = "csv")]
fn table() -> Vec<u8> {
    (0..200_000).flat_map(|row| format!("{},{}\n", 100_000 + row, row % 10).into_bytes()).collect()
}

#[cfg(feature = "csv")]
const CSV: &str = r#"{"kind":"csv","file":"file","header":false,"fields":[
    {"name":"label","columns":1,"dtype":"U8"}]}"#;

/// The place of a label in the middle of the table.
#[cfg(feature = "csv")]
const LABEL: usize = 100_000 * 9 + 7;

#[cfg(feature = "csv")]
#[test]
fn a_changed_label_in_the_middle_of_a_table_is_refused_by_name() {
    let table = table();
    assert!(table.len() > 1 << 20 && table[LABEL] == b'0');
    refused_for("csv.file", CSV, table, LABEL);
}

#[cfg(feature = "csv")]
#[test]
fn a_table_is_read_once_for_its_rows_and_its_identity() {
    use windrow::source::{Csv, CsvOptions};
    let options: CsvOptions = serde_json::from_str(&CSV.replace(r#""kind":"csv","#, "")).unwrap();
    let source = Counted::new(table());
    let csv = Csv::new(&*source, &options).unwrap();
    let read: usize = source.reads().iter().map(|(_, length)| length).sum();
    // The first two bytes are looked at for gzip.
    assert_eq!(read, source.0.len() + 2);
    let full = identity(&*source, Identity::Full).unwrap();
    assert!(csv.op().to_string().contains(&format!("file={full}")), "{}", csv.op());
}

#[cfg(all(feature = "csv", feature = "gz"))]
#[test]
fn a_packed_table_counts_by_all_of_its_packed_bytes() {
    use windrow::source::{Csv, CsvOptions};
    let options: CsvOptions = serde_json::from_str(&CSV.replace(r#""kind":"csv","#, "")).unwrap();
    let packed = ranged(stored(&table()));
    assert!(packed.len() > 1 << 20, "{} bytes", packed.len());
    let op = Csv::new(&packed, &options).unwrap().op().to_string();
    let full = identity(&packed, Identity::Full).unwrap();
    assert!(op.contains(&format!("file={full}")), "{op}");
}

#[cfg(feature = "gz")]
#[test]
fn a_packed_idx_file_counts_by_all_of_its_packed_bytes() {
    use windrow::source::Idx;
    let numbers = [&[0, 0, 0x08, 1], &(LONG as u32).to_be_bytes()[..], &vec![7; LONG]].concat();
    let packed = Counted::new(stored(&numbers));
    assert!(packed.len() > 1 << 20, "{} bytes", packed.len());
    let idx = Idx::new(vec![("x".into(), packed.clone())], Identity::Blocks).unwrap();
    let full = identity(&*packed, Identity::Full).unwrap();
    assert_eq!(idx.op().to_string(), format!("idx(len={LONG},x={full})"));
}

#[cfg(feature = "jsonl")]
#[test]
fn a_changed_label_in_the_middle_of_json_lines_is_refused_by_name() {
    let line = |row: u64| format!("{{\"label\": {}}}\n", row % 10).into_bytes();
    let lines: Vec<u8> = (0..200_000).flat_map(line).collect();
    assert!(lines.len() > 1 << 20 && lines[100_000 * 13 + 10] == b'0');
    let source = r#"{"kind":"jsonl","file":"file","fields":[{"name":"label","dtype":"U8"}]}"#;
    refused_for("jsonl.file", source, lines, 100_000 * 13 + 10);
}

/// An array of bytes as a file.
fn npy(length: usize) -> Vec<u8> {
    let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({length},), }}");
    file.extend(format!("{header:<117}\n").into_bytes());
    file.extend(pattern(length as u64));
    file
}

#[test]
fn a_changed_number_of_an_array_in_memory_is_refused_by_name() {
    for at in BETWEEN {
        refused_for("npy.data", r#"{"kind":"npy","fields":{"data":"file"}}"#, npy(LONG), at);
    }
}

#[test]
fn a_document_may_ask_for_the_whole_content_of_a_file_that_is_read_by_ranges() {
    let [saved, now] = [npy(LONG), changed(npy(LONG), BETWEEN[1])].map(|bytes| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), bytes).unwrap();
        folder
    });
    let files = [&saved, &now].map(|folder| Folder::new(folder.path()));
    let says = |how: &str| {
        let source = format!(r#"{{"kind":"npy","fields":{{"data":"file"}}{how}}}"#);
        resumed(&source, &files[0], &files[1])
    };
    assert_eq!(says(""), "no error");
    assert_eq!(says(r#","identity":"blocks""#), "no error");
    let message = says(r#","identity":"full""#);
    assert!(message.starts_with("state was saved with npy.data "), "{message}");
    let options = NpyOptions::file("file").identity(Identity::Full);
    let op = Npy::open(&files[0], &options).unwrap().op().to_string();
    let full = identity(&InMemory::new("x", npy(LONG)), Identity::Full).unwrap();
    assert_eq!(op, format!("npy(len={LONG},data={full})"));

    let wrong = r#"{"version":1,"source":{"kind":"npy","fields":{},"identity":"all"}}"#;
    assert_eq!(
        text(Spec::from_json(wrong)),
        "$.source.identity: unknown name \"all\"; use one of blocks, full"
    );
}

#[cfg(feature = "tar")]
#[test]
fn an_archive_may_count_by_all_of_its_bytes() {
    use windrow::source::{Tar, TarOptions};
    let member = |name: &str, data: &[u8]| {
        let mut block = vec![0u8; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        block.extend(data);
        block.resize(block.len().next_multiple_of(512), 0);
        block
    };
    let archive = [member("1.a", &pattern(LONG as u64)), vec![0; 1024]].concat();
    let op = |bytes: Vec<u8>, how| {
        let options = TarOptions::new(["x"]).identity(how);
        Tar::new(vec![Counted::new(bytes)], &options).unwrap().op().to_string()
    };
    let other = changed(archive.clone(), BETWEEN[1]);
    assert_eq!(op(archive.clone(), Identity::Blocks), op(other.clone(), Identity::Blocks));
    assert_ne!(op(archive, Identity::Full), op(other, Identity::Full));
}

#[test]
fn a_folder_of_pictures_counts_as_one_file() {
    let folder = |changed: Option<usize>| {
        let mut bytes = pattern(300 * 9_973);
        if let Some(at) = changed {
            bytes[at] ^= 1;
        }
        let parts = bytes.chunks(9_973).enumerate();
        parts.fold(MemoryFiles::default(), |files, (number, part)| {
            let files = files.with(format!("f/{number:03}.png"), part.to_vec());
            files.with(format!("f/{number:03}-empty.png"), Vec::new())
        })
    };
    let op = |changed, how| {
        let options = ImagesOptions::new("f").identity(how);
        Images::open(&folder(changed), &options).unwrap().op().to_string()
    };
    let length = 300 * 9_973;
    let second = (length - 16_384) / 15;
    for at in [0, 9_972, 9_973, second, second + 16_383, length - 1] {
        assert_ne!(op(Some(at), Identity::Blocks), op(None, Identity::Blocks), "byte {at}");
    }
    for at in [16_384, second - 1, second + 16_384] {
        assert_eq!(op(Some(at), Identity::Blocks), op(None, Identity::Blocks), "byte {at}");
        assert_ne!(op(Some(at), Identity::Full), op(None, Identity::Full), "byte {at}");
    }
}
