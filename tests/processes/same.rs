//! The same batches, errors and states as the inline loop gives, and every state resumes anywhere.

use std::time::Duration;

use crate::common::{Runner, assert_same, run, system, within};
use windrow::backend::StartMethod;
use windrow::dataset::{Record, Tensor};
use windrow::spec::Spec;
use windrow::stage::ParallelPipeline;
use windrow::{Dataset, Fault, Loader, OnError, Result, State, WorkerContext, range};

const LIMIT: Duration = Duration::from_secs(120);
const RUNNERS: [Runner; 3] = [Runner::Processes(1), Runner::Processes(2), Runner::Processes(3)];

fn numbers(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = Vec<u64>> + use<>> {
    let random = |x: u64, rng: &mut windrow::order::Rng| x * 1000 + rng.below(1000);
    Ok(range(0..end).shuffle(5).random_map(9, random).repeat(3).batch(4))
}

type Tail = dyn Fn(u64) -> Result<u64, Fault> + Send + Sync;

fn failing(
    end: u64,
    _: &WorkerContext,
) -> Result<impl ParallelPipeline<Sample = u64, Batch = Vec<u64>> + use<>> {
    let tail: Box<Tail> = Box::new(|x| if x % 7 == 3 { Err(Fault::new("no")) } else { Ok(x) });
    Ok(range(0..end).filter(|x| x % 5 > 0).try_map(tail).ordered().batch(3).limit(100))
}

fn records(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = Record> + use<>> {
    Ok(range(0..end).shuffle(1).try_map(|x| {
        let pixels = Tensor::from_slice([30, 50], &vec![x as f32; 1500])?;
        Record::new().with("pixels", pixels)?.with("label", Tensor::scalar(x))
    }))
}

/// Compares whole runs on all worker counts, then resumes every state on one of them.
macro_rules! same {
    ($recipe:ident, $end:expr) => {
        same!($recipe, $end, 1);
    };
    ($recipe:ident, $end:expr, $epochs:expr) => {
        let make = || Loader::recipe($recipe, $end).epochs($epochs).digest();
        let whole = run(Runner::Inline, make());
        assert!(!whole.is_empty() || $end == 0);
        for runner in RUNNERS {
            let got = run(runner, make());
            assert_same(
                &got,
                &whole,
                &format!("{} of {} on {runner:?}", stringify!($recipe), $end),
            );
        }
        if system::SPLITS {
            let forked = make().start_method(StartMethod::Forkserver);
            let got = run(Runner::Processes(2), forked);
            assert_same(&got, &whole, &format!("{} by a fork server", stringify!($recipe)));
        }
        for (number, (_, state)) in whole.iter().enumerate() {
            let state = State::from_json(&state.to_json()).unwrap();
            let runner = RUNNERS[number % RUNNERS.len()];
            let tail = run(runner, make().resume(&state));
            let what = format!("{} resumed after {number} on {runner:?}", stringify!($recipe));
            assert_same(&tail, &whole[number + 1..], &what);
        }
    };
}

#[test]
fn random_numbers_and_batches_are_those_of_the_inline_loop() {
    within(LIMIT, || {
        same!(numbers, 37);
    });
}

#[test]
fn gaps_errors_and_stages_are_those_of_the_inline_loop() {
    within(LIMIT, || {
        same!(failing, 60);
        same!(failing, 20, 3);
    });
}

#[test]
fn records_of_tensors_are_those_of_the_inline_loop() {
    within(LIMIT, || {
        same!(records, 25);
        same!(records, 4, 3);
    });
}

#[test]
fn nothing_one_and_fewer_samples_than_workers_are_no_trouble() {
    within(LIMIT, || {
        for end in [0, 1, 2] {
            let whole = run(Runner::Inline, Loader::recipe(numbers, end));
            let got = run(Runner::Processes(8), Loader::recipe(numbers, end));
            assert_same(&got, &whole, &format!("{end} samples"));
        }
    });
}

#[test]
fn skipping_gives_the_same_states() {
    within(LIMIT, || {
        let skipping = || Loader::recipe(failing, 60).on_error(OnError::Skip);
        let whole = run(Runner::Inline, skipping());
        for runner in RUNNERS {
            assert_same(&run(runner, skipping()), &whole, &format!("{runner:?}"));
        }
    });
}

#[test]
fn the_start_of_an_endless_stream_costs_nothing() {
    within(LIMIT, || {
        for runner in RUNNERS {
            let loader = runner.on(Loader::recipe(numbers, 1 << 40)).build().unwrap();
            assert_eq!(loader.take(5).filter(Result::is_ok).count(), 5, "{runner:?}");
        }
    });
}

#[test]
fn async_callers_are_woken() {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    within(LIMIT, || {
        let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
        let mut context = std::task::Context::from_waker(&waker);
        let runner = Runner::Processes(2);
        let mut loader = runner.on(Loader::recipe(numbers, 40)).build().unwrap();
        let mut batches = 0;
        loop {
            match loader.poll_next(&mut context) {
                std::task::Poll::Ready(Some(batch)) => batches += u64::from(batch.is_ok()),
                std::task::Poll::Ready(None) => break,
                std::task::Poll::Pending => std::thread::park(),
            }
        }
        assert_eq!(batches, 30);
    });
}

#[test]
fn random_ops_after_a_filter_are_those_of_the_inline_loop() {
    within(LIMIT, || {
        let spec = Spec::from_json(
            r#"{"version":1,"seed":8,"epochs":2,"source":{"kind":"range","end":64},
                "ops":[{"op":"shuffle"},{"op":"filter","field":"value","is":">=","value":9},
                {"op":"one_hot","field":"value","classes":64,"dtype":"U8"},
                {"op":"scale","field":"value","factor":100},
                {"op":"reshape","field":"value","shape":[8,8]},
                {"op":"random_crop","field":"value","height":9,"width":9,"padding":2},
                {"op":"random_rotate90","field":"value"},{"op":"random_erase","field":"value"},
                {"op":"random_contrast","field":"value","lower":0.5,"upper":2},
                {"op":"gaussian_noise","field":"value"}],
                "stages":[{"stage":"batch","size":5}]}"#,
        );
        let spec = spec.unwrap();
        let make = || Loader::spec(&spec, ".").digest();
        let whole = run(Runner::Inline, make());
        assert_eq!(whole.len(), 22);
        for workers in 1..=4 {
            for runner in [Runner::Threads(workers), Runner::Processes(workers)] {
                assert_same(&run(runner, make()), &whole, &format!("{runner:?}"));
            }
        }
        let state = State::from_json(&whole[10].1.to_json()).unwrap();
        let tail = run(Runner::Processes(2), make().resume(&state));
        assert_same(&tail, &whole[11..], "resumed");
    });
}
