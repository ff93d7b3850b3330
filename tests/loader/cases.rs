//! The cases that Grain's own tests settle, run here by index and on every backend.
//!
//! `golden/pipelines.json` was taken from Grain. Each of its cases stands in one of the two tables
//! below, `RUN` or `NOT_RUN`; one that stands in neither fails the first test.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::LazyLock;
use std::time::Duration;

use crate::common::{RUNNERS, Runner, items, run, within};
use serde_json::{Value, json};
use windrow::order::Shard;
use windrow::stage::Pipeline;
use windrow::{Dataset, Loader, concat, from_vec, mix, range};

const LIMIT: Duration = Duration::from_secs(60);

/// The cases that are run, and how.
const RUN: &[(&str, fn())] = &[
    ("map", || dataset("map", || range(0..10).map(|x| x + 1))),
    ("filter", || dataset("filter", || range(0..15).filter(|x| x % 2 == 0))),
    ("filter_nones", || {
        let gaps = |x: &u64| x.is_multiple_of(2);
        by_index("filter_nones", range(0..15).filter(gaps), 0..15);
    }),
    ("slice2", || {
        let slices = || range(0..20).slice(2..18).step_by(2).slice(1..6).step_by(2);
        dataset("slice2", slices);
    }),
    ("slice_epoch", || by_index("slice_epoch", range(0..20).slice(..5), [5, 13, 42])),
    ("repeat", || dataset("repeat", || range(0..4).repeat(3))),
    ("chain1", || {
        let chain = || {
            let evens = range(0..15).slice(..5).filter(|x| x % 2 == 0).map(|x| x + 1);
            evens.slice(2..5).repeat(3).map_with_index(|index, x| index + x)
        };
        dataset("chain1", chain);
    }),
    ("batch", || dataset("batch", || range(0..10).batch(3))),
    ("batch_repeat", || dataset("batch_repeat", || range(0..10).batch(3).repeat(2))),
    ("repeat_batch_drop", || {
        dataset("repeat_batch_drop", || range(0..10).repeat(2).batch(3).drop_remainder());
    }),
    ("mix_eq", || dataset("mix_eq", || mix([(numbers(0), 1), (numbers(1), 1)]))),
    ("mix_75_r2", || {
        dataset("mix_75_r2", || mix([(numbers(0), 75), (numbers(1), 25)]).repeat(2));
    }),
    ("concat_slice", || dataset("concat_slice", || concat([numbers(0), numbers(1)]).slice(4..7))),
    ("zip", || {
        let three = || range(0..4).zip(range(1..5)).zip(range(2..6)).map(|((a, b), c)| [a, b, c]);
        dataset("zip", three);
    }),
    ("flatmap_iter", || {
        let parts = [0..4, 0..0, 4..6, 6..10, 0..0, 0..0, 10..13];
        let parts = parts.map(|part| part.collect::<Vec<u64>>()).to_vec();
        dataset("flatmap_iter", move || from_vec(parts.clone()).flat_map(4, |part| part));
    }),
    ("rebatch", || {
        pipeline("rebatch", || range(0..10).batch(3).ordered().unbatch().batch(4));
    }),
    ("limit", || pipeline("limit", || range(0..10).repeat(2).ordered().limit(15))),
    ("even_split", || {
        let cuts = [(9, 1, 2, true), (9, 0, 2, false), (9, 1, 2, false)];
        let cuts = cuts.into_iter().chain((0..3).map(|index| (8, index, 3, false)));
        let ranges = cuts.map(|(len, index, count, drop)| {
            let shard = Shard::new(index, count).unwrap();
            let shard = if drop { shard.drop_remainder() } else { shard };
            // The samples of the shard must be those that it says.
            let part = range(0..len).shard(shard);
            let samples: Vec<u64> =
                (0..part.len()).map(|i| part.get(i).unwrap().unwrap()).collect();
            assert_eq!(samples, shard.indices(len).collect::<Vec<_>>());
            [samples[0], samples[samples.len() - 1] + 1]
        });
        assert_eq!(json!(ranges.collect::<Vec<_>>()), expected("even_split"));
    }),
    ("sampler_shard_shuffle", || {
        let shards = (0..3).map(|index| {
            let shard = Shard::new(index, 3).unwrap();
            let make = move || range(0..8).shard(shard).shuffle_like_grain(32);
            assert_everywhere(
                "sampler_shard_shuffle",
                make,
                &expected("sampler_shard_shuffle")[index as usize],
            );
        });
        assert_eq!(shards.count(), 3);
    }),
    ("dataloader_W2", || {
        // What Grain gives with 2 workers is what comes out with any number of them.
        let evens = || range(0..16).map(|x| x + 1).filter(|x| x % 2 == 0);
        pipeline("dataloader_W2", move || evens().ordered().batch(2));
    }),
    ("shuffle_explicit", || {
        dataset("shuffle_explicit", || range(0..10).shuffle_like_grain(42).repeat(2));
    }),
];

const GRAINS_NUMBERS: &str = "Grain draws its random numbers from another generator";
const GRAINS_FAULT: &str = "a fault of Grain's that is not reproduced";

/// The cases that are not run, and why.
const NOT_RUN: &[(&str, &str)] = &[
    ("mix_iter_12", "there is no mix of streams yet"),
    ("mix_keyed", "there is no mix of streams yet"),
    ("mix_keyed_resume_more", "there is no mix of streams yet"),
    ("zip_strict", "there is no zip of streams yet"),
    ("interleave2", "there is no interleave yet"),
    ("interleave_empty", "there is no interleave yet"),
    ("elastic", "there is no elastic iterator yet"),
    ("state_nested", "the form of Grain's state; a state here is a position, see resume.rs"),
    ("sampler_shard", GRAINS_FAULT),
    ("dataloader_W3", GRAINS_FAULT),
    ("mp_seq_slice", GRAINS_FAULT),
    ("window_map", GRAINS_NUMBERS),
    ("window_iter", GRAINS_NUMBERS),
    ("random_map", GRAINS_NUMBERS),
    ("random_map_iter", GRAINS_NUMBERS),
];

/// The cases of the file, by id.
static CASES: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/pipelines.json");
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let count = cases.len();
    let id = |case: &Value| case["id"].as_str().unwrap().to_owned();
    let cases: BTreeMap<_, _> = cases.into_iter().map(|case| (id(&case), case)).collect();
    assert_eq!(cases.len(), count, "two cases have the same id");
    cases
});

#[test]
fn every_case_is_run_or_named_with_a_reason() {
    let listed = RUN.iter().map(|(id, _)| id).chain(NOT_RUN.iter().map(|(id, _)| id));
    let mut listed: Vec<&str> = listed.copied().collect();
    listed.sort_unstable();
    assert_eq!(listed, CASES.keys().collect::<Vec<_>>(), "the tables and the file differ");
    for (id, reason) in NOT_RUN {
        println!("not run: {id}: {} ({reason})", CASES[*id]["pipeline"]);
        let is_fault = CASES[*id]["quirk"] == json!(true);
        assert_eq!(is_fault, *reason == GRAINS_FAULT, "{id}: the file and the reason differ");
        let by_numbers = CASES[*id]["grain_rng"] == json!(true);
        assert_eq!(by_numbers, *reason == GRAINS_NUMBERS, "{id}: the file and the reason differ");
    }
}

#[test]
fn every_case_gives_what_grain_gives() {
    for (id, case) in RUN {
        println!("{id}: {}", CASES[*id]["pipeline"]);
        within(LIMIT, *case);
    }
}

#[test]
fn a_vec_is_a_range_of_its_values() {
    let odd: Vec<u64> = (0..10).map(|x| 2 * x + 1).collect();
    assert_everywhere(
        "vec",
        move || from_vec(odd.clone()).batch(4),
        &json!([[1, 3, 5, 7], [9, 11, 13, 15], [17, 19]]),
    );
}

#[test]
fn random_numbers_are_the_same_by_index_and_on_every_backend() {
    let make = || range(0..20).random_map(41, |x, rng| x * 10 + rng.below(10)).repeat(2);
    let dataset = make();
    let by_index: Vec<u64> = (0..40).map(|index| dataset.get(index).unwrap().unwrap()).collect();
    assert_ne!(by_index[..20], by_index[20..], "an epoch repeats the numbers of the one before");
    assert_everywhere("random_map", make, &json!(by_index));
}

/// The five even numbers from 0, or the five odd ones.
fn numbers(odd: u64) -> impl Dataset<Sample = u64> + Send + Sync + 'static {
    range(0..5).map(move |x| x * 2 + odd)
}

/// What the file says comes out.
fn expected(id: &str) -> Value {
    CASES[id]["expected"].clone()
}

/// Checks a case at these indices, gaps as `null`.
fn by_index<D>(id: &str, dataset: D, indices: impl IntoIterator<Item = u64>)
where
    D: Dataset<Sample: serde::Serialize>,
{
    dataset.check().unwrap();
    let got: Vec<_> = indices.into_iter().map(|index| dataset.get(index).unwrap()).collect();
    assert_eq!(json!(got), expected(id), "{id} by index");
}

/// Checks a case by index, gaps closed, and on every backend.
fn dataset<D>(id: &str, make: impl Fn() -> D + Send + Sync)
where
    D: Dataset<Sample: serde::Serialize + Clone + Debug + Send + 'static> + Send + Sync + 'static,
{
    let dataset = make();
    dataset.check().unwrap();
    let got: Vec<_> = (0..dataset.len()).filter_map(|i| dataset.get(i).unwrap()).collect();
    assert_eq!(json!(got), expected(id), "{id} by index");
    pipeline(id, make);
}

/// Checks a case on every backend.
fn pipeline<P>(id: &str, make: impl Fn() -> P)
where
    P: Pipeline<Sample: Send + 'static, Dataset: Send + Sync + 'static, Stages: Send + 'static>,
    P::Batch: serde::Serialize + Clone + Debug + Send + 'static,
{
    assert_everywhere(id, make, &expected(id));
}

fn assert_everywhere<P>(what: &str, make: impl Fn() -> P, expected: &Value)
where
    P: Pipeline<Sample: Send + 'static, Dataset: Send + Sync + 'static, Stages: Send + 'static>,
    P::Batch: serde::Serialize + Clone + Debug + Send + 'static,
{
    for runner in RUNNERS.into_iter().chain([Runner::Threads(5)]) {
        let got = items(&run(runner, Loader::builder(make())));
        let got: Result<Vec<_>, _> = got.into_iter().collect();
        assert_eq!(&json!(got.unwrap()), expected, "{what} on {runner:?}");
    }
}
