//! The bounds of options are those of the code, to the number.

use serde_json::{Value, json};
use windrow::source::MemoryFiles;

use crate::accepts::{files, opens, validator};

#[test]
fn bounds_are_where_opening_has_them() {
    let validator = validator();
    let range = json!({"kind": "range", "end": 9});
    let csv = |key: &str, value: Value| {
        let mut source = json!({"kind": "csv", "file": "x.csv", "delimiter": ";", "header": true, "fields": [
            {"name": "x", "columns": "all", "dtype": "F32"}
        ]});
        match source.get(key) {
            Some(_) => source[key] = value,
            None => source["fields"][0][key] = value,
        }
        source
    };
    let jsonl = |key: &str, value: Value| {
        let field = json!({"name": "x", "dtype": "F32", "at": "/a", key: value});
        json!({"kind": "jsonl", "file": "x.jsonl", "fields": [field]})
    };
    let tar = |key: &str, value: Value| json!({"kind": "tar", "files": ["x.tar"], key: value});
    let npy = |name: &str| json!({"kind": "npy", "fields": {name: "x.npy"}});
    let sources = [
        (csv("fields", json!([])), csv("header", json!(true))),
        (csv("delimiter", json!("\n")), csv("delimiter", json!(";"))),
        (csv("delimiter", json!("é")), csv("delimiter", json!(";"))),
        (csv("columns", json!([])), csv("columns", json!([0]))),
        (csv("name", json!("__keys__")), csv("name", json!("__key__"))),
        (csv("name", json!("x".repeat(256))), csv("name", json!("x".repeat(255)))),
        (csv("shape", json!([1, 1, 1, 1, 1, 1, 1, 2])), csv("shape", json!([1, 1, 1, 1, 1, 1, 2]))),
        (jsonl("at", json!("a")), jsonl("at", json!("/a"))),
        (jsonl("shape", json!(vec![1; 9])), jsonl("shape", json!(vec![1; 8]))),
        (tar("files", json!([])), tar("fields", json!(["png"]))),
        (tar("fields", json!([])), tar("fields", json!(null))),
        (tar("fields", json!(["png", "png"])), tar("fields", json!(["png", "cls"]))),
        (npy("__keys__"), npy("__key__")),
        (json!({"kind": "npy", "fields": {}}), npy("")),
    ];
    let field = |mut op: Value| {
        op["field"] = json!("value");
        op
    };
    let ops = [
        (json!({"op": "batch", "size": 0}), json!({"op": "batch", "size": 1})),
        (json!({"op": "slice", "step": 0}), json!({"op": "slice", "step": 1})),
        (
            json!({"op": "shard", "index": 0, "count": 0}),
            json!({"op": "shard", "index": 0, "count": 1}),
        ),
        (
            json!({"op": "split", "parts": [], "part": 0}),
            json!({"op": "split", "parts": [1], "part": 0}),
        ),
        (
            json!({"op": "split", "parts": [2, -1], "part": 0}),
            json!({"op": "split", "parts": [1, 0], "part": 0}),
        ),
        (
            json!({"op": "weighted_sample", "weights": [], "count": 1}),
            json!({"op": "weighted_sample", "weights": vec![1; 9], "count": 1}),
        ),
        (
            json!({"op": "weighted_sample", "weights": [-1], "count": 1}),
            json!({"op": "weighted_sample", "weights": vec![1; 9], "count": 1}),
        ),
        (json!({"op": "select", "fields": []}), json!({"op": "select", "fields": [""]})),
        (
            json!({"op": "select", "fields": ["a", "a"]}),
            json!({"op": "select", "fields": ["a", "b"]}),
        ),
        (
            field(json!({"op": "one_hot", "classes": 0})),
            field(json!({"op": "one_hot", "classes": 1})),
        ),
        (
            field(json!({"op": "one_hot", "classes": (1 << 20) + 1})),
            field(json!({"op": "one_hot", "classes": 1 << 20})),
        ),
        (
            field(json!({"op": "decode_image", "channels": 2})),
            field(json!({"op": "decode_image", "channels": 4})),
        ),
        (
            field(json!({"op": "resize", "height": 0, "width": 1})),
            field(json!({"op": "resize", "height": 1, "width": 1})),
        ),
        (
            field(json!({"op": "resize", "height": 1, "width": (1 << 20) + 1})),
            field(json!({"op": "resize", "height": 1, "width": 1 << 20})),
        ),
        (
            field(json!({"op": "reshape", "shape": vec![1; 9]})),
            field(json!({"op": "reshape", "shape": vec![1; 8]})),
        ),
        (
            field(json!({"op": "reshape", "shape": [-2]})),
            field(json!({"op": "reshape", "shape": [-1, 0, i64::MAX]})),
        ),
        (
            field(json!({"op": "reshape", "shape": [-1, -1]})),
            field(json!({"op": "reshape", "shape": [-1]})),
        ),
        (
            field(json!({"op": "normalize", "mean": [], "std": []})),
            field(json!({"op": "normalize", "mean": [0], "std": [1]})),
        ),
        (
            field(json!({"op": "normalize", "mean": [0], "std": [-0.0]})),
            field(json!({"op": "normalize", "mean": [0], "std": [-1e-300]})),
        ),
        (
            field(json!({"op": "random_crop", "height": 0, "width": 1})),
            field(json!({"op": "random_crop", "height": 1, "width": 1})),
        ),
        (
            field(json!({"op": "random_crop", "height": 1, "width": 1, "padding": (1 << 20) + 1})),
            field(json!({"op": "random_crop", "height": 1, "width": 1 << 20, "padding": 1 << 20})),
        ),
        (
            field(json!({"op": "random_flip", "probability": 1.001})),
            field(json!({"op": "random_flip", "probability": 1})),
        ),
        (
            field(json!({"op": "random_flip", "direction": "both"})),
            field(json!({"op": "random_flip", "direction": "vertical"})),
        ),
        (
            field(json!({"op": "random_erase", "probability": -0.001})),
            field(json!({"op": "random_erase", "probability": 0})),
        ),
        (
            field(json!({"op": "random_erase", "scale": [0, 1.001]})),
            field(json!({"op": "random_erase", "scale": [0, 1]})),
        ),
        (
            field(json!({"op": "random_erase", "ratio": [0.099, 10]})),
            field(json!({"op": "random_erase", "ratio": [0.1, 10]})),
        ),
        (
            field(json!({"op": "random_erase", "scale": [0.5]})),
            field(json!({"op": "random_erase", "scale": [0.5, 0.5]})),
        ),
        (
            field(json!({"op": "random_brightness", "lower": -0.001, "upper": 1})),
            field(json!({"op": "random_brightness", "lower": 0, "upper": 1})),
        ),
        (
            field(json!({"op": "random_contrast", "lower": -1, "upper": 1})),
            field(json!({"op": "random_contrast", "lower": 1, "upper": 1})),
        ),
        (
            field(json!({"op": "gaussian_noise", "sigma": -0.001})),
            field(json!({"op": "gaussian_noise", "sigma": 0})),
        ),
    ];
    let documents = sources
        .map(|(no, yes)| [no, yes].map(|source| json!({"version": 1, "source": source})))
        .into_iter()
        .chain(ops.map(|(no, yes)| {
            [no, yes].map(|op| json!({"version": 1, "source": range, "ops": [op]}))
        }))
        .chain([[0, 1].map(|size| {
            json!({"version": 1, "source": range, "stages": [{"stage": "batch", "size": size}]})
        })])
        .chain([[0, 1].map(|epochs| json!({"version": 1, "source": range, "epochs": epochs}))]);
    for [no, yes] in documents {
        assert!(!validator.is_valid(&no), "the schema accepts {no}");
        assert!(opens(&no, &files()).is_err(), "this opens: {no}");
        assert!(validator.is_valid(&yes), "the schema refuses {yes}");
        assert!(opens(&yes, &files()).is_ok(), "{:?}: {yes}", opens(&yes, &files()));
    }
    // Every dtype, in both cases, where an op takes only some.
    for name in windrow::dataset::Dtype::ALL.map(|dtype| dtype.name()) {
        for name in [name.to_owned(), name.to_lowercase()] {
            for op in ["cast", "scale", "one_hot", "decode_number"] {
                let op = match op {
                    "scale" => json!({"op": op, "field": "value", "factor": 1, "dtype": name}),
                    "one_hot" => json!({"op": op, "field": "value", "classes": 1, "dtype": name}),
                    _ => json!({"op": op, "field": "value", "dtype": name}),
                };
                let document = json!({"version": 1, "source": range, "ops": [op]});
                let opened = opens(&document, &files());
                assert_eq!(validator.is_valid(&document), opened.is_ok(), "{document}: {opened:?}");
            }
        }
    }
}

#[test]
fn numbers_and_their_digits_have_the_same_bounds() {
    let validator = validator();
    let max = u64::MAX.to_string();
    let mut texts: Vec<String> =
        ["", "0", "00", "+0", "+", "++1", "-1", "1.0", " 1", "1 ", "1e3", "٣"]
            .map(String::from)
            .into();
    // Each digit of the largest number one up and one down, also with less and more digits.
    for (place, digit) in max.char_indices() {
        for other in [digit as u8 - 1, digit as u8 + 1].map(char::from) {
            let text = format!("{}{other}{}", &max[..place], &max[place + 1..]);
            texts.extend([format!("+00{text}"), text]);
        }
        texts.extend([
            max[place..].to_owned(),
            "9".repeat(place + 1),
            format!("1{}", "0".repeat(place)),
        ]);
    }
    texts.extend([format!("{max}0"), format!("0{max}"), max]);
    for text in texts {
        for op in [json!({"op": "shuffle", "seed": text}), json!({"op": "batch", "size": text})] {
            let document =
                json!({"version": 1, "source": {"kind": "range", "end": 9}, "ops": [op]});
            let least = u64::from(op["op"] == "batch");
            let accepted = text.parse::<u64>().is_ok_and(|number| number >= least);
            assert_eq!(validator.is_valid(&document), accepted, "{text:?} in {op}");
            let opened = opens(&document, &MemoryFiles::default());
            assert_eq!(opened.is_ok(), accepted, "{text:?} in {op}: {opened:?}");
        }
    }
}
