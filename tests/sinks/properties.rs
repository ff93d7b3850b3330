//! Records of any dtypes, shapes and numbers: a sink writes them to the bit, or refuses them.

use std::collections::BTreeSet;
use std::fs;

use proptest::prelude::*;
use windrow::dataset::{Dtype, Record, Tensor};
use windrow::sink::{RecordSink, Sink, SinkKind, SinkSpec, Writer};

const NAMES: [&str; 8] = ["x", "größe", "a b", "seg.png", "X", "a/b", "__x", ""];

/// Two records whose fields have the same dtypes and shapes.
fn records() -> impl Strategy<Value = [Record; 2]> {
    let field = (
        prop::sample::select(&NAMES[..]),
        prop::sample::select(&Dtype::ALL[..]),
        prop::collection::vec(0u64..4, 0..4),
    );
    prop::collection::vec(field, 1..4).prop_flat_map(|fields| {
        let size = |(_, dtype, shape): &(&str, Dtype, Vec<u64>)| {
            (shape.iter().product::<u64>() * dtype.size()) as usize
        };
        let total = fields.iter().map(size).sum::<usize>();
        let bytes = prop::collection::vec(any::<u8>(), total..=total);
        (Just(fields), [bytes.clone(), bytes]).prop_map(move |(fields, bytes)| {
            bytes.map(|bytes| {
                let mut record = Record::new();
                let mut rest = &*bytes;
                for field in &fields {
                    let (own, after) = rest.split_at(size(field));
                    rest = after;
                    let (name, dtype, shape) = field;
                    let bit = |byte: &u8| if *dtype == Dtype::BOOL { byte & 1 } else { *byte };
                    let own: Vec<u8> = own.iter().map(bit).collect();
                    record.insert(*name, Tensor::new(*dtype, shape, &own).unwrap()).unwrap();
                }
                record
            })
        })
    })
}

/// Writes the records to one file; true if the sink takes both.
fn write(spec: &SinkSpec, records: &[Record; 2]) -> bool {
    let sink = RecordSink::open(spec).unwrap();
    let mut writer = sink.begin(&[0, 1], 2).unwrap();
    let written = records.clone().into_iter().zip(0..).map(|(x, index)| writer.write(index, x));
    let taken = written.filter(Result::is_ok).count();
    writer.finish().unwrap();
    taken == 2
}

/// Whether the names can be names of files.
fn are_plain(record: &Record) -> bool {
    let lower: BTreeSet<_> = record.iter().map(|(name, _)| name.to_lowercase()).collect();
    lower.len() == record.len() && lower.iter().all(|name| !["a/b", "__x", ""].contains(&&**name))
}

fn has(record: &Record, dtype: Dtype) -> bool {
    record.iter().any(|(_, tensor)| tensor.dtype() == dtype)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn arrays_have_every_number_to_the_bit(records in records()) {
        use windrow::Dataset;
        use windrow::source::{Folder, Npy, NpyOptions};
        let folder = tempfile::tempdir().unwrap();
        let taken = write(&SinkSpec::new(SinkKind::Npy, folder.path()), &records);
        prop_assert_eq!(taken, are_plain(&records[0]) && !has(&records[0], Dtype::BF16));
        for (name, tensor) in records[0].iter().filter(|_| taken) {
            let options = NpyOptions::file(format!("shard-00000.{name}.npy"));
            let npy = Npy::open(&Folder::new(folder.path()), &options).unwrap();
            let npy = windrow::from_source(npy);
            prop_assert_eq!(npy.len(), 2);
            prop_assert_eq!(&npy.get(0).unwrap().unwrap()["data"], tensor);
            prop_assert_eq!(&npy.get(1).unwrap().unwrap()["data"], &records[1][name]);
        }
    }

    #[test]
    fn safetensors_have_every_number_to_the_bit(records in records()) {
        let folder = tempfile::tempdir().unwrap();
        prop_assert!(write(&SinkSpec::new(SinkKind::Safetensors, folder.path()), &records));
        let file = fs::read(folder.path().join("shard-00000.safetensors")).unwrap();
        let (length, rest) = file.split_at(8);
        let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
        let header: serde_json::Value = serde_json::from_slice(&rest[..length]).unwrap();
        let mut left = rest.len() - length;
        for (name, tensor) in records[0].iter() {
            let entry = &header[name];
            let shape = [&[2], tensor.shape()].concat();
            prop_assert_eq!(&entry["dtype"], tensor.dtype().name());
            prop_assert_eq!(&entry["shape"], &serde_json::json!(shape));
            let at = |n: usize| length + entry["data_offsets"][n].as_u64().unwrap() as usize;
            let bytes = [tensor.bytes(), records[1][name].bytes()].concat();
            prop_assert_eq!(&rest[at(0)..at(1)], bytes);
            prop_assert_eq!((at(0) - length) as u64 % tensor.dtype().size(), 0);
            left -= at(1) - at(0);
        }
        prop_assert_eq!(left, 0);
    }

    #[cfg(feature = "jsonl")]
    #[test]
    fn lines_have_every_finite_number_to_the_bit(records in records()) {
        use windrow::Dataset;
        use windrow::source::{Folder, Jsonl, JsonlField, JsonlOptions};
        let folder = tempfile::tempdir().unwrap();
        if !write(&SinkSpec::new(SinkKind::Jsonl, folder.path()), &records) {
            let floats = [Dtype::F16, Dtype::BF16, Dtype::F32, Dtype::F64];
            prop_assert!(floats.into_iter().any(|dtype| has(&records[0], dtype)));
            return Ok(());
        }
        let fields = records[0].iter();
        // Nested lists do not tell the axes after one of length 0.
        let fields = fields.map(|(name, x)| {
            let field = JsonlField::new(name, x.dtype());
            if x.is_empty() { field } else { field.shape(x.shape()) }
        });
        let options = JsonlOptions::new("shard-00000.jsonl", fields.collect::<Vec<_>>());
        let jsonl = Jsonl::open(&Folder::new(folder.path()), &options).unwrap();
        let jsonl = windrow::from_source(jsonl);
        for (index, record) in (0..).zip(&records) {
            let read = jsonl.get(index).unwrap().unwrap();
            for (name, tensor) in record.iter() {
                let known = tensor.shape().iter().take_while(|&&axis| axis > 0).count() + 1;
                let known = known.min(tensor.shape().len());
                prop_assert_eq!(read[name].shape(), &tensor.shape()[..known]);
                prop_assert_eq!(read[name].bytes(), tensor.bytes());
            }
        }
    }

    #[cfg(feature = "tar")]
    #[test]
    fn archives_are_read_or_refused(records in records()) {
        use windrow::Dataset;
        use windrow::source::{Folder, Tar, TarOptions};
        let folder = tempfile::tempdir().unwrap();
        if !write(&SinkSpec::new(SinkKind::Tar, folder.path()), &records) {
            prop_assert!(!are_plain(&records[0]) || has(&records[0], Dtype::BF16));
            return Ok(());
        }
        let tar = Tar::open(&Folder::new(folder.path()), &TarOptions::new(["shard-00000.tar"]));
        let tar = windrow::from_source(tar.unwrap());
        for (index, record) in (0..).zip(&records) {
            let read = tar.get(index).unwrap().unwrap();
            prop_assert_eq!(read.len(), record.len());
            for (name, tensor) in record.iter() {
                let array = format!("{name}.npy");
                let own = read.get(name).unwrap_or_else(|| &read[&*array]);
                prop_assert!(own.bytes().ends_with(tensor.bytes()));
            }
        }
    }
}
