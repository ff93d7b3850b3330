//! Sinks: the files that they write are read back by windrow's sources and by Python.

mod properties;
mod python;

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU64;
use std::path::Path;

use half::{bf16, f16};
use sha2::{Digest, Sha256};
use windrow::dataset::{Record, Tensor};
use windrow::sink::{Partition, RecordSink, Sink, SinkKind, SinkSpec, Writer, Written};
use windrow::{Dataset, Fault};

/// The name, the length and the hash of every file; `WINDROW_BLESS=1` writes them anew.
const BYTES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sinks/bytes.txt");
/// The number of samples of the runs here.
const LEN: u64 = 7;

/// Returns a sample with a field of most kinds. Index 2 has none.
fn sample(index: u64) -> Option<Record> {
    let x = index as f32;
    let png = vec![index as u8; 600 * index as usize];
    let record = Record::new()
        .with("label", Tensor::scalar(index as i64 - 3))
        .and_then(|r| r.with("größe", Tensor::from_slice([2, 1], &[x, -x / 3.0])?))
        .and_then(|r| r.with("ok", Tensor::from_slice([1], &[index.is_multiple_of(2)])?))
        .and_then(|r| r.with("half", Tensor::scalar(f16::from_f32(x)))) // 2 bytes, after longer ones
        .and_then(|r| r.with("png", Tensor::from_slice([png.len() as u64], &png)?));
    (index != 2).then(|| record.unwrap())
}

/// Returns a sample whose fields have one shape.
fn alike(index: u64) -> Option<Record> {
    sample(index)
        .map(|record| record.with("png", Tensor::from_slice([3], b"abc").unwrap()).unwrap())
}

/// Writes the samples of all groups of a run.
fn run(spec: &SinkSpec, sample: impl Fn(u64) -> Option<Record>) -> Vec<Written> {
    let sink = RecordSink::open(spec).unwrap();
    let size = match sink.partition(LEN) {
        Partition::Blocks(size) => size.get(),
        _ => 1,
    };
    let indices: Vec<u64> = (0..LEN).collect();
    indices.chunks(size as usize).flat_map(|group| write(&sink, group, &sample).unwrap()).collect()
}

/// Writes one group.
fn write(
    sink: &RecordSink,
    group: &[u64],
    sample: impl Fn(u64) -> Option<Record>,
) -> Result<Vec<Written>, Fault> {
    let mut writer = sink.begin(group, LEN)?;
    let there = group.iter().filter_map(|&index| Some((index, sample(index)?)));
    let written: Result<_, _> = there.map(|(index, sample)| writer.write(index, sample)).collect();
    writer.finish()?;
    Ok(written?)
}

/// Returns the files of a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let file = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    };
    fs::read_dir(folder).unwrap().map(|entry| file(entry.unwrap())).collect()
}

/// Makes the sample of an index.
type Make = fn(u64) -> Option<Record>;

/// Returns the options of every kind, each with samples that it can write.
fn kinds(folder: &Path) -> Vec<(SinkSpec, Make)> {
    let spec = |kind| SinkSpec::new(kind, folder.join(format!("{kind}")));
    let single = SinkSpec::new(SinkKind::Files, folder.join("png")).field("png");
    vec![
        (spec(SinkKind::Tar).samples_per_file(3), sample),
        (spec(SinkKind::Npy).samples_per_file(3), alike),
        (spec(SinkKind::Jsonl).samples_per_file(3), sample),
        (spec(SinkKind::Safetensors).samples_per_file(3), alike),
        (spec(SinkKind::Files), sample),
        (single, sample),
    ]
}

#[test]
fn the_bytes_of_every_kind_never_change() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = String::new();
    for (spec, sample) in kinds(folder.path()) {
        run(&spec, sample);
        for (name, bytes) in files(&spec.folder) {
            let hash = Sha256::digest(&bytes);
            let hash: String = hash[..4].iter().map(|byte| format!("{byte:02x}")).collect();
            all.push_str(&format!("{name} {} {hash}\n", bytes.len()));
        }
    }
    if std::env::var_os("WINDROW_BLESS").is_some() {
        return fs::write(BYTES, all).unwrap();
    }
    assert_eq!(all, fs::read_to_string(BYTES).unwrap());
}

#[test]
fn a_run_after_a_killed_one_writes_the_same_files() {
    let (clean, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for ((spec, sample), (killed, _)) in kinds(clean.path()).iter().zip(kinds(folder.path())) {
        run(spec, sample);
        let expected = files(&spec.folder);
        fs::create_dir_all(&killed.folder).unwrap();
        for name in expected.keys() {
            // What stood there before, and what a writer had begun.
            fs::write(killed.folder.join(name), [7; 5000]).unwrap();
            fs::write(killed.folder.join(format!("{name}.partial")), [7; 5000]).unwrap();
        }
        // A writer that ends early leaves nothing and replaces nothing.
        let sink = RecordSink::open(&killed).unwrap();
        let mut writer = sink.begin(&[0, 1, 2], LEN).unwrap();
        writer.write(0, sample(0).unwrap()).unwrap();
        drop(writer);
        run(&killed, sample);
        assert_eq!(files(&killed.folder), expected, "{}", spec.kind);
    }
}

#[test]
fn a_written_archive_is_read_as_the_same_samples() {
    use windrow::source::{Folder, Npy, NpyOptions, Tar, TarOptions};
    let folder = tempfile::tempdir().unwrap();
    let spec = SinkSpec::new(SinkKind::Tar, folder.path()).samples_per_file(4);
    let written = run(&spec, sample);
    let rows: Vec<_> = written.iter().map(|place| (&*place.file, place.row)).collect();
    let (first, second) = ("shard-00000.tar", "shard-00001.tar");
    let expected = [(first, 0), (first, 1), (first, 2), (second, 0), (second, 1), (second, 2)];
    assert_eq!(rows, expected);

    let home = Folder::new(folder.path());
    if !cfg!(feature = "tar") {
        return println!("skipped: without the feature `tar`, no archive is read");
    }
    let tar = Tar::open(&home, &TarOptions::new([first, second])).unwrap();
    let tar = windrow::from_source(tar).keys();
    let indices = (0..LEN).filter(|&index| index != 2);
    for (place, index) in (0..6).zip(indices) {
        let read = tar.get(place).unwrap().unwrap();
        assert_eq!(read.key.to_string(), format!("{index:05}"));
        for (field, tensor) in sample(index).unwrap().iter() {
            if field == "png" {
                assert_eq!(&read.sample[field], tensor);
                continue;
            }
            let file = read.sample[&*format!("{field}.npy")].bytes().to_vec();
            assert!(file.ends_with(tensor.bytes()));
            // A file of one array, as a file with one more axis is read.
            if !tensor.shape().is_empty() {
                fs::write(folder.path().join("x.npy"), file).unwrap();
                let npy = Npy::open(&home, &NpyOptions::file("x.npy")).unwrap();
                assert_eq!(windrow::from_source(npy).len(), tensor.shape()[0]);
            }
        }
    }
}

#[test]
fn written_arrays_are_read_as_the_same_samples() {
    use windrow::source::{Folder, Npy, NpyOptions};
    let folder = tempfile::tempdir().unwrap();
    let spec = SinkSpec::new(SinkKind::Npy, folder.path()).samples_per_file(4);
    let written = run(&spec, alike);
    assert_eq!((&*written[5].file, written[5].row), ("shard-00001.*.npy", 2));
    for (shard, indices) in [(0, &[0, 1, 3][..]), (1, &[4, 5, 6])] {
        let names = ["label", "größe", "ok", "half", "png"];
        let options = names.map(|name| (name, format!("shard-0000{shard}.{name}.npy")));
        let npy = Npy::open(&Folder::new(folder.path()), &NpyOptions::from(options)).unwrap();
        let npy = windrow::from_source(npy);
        assert_eq!(npy.len(), indices.len() as u64);
        for (row, &index) in (0..).zip(indices) {
            assert_eq!(npy.get(row).unwrap(), alike(index));
        }
    }
}

#[cfg(feature = "jsonl")]
#[test]
fn written_lines_are_read_as_the_same_samples() {
    use windrow::source::{Folder, Jsonl, JsonlField, JsonlOptions};
    let folder = tempfile::tempdir().unwrap();
    let spec = SinkSpec::new(SinkKind::Jsonl, folder.path()).text(["png"]);
    run(&spec, sample);
    let first = sample(1).unwrap();
    let fields = first.iter().map(|(name, x)| JsonlField::new(name, x.dtype()));
    let options = JsonlOptions::new("shard-00000.jsonl", fields.collect::<Vec<_>>());
    let jsonl = Jsonl::open(&Folder::new(folder.path()), &options).unwrap();
    let jsonl = windrow::from_source(jsonl);
    let indices = (0..LEN).filter(|&index| index != 2);
    for (row, index) in (0..6).zip(indices) {
        assert_eq!(jsonl.get(row).unwrap(), sample(index));
    }
}

#[test]
fn a_refused_sample_leaves_no_trace_and_names_its_field() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("good"), folder.path().join("bad"));
    for (kind, tensor, says) in [
        (SinkKind::Tar, Tensor::scalar(bf16::ONE), "sink tar of index 1: the field \"x\" is BF16"),
        (SinkKind::Npy, Tensor::scalar(bf16::ONE), "sink npy of index 1: the field \"x\" is BF16"),
        (SinkKind::Npy, Tensor::scalar(1u8), "\"x\" is U8[] here and F32[]"),
        (SinkKind::Safetensors, Tensor::scalar(1u8), "in the sample of index 0"),
        (SinkKind::Jsonl, Tensor::scalar(f32::NAN), "sink jsonl of index 1: the field \"x\" has"),
    ] {
        let one = |tensor: Tensor| Record::new().with("x", tensor).unwrap();
        let sink = |folder| RecordSink::open(&SinkSpec::new(kind, folder)).unwrap();
        let (good, bad) = (good.join(kind.name()), bad.join(kind.name()));
        write(&sink(&good), &[0, 2], |x| Some(one(Tensor::scalar(x as f32)))).unwrap();
        let with_bad = sink(&bad);
        let mut writer = with_bad.begin(&[0, 1, 2], LEN).unwrap();
        writer.write(0, one(Tensor::scalar(0f32))).unwrap();
        let message = writer.write(1, one(tensor)).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
        assert_eq!(writer.write(2, one(Tensor::scalar(2f32))).unwrap().row, 1);
        writer.finish().unwrap();
        assert_eq!(files(&good), files(&bad), "{kind}");
    }
}

#[test]
fn names_that_no_file_can_have_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (spec, _) in kinds(folder.path()) {
        let byte = || Tensor::from_slice([1], b"x").unwrap();
        for field in ["../x", "a/b", "..", "__metadata__", ""] {
            let spec = if spec.field.is_some() { spec.clone().field(field) } else { spec.clone() };
            let sink = RecordSink::open(&spec).unwrap();
            let record = Record::new().with(field, byte()).unwrap();
            let written = write(&sink, &[0], |_| Some(record.clone()));
            let takes_any = match spec.kind {
                SinkKind::Jsonl => true,
                SinkKind::Safetensors => field != "__metadata__",
                SinkKind::Files => spec.field.is_none() && field != "__metadata__",
                _ => false,
            };
            assert_eq!(written.is_ok(), takes_any, "{} {field}", spec.kind);
        }
        for (name, _) in files(&spec.folder) {
            assert!(name.starts_with("shard-00000.") || name.starts_with("00000."), "{name}");
        }
    }
    let outside: Vec<_> = files_and_folders(folder.path());
    assert_eq!(outside, ["files", "jsonl", "npy", "png", "safetensors", "tar"]);
}

fn files_and_folders(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_block_without_samples_has_no_file_and_a_sample_without_fields_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (spec, sample) in kinds(folder.path()) {
        let sink = RecordSink::open(&spec).unwrap();
        assert_eq!(write(&sink, &[0, 1, 2], |_| None).unwrap(), []);
        let message = write(&sink, &[0], |_| Some(Record::new())).unwrap_err().to_string();
        if spec.field.is_none() {
            assert!(message.contains("of index 0: the sample has no field"), "{message}");
        }
        assert_eq!(files(&spec.folder).len(), 0);
        // Nothing is held back for samples that follow.
        write(&sink, &[0], sample).unwrap();
    }
}

#[test]
fn a_block_that_is_written_again_without_samples_loses_its_files_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    for (spec, sample) in kinds(folder.path()) {
        run(&spec, sample);
        let mut rest = files(&spec.folder);
        let sink = RecordSink::open(&spec).unwrap();
        let Partition::Blocks(size) = sink.partition(LEN) else {
            assert_eq!(write(&sink, &[1], |_| None).unwrap(), []);
            rest.retain(|name, _| !name.starts_with("00001."));
            assert_eq!(files(&spec.folder), rest);
            continue;
        };
        assert_eq!(write(&sink, &[size.get()], |_| None).unwrap(), []);
        rest.retain(|name, _| !name.starts_with("shard-00001."));
        assert_eq!(files(&spec.folder), rest);
    }
}

#[test]
fn an_index_of_another_block_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (spec, sample) in kinds(folder.path()) {
        let sink = RecordSink::open(&spec).unwrap();
        let mut writer = sink.begin(&[0], LEN).unwrap();
        writer.write(0, sample(0).unwrap()).unwrap();
        let message = writer.write(5, sample(5).unwrap()).unwrap_err().to_string();
        assert!(message.contains("the writer began file 0"), "{message}");
        writer.finish().unwrap();
    }
}

#[test]
fn a_sink_is_a_value_that_crosses_to_workers() {
    let folder = tempfile::tempdir().unwrap();
    for (spec, _) in kinds(folder.path()) {
        let json = serde_json::to_string(&spec).unwrap();
        let again: SinkSpec = serde_json::from_str(&json).unwrap();
        assert_eq!(again, spec);
        let (one, other) = (RecordSink::open(&spec).unwrap(), RecordSink::open(&again).unwrap());
        assert_eq!(one.describe(), other.describe());
        assert!(one.describe().starts_with(spec.kind.name()));
    }
    let tar = |n| SinkSpec::new(SinkKind::Tar, folder.path()).samples_per_file(n);
    let sink = |n| RecordSink::open(&tar(n)).unwrap();
    let told = sink(3).describe();
    assert!(told.starts_with("tar(folder=") && told.ends_with(",samples_per_file=3)"), "{told}");
    assert_ne!(told, sink(4).describe());
    let elsewhere = SinkSpec::new(SinkKind::Tar, folder.path().join("x")).samples_per_file(3);
    assert_ne!(told, RecordSink::open(&elsewhere).unwrap().describe());
    let same = SinkSpec::new(SinkKind::Tar, folder.path().join("x/..")).samples_per_file(3);
    assert_eq!(told, RecordSink::open(&same).unwrap().describe());
    assert_eq!(sink(3).partition(LEN), Partition::Blocks(NonZeroU64::new(3).unwrap()));
    assert_eq!(sink(1).partition(LEN), Partition::Each);
    assert!(serde_json::from_str::<SinkSpec>(r#"{"kind":"zip","folder":"x"}"#).is_err());
    assert!(serde_json::from_str::<SinkSpec>(r#"{"kind":"tar","folder":"x","y":1}"#).is_err());
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), b"").unwrap();
    let spec = SinkSpec::new(SinkKind::Tar, folder.path().join("file/out"));
    let message = RecordSink::open(&spec).unwrap_err().to_string();
    assert!(message.starts_with("creating the folder "), "{message}");
    // The folder of files where a file belongs.
    let spec = SinkSpec::new(SinkKind::Jsonl, folder.path());
    fs::create_dir(folder.path().join("shard-00000.jsonl")).unwrap();
    let message = write(&RecordSink::open(&spec).unwrap(), &[0], sample).unwrap_err().to_string();
    assert!(message.starts_with("sink jsonl: writing ") && message.contains("shard-00000.jsonl"));
    assert!(!folder.path().join("shard-00000.jsonl.partial").exists());
}
