//! Sources and functions that the opening program serves to a pipeline document.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use windrow::dataset::{Record, SampleContext, SampleResult, Tensor};
use windrow::source::MemoryFiles;
use windrow::spec::{CallOptions, Function, Functions, Made, ServedOptions, ServedSource, Spec};
use windrow::{Backend, Fault, Loader, State};

/// Serves squares, and a function that counts how often it is called.
#[derive(Default, Clone)]
struct Mine {
    len: u64,
    asked: Arc<AtomicU64>,
    /// What the function has made already, by index.
    made: Arc<Mutex<HashMap<u64, Record>>>,
}

fn value(number: u64) -> Result<Record, Fault> {
    Record::new().with("value", Tensor::scalar(number))
}

impl Functions for Mine {
    fn get(&self, call: &CallOptions, _: u64) -> Result<Function, String> {
        let name = call.name.clone();
        Ok(Arc::new(move |_, _| Err(Fault::new(format!("{name} is not made yet")))))
    }

    fn made(&self, _: &CallOptions) -> Option<Made> {
        let made = self.made.clone();
        let lookup = move |place: SampleContext| -> Option<SampleResult<Record>> {
            assert_eq!((place.op, place.len), (2, 6));
            made.lock().unwrap().get(&place.index).cloned().map(|record| Ok(Some(record)))
        };
        Some(Arc::new(lookup))
    }

    fn source(&self, served: &ServedOptions) -> Result<ServedSource, String> {
        if served.name != "squares" {
            return Err(format!("there is no source {:?}", served.name));
        }
        let asked = self.asked.clone();
        let get = move |index| {
            asked.fetch_add(1, Ordering::Relaxed);
            if index == 3 { Err(Fault::new("three is missing")) } else { value(index * index) }
        };
        Ok(ServedSource::new(self.len, get))
    }
}

fn spec(source: &str, ops: &str) -> Spec {
    let source = format!(r#"{{"kind": "served", {source}}}"#);
    Spec::from_json(&format!(r#"{{"version": 1, "source": {source}, "ops": [{ops}]}}"#)).unwrap()
}

fn loader(mine: &Mine, source: &str, ops: &str) -> Loader<Record> {
    let pipeline = spec(source, ops).open_with(&MemoryFiles::default(), mine).unwrap();
    Loader::builder(pipeline).backend(Backend::Inline).build().unwrap()
}

#[test]
fn a_served_source_is_a_source_like_any_other() {
    let mine = Mine { len: 6, ..Mine::default() };
    let ops = r#"{"op": "shuffle", "seed": 1}, {"op": "repeat", "epochs": 2}"#;
    let items: Vec<_> = loader(&mine, r#""name": "squares""#, ops).collect();
    let mut values: Vec<u64> = items
        .iter()
        .filter_map(|item| Some(item.as_ref().ok()?["value"].to_vec::<u64>().unwrap()[0]))
        .collect();
    values.sort_unstable();
    assert_eq!(values, [0, 0, 1, 1, 4, 4, 16, 16, 25, 25]);
    let errors: Vec<_> = items.iter().filter_map(|item| item.as_ref().err()).collect();
    assert_eq!(errors.len(), 2);
    let message = errors[0].to_string();
    assert!(message.contains("squares of index 3: three is missing"), "{message}");
}

#[test]
fn name_length_options_and_identity_are_what_tells_a_served_source() {
    let state = |len, source: &str| loader(&Mine { len, ..Mine::default() }, source, "").state();
    let whole = r#""name": "squares", "identity": "v1, of May", "options": {"a": 1}"#;
    let saved = state(6, whole);
    let other = |len, source: &str| {
        let mine = Mine { len, ..Mine::default() };
        let pipeline = spec(source, "").open_with(&MemoryFiles::default(), &mine).unwrap();
        let refused = Loader::builder(pipeline).backend(Backend::Inline).resume(&saved).build();
        refused.map(|_| String::new()).unwrap_or_else(|error| error.to_string())
    };
    assert_eq!(other(6, whole), "");
    assert!(other(7, whole).contains("served.len 6"), "{}", other(7, whole));
    for (changed, field) in [
        (r#""name": "squares", "identity": "v2", "options": {"a": 1}"#, "served.identity"),
        (r#""name": "squares", "identity": "v1, of May""#, "served.options"),
    ] {
        let message = other(6, changed);
        assert!(message.contains(field), "{message}");
    }
    assert_eq!(State::from_json(&saved.to_json()).unwrap(), saved);
}

#[test]
fn a_source_that_is_not_served_is_named_by_its_path() {
    let files = MemoryFiles::default();
    let none = spec(r#""name": "cubes""#, "");
    let message = |error: windrow::Error| error.to_string();
    let nobody = none.open(&files).err().map(message).unwrap();
    assert!(nobody.starts_with("$.source: this program has no source \"cubes\""), "{nobody}");
    let other = none.open_with(&files, &Mine::default()).err().map(message).unwrap();
    assert_eq!(other, "$.source: there is no source \"cubes\"");
}

#[test]
fn what_a_function_has_made_already_is_taken_and_nothing_below_is_made_again() {
    let mine = Mine { len: 6, ..Mine::default() };
    let ops = r#"{"op": "slice"}, {"op": "call", "name": "later"}"#;
    for index in [0, 2, 3] {
        mine.made.lock().unwrap().insert(index, value(100 + index).unwrap());
    }
    let mut values = Vec::new();
    for item in loader(&mine, r#""name": "squares""#, ops) {
        values.push(item.map_or(0, |record| record["value"].to_vec::<u64>().unwrap()[0]));
    }
    assert_eq!(values, [100, 0, 102, 103, 0, 0]);
    assert_eq!(mine.asked.load(Ordering::Relaxed), 3, "samples of the source that were made");
}
