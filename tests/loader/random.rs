//! Random ops of documents: a sample's numbers are its own.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::common::{RUNNERS, Runner, assert_same, run, within};
use windrow::Loader;
use windrow::dataset::{Record, SampleKey};
use windrow::source::MemoryFiles;
use windrow::spec::{Spec, SpecPipeline};

const LIMIT: Duration = Duration::from_secs(60);

/// A picture of the number of the sample, and every random op on the picture.
const RANDOM: &str = r#"{"op":"one_hot","field":"value","classes":64,"dtype":"U8"},
    {"op":"scale","field":"value","factor":100},{"op":"reshape","field":"value","shape":[8,8]},
    {"op":"random_crop","field":"value","height":9,"width":9,"padding":2,"fill":1},
    {"op":"random_flip","field":"value"},{"op":"random_rotate90","field":"value"},
    {"op":"random_brightness","field":"value","lower":0.5,"upper":2},
    {"op":"random_contrast","field":"value","lower":0.5,"upper":2},
    {"op":"random_erase","field":"value"},
    {"op":"noise","field":"value","lower":-1,"upper":1},
    {"op":"gaussian_noise","field":"value"}"#;

/// Opens a document that keeps the numbers from `least` to 63 and draws for each of them.
fn opened(least: u64, behind: &str) -> SpecPipeline {
    let text = format!(
        r#"{{"version":1,"seed":8,"epochs":2,"keys":true,"source":{{"kind":"range","end":64}},
            "ops":[{{"op":"shuffle"}},{{"op":"filter","field":"value","is":">=","value":{least}}},
            {RANDOM}{behind}],"stages":[{{"stage":"batch","size":5}}]}}"#
    );
    Spec::from_json(&text).unwrap().open(&MemoryFiles::default()).unwrap()
}

/// The bytes of each sample by epoch and key.
fn samples(runner: Runner, pipeline: SpecPipeline) -> BTreeMap<(u64, SampleKey), Vec<u8>> {
    let loader = runner.on(Loader::builder(pipeline)).build().unwrap();
    let mut samples = BTreeMap::new();
    for batch in loader {
        let batch = batch.unwrap();
        let epoch = batch.epoch();
        let record: Record = batch.into_inner();
        let pixels = record["value"].bytes();
        let size = pixels.len() / record.keys().len();
        for (key, pixels) in record.keys().iter().zip(pixels.chunks_exact(size)) {
            assert_eq!(samples.insert((epoch, key.clone()), pixels.to_vec()), None);
        }
    }
    samples
}

#[test]
fn random_numbers_after_a_filter_are_the_same_for_every_backend_and_number_of_workers() {
    within(LIMIT, || {
        let whole = run(Runner::Inline, Loader::builder(opened(9, "")).digest());
        assert_eq!(whole.len(), 22);
        for runner in RUNNERS.into_iter().chain([Runner::Threads(4)]) {
            let got = run(runner, Loader::builder(opened(9, "")).digest());
            assert_same(&got, &whole, &format!("{runner:?}"));
        }
    });
}

#[test]
fn a_sample_draws_the_same_numbers_whatever_samples_before_it_are_left_out() {
    within(LIMIT, || {
        let all = samples(Runner::Inline, opened(0, ""));
        assert_eq!(all.len(), 128);
        for (least, runner) in
            [(1, Runner::Inline), (30, Runner::Threads(3)), (63, Runner::Unruly(1))]
        {
            let kept = samples(runner, opened(least, ""));
            assert_eq!(kept.len() as u64, 2 * (64 - least));
            for (key, pixels) in kept {
                assert_eq!(all[&key], pixels, "{key:?} from {least} on");
            }
        }
    });
}

#[test]
fn an_op_behind_changes_no_random_numbers() {
    within(LIMIT, || {
        let behind = r#",{"op":"noise","field":"value","lower":0,"upper":0},
            {"op":"reshape","field":"value","shape":[-1]}"#;
        assert_eq!(
            samples(Runner::Inline, opened(5, behind)),
            samples(Runner::Inline, opened(5, ""))
        );
    });
}

#[test]
fn epochs_samples_and_ops_draw_different_numbers() {
    let text = |ops: &str| {
        format!(
            r#"{{"version":1,"seed":8,"epochs":2,"source":{{"kind":"range","end":9}},
                "ops":[{{"op":"scale","field":"value","factor":0,"dtype":"F64"}}{ops}]}}"#
        )
    };
    let drawn = |ops: &str| -> Vec<u64> {
        let pipeline = Spec::from_json(&text(ops)).unwrap().open(&MemoryFiles::default()).unwrap();
        let batches = run(Runner::Inline, Loader::builder(pipeline)).into_iter();
        batches
            .map(|(batch, _)| batch.unwrap()["value"].to_vec::<f64>().unwrap()[0].to_bits())
            .collect()
    };
    let noise = r#",{"op":"noise","field":"value","lower":0,"upper":1}"#;
    let other = r#",{"op":"noise","field":"value","lower":0,"upper":1,"seed":9}"#;
    let own = r#",{"op":"noise","field":"value","lower":0,"upper":1,"seed":8}"#;
    let later = format!(r#",{{"op":"reshape","field":"value","shape":[]}}{noise}"#);
    let mut all = [drawn(noise), drawn(other), drawn(&later)].concat();
    assert_eq!(drawn(noise), drawn(own));
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 3 * 18, "no two of all samples, epochs, seeds and places draw the same");
}
