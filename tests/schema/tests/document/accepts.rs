//! The schema and the reader accept the same documents.

use std::collections::BTreeSet;
use std::sync::Arc;

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use windrow::dataset::Record;
use windrow::order::Rng;
use windrow::source::{Files, Folder, MemoryFiles};
use windrow::spec::{CallOptions, Function, Functions, OpSpec, ServedOptions, ServedSource, Spec};
use windrow::{Error, Fault};

use crate::{Schema, known, options, path, word};

/// The folders of documents, relative names of which start in the folder.
const FOLDERS: &[&str] = &["tests/golden/specs", "www/data"];

pub fn validator() -> Validator {
    let schema = Schema::new().0;
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::validator_for(&schema).unwrap()
}

/// Every golden document with its folder.
fn golden() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        for entry in std::fs::read_dir(path(folder)).unwrap() {
            let file = entry.unwrap().path();
            if file.extension().is_some_and(|end| end == "json") {
                let text = std::fs::read_to_string(&file).unwrap();
                let value: Value = serde_json::from_str(&text).unwrap();
                // `emoji.names.json` is data.
                if value.is_object() {
                    found.push((folder.to_string(), value));
                }
            }
        }
    }
    assert!(found.len() >= 9, "{} golden documents", found.len());
    found
}

/// A document around each example of the schema.
fn examples(schema: &Schema) -> Vec<Value> {
    let range = json!({"kind": "range", "end": 9});
    let mut documents = Vec::new();
    for what in ["source", "op", "stage"] {
        for choice in schema.choices(what) {
            let examples = choice["examples"].as_array();
            for example in examples.unwrap_or_else(|| panic!("{} has no example", word(choice))) {
                documents.push(match what {
                    "source" => json!({"version": 1, "source": example}),
                    "op" => json!({"version": 1, "source": range, "ops": [example]}),
                    _ => json!({"version": 1, "source": range, "stages": [example]}),
                });
            }
        }
    }
    documents
}

/// The files of the examples, and of [`full`].
pub fn files() -> MemoryFiles {
    let mut npy = b"\x93NUMPY\x01\x00\x3e\x00".to_vec();
    npy.extend(b"{'descr': '<i2', 'fortran_order': False, 'shape': (1, 2), }  \n");
    npy.extend([1, 0, 2, 0]);
    let idx = [0, 0, 0x08, 1, 0, 0, 0, 2, 7, 9];
    let tar = std::fs::read(path("tests/golden/data/digits.tar")).unwrap();
    let digits = vec!["1"; 65].join(",") + "\n";
    let mut files = MemoryFiles::default()
        .with("digits.csv", digits.into_bytes())
        .with("x.csv", *b"a;b\n1;2\n")
        .with("flowers.jsonl", *b"{\"sepal\": [1, 2], \"meta\": {\"species\": 1}}\n")
        .with("x.jsonl", *b"{\"a\": [1]}\n")
        .with("pets/cat/1.png", *b"...");
    for name in ["images.npy", "labels.npy", "x.npy"] {
        files = files.with(name, npy.clone());
    }
    for name in ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"] {
        files = files.with(name, idx);
    }
    for name in ["train-0.tar", "train-1.tar", "x.tar"] {
        files = files.with(name, tar.clone());
    }
    files
}

/// Documents with every option of every choice.
fn full() -> Vec<Value> {
    let range = json!({"kind": "range", "start": 0, "end": "9"});
    let csv = json!({"name": "x", "columns": [0, "b"], "dtype": "f32", "shape": [2]});
    let jsonl = json!({"name": "x", "dtype": "U8", "at": "/a/0", "shape": []});
    let sources = [
        range.clone(),
        json!({"kind": "csv", "file": "x.csv", "delimiter": ";", "header": null, "fields": [csv]}),
        json!({"kind": "npy", "fields": {"x": "x.npy"}, "identity": "full"}),
        json!({"kind": "tar", "files": ["x.tar"], "fields": null, "identity": "blocks"}),
        json!({"kind": "jsonl", "file": "x.jsonl", "fields": [jsonl]}),
        json!({"kind": "images", "folder": "pets", "label": false, "identity": "full"}),
        json!({"kind": "served", "name": "x", "identity": "1", "options": {"a": [null]}}),
        json!({"kind": "concat", "parts": [{"source": range, "ops": [{"op": "reverse"}]}, {"source": range}]}),
        json!({"kind": "mix", "parts": [{"source": range, "ops": [{"op": "shuffle"}], "weight": "3"}]}),
    ];
    let mut documents: Vec<Value> =
        sources.into_iter().map(|source| json!({"version": 1, "source": source})).collect();
    let field = "value";
    documents.push(json!({
        "version": 1, "seed": 7, "epochs": 2, "keys": true, "source": range,
        "ops": [
            {"op": "slice", "start": 0, "end": 8, "step": 1},
            {"op": "split", "seed": "5", "parts": [0.5, 0.5], "part": 0},
            {"op": "shuffle_once", "seed": 1}, {"op": "shuffle", "seed": 1},
            {"op": "sample", "count": 3}, {"op": "repeat", "epochs": 2, "same_each_epoch": true},
            {"op": "window_shuffle", "window": 2, "seed": "1"}, {"op": "reverse"},
            {"op": "subset", "indices": [0, "1"]},
            {"op": "shard", "index": 0, "count": 1, "drop_remainder": true, "pad_remainder": false},
            {"op": "cache", "bytes": "9"},
            {"op": "weighted_sample", "weights": [1, 0.5], "count": 2, "seed": "1"},
            {"op": "weighted_sample", "weights": [1, 0.5], "count": 2, "replacement": false},
            {"op": "class_balanced", "labels": [1, "2"], "count": "2", "seed": 1},
            {"op": "shard", "index": 0, "count": 1, "pad_remainder": true, "strided": true},
            {"op": "cast", "field": field, "dtype": "f64"},
            {"op": "scale", "field": field, "factor": 2, "offset": -1.5, "dtype": "BF16"},
            {"op": "one_hot", "field": field, "classes": 4, "dtype": "u8"},
            {"op": "reshape", "field": field, "shape": [-1, 2]},
            {"op": "decode_image", "field": field, "channels": null},
            {"op": "decode_number", "field": field, "dtype": "i64"},
            {"op": "resize", "field": field, "height": 2, "width": 2, "filter": "bilinear"},
            {"op": "normalize", "field": field, "mean": [0], "std": [1], "factor": 0.5},
            {"op": "random_crop", "field": field, "height": 1, "width": 1, "padding": 1, "fill": -0.5, "seed": 1},
            {"op": "random_flip", "field": field, "direction": "vertical", "probability": 1, "seed": "1"},
            {"op": "random_rotate90", "field": field, "seed": 1},
            {"op": "random_brightness", "field": field, "lower": 0, "upper": 1.5, "seed": 1},
            {"op": "random_contrast", "field": field, "lower": 0.5, "upper": 2, "seed": 1},
            {"op": "random_erase", "field": field, "probability": 0, "scale": [0, 1], "ratio": [0.1, 10],
             "value": 1, "seed": 1},
            {"op": "noise", "field": field, "lower": -1, "upper": 1, "seed": 1},
            {"op": "gaussian_noise", "field": field, "mean": -1, "sigma": 0, "seed": 1},
            {"op": "call", "name": "f", "options": [1], "seed": 3},
            {"op": "batch", "size": 2, "drop_remainder": false, "pad": 0.5},
        ],
        "stages": [
            {"stage": "batch", "size": "2", "drop_remainder": false, "pad": null},
            {"stage": "limit", "count": 0},
            {"stage": "skip", "count": "1"},
            {"stage": "unbatch"},
            {"stage": "bucket_by_length", "field": field, "boundaries": [0, "9"], "size": "2",
             "drop_remainder": true, "pad": 0.5},
            {"stage": "batch_by_budget", "field": field, "budget": "7", "pad": null},
            {"stage": "pack", "lengths": {"a": 1, "b": "16777216"}, "open": 1024, "fit": "best", "pad": -1},
            {"stage": "concat_then_split", "lengths": {"a": 3}, "drop_remainder": true, "pad": 0},
        ],
    }));
    documents
}

#[test]
fn golden_documents_examples_and_all_options_are_accepted() {
    let (schema, validator) = (Schema::new(), validator());
    let golden = golden().into_iter().map(|(_, document)| document);
    for document in golden.chain(examples(&schema)).chain(full()) {
        let faults: Vec<String> =
            validator.iter_errors(&document).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:#?} in {document}");
        Spec::from_json(&document.to_string()).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn the_schema_has_the_options_of_the_reader() {
    let schema = Schema::new();
    for what in ["source", "op", "stage"] {
        for choice in schema.choices(what) {
            let mut known = schema.order(what, choice);
            let mut listed = options(choice);
            known.sort();
            listed.sort_unstable();
            assert_eq!(known, listed, "{}", word(choice));
        }
    }
}

#[test]
fn the_schema_says_nothing_in_the_terms_of_rust() {
    let text = Schema::new().0.to_string();
    for term in ["::", "```", "](crate", "uint64", "\"format\""] {
        let place = text.find(term).map(|place| &text[place.saturating_sub(80)..]);
        assert_eq!(place, None, "{term} is in the schema");
    }
}

#[test]
fn the_schema_has_every_choice_of_the_reader() {
    let schema = Schema::new();
    let range = json!({"kind": "range", "end": 9});
    for (what, document) in [
        ("source", json!({"version": 1, "source": {"kind": "?"}})),
        ("op", json!({"version": 1, "source": range, "ops": [{"op": "?"}]})),
        ("stage", json!({"version": 1, "source": range, "stages": [{"stage": "?"}]})),
    ] {
        let words: Vec<&str> = schema.choices(what).iter().map(word).collect();
        assert_eq!(words, known(document));
    }
}

#[test]
fn what_is_wrong_is_refused_by_both() {
    let validator = validator();
    let document =
        |ops: Value| json!({"version": 1, "source": {"kind": "range", "end": 9}, "ops": ops});
    for (wrong, ops) in [
        ("an unknown op", json!([{"op": "rotate"}])),
        ("no name", json!([{}])),
        ("a missing option", json!([{"op": "cast", "field": "value"}])),
        ("a wrong type", json!([{"op": "cast", "field": 7, "dtype": "F32"}])),
        ("an unknown key", json!([{"op": "shuffle", "sed": 1}])),
        ("the key of another op", json!([{"op": "shuffle", "size": 1}])),
        ("an unknown dtype", json!([{"op": "cast", "field": "value", "dtype": "F8"}])),
        ("a dtype in mixed case", json!([{"op": "cast", "field": "value", "dtype": "Bool"}])),
        ("a seed beyond 64 bits", json!([{"op": "shuffle", "seed": "18446744073709551616"}])),
        ("a seed of 33 bits", json!([{"op": "shuffle_like_grain", "seed": 4_294_967_296u64}])),
        ("a seed that is null", json!([{"op": "shuffle", "seed": null}])),
        ("an op in the place of ops", json!({"op": "shuffle"})),
        ("1001 ops", json!(vec![json!({"op": "shuffle"}); 1001])),
    ] {
        let document = document(ops);
        assert!(!validator.is_valid(&document), "the schema accepts {wrong}");
        assert!(Spec::from_json(&document.to_string()).is_err(), "the reader accepts {wrong}");
    }
}

/// Whatever a document asks for.
struct Everything;

impl Functions for Everything {
    fn get(&self, _: &CallOptions, _: u64) -> Result<Function, String> {
        Ok(Arc::new(|_, record| Ok(Some(record))))
    }

    fn source(&self, _: &ServedOptions) -> Result<ServedSource, String> {
        Ok(ServedSource::new(9, |_| Ok::<Record, Fault>(Record::new())))
    }
}

/// Whether a document is read and opened, whatever fields its records have, which no schema knows.
pub fn opens(document: &Value, files: &dyn Files) -> Result<(), Error> {
    let mut spec = Spec::from_json(&document.to_string())?;
    // After a call, any field may be there.
    let any_fields = || OpSpec::Call(CallOptions::new("f"));
    spec.ops = spec.ops.into_iter().flat_map(|op| [any_fields(), op]).collect();
    spec.open_with(files, &Everything).map(drop)
}

/// What is put in the place of each value: every kind, and what is near a bound.
fn values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(2),
        json!(-1),
        json!(-2),
        json!(1.5),
        json!(300),
        json!(4_294_967_296u64),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("x"),
        json!("7"),
        json!("forever"),
        json!("F32"),
        json!("f64"),
        json!("bool"),
        json!("/a"),
        json!("all"),
        json!("full"),
        json!("lanczos3"),
        json!("=="),
        json!("__keys__"),
        json!(","),
        json!("x".repeat(256)),
        json!([]),
        json!([0]),
        json!([1, 1]),
        json!([-1, -1]),
        json!(["a", "a"]),
        json!([0, "x"]),
        json!([null]),
        json!(vec![1; 8]),
        json!(vec![1; 9]),
        json!({}),
        json!({"start": 0, "end": 2}),
        json!({"start": 0, "end": 2, "more": 1}),
        json!({"x": "x"}),
        json!({"F32": null}),
        json!({"kind": "range", "end": 3}),
        json!({"op": "shuffle"}),
        json!(["x", 0, "U8", null]),
        json!([{"name": "x", "columns": 0, "dtype": "U8"}]),
        json!([["x", 0, "U8", null]]),
        json!([{"name": "x", "dtype": "U8"}]),
    ]
}

/// Every document that differs from one in one place.
fn changed(document: &Value, change: &mut dyn FnMut(Value)) {
    for value in values() {
        change(value);
    }
    match document {
        Value::Object(fields) => {
            let mut with = |fields: Map<String, Value>| change(Value::Object(fields));
            with(
                fields
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .chain([("more".into(), json!(1))])
                    .collect(),
            );
            for key in fields.keys() {
                let mut fewer = fields.clone();
                let value = fewer.remove(key).unwrap();
                with(fewer.clone());
                fewer.insert(format!("{key}_"), value);
                with(fewer);
            }
            for (key, value) in fields {
                changed(value, &mut |value| {
                    let mut fields = fields.clone();
                    fields.insert(key.clone(), value);
                    change(Value::Object(fields));
                });
            }
        }
        Value::Array(values) => {
            for (number, value) in values.iter().enumerate() {
                let mut more = values.clone();
                more.push(value.clone());
                change(Value::Array(more));
                changed(value, &mut |value| {
                    let mut values = values.clone();
                    values[number] = value;
                    change(Value::Array(values));
                });
            }
        }
        _ => {}
    }
}

/// Compares what the schema and the reader say of a document; gives whether the schema accepts it.
fn compare(validator: &Validator, document: &Value, files: &dyn Files) -> bool {
    let accepted = validator.is_valid(document);
    match (accepted, Spec::from_json(&document.to_string())) {
        (true, Err(error)) => {
            panic!("the schema accepts what the reader does not: {error}: {document}")
        }
        (false, Ok(_)) => match opens(document, files) {
            Ok(()) => panic!("the schema refuses what opens: {document}"),
            Err(error @ Error::Io { .. }) => {
                panic!("the schema refuses what is read: {error}: {document}")
            }
            Err(_) => {}
        },
        _ => {}
    }
    accepted
}

#[test]
fn documents_with_one_change_are_judged_alike() {
    let (schema, validator) = (Schema::new(), validator());
    let plain = examples(&schema).into_iter().chain(full());
    let plain = plain.map(|document| (Box::new(files()) as Box<dyn Files>, document));
    let golden = golden().into_iter().map(|(folder, document)| {
        let files: Box<dyn Files> = Box::new(Folder::new(path(&folder)).within(path("")));
        (files, document)
    });
    let (mut accepted, mut refused) = (0, 0);
    for (files, document) in plain.chain(golden) {
        changed(&document, &mut |document: Value| {
            *(if compare(&validator, &document, &*files) {
                &mut accepted
            } else {
                &mut refused
            }) += 1;
        });
    }
    assert!(accepted > 1000 && refused > 10_000, "{accepted} accepted, {refused} refused");
}

#[test]
fn documents_with_many_changes_are_judged_alike() {
    let (schema, validator) = (Schema::new(), validator());
    let files = files();
    let documents: Vec<Value> = examples(&schema).into_iter().chain(full()).collect();
    let mut rng = Rng::keyed(12, 0, 0, 0);
    let mut seen = BTreeSet::new();
    for document in &documents {
        for _ in 0..8 {
            let mut document = document.clone();
            for _ in 0..2 {
                let mut all = Vec::new();
                changed(&document, &mut |document: Value| all.push(document));
                let chosen = rng.next_u64() as usize % all.len();
                document = all.swap_remove(chosen);
            }
            seen.insert(compare(&validator, &document, &files));
        }
    }
    assert_eq!(seen.len(), 2, "all are {seen:?}");
}
