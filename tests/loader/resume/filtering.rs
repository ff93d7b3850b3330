//! A filter counts on exactly after a resume, so that its errors are the same.

use windrow::dataset::AsVec;
use windrow::stage::DropRate;
use windrow::{Dataset, Loader, State, range};

use super::{LIMIT, every_state_of, within};

/// Drops 60 % of the samples, but more in some blocks.
fn numbers() -> impl Dataset<Sample = u64> + Send + Sync {
    range(0..90).shuffle(5).filter(|x| x % 7 > 0)
}

#[test]
fn filters_with_a_limit_resume_at_every_state() {
    within(LIMIT, || {
        let rate = || DropRate::per(9).warn_above(4).fail_above(5);
        let filter = || numbers().ordered().filter(|x| x % 5 > 2).drop_rate(rate());
        let errors = Loader::builder(filter()).build().unwrap().filter(Result::is_err).count();
        assert!((2..8).contains(&errors), "{errors} errors");
        every_state_of(|| Loader::builder(filter()).epochs(2), 500, "a filter");
        let chain = || filter().batch(3).map(|batch| batch.into_iter().sum::<u64>());
        every_state_of(|| Loader::builder(chain()).epochs(2), 520, "a chain");
        let batches = || numbers().ordered().batch_by_budget(60, |x| *x, AsVec);
        let later = || batches().filter(|batch| batch.len() > 1).drop_rate(rate());
        every_state_of(|| Loader::builder(later()).epochs(2), 560, "a filter of batches");
    });
}

#[test]
fn a_limit_is_part_of_the_pipeline_and_a_warning_is_not() {
    let filter = || range(0..20).ordered().filter(|x| x % 2 == 0);
    let warns = || filter().drop_rate(DropRate::per(5).warn_above(3));
    let fails = || filter().drop_rate(DropRate::per(5).fail_above(3));
    let state = |mut loader: Loader<u64>| -> State {
        loader.nth(3).unwrap().unwrap();
        loader.state()
    };
    let plain = state(Loader::builder(filter()).build().unwrap());
    let warned = state(Loader::builder(warns()).build().unwrap());
    let next = |loader: windrow::Result<Loader<u64>>| *loader.unwrap().next().unwrap().unwrap();
    assert_eq!(next(Loader::builder(warns()).resume(&plain).build()), 8);
    assert_eq!(next(Loader::builder(filter()).resume(&warned).build()), 8);
    let refused = Loader::builder(fails()).resume(&plain).build().unwrap_err().to_string();
    assert!(refused.contains("filter"), "{refused}");
    let zero = filter().drop_rate(DropRate::per(0));
    let zero = Loader::builder(zero).build().unwrap_err().to_string();
    assert_eq!(zero, "filter.per is 0; allowed: 1 or more");
}
