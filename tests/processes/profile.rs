//! The profile and the trace of worker processes.

use std::time::{Duration, Instant};

use crate::common::{Runner, within};
use windrow::loader::{OpKind, Profile, Trace};
use windrow::stage::ParallelPipeline;
use windrow::{Dataset, Loader, Result, WorkerContext, range};

const LIMIT: Duration = Duration::from_secs(120);
const RUNNERS: [Runner; 3] = [Runner::Inline, Runner::Threads(2), Runner::Processes(2)];
/// Long enough for each sample to be timed, also on a busy machine.
const EACH: Duration = Duration::from_millis(5);

fn spend<T>(value: T) -> T {
    let begun = Instant::now();
    while begun.elapsed() < EACH {}
    value
}

fn slow(
    end: u64,
    _: &WorkerContext,
) -> Result<impl ParallelPipeline<Sample = u64, Batch = Vec<u64>>> {
    Ok(range(0..end).shuffle(3).map(spend).filter(|x| x % 3 > 0).ordered().batch(4))
}

fn fast(
    end: u64,
    _: &WorkerContext,
) -> Result<impl ParallelPipeline<Sample = Vec<u64>, Batch = Vec<Vec<u64>>>> {
    let numbers = range(0..end).shuffle(3).random_map(5, |x, rng| x + rng.below(9)).batch(3);
    Ok(numbers.ordered().batch(4))
}

#[test]
fn the_ops_of_worker_processes_have_their_samples_and_times() {
    within(LIMIT, || {
        let builder = Runner::Processes(2).on(Loader::recipe(slow, 12)).trace(true);
        let begun = Instant::now();
        let mut loader = builder.build().unwrap();
        loader.by_ref().for_each(|item| drop(item.unwrap()));
        let wall = begun.elapsed();
        let profile: Profile = loader.profile().unwrap();
        let counts = profile.ops.iter().map(|op| (op.total.samples, op.total.gaps));
        assert_eq!(
            counts.collect::<Vec<_>>(),
            [(12, 0), (12, 0), (12, 0), (8, 4), (2, 0)],
            "{profile}"
        );
        assert!(profile.ops[2].total.time >= EACH * 12, "{profile}");
        assert_eq!(profile.ops[4].kind, OpKind::Stage);
        assert_eq!(profile.ops[0].total.bytes, Some(96));
        let of_workers = profile.workers.iter().map(|worker| worker.positions);
        assert_eq!((profile.workers.len(), of_workers.sum::<u64>()), (2, 12));
        let Trace { events, left_out, .. } = loader.take_trace();
        assert!(events.iter().all(|event| event.start + event.duration <= wall));
        // The events of a worker process are placed by the arrival of its answers, and may be cut.
        let maps = events.iter().filter(|event| event.name == "map");
        assert_eq!((maps.count(), left_out), (12, 0), "{events:?}");
    });
}

#[test]
fn a_profile_changes_neither_digests_nor_states() {
    within(LIMIT, || {
        let run = |runner: Runner, profile: bool| {
            let builder = runner.on(Loader::recipe(fast, 3_000)).digest();
            let mut loader = builder.profile(profile).trace(profile).build().unwrap();
            let mut states = Vec::new();
            for item in &mut loader {
                states.push(item.unwrap().state().to_json());
            }
            assert_eq!(loader.profile().is_some(), profile);
            (loader.digest(), states)
        };
        let expected = run(Runner::Inline, false);
        assert_eq!(expected.1.len(), 250);
        for runner in RUNNERS {
            assert!(run(runner, true) == expected, "{runner:?}");
        }
    });
}
