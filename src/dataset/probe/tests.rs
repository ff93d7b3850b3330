//! Tests of the probe, with a clock that only the tests move.

use super::*;
use crate::dataset::{Dataset, fill};
use crate::loader::Loader;
use crate::source::range;

thread_local! {
    static TIME: Cell<u64> = const { Cell::new(0) };
}

/// Returns the time, which only the tests move.
fn clock() -> Option<u64> {
    Some(TIME.get())
}

fn pass<T>(time: u64, value: T) -> T {
    TIME.set(TIME.get() + time);
    value
}

/// Returns what a probe finds in the sample at an index.
fn probed<D: Dataset + Send + Sync>(dataset: D, index: u64) -> Probed
where
    D::Sample: Send + 'static,
{
    let tree = Loader::builder(&dataset as &(dyn Dataset<Sample = D::Sample> + Send + Sync));
    let steps = Arc::new(tree.describe().unwrap().steps());
    let probing = Probing::start(steps, clock, 0, true);
    pass(1_000, ());
    _ = fill(&dataset, index);
    pass(2_000, ());
    probing.end()
}

#[test]
fn a_step_has_the_time_without_the_steps_below() {
    let dataset = range(0..9).map(|x| pass(10, x)).shuffle(1).map(|x| pass(300, x)).batch(4);
    let found = probed(dataset, 1);
    let nanos: Vec<u64> = found.counts.iter().map(|count| count.nanos).collect();
    assert_eq!(nanos, [0, 40, 0, 1_200, 0, 3_000]);
    let samples: Vec<u64> = found.counts.iter().map(|count| count.samples).collect();
    assert_eq!(samples, [4, 4, 4, 4, 1, 0]);
    let whole = Span { step: 4, start: 1_000, end: 1_000 + 40 + 1_200 };
    assert_eq!((found.spans.len(), found.spans[0]), (1 + 4 * 4, whole));
    let wide = probed(range(0..100).map(|x| x).batch(100), 0);
    assert_eq!((wide.spans.len(), wide.counts[0].samples), (SPANS_MAX, 100));
    assert_eq!(wide.spans[0].step, 2);
}

#[test]
fn a_gap_counts_for_the_step_that_made_it() {
    let dataset = range(0..9).filter(|x| *x > 3).shuffle_once(1).map(|x| x).filter(|x| *x > 7);
    let gaps = |value: u64| {
        let at = (0..9).find(|at| dataset.key(*at).unwrap() == value.into()).unwrap();
        probed(&dataset, at).counts.iter().map(|count| count.gaps).collect::<Vec<_>>()
    };
    assert_eq!(gaps(1), [0, 1, 0, 0, 0, 0]);
    assert_eq!(gaps(5), [0, 0, 0, 0, 1, 0]);
    assert_eq!(gaps(8), [0; 6]);
}

#[test]
fn datasets_in_the_code_of_users_and_panics_leave_no_trace() {
    let inner = range(0..9).map(|x| pass(50, x));
    let dataset = range(0..9).map(move |x| inner.get(x)).map(|x| pass(5, x)).map(|x| {
        assert!(x != Ok(Some(3)), "three");
    });
    let nanos = |index| probed(&dataset, index).counts.iter().map(|c| c.nanos).collect::<Vec<_>>();
    assert_eq!(nanos(2), [0, 50, 5, 0, 3_000]);
    assert_eq!(nanos(3), [0, 50, 5, 0, 3_000]);
    assert_eq!(probed(&dataset, 3).counts[3].samples, 0);
    assert!(!PROBING.get());
}

#[test]
fn a_probe_of_many_steps_costs_more() {
    let [few, many] =
        [1, 801].map(|parts| probed(crate::concat((0..parts).map(|x| range(x..x + 1))), 0).cost);
    assert_eq!(many - few, 800 / STEPS_A_READING as u64);
}
