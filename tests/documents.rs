//! A document is the same pipeline however it is opened, to the last bit of its numbers.

#[path = "documents/element_specs.rs"]
mod element_specs;

use windrow::order::Rng;
use windrow::source::{Folder, MemoryFiles};
use windrow::spec::{BatchOptions, OpSpec, SourceSpec, Spec, SplitOptions, StageSpec};
use windrow::{Backend, Loader, State};

/// A document with these numbers in every place that has a float.
fn document(numbers: [f64; 6]) -> Spec {
    let [factor, offset, mean, std, pad, value] = numbers;
    let text = r#"{"version":1,"source":{"kind":"range","end":9},
        "ops":[{"op":"split","parts":[1],"part":0},{"op":"scale","field":"value","factor":1},
            {"op":"normalize","field":"value","mean":[1],"std":[1],"factor":1},
            {"op":"filter","field":"value","is":"!=","value":0.5}],
        "stages":[{"stage":"batch","size":4,"pad":1}]}"#;
    let mut spec = Spec::from_json(text).unwrap();
    for op in &mut spec.ops {
        match op {
            OpSpec::Split(SplitOptions { parts, .. }) => *parts = vec![factor, offset],
            OpSpec::Scale(scale) => (scale.factor, scale.offset) = (factor, offset),
            OpSpec::Normalize(normalize) => {
                normalize.factor = factor;
                (normalize.mean, normalize.std) = (vec![mean, offset], vec![std, value]);
            }
            OpSpec::Filter(filter) => filter.value = value.into(),
            other => panic!("{other:?}"),
        }
    }
    let [StageSpec::Batch(BatchOptions { pad: filler, .. })] = &mut spec.stages[..] else {
        panic!("{:?}", spec.stages)
    };
    *filler = Some(windrow::dataset::Pad(pad));
    assert!(matches!(spec.source, SourceSpec::Range(_)));
    spec
}

#[test]
fn ten_thousand_floats_survive_a_document() {
    let mut rng = Rng::keyed(8, 0, 0, 0);
    for round in 0..10_000 {
        let mut number = || match round % 3 {
            // Any float, one near 1 as people write them, and one of 32 bits.
            0 => f64::from_bits(rng.next_u64()),
            1 => rng.unit_f64() * 4.0 - 2.0,
            _ => f64::from(f32::from_bits(rng.next_u64() as u32)),
        };
        let numbers = [(); 6].map(|()| {
            loop {
                match number() {
                    finite if finite.is_finite() => break finite,
                    _ => {}
                }
            }
        });
        let spec = document(numbers);
        let back = Spec::from_json(&spec.to_json()).unwrap();
        assert_eq!(back, spec, "{numbers:?}");
        // A zero below 0 equals the other one.
        assert_eq!(back.to_json(), spec.to_json());
    }
}

#[test]
fn a_decimal_fraction_is_the_number_that_compilers_make_of_it() {
    // As JavaScript writes 1 / 11, 0.1 + 0.2 and others.
    for (text, number) in [
        ("0.09090909090909091", 1.0 / 11.0),
        ("0.30000000000000004", 0.1 + 0.2),
        ("5e-324", f64::from_bits(1)),
        ("1.7976931348623157e308", f64::MAX),
        ("2.2250738585072014e-308", f64::MIN_POSITIVE),
        ("0.1307", 0.1307),
        ("123456789012345680000", 123_456_789_012_345_680_000.0),
    ] {
        let text = format!(
            r#"{{"version":1,"source":{{"kind":"range","end":1}},
                "ops":[{{"op":"scale","field":"value","factor":{text}}}]}}"#
        );
        let spec = Spec::from_json(&text).unwrap();
        let OpSpec::Scale(scale) = &spec.ops[0] else { panic!("{spec:?}") };
        assert_eq!(scale.factor.to_bits(), number.to_bits(), "{text}");
    }
}

#[test]
fn both_ways_to_load_a_document_take_up_each_others_states() {
    let mut rng = Rng::keyed(9, 0, 0, 0);
    for _ in 0..200 {
        let mut spec = document([(); 6].map(|()| rng.unit_f64()));
        spec.ops.retain(|op| matches!(op, OpSpec::Scale(_) | OpSpec::Filter(_)));
        let folder = || Folder::new(".");
        let opened = || {
            let pipeline = spec.open(&MemoryFiles::default()).unwrap();
            Loader::builder(pipeline).backend(Backend::Inline)
        };
        let from_json = || Loader::spec(&spec, folder()).backend(Backend::Inline);
        let save = |state: State| State::from_json(&state.to_json()).unwrap();
        let from_spec = save(from_json().build().unwrap().state());
        let from_open = save(opened().build().unwrap().state());
        assert!(opened().resume(&from_spec).build().is_ok(), "{}", spec.to_json());
        assert!(from_json().resume(&from_open).build().is_ok());
    }
}

#[test]
fn a_document_of_the_longest_length_runs_although_its_own_text_is_longer() {
    let weights = vec!["1"; 400_000].join(",");
    let text = format!(
        r#"{{"version":1,"source":{{"kind":"range","end":400000}},
            "ops":[{{"op":"weighted_sample","count":4,"weights":[{weights}]}}]}}"#
    );
    assert!((text.len() as u64) < Spec::BYTES_MAX);
    let spec = Spec::from_json(&text).unwrap();
    assert!(spec.to_json().len() as u64 > Spec::BYTES_MAX);
    let loader = Loader::spec(&spec, ".").backend(Backend::Inline).build().unwrap();
    assert_eq!(loader.map(Result::unwrap).count(), 4);
}
