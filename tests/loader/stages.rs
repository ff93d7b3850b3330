//! The stages that the library has: what they give, and what they refuse. `resume.rs` interrupts
//! them.

use std::time::Duration;

use crate::common::within;
use windrow::dataset::AsVec;
use windrow::stage::ParallelPipeline;
use windrow::{Dataset, Error, Fault, Loader, range};

const LIMIT: Duration = Duration::from_secs(60);

/// What a pipeline gives: results, and the texts of errors.
fn given<P>(pipeline: P) -> Vec<Result<P::Batch, String>>
where
    P: ParallelPipeline + Send + 'static,
    P::Batch: Send,
{
    within(LIMIT, move || {
        let loader = Loader::builder(pipeline).workers(2).epochs(2).build().unwrap();
        loader.map(|item| item.map(|item| item.into_inner()).map_err(|e| e.to_string())).collect()
    })
}

/// What comes without errors.
fn fine<P>(pipeline: P) -> Vec<P::Batch>
where
    P: ParallelPipeline + Send + 'static,
    P::Batch: Send,
{
    given(pipeline).into_iter().map(Result::unwrap).collect()
}

/// Two epochs of the same.
fn twice<T: Clone>(epoch: Vec<T>) -> Vec<T> {
    [epoch.clone(), epoch].concat()
}

#[test]
fn stages_begin_anew_with_each_epoch() {
    let numbers = || range(0..5).ordered();
    assert_eq!(fine(numbers().map(|x| x * 2)), [0, 2, 4, 6, 8, 0, 2, 4, 6, 8]);
    assert_eq!(fine(numbers().filter(|x| x % 2 == 1)), [1, 3, 1, 3]);
    assert_eq!(fine(numbers().skip(3)), [3, 4, 3, 4]);
    assert_eq!(fine(numbers().skip(9)), [0; 0]);
    assert_eq!(fine(numbers().skip(1).limit(2)), [1, 2, 1, 2]);
    assert_eq!(
        fine(numbers().flat_map(|x| (0..x).take(2))),
        [0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1]
    );
    assert_eq!(fine(numbers().batch(2).unbatch().batch(3)), twice(vec![vec![0, 1, 2], vec![3, 4]]));
    let budget = numbers().batch_by_budget(5, |x| *x, AsVec);
    assert_eq!(fine(budget), twice(vec![vec![0, 1, 2], vec![3], vec![4]]));
    let buckets = numbers().bucket_by_length([2, 4], 2, |x| *x, AsVec);
    assert_eq!(fine(buckets), twice(vec![vec![0, 1], vec![2, 3], vec![4]]));
}

#[test]
fn lengths_are_known_where_stages_tell_them() {
    let len = |pipeline: Result<Loader<u64>, Error>| pipeline.unwrap().batches_per_epoch();
    let numbers = || range(0..5).ordered();
    assert_eq!(len(Loader::builder(numbers().map(|x| x)).build()), Some(5));
    assert_eq!(len(Loader::builder(numbers().skip(2)).build()), Some(3));
    assert_eq!(len(Loader::builder(numbers().skip(9)).build()), Some(0));
    assert_eq!(len(Loader::builder(numbers().filter(|_| true)).build()), None);
    assert_eq!(len(Loader::builder(numbers().flat_map(Some)).build()), None);
}

#[test]
fn what_a_function_refuses_is_an_error_in_its_place() {
    let refused = range(0..4).ordered().try_map(|x| if x == 2 { Err("two") } else { Ok(x) });
    let got = given(refused);
    assert_eq!(got.len(), 8);
    assert_eq!(got[1], Ok(1));
    let error = got[2].clone().unwrap_err();
    assert!(
        error.contains("position 2") && error.contains("try_map") && error.contains("two"),
        "{error}"
    );
    assert_eq!(got[3], Ok(3));
}

#[test]
fn a_sample_beyond_the_budget_is_an_error_and_its_neighbours_are_a_batch() {
    let costs = [2u64, 9, 3, 3];
    let batches = windrow::from_vec(costs.to_vec()).ordered().batch_by_budget(6, |x| *x, AsVec);
    let got = given(batches);
    assert_eq!((got.len(), &got[1], &got[2]), (6, &Ok(vec![2, 3]), &Ok(vec![3])));
    let error = got[0].clone().unwrap_err();
    assert!(error.contains("position 1: batch_by_budget"), "{error}");
    assert!(error.contains("it costs 9, more than the budget of 6"), "{error}");
    let huge = windrow::from_vec(vec![u64::MAX, u64::MAX - 1]).ordered();
    assert_eq!(fine(huge.batch_by_budget(u64::MAX, |x| *x, AsVec)).len(), 4);
}

#[test]
fn the_rest_of_each_bucket_comes_at_the_end_or_is_dropped() {
    let lengths = [1u64, 7, 4, 1, 9, 4, 1, 7];
    let buckets = || {
        let samples = windrow::from_vec(lengths.to_vec()).ordered();
        samples.bucket_by_length([3, 6], 2, |x| *x, AsVec)
    };
    let whole = [vec![1, 1], vec![7, 9], vec![4, 4]];
    assert_eq!(fine(buckets()), twice([&whole[..], &[vec![1], vec![7]]].concat()));
    assert_eq!(fine(buckets().drop_remainder()), twice(whole.to_vec()));
    let picky = |part: Vec<u64>| {
        if part == [1] { Err(Fault::new("no single one")) } else { Ok(part) }
    };
    let samples = windrow::from_vec(lengths.to_vec()).ordered();
    let got = given(samples.bucket_by_length([3, 6], 2, |x| *x, picky));
    assert_eq!(got.len(), 10);
    assert!(got[3].clone().unwrap_err().contains("no single one"));
    assert_eq!(got[4], Ok(vec![7]), "the buckets after one that failed come too");
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let numbers = || range(0..5).ordered();
    let says = |error: Option<Error>, text: &str| {
        let error = error.unwrap().to_string();
        assert!(error.contains(text), "{error}");
    };
    let budget = numbers().batch_by_budget(0, |x| *x, AsVec);
    says(Loader::builder(budget).build().err(), "batch_by_budget.budget is 0");
    for (boundaries, size, text) in [
        (vec![3], 0, "bucket_by_length.size is 0"),
        (vec![3, 3], 2, "each larger than the one before"),
        ((0..2_000).collect(), 2, "a list of 2000"),
    ] {
        let buckets = numbers().bucket_by_length(boundaries, size, |x| *x, AsVec);
        says(Loader::builder(buckets).build().err(), text);
    }
}
