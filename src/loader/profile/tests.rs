//! Tests of profiles on the backends of this process.

use std::time::Duration;

use super::*;
use crate::backend::clock::now;
use crate::backend::profile::Sums;
use crate::dataset::Dataset;
use crate::dataset::around::Around;
use crate::iterable::{from_iter, from_iterable};
use crate::source::{MemoryFiles, from_vec, range};
use crate::spec::Spec;
use crate::stage::ParallelPipeline;
use crate::{Backend, concat};

/// Long enough for each sample to be timed, also on a busy machine.
const EACH: Duration = Duration::from_millis(5);

/// Spends some time, and returns the value.
fn spend<T>(value: T) -> T {
    let begun = now().unwrap();
    while Duration::from_nanos(now().unwrap() - begun) < EACH {}
    value
}

fn profile(pipeline: impl ParallelPipeline, backend: Backend) -> Profile {
    let loader = Loader::builder(pipeline).backend(backend).workers(2).profile(true);
    let mut loader = loader.build().unwrap();
    loader.by_ref().for_each(|item| drop(item.unwrap()));
    loader.profile().unwrap()
}

/// Returns the samples and gaps of each op.
fn counts(profile: &Profile) -> Vec<(&str, u64, u64)> {
    let count = |op| {
        let OpProfile { op, total, .. }: &OpProfile = op;
        (op.split('(').next().unwrap(), total.samples, total.gaps)
    };
    profile.ops.iter().map(count).collect()
}

#[test]
fn each_op_has_its_own_samples_gaps_bytes_and_time() {
    for backend in [Backend::Inline, Backend::Threads] {
        let slow = range(0..12).shuffle(1).map(|x| spend(x as u32)).filter(|x| x % 3 > 0);
        let profile = profile(slow.ordered().map(spend).batch(4), backend);
        assert_eq!(
            counts(&profile),
            [
                ("range", 12, 0),
                ("shuffle", 12, 0),
                ("map", 12, 0),
                ("filter", 8, 4),
                ("map", 8, 0),
                ("batch", 2, 0)
            ]
        );
        let total = |op: usize| profile.ops[op].total;
        assert_eq!([0, 1, 2, 3].map(|op| total(op).bytes.unwrap()), [96, 96, 48, 32]);
        assert!(total(2).time >= EACH * 12 && total(4).time >= EACH * 8, "{profile}");
        // Between the readings of the clock, the thread may lose its processor.
        let fast = [0, 1, 3].map(|op| total(op).time).iter().sum::<Duration>();
        assert!(fast < total(2).time, "{profile}");
        let positions: u64 = profile.workers.iter().map(|worker| worker.positions).sum();
        let working: Duration = profile.workers.iter().map(|worker| worker.working).sum();
        assert!(positions == 12 && working >= EACH * 12, "{profile}");
        let of_workers = profile.ops[2].workers.iter().map(|times| times.samples);
        assert_eq!(of_workers.sum::<u64>(), 12);
        assert_eq!(
            [1, 3, 4].map(|op| profile.ops[op].kind),
            [OpKind::Op, OpKind::Op, OpKind::Stage]
        );
        assert_eq!(profile.ops[0].kind, OpKind::Source);
    }
}

#[test]
fn cheap_samples_are_timed_now_and_then_and_count_for_the_others() {
    for backend in [Backend::Inline, Backend::Threads] {
        let profile = profile(range(0..50_000).map(|x| x + 1).batch(5), backend);
        let positions: u64 = profile.workers.iter().map(|worker| worker.positions).sum();
        assert_eq!(positions, 10_000);
        let [below, batches] = [1, 2].map(|op| profile.ops[op].total.samples);
        assert_eq!((below, batches), (50_000, 10_000), "{profile}");
    }
}

#[test]
fn members_and_chosen_datasets_are_told_apart() {
    let both: [Box<dyn Dataset<Sample = u64> + Send + Sync>; 2] =
        [Box::new(range(0..3).map(spend)), Box::new(range(3..8).reverse().map(spend))];
    let chosen = concat(both).zip(range(0..8).map(spend)).subset_by(from_vec(vec![7, 0, 7]));
    let profile = profile(chosen, Backend::Inline);
    assert_eq!(
        counts(&profile),
        [
            ("range", 1, 0),
            ("map", 1, 0),
            ("range", 2, 0),
            ("reverse", 2, 0),
            ("map", 2, 0),
            ("concat", 3, 0),
            ("range", 3, 0),
            ("map", 3, 0),
            ("zip", 3, 0),
            ("vec", 3, 0),
            ("subset_by", 3, 0)
        ]
    );
}

#[test]
fn the_datasets_of_users_are_one_op_with_all_below() {
    let inner = range(0..9).map(|x| x * 2);
    let profile =
        profile(Around(range(0..5).map(spend)).map(move |x| inner.get(x)), Backend::Inline);
    assert_eq!(counts(&profile), [("range", 0, 0), ("map", 0, 0), ("around", 5, 0), ("map", 5, 0)]);
    assert!(profile.ops[2].total.time >= EACH * 5);
    assert_eq!([0, 2].map(|op| profile.ops[op].kind), [OpKind::Source, OpKind::Op]);
}

#[test]
fn a_slow_reader_makes_its_source_the_bottleneck() {
    for backend in [Backend::Inline, Backend::Threads] {
        let slow = from_iterable(from_iter(|| (0..20u64).map(spend))).map(|x| x + 1);
        let told = profile(slow, backend);
        assert_eq!(told.bottleneck(), Some(Bottleneck::Source(0)), "{told}");
        let reading = told.reading.unwrap();
        assert!(reading >= EACH * 20 && told.ops[0].total.time >= reading, "{told}");
        assert!(told.to_string().contains("The source iter is the bottleneck: its reader"));

        let slow = from_iterable(from_iter(|| 0..20u64)).map(spend);
        let told = profile(slow, backend);
        assert_eq!(told.bottleneck(), Some(Bottleneck::Op(1)), "{told}");
        assert!(told.reading.unwrap() < EACH * 20, "{told}");
    }
    assert_eq!(profile(range(0..3), Backend::Inline).reading, None);
}

#[test]
fn an_op_that_is_slow_for_few_samples_is_not_scaled_as_if_each_was_timed() {
    // The first sample of each task is timed at most, and each task ends with a timed sample.
    let sums = |timed| {
        let counts = vec![
            StepCount { nanos: 30, samples: 3, ..StepCount::default() },
            StepCount { nanos: 30, ..StepCount::default() },
        ];
        WorkerSums { samples: 3, nanos: 600, timed: Sums { counts, weight: 3, timed } }
    };
    assert_eq!((time_ratio(&sums(3)), time_ratio(&sums(2))), (1.0, 10.0));
}

#[test]
fn a_stage_shows_the_samples_that_it_drops() {
    let pipeline = range(0..12).ordered().filter(|x| *spend(x) % 3 == 0).map(spend);
    let profile = profile(pipeline, Backend::Inline);
    assert_eq!(counts(&profile)[1..], [("filter", 4, 8), ("map", 4, 0)], "{profile}");
}

#[test]
fn keys_leave_the_bytes_of_the_op_before_batch_known() {
    let spec = r#"{"version":1,"keys":true,"source":{"kind":"range","end":8},"ops":[
        {"op":"cast","field":"value","dtype":"F32"},{"op":"batch","size":2}]}"#;
    let spec = Spec::from_json(spec).unwrap().open(&MemoryFiles::default()).unwrap();
    let profile = profile(spec, Backend::Inline);
    assert!(profile.ops.iter().all(|op| op.total.bytes.is_some()), "{profile}");
}

#[test]
fn a_pipeline_of_too_many_ops_has_no_times_of_its_stages() {
    let stage = |parts: u64| {
        let parts = (0..parts).map(|x| range(x..x + 1));
        let profile = profile(concat(parts).ordered().map(|x| x), Backend::Inline);
        profile.ops.last().unwrap().total.samples
    };
    assert_eq!((stage(4_000), stage(4_200)), (4_000, 0));
}

#[test]
fn a_trace_without_a_profile_has_events() {
    let loader = Loader::builder(range(0..9)).workers(0).trace(true).profile(false);
    let mut loader = loader.build().unwrap();
    loader.by_ref().for_each(drop);
    assert!(!loader.take_trace().events.is_empty() && loader.profile().is_some());
}
