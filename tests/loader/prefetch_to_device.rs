//! A hook that runs ahead: order, states, errors, panics and the end of its thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::common::{RUNNERS, Runner, within};
use windrow::loader::LoaderBuilder;
use windrow::stage::ParallelPipeline;
use windrow::{Batch, Dataset, Fault, Loader, State, range};

const LIMIT: Duration = Duration::from_secs(120);

fn batches() -> LoaderBuilder<impl ParallelPipeline<Sample = u64, Batch = Vec<u64>>> {
    let refused = |x| if x % 10 == 7 { Err(Fault::new("no")) } else { Ok(x) };
    let numbers = range(0..60).shuffle(2).filter(|x| x % 3 > 0).try_map(refused);
    Loader::builder(numbers.ordered().batch(4)).epochs(2)
}

/// Adds up a batch, except some.
fn hook(batch: Batch<Vec<u64>>) -> Result<u64, Fault> {
    match batch.number() % 5 {
        1 => Err(Fault::new("the device is full")),
        2 => panic!("the driver is gone"),
        _ => Ok(batch.iter().sum()),
    }
}

fn run(runner: Runner, ahead: u64, state: Option<&State>) -> Vec<(Result<u64, String>, State)> {
    let loader = runner.on(batches().resume_if(state)).build().unwrap();
    let mut results = loader.prefetch_to_device(ahead, hook).unwrap();
    let mut items = Vec::new();
    while let Some(result) = results.next() {
        items.push((result.map_err(|error| error.to_string()), results.state()));
    }
    assert!(results.next().is_none());
    items
}

#[test]
fn every_state_resumes_with_the_same_results_and_states() {
    within(LIMIT, || {
        let whole = run(Runner::Inline, 1, None);
        let errors: Vec<_> = whole.iter().filter_map(|(item, _)| item.clone().err()).collect();
        let told = |text: &str| errors.iter().filter(|error| error.contains(text)).count();
        assert_eq!((told("position "), told("the device is full")), (8, 4));
        assert!(
            told("prefetch_to_device of index 2") == 1 && told("the driver is gone") == 4,
            "{errors:?}"
        );
        for (number, (_, state)) in whole.iter().enumerate() {
            let state = State::from_json(&state.to_json()).unwrap();
            let runner = RUNNERS[number % RUNNERS.len()];
            let tail = run(runner, 1 + number as u64 % 4, Some(&state));
            assert_eq!(tail, whole[number + 1..], "after item {number} on {runner:?}");
        }
    });
}

#[test]
fn the_hook_runs_ahead_and_no_further() {
    within(LIMIT, || {
        let calls = Arc::new(AtomicU64::new(0));
        let (counted, (sender, called)) = (calls.clone(), channel());
        let count = move |_: Batch<u64>| {
            counted.fetch_add(1, Ordering::Relaxed);
            _ = sender.send(());
            Ok::<_, Fault>(())
        };
        let loader = Loader::builder(range(0..1_000)).build().unwrap();
        let mut results = loader.prefetch_to_device(3, count).unwrap();
        assert_eq!(results.state().batches(), 0);
        // Three results wait, and one more is in the making, before the caller asks for any.
        (0..4).for_each(|_| called.recv().unwrap());
        assert!(called.recv_timeout(Duration::from_millis(50)).is_err());
        results.next().unwrap().unwrap();
        called.recv().unwrap();
        assert_eq!(results.state().batches(), 1);
        drop(results);
        // The thread has dropped the hook, and so the sender.
        while called.recv().is_ok() {}
        assert!(calls.load(Ordering::Relaxed) < 10);
    });
}

#[test]
fn a_drop_does_not_wait_for_a_hook_that_never_ends() {
    within(LIMIT, || {
        let (release, stuck) = channel::<()>();
        let builder = Loader::builder(range(0..9)).shutdown_timeout(Duration::from_millis(20));
        let hook = move |_: Batch<u64>| stuck.recv().map_err(Fault::other);
        drop(builder.build().unwrap().prefetch_to_device(1, hook).unwrap());
        drop(release);
    });
}

#[test]
fn a_number_that_cannot_be_is_refused() {
    for ahead in [0, 1025, u64::MAX] {
        let loader = Loader::builder(range(0..9)).build().unwrap();
        let refused = loader.prefetch_to_device(ahead, |_| Ok::<_, Fault>(())).unwrap_err();
        let expected = format!("prefetch_to_device.ahead is {ahead}; allowed: 1 to 1024");
        assert_eq!(refused.to_string(), expected);
    }
}
