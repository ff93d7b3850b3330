//! Keys beside the batches of documents.

use std::sync::Arc;

use windrow::dataset::{Record, SampleKey, Tensor};
use windrow::source::MemoryFiles;
use windrow::spec::{CallOptions, Function, Functions, Spec};
use windrow::{Loader, Result};

/// A function that answers with a record of its own and a random number.
struct Mine;

impl Functions for Mine {
    fn get(&self, _: &CallOptions, seed: u64) -> Result<Function, String> {
        Ok(Arc::new(move |place, record: Record| {
            let noise = Tensor::scalar(place.rng(seed).next_u64());
            let value = record["value"].clone();
            Ok(Some(Record::new().with("noise", noise)?.with("value", value)?))
        }))
    }
}

fn files() -> MemoryFiles {
    ["a/7", "b/10", "b/9", "c/1"]
        .iter()
        .fold(MemoryFiles::default(), |files, key| files.with(format!("f/{key}.png"), *b"x"))
}

/// All batches of a document, with the state before its end.
fn batches(source: &str, ops: &str, stages: &str, keys: &str) -> (Vec<Record>, String) {
    let text = format!(
        r#"{{"version":1,"seed":5,"source":{source},"ops":[{ops}],"stages":[{stages}]{keys}}}"#
    );
    let spec = Spec::from_json(&text).unwrap();
    assert_eq!(Spec::from_json(&spec.to_json()).unwrap(), spec);
    let mut loader = Loader::builder(spec.open_with(&files(), &Mine).unwrap()).build().unwrap();
    let all = loader.by_ref().map(|batch| batch.unwrap().into_inner()).collect();
    (all, loader.state().to_json())
}

const KEYS: &str = r#","keys":true"#;
const RANGE: &str = r#"{"kind":"range","end":20}"#;
const BATCH: &str = r#"{"stage":"batch","size":4}"#;

/// Each key and the value that the sample of it has.
fn pairs(batches: &[Record]) -> Vec<(SampleKey, u64)> {
    let of = |batch: &Record| {
        let values = batch["value"].to_vec::<u64>().unwrap();
        assert_eq!(batch.keys().len(), values.len());
        batch.keys().iter().cloned().zip(values).collect::<Vec<_>>()
    };
    batches.iter().flat_map(of).collect()
}

#[test]
fn a_batch_carries_the_key_of_each_of_its_samples() {
    let shuffle = r#"{"op":"split","parts":[0.7,0.3],"part":0},{"op":"shuffle"},
        {"op":"repeat","epochs":2}"#;
    let filter = r#"{"op":"filter","field":"value","is":"!=","value":3}"#;
    let call = r#"{"op":"call","name":"mine"}"#;
    let batch = r#"{"op":"batch","size":3}"#;
    for (ops, stages) in [
        (shuffle.to_owned(), BATCH),
        (format!("{shuffle},{filter}"), BATCH),
        (format!("{shuffle},{call},{filter}"), BATCH),
        (format!("{shuffle},{batch}"), ""),
        (format!("{shuffle},{batch},{call}"), ""),
        (format!("{batch},{}", r#"{"op":"shuffle"}"#), ""),
    ] {
        let (all, _) = batches(RANGE, &ops, stages, KEYS);
        let pairs = pairs(&all);
        assert!(pairs.len() >= 20, "{ops}");
        for (key, value) in pairs {
            assert_eq!(key, SampleKey::Index(value), "{ops}");
        }
        // Without keys, the same numbers come, random ones too.
        let (plain, state) = batches(RANGE, &ops, stages, "");
        let bare: Vec<Record> = all.into_iter().map(|batch| batch.with_keys([])).collect();
        assert_eq!(plain, bare, "{ops}");
        assert!(!state.contains("keys"), "{state}");
    }
}

#[test]
fn a_path_and_the_key_of_an_archive_are_keys() {
    let source = r#"{"kind":"images","folder":"f"}"#;
    let (all, state) = batches(source, "", r#"{"stage":"batch","size":3}"#, KEYS);
    let keys: Vec<_> = all.iter().flat_map(|batch| batch.keys()).map(ToString::to_string).collect();
    assert_eq!(keys, ["a/7.png", "b/10.png", "b/9.png", "c/1.png"]);
    assert!(state.contains("|keys|ordered|batch"), "{state}");
}

#[test]
fn a_state_with_keys_is_of_another_pipeline() {
    let open = |keys: &str| {
        let text = format!(r#"{{"version":1,"source":{RANGE},"stages":[{BATCH}]{keys}}}"#);
        Loader::builder(Spec::from_json(&text).unwrap().open(&MemoryFiles::default()).unwrap())
    };
    let state = open(KEYS).build().unwrap().state();
    assert!(open(KEYS).resume(&state).build().is_ok());
    let message = open("").resume(&state).build().err().unwrap().to_string();
    assert!(message.starts_with("state was saved with op 1 keys"), "{message}");
}
