//! Splits as users write them: in Rust and in documents, over epochs and backends.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::common::{RUNNERS, items, run, within};
use windrow::source::MemoryFiles;
use windrow::spec::Spec;
use windrow::{Dataset, Error, Loader, range};

const LIMIT: Duration = Duration::from_secs(60);

/// The `value` of every record that a document gives.
fn values(ops: &str) -> windrow::Result<Vec<u64>> {
    let text = format!(
        r#"{{"version":1,"seed":42,"source":{{"kind":"range","end":100}},"ops":[{ops}],
            "stages":[{{"stage":"batch","size":1}}]}}"#
    );
    let pipeline = Spec::from_json(&text)?.open(&MemoryFiles::default())?;
    let batches = Loader::builder(pipeline).build()?;
    batches.map(|batch| Ok(batch?["value"].to_vec::<u64>().unwrap()[0])).collect()
}

#[test]
fn no_epoch_trains_on_a_sample_of_the_validation_part() {
    within(LIMIT, || {
        let parts = || range(0..100).split(42, [0.8, 0.2]);
        for runner in RUNNERS {
            let [train, validation] = parts();
            let train = items(&run(runner, Loader::builder(train.shuffle(1).repeat(5))));
            let validation = items(&run(runner, Loader::builder(validation.shuffle(2).repeat(5))));
            assert_eq!([train.len(), validation.len()], [400, 100]);
            let set = |items: &[_]| -> BTreeSet<u64> {
                items.iter().map(|item: &Result<u64, String>| *item.as_ref().unwrap()).collect()
            };
            let (train, validation) = (set(&train), set(&validation));
            assert_eq!([train.len(), validation.len()], [80, 20], "{runner:?}");
            assert!(train.is_disjoint(&validation), "{runner:?}");
        }
    });
}

#[test]
fn a_document_splits_as_rust_does() {
    let split = |part| {
        let op = format!(r#"{{"op":"split","parts":[0.8,0.2],"part":{part}}}"#);
        values(&format!(r#"{op},{{"op":"shuffle"}},{{"op":"repeat","epochs":2}}"#)).unwrap()
    };
    let [train, validation] = range(0..100).split(42, [0.8, 0.2]);
    for (part, dataset) in [(0, train), (1, validation)] {
        let dataset = dataset.shuffle(42).repeat(2);
        let own = (0..dataset.len()).map(|index| dataset.get(index).unwrap().unwrap());
        assert_eq!(split(part), own.collect::<Vec<_>>());
    }
    let once = values(r#"{"op":"shuffle_once"},{"op":"slice","start":80}"#).unwrap();
    let validation = range(0..100).shuffle_once(42).slice(80..);
    let own = (0..20).map(|index| validation.get(index).unwrap().unwrap());
    assert_eq!(once, own.collect::<Vec<_>>());
    let sampled = values(r#"{"op":"shuffle"},{"op":"sample","count":10}"#).unwrap();
    let own = (0..10).map(|index| range(0..100).shuffle(42).get(index).unwrap().unwrap());
    assert_eq!(sampled, own.collect::<Vec<_>>());
}

#[test]
fn a_slice_that_would_leak_is_refused_before_anything_runs() {
    let error = Loader::builder(range(0..100).shuffle(42).slice(80..)).build().err().unwrap();
    assert!(matches!(error, Error::Setting { .. }), "{error}");
    let error = values(r#"{"op":"shuffle"},{"op":"slice","start":80}"#).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("$.ops[1]: slice is 80..100 of an order that"), "{text}");
}

#[test]
fn a_state_tells_splits_apart() {
    let part = |seed, fractions: [f64; 2], part: usize| {
        Loader::builder(range(0..100).split(seed, fractions)[part].clone())
    };
    let state = part(1, [0.8, 0.2], 0).build().unwrap().state();
    assert!(part(1, [0.8, 0.2], 0).resume(&state).build().is_ok());
    for (other, field) in [
        (part(2, [0.8, 0.2], 0), "split.seed 1"),
        (part(1, [0.7, 0.3], 0), "split.parts 0.8;0.2, this loader has 0.7;0.3"),
        (part(1, [0.8, 0.2], 1), "split.part 0"),
    ] {
        let message = other.resume(&state).build().err().unwrap().to_string();
        assert!(message.contains(field), "{message}");
    }
}
