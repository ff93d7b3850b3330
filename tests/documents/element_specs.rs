//! The spec of a document is what its samples are, and a document is refused only if every sample is.

use std::sync::Arc;

use serde_json::{Value, json};
use windrow::dataset::{ElementSpec, PipelineTree, Record, SampleContext, Transform};
use windrow::order::Rng;
use windrow::source::MemoryFiles;
use windrow::spec::{CallOptions, Function, Functions, OpSpec, ServedOptions, ServedSource};
use windrow::spec::{SourceSpec, Spec, StageSpec};
use windrow::{Backend, Error, Fault, Loader};

/// One red pixel.
const PNG: [u8; 69] = *b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde\
    \0\0\0\x0cIDATx\xdac\xf8\xcf\xc0\0\0\x03\x01\x01\0\xf7\x03AC\0\0\0\0IEND\xaeB`\x82";
const DTYPES: &[&str] = &["BOOL", "U8", "I16", "I64", "F16", "F32", "F64"];
const SAMPLES: u64 = 12;

fn npy(descr: &str, shape: &[u64], bytes: u64) -> Vec<u8> {
    let axes: String = shape.iter().map(|axis| format!("{axis},")).collect();
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({axes}), }}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.resize(file.len() + (shape.iter().product::<u64>() * bytes) as usize, 0);
    file
}

fn files() -> MemoryFiles {
    let lines: String = (0..SAMPLES)
        .map(|n| {
            let list: Vec<u64> = (0..n % 4).collect();
            format!("{{\"r\": {list:?}, \"t\": \"{n}\", \"p\": [{n}, 1]}}\n")
        })
        .collect();
    let table: String = (0..SAMPLES).map(|n| format!("{n},1,2,3\n")).collect();
    MemoryFiles::default()
        .with("x.npy", npy("|u1", &[SAMPLES, 4, 5, 3], 1))
        .with("y.npy", npy("<i8", &[SAMPLES], 8))
        .with("f.npy", npy("<f4", &[SAMPLES, 6], 4))
        .with("r.jsonl", lines.into_bytes())
        .with("t.csv", table.into_bytes())
        .with("p/a/1.png", PNG)
        .with("p/b/2.png", PNG)
}

/// Sources with their fields.
fn sources() -> Vec<(Value, &'static [&'static str])> {
    let field = |name: &str, dtype: &str| json!({"name": name, "dtype": dtype});
    vec![
        (json!({"kind": "range", "end": SAMPLES}), &["value"]),
        (
            json!({"kind": "npy", "fields": {"x": "x.npy", "y": "y.npy", "f": "f.npy"}}),
            &["x", "y", "f"],
        ),
        (
            json!({"kind": "jsonl", "file": "r.jsonl", "fields": [field("r", "U8"), field("t", "U8"),
                {"name": "p", "dtype": "F32", "shape": [2]}]}),
            &["r", "t", "p"],
        ),
        (
            json!({"kind": "csv", "file": "t.csv", "header": false, "fields": [
                {"name": "a", "columns": {"start": 1, "end": 4}, "dtype": "U8"},
                {"name": "b", "columns": 0, "dtype": "F32"}]}),
            &["a", "b"],
        ),
        (json!({"kind": "images", "folder": "p", "label": true}), &["image", "label"]),
    ]
}

fn one<'a, T>(rng: &mut Rng, of: &'a [T]) -> &'a T {
    &of[rng.below(of.len() as u64) as usize]
}

fn op(rng: &mut Rng, fields: &[&str]) -> Value {
    let field = if rng.below(20) == 0 { "nope" } else { *one(rng, fields) };
    let shapes: &[&[i64]] = &[&[], &[-1], &[1, -1], &[-1, 3], &[2, 3], &[6], &[60], &[0, 2]];
    match rng.below(22) {
        0 => json!({"op": "select", "fields": [field]}),
        1 | 2 => json!({"op": "cast", "field": field, "dtype": one(rng, DTYPES)}),
        3 => json!({"op": "reshape", "field": field, "shape": one(rng, shapes)}),
        4 => {
            json!({"op": "scale", "field": field, "factor": 0, "dtype": one(rng, &["F16", "F64"])})
        }
        5 => json!({"op": "one_hot", "field": field, "classes": 20, "dtype": one(rng, DTYPES)}),
        6 => json!({"op": "filter", "field": field, "is": one(rng, &["<", ">="]), "value": 1}),
        7 => json!({"op": "decode_number", "field": field, "dtype": one(rng, &["U8", "F32"])}),
        8 => json!({"op": "decode_image", "field": field, "channels": one(rng, &[None, Some(1)])}),
        9 => json!({"op": "resize", "field": field, "height": 2, "width": 3}),
        10 => {
            let channels = one(rng, &[vec![1.0], vec![1.0; 3]]).clone();
            json!({"op": "normalize", "field": field, "mean": channels, "std": channels})
        }
        11 => json!({"op": "batch", "size": 1 + rng.below(5), "pad": one(rng, &[None, Some(0)]),
            "drop_remainder": rng.below(2) == 0}),
        12 => json!({"op": "slice", "start": rng.below(4)}),
        13 => {
            json!({"op": "random_crop", "field": field, "height": 2, "width": one(rng, &[3, 9]),
                "padding": rng.below(3), "fill": one(rng, &[0, 300])})
        }
        14 => json!({"op": "random_flip", "field": field}),
        15 => json!({"op": "random_rotate90", "field": field}),
        16 => json!({"op": "random_contrast", "field": field, "lower": 0, "upper": 2}),
        17 => json!({"op": "random_erase", "field": field, "value": one(rng, &[0, -1])}),
        18 => json!({"op": "noise", "field": field, "lower": 0, "upper": 2}),
        19 => json!({"op": "weighted_sample", "weights": vec![1; SAMPLES as usize], "count": 3}),
        20 => json!({"op": "cache", "bytes": 1000}),
        _ => json!({"op": "repeat", "epochs": 1 + rng.below(2)}),
    }
}

fn document(rng: &mut Rng) -> Spec {
    let (source, fields) = one(rng, &sources()).clone();
    let ops: Vec<_> = (0..rng.below(6)).map(|_| op(rng, fields)).collect();
    let batch = json!({"stage": "batch", "size": 1 + rng.below(5), "pad": one(rng, &[None, Some(0)]),
        "drop_remainder": rng.below(2) == 0});
    let limit = json!({"stage": "limit", "count": rng.below(4)});
    let field = *one(rng, fields);
    let bucket = json!({"stage": "bucket_by_length", "field": field, "boundaries": [2, 5], "size": 3,
        "pad": one(rng, &[None, Some(0)])});
    let budget = json!({"stage": "batch_by_budget", "field": field, "budget": 9});
    let pack = json!({"stage": "pack", "lengths": {field: 40}, "open": 2, "pad": rng.below(300)});
    let cut = json!({"stage": "concat_then_split", "lengths": {field: 7}});
    let unbatch = json!({"stage": "unbatch"});
    let stages = one(
        rng,
        &[
            vec![],
            vec![batch.clone()],
            vec![batch, limit],
            vec![bucket.clone()],
            vec![bucket, unbatch.clone()],
            vec![budget],
            vec![pack],
            vec![cut, unbatch.clone()],
            vec![unbatch],
        ],
    )
    .clone();
    let text = json!({"version": 1, "source": source, "ops": ops, "stages": stages}).to_string();
    Spec::from_json(&text).unwrap()
}

/// Returns the tree of a document, and all that a run gives, without its errors.
fn ran(spec: &Spec) -> Result<(PipelineTree, Vec<Record>), Error> {
    let loader = Loader::builder(spec.open(&files())?).backend(Backend::Inline).build()?;
    let tree = loader.describe().clone();
    let records = loader.filter_map(|item| Some(item.ok()?.into_inner()));
    Ok((tree, records.collect()))
}

/// Returns what an op makes of a record; `None` for an op that is no transform of one record.
fn made(op: &OpSpec, record: Record) -> Option<bool> {
    let place = SampleContext::new(0, 1, 0);
    macro_rules! by {
        ($($kind:ident)*) => {
            match op {
                $(OpSpec::$kind(op) => Some(op.apply(place, record).is_ok()),)*
                _ => None,
            }
        };
    }
    by!(Select Cast Reshape Scale OneHot Filter DecodeImage DecodeNumber Resize Normalize RandomCrop
        RandomFlip RandomRotate90 RandomContrast RandomErase Noise)
}

/// Returns the number of results that a stage makes of records, whatever it refuses.
fn results(stage: &StageSpec, records: Vec<Record>) -> usize {
    let spec = Spec::from_json(r#"{"version":1,"source":{"kind":"range","end":0}}"#).unwrap();
    let mut spec = spec;
    spec.source = SourceSpec::Served(ServedOptions::new("records"));
    spec.stages = vec![stage.clone()];
    let pipeline = spec.open_with(&files(), &Given(Arc::new(records))).unwrap();
    let loader = Loader::builder(pipeline).backend(Backend::Inline).build().unwrap();
    loader.filter(Result::is_ok).count()
}

/// Records as a source of which nothing is known.
struct Given(Arc<Vec<Record>>);

impl Functions for Given {
    fn get(&self, _: &CallOptions, _: u64) -> Result<Function, String> {
        Err("there are no functions".into())
    }

    fn source(&self, _: &ServedOptions) -> Result<ServedSource, String> {
        let records = self.0.clone();
        let get = move |index| Ok::<Record, Fault>(records[index as usize].clone());
        Ok(ServedSource::new(self.0.len() as u64, get))
    }
}

#[test]
fn every_sample_matches_the_spec_and_only_hopeless_documents_are_refused() {
    let mut rng = Rng::keyed(13, 0, 0, 0);
    let (mut matched, mut refused, mut refused_by_stages, mut stacked) = (0, 0, 0, 0);
    for _ in 0..2_000 {
        let spec = document(&mut rng);
        let text = spec.to_json();
        match ran(&spec) {
            Ok((tree, records)) => {
                let declared = tree.element_spec();
                assert!(!declared.is_open(), "{declared} of {text}");
                for record in &records {
                    assert!(record.matches(declared), "{declared}, not {record:?} of {text}");
                }
                let most = tree.samples().unwrap_or(u64::MAX);
                assert!(records.len() as u64 <= most, "{} of {most}: {text}", records.len());
                matched += records.len();
            }
            Err(Error::Spec { path, why }) => {
                if why.contains("stacks the pictures") {
                    stacked += 1;
                    continue;
                }
                let number = path.strip_prefix("$.ops[").and_then(|path| path.strip_suffix(']'));
                let Some(number) = number.and_then(|number| number.parse::<usize>().ok()) else {
                    let number = path.strip_prefix("$.stages[").unwrap().strip_suffix(']').unwrap();
                    let mut before = spec.clone();
                    let stage = before.stages[number.parse::<usize>().unwrap()].clone();
                    before.stages.truncate(number.parse().unwrap());
                    let all = ran(&before).unwrap().1;
                    let made = results(&stage, all.clone());
                    assert_eq!(made, 0, "{path}: {why}, but it can be made of {all:?}: {text}");
                    refused_by_stages += all.len();
                    continue;
                };
                let mut before = spec.clone();
                before.ops.truncate(number);
                before.stages.clear();
                for record in ran(&before).unwrap().1 {
                    let made = made(&spec.ops[number], record);
                    assert_ne!(made, Some(true), "{path}: {why}, but it can be made: {text}");
                    refused += usize::from(made == Some(false));
                }
            }
            Err(other) => panic!("{other} of {text}"),
        }
    }
    assert!(matched > 1_000 && refused > 1_000, "{matched} matched, {refused} refused");
    assert!(stacked > 10, "{stacked} pictures after `batch`");
    assert!(refused_by_stages > 200, "{refused_by_stages} refused by stages");
}

#[test]
fn what_every_sample_would_refuse_is_an_error_of_open_with_the_ops_number() {
    let sources = sources();
    for (source, op, says) in [
        (0, json!({"op": "select", "fields": ["x"]}), "no field \"x\"; it has value"),
        (
            0,
            json!({"op": "decode_number", "field": "value", "dtype": "U8"}),
            "found U64 of shape []",
        ),
        (
            0,
            json!({"op": "resize", "field": "value", "height": 1, "width": 1}),
            "expected a picture",
        ),
        (
            1,
            json!({"op": "filter", "field": "f", "is": "<", "value": 1}),
            "expected a scalar, found F32",
        ),
        (1, json!({"op": "one_hot", "field": "x", "classes": 3}), "expected a scalar, found U8"),
        (1, json!({"op": "reshape", "field": "x", "shape": [7]}), "60 elements cannot"),
        (1, json!({"op": "reshape", "field": "x", "shape": [7, -1]}), "60 elements cannot"),
        (1, json!({"op": "normalize", "field": "f", "mean": [0, 0], "std": [1, 1]}), "2 channels"),
        (1, json!({"op": "decode_image", "field": "x"}), "the bytes of a picture file"),
        (3, json!({"op": "one_hot", "field": "b", "classes": 3}), "the class is a float"),
        (4, json!({"op": "cast", "field": "picture", "dtype": "F32"}), "it has image, label"),
    ] {
        let text = json!({"version": 1, "source": sources[source].0,
            "ops": [{"op": "shuffle"}, op, {"op": "shuffle"}]});
        let spec = Spec::from_json(&text.to_string()).unwrap();
        let Err(Error::Spec { path, why }) = spec.open(&files()) else { panic!("{text} opens") };
        assert_eq!(path, "$.ops[1]", "{why}");
        assert!(why.contains(says), "{why:?} lacks {says:?}");
    }
}

#[test]
fn a_batch_without_room_for_its_axis_is_an_error_of_its_step() {
    let text = |ops: &str, stages: &str| {
        format!(
            r#"{{"version":1,"source":{{"kind":"range","end":3}},"ops":[{ops}],"stages":[{stages}]}}"#
        )
    };
    let wide = r#"{"op":"reshape","field":"value","shape":[1,1,1,1,1,1,1,1]}"#;
    for (text, at) in [
        (text(&format!(r#"{wide},{{"op":"batch","size":2}}"#), ""), "$.ops[1]"),
        (text(wide, r#"{"stage":"limit","count":2},{"stage":"batch","size":2}"#), "$.stages[1]"),
    ] {
        let error = Spec::from_json(&text).unwrap().open(&files()).err().unwrap().to_string();
        assert!(error.starts_with(at) && error.contains("field \"value\": U64 of"), "{error}");
    }
}

#[test]
fn a_field_that_a_call_may_have_made_is_known_once_an_op_declares_it() {
    struct Same;

    impl Functions for Same {
        fn get(&self, _: &CallOptions, _: u64) -> Result<Function, String> {
            Ok(Arc::new(|_, record| Ok(Some(record))))
        }
    }

    let open = |ops: Value| {
        let text = json!({"version": 1, "source": {"kind": "range", "end": 3}, "ops": ops});
        let pipeline = Spec::from_json(&text.to_string()).unwrap().open_with(&files(), &Same)?;
        Ok::<_, Error>(Loader::builder(pipeline).describe()?.element_spec().clone())
    };
    let call = json!({"op": "call", "name": "same"});
    let cast = json!({"op": "cast", "field": "value", "dtype": "F32"});
    let hot = json!({"op": "one_hot", "field": "value", "classes": 3});
    assert_eq!(open(json!([call])).unwrap(), ElementSpec::unknown());
    assert_eq!(open(json!([call, cast])).unwrap().to_string(), "{value: F32[...], ...}");
    let error = open(json!([call, cast, hot])).unwrap_err().to_string();
    assert_eq!(
        error,
        "$.ops[2]: field \"value\": the class is a float; cast the field to an integer first"
    );
}
