//! One suite for every backend: the same batches, in the same order, with the same errors and the
//! same states, as a plain loop over the dataset gives.

use std::time::Duration;

use crate::common::{RUNNERS, Runner, assert_same, items, run, within};
use windrow::stage::Pipeline;
use windrow::{Dataset, Fault, Loader, OnError, from_vec, range};

const LIMIT: Duration = Duration::from_secs(120);

/// Runs a pipeline on every backend and compares with what a plain loop gives.
fn same_on_all<P>(make: impl Fn() -> P, oracle: &[Result<P::Batch, String>], what: &str)
where
    P: Pipeline,
    P::Sample: Send + 'static,
    P::Batch: PartialEq + std::fmt::Debug + Clone + Send + 'static,
    P::Dataset: Send + Sync + 'static,
    P::Stages: Send + 'static,
{
    let mut states = Vec::new();
    for runner in RUNNERS {
        let got = run(runner, Loader::builder(make()));
        assert_same(&items(&got), oracle, &format!("{what} on {runner:?}"));
        let json: Vec<String> = got.iter().map(|(_, state)| state.to_json()).collect();
        if states.is_empty() {
            states = json;
        } else {
            assert_same(&json, &states, &format!("states of {what} on {runner:?}"));
        }
    }
}

/// What a plain loop over a dataset gives: the oracle.
fn plain_loop<D: Dataset>(dataset: &D) -> Vec<Result<D::Sample, String>> {
    let at = |position| match windrow::dataset::fill(dataset, position) {
        Ok(sample) => sample.map(Ok),
        Err(fault) => Some(Err(format!("position {position}: {fault}"))),
    };
    (0..dataset.len()).filter_map(at).collect()
}

macro_rules! datasets {
    ($($name:ident: $make:expr;)*) => {$(
        #[test]
        fn $name() {
            within(LIMIT, || same_on_all(|| $make, &plain_loop(&$make), stringify!($name)));
        }
    )*};
}

datasets! {
    a_range_comes_in_order: range(0..1_000);
    nothing_gives_nothing: range(5..5);
    one_sample_gives_one: range(0..1).batch(1);
    a_batch_larger_than_the_dataset_is_the_dataset: range(0..7).batch(100);
    batches_of_maps: range(0..5_000).map(|x| x * 2).batch(7);
    shuffled_epochs: range(0..97).shuffle(3).repeat(3).batch(10).drop_remainder();
    random_numbers_belong_to_samples: range(0..200).random_map(5, |x, rng| (x, rng.next_u64())).repeat(2);
    gaps_are_closed_in_order: range(0..500).filter(|x| x % 7 < 2).map_with_index(|i, x| i * 1_000 + x);
    strings: from_vec(vec!["a".to_string(), "bc".into(), String::new()]).repeat(5);
    errors_stay_in_their_place: range(0..300).try_map(|x| match x % 13 {
        5 => Err(Fault::new(format!("no {x}"))),
        _ => Ok(x),
    });
    panics_stay_in_their_place: range(0..60).map(|x| if x % 17 == 4 { panic!("bad {x}") } else { x });
    a_panic_in_a_batch_is_that_batch: range(0..60).map(|x| if x == 31 { panic!("bad {x}") } else { x }).batch(8);
    slices_and_steps: range(0..1_000).slice(100..900).step_by(3).shuffle(1).sample(50);
    a_part_of_a_split: range(0..1_000).split(4, [0.7, 0.3])[1].clone().shuffle(1).repeat(2).batch(7);
}

#[test]
fn ordered_batches_reach_over_gaps_and_epochs() {
    within(LIMIT, || {
        let make = || range(0..50).filter(|x| x % 3 == 0).repeat(2).ordered().batch(4).limit(7);
        let kept: Vec<u64> = (0..50).filter(|x| x % 3 == 0).cycle().take(34).collect();
        let expected: Vec<_> = kept.chunks(4).take(7).map(|c| Ok(c.to_vec())).collect();
        same_on_all(make, &expected, "filter, repeat, batch, limit");
    });
}

#[test]
fn errors_inside_an_ordered_batch_come_before_it_and_leave_the_rest() {
    within(LIMIT, || {
        let make = || {
            let failing = |x| if x % 5 == 3 { Err(Fault::new("no")) } else { Ok(x) };
            range(0..12).try_map(failing).ordered().batch(4)
        };
        let error = |p| Err(format!("position {p}: try_map of index {p}: no"));
        let expected =
            [error(3), Ok(vec![0, 1, 2, 4]), error(8), Ok(vec![5, 6, 7, 9]), Ok(vec![10, 11])];
        same_on_all(make, &expected, "errors in ordered batches");
    });
}

#[test]
fn skipping_gives_the_same_stream_without_the_errors_and_counts_them() {
    within(LIMIT, || {
        let make =
            || range(0..100).try_map(|x| if x % 9 == 2 { Err(Fault::new("no")) } else { Ok(x) });
        let expected: Vec<_> = (0..100u64).filter(|x| x % 9 != 2).map(Ok).collect();
        for runner in RUNNERS {
            let got = run(runner, Loader::builder(make()).on_error(OnError::Skip));
            assert_same(&items(&got), &expected, &format!("{runner:?}"));
            let skips = got.last().unwrap().1.skips();
            assert_eq!((skips.count(), skips.first()), (11, &[2, 11, 20, 29][..]), "{runner:?}");
        }
    });
}

#[test]
fn a_retry_makes_the_same_sample() {
    use std::sync::atomic::{AtomicU32, Ordering};
    within(LIMIT, || {
        for runner in RUNNERS {
            let tries: Vec<AtomicU32> = (0..40).map(|_| AtomicU32::new(0)).collect();
            let flaky = range(0..40).random_map(9, |x, rng| (x, rng.next_u64())).try_map(
                move |(x, random): (u64, u64)| {
                    let failed = tries[x as usize].fetch_add(1, Ordering::Relaxed);
                    let failures = [0, 0, 2, 5][x as usize % 4];
                    if failed < failures { Err(Fault::new("busy")) } else { Ok((x, random)) }
                },
            );
            let got = items(&run(runner, Loader::builder(flaky).retries(2)));
            let steady = range(0..40).random_map(9, |x, rng| (x, rng.next_u64()));
            let expected: Vec<_> = plain_loop(&steady)
                .into_iter()
                .enumerate()
                .map(|(p, sample)| match p % 4 {
                    3 => {
                        Err(format!("position {p}: try_map of index {p}: busy (after 3 attempts)"))
                    }
                    _ => sample,
                })
                .collect();
            assert_same(&got, &expected, &format!("{runner:?}"));
        }
    });
}

#[test]
fn a_dataset_that_lies_about_its_length_gives_errors_and_an_end() {
    struct Liar;
    impl windrow::source::Source for Liar {
        type Sample = u64;
        type Error = Fault;
        fn len(&self) -> u64 {
            20
        }
        fn get(&self, index: u64) -> Result<u64, Fault> {
            let real: Vec<u64> = (0..15).collect();
            Ok(real[index as usize])
        }
        fn op(&self) -> windrow::order::Op {
            windrow::order::Op::new("liar")
        }
    }
    within(LIMIT, || {
        for runner in RUNNERS {
            let got = items(&run(runner, Loader::builder(windrow::from_source(Liar))));
            assert_eq!(got.iter().filter(|item| item.is_ok()).count(), 15, "{runner:?}");
            assert!(got[15..].iter().all(|i| i.as_ref().unwrap_err().contains("index out of")));
            assert_eq!(got.len(), 20);
        }
    });
}

#[test]
fn the_async_driver_gives_the_same_stream() {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    within(LIMIT, || {
        let make = || range(0..3_000).shuffle(2).filter(|x| x % 3 > 0).ordered().batch(7);
        let expected = items(&run(Runner::Inline, Loader::builder(make())));
        let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
        let mut context = std::task::Context::from_waker(&waker);
        for runner in RUNNERS {
            let mut loader = runner.on(Loader::builder(make())).build().unwrap();
            let mut got = Vec::new();
            loop {
                match loader.poll_next(&mut context) {
                    std::task::Poll::Ready(Some(batch)) => {
                        got.push(Ok(batch.unwrap().into_inner()))
                    }
                    std::task::Poll::Ready(None) => break,
                    std::task::Poll::Pending => std::thread::park(),
                }
            }
            assert_same(&got, &expected, &format!("{runner:?}"));
        }
    });
}

#[test]
fn more_workers_than_samples_is_no_trouble() {
    within(LIMIT, || {
        let got = run(Runner::Threads(32), Loader::builder(range(0..3)));
        assert_same(&items(&got), &[Ok(0), Ok(1), Ok(2)], "32 workers for 3 samples");
    });
}

#[test]
fn the_start_of_an_endless_stream_costs_nothing() {
    within(LIMIT, || {
        for runner in RUNNERS {
            let endless = range(0..1 << 40).shuffle(1).repeat(u64::MAX).batch(4);
            let loader = runner.on(Loader::builder(endless)).build().unwrap();
            assert_eq!(loader.take(5).filter(Result::is_ok).count(), 5, "{runner:?}");
        }
    });
}
