//! Every completion order for small cases, and random orders with losses and duplicates for large
//! ones.

use std::collections::{BTreeSet, VecDeque};

use super::{Completion, Engine, Limits, Next, Task, Verdict};
use crate::error::{Error, Fault};
use crate::order::Rng;

fn limits(tasks: u64) -> Limits {
    Limits { tasks, floor: tasks, ..Limits::for_workers(2) }
}

fn completion(task: Task) -> Completion<u64> {
    let results = task.positions().map(|p| Ok((p % 5 != 3).then_some(p * 10))).collect();
    Completion { task: task.id, results, bytes: Some(8 * task.count), nanos: 50 * task.count }
}

/// Returns the outcome that a position must have, whatever happened on the way.
fn expected(position: u64) -> Option<u64> {
    (position % 5 != 3).then_some(position * 10)
}

/// Pops all ready results and checks that each is next in order.
fn drain(engine: &mut Engine<u64>, next: &mut u64) {
    while let Next::Ready(position, outcome) = engine.pop() {
        assert_eq!((position, outcome.unwrap()), (*next, expected(position)));
        *next += 1;
    }
}

/// Hands out all tasks, then continues with each choice of the task that comes back first.
fn every_order(history: &[usize], len: u64, window: u64, seen: &mut u64) {
    let mut engine = Engine::new(0..len, limits(window));
    let mut out = Vec::new();
    let mut next = 0;
    for &choice in history {
        out.extend(std::iter::from_fn(|| engine.next_task()));
        let task = out.remove(choice);
        assert_eq!(engine.done(completion(task)), Verdict::Taken);
        drain(&mut engine, &mut next);
    }
    out.extend(std::iter::from_fn(|| engine.next_task()));
    if out.is_empty() {
        assert!(matches!(engine.pop(), Next::End));
        assert_eq!(next, len);
        *seen += 1;
        return;
    }
    for choice in 0..out.len() {
        every_order(&[history, &[choice]].concat(), len, window, seen);
    }
}

#[test]
fn every_completion_order_gives_the_same_stream() {
    let len = if cfg!(miri) { 4 } else { 6 };
    for window in 1..=len {
        let mut seen = 0;
        every_order(&[], len, window, &mut seen);
        assert!(seen >= 1);
        if window == len {
            assert_eq!(seen, (1..=len).product::<u64>(), "all orders of {len} tasks");
        }
    }
}

/// Runs once with completions in random order, some lost, some repeated, some malformed.
fn random_run(seed: u64, len: u64) {
    let mut rng = Rng::keyed(seed, 0, 0, 0);
    let bounds = Limits {
        samples: 1 + rng.below(200),
        bytes: 1 + rng.below(2_000),
        floor: rng.below(4),
        results: rng.below(20),
        tasks: 1 + rng.below(20),
        group: 1 + rng.below(30),
        group_nanos: 1 + rng.below(2_000),
        retries: 0,
        losses: 1_000_000,
    };
    let mut engine = Engine::new(0..len, bounds);
    let mut out: Vec<Task> = Vec::new();
    let mut past: Vec<Task> = Vec::new();
    let mut next = 0;
    while next < len {
        while rng.below(4) > 0 {
            let Some(task) = engine.next_task() else { break };
            assert!(task.start >= next && task.start + task.count <= len);
            assert!(task.start + task.count - next <= bounds.samples.max(1));
            out.push(task);
        }
        assert_eq!(engine.outstanding(), out.len() as u64);
        if out.is_empty() {
            continue;
        }
        let task = out.swap_remove(rng.below(out.len() as u64) as usize);
        match rng.below(8) {
            0 => assert_eq!(engine.lost(task.id, "killed"), Verdict::Taken),
            1 => {
                let mut short = completion(task);
                short.results.pop();
                assert_eq!(engine.done(short), Verdict::Malformed);
            }
            _ => assert_eq!(engine.done(completion(task)), Verdict::Taken),
        }
        past.push(task);
        if rng.below(3) == 0 {
            let old = past[rng.below(past.len() as u64) as usize];
            assert_eq!(engine.done(completion(old)), Verdict::Stale);
            assert_eq!(engine.lost(old.id, "late"), Verdict::Stale);
        }
        drain(&mut engine, &mut next);
    }
    assert!(engine.next_task().is_none());
    assert!(matches!(engine.pop(), Next::End));
}

#[test]
fn random_orders_losses_and_duplicates_give_the_same_stream() {
    let (runs, len) = if cfg!(miri) { (2, 40) } else { (400, 700) };
    for seed in 0..runs {
        random_run(seed, len);
    }
}

#[test]
fn a_sample_that_keeps_killing_its_worker_is_given_up_alone() {
    let mut engine = Engine::new(0..40, Limits { group: 8, ..limits(8) });
    let mut rounds = 0;
    let mut lost = BTreeSet::new();
    let mut next = 0;
    loop {
        while let Some(task) = engine.next_task() {
            if task.positions().contains(&21) {
                engine.lost(task.id, format!("signal 9, round {rounds}"));
                rounds += 1;
            } else {
                engine.done(completion(task));
            }
        }
        match engine.pop() {
            Next::Ready(position, Err(Error::SampleLost { attempts, .. })) => {
                assert_eq!(attempts.len(), 2);
                lost.insert(position);
                next += 1;
            }
            Next::Ready(position, outcome) => {
                assert_eq!((position, outcome.unwrap()), (next, expected(next)));
                next += 1;
            }
            Next::Pending => {}
            Next::End => break,
        }
    }
    assert_eq!((next, lost), (40, BTreeSet::from([21])));
}

#[test]
fn a_failure_is_retried_as_often_as_allowed_and_then_raised_in_its_place() {
    let failing = |task: Task, times: &mut u32| {
        let mut completion = completion(task);
        for (position, result) in task.positions().zip(&mut completion.results) {
            if position == 2 && *times > 0 {
                *times -= 1;
                *result = Err(Fault::new("flaky"));
            }
        }
        completion
    };
    for (failures, retries) in [(1, 1), (2, 2), (3, 2), (1, 0)] {
        let mut engine = Engine::new(0..5, Limits { retries, ..limits(3) });
        let mut left = failures;
        let mut outcomes = Vec::new();
        loop {
            while let Some(task) = engine.next_task() {
                engine.done(failing(task, &mut left));
            }
            match engine.pop() {
                Next::Ready(_, outcome) => outcomes.push(outcome),
                Next::Pending => {}
                Next::End => break,
            }
        }
        assert_eq!(outcomes.len(), 5);
        match &outcomes[2] {
            Ok(sample) => assert!(failures <= retries && *sample == expected(2)),
            Err(Error::Sample { position: 2, attempts, fault }) => {
                assert!(failures > retries && *attempts == retries + 1);
                assert_eq!(fault.message(), "flaky");
            }
            Err(other) => panic!("{other}"),
        }
        assert!(outcomes.iter().enumerate().all(|(p, o)| p == 2 || o.is_ok()));
    }
}

#[test]
fn bytes_ahead_stay_under_their_bound() {
    let bounds = Limits { bytes: 10_000, floor: 2, group_nanos: u64::MAX, ..limits(1_000) };
    let mut engine = Engine::new(0..5_000, bounds);
    let big = |task: Task| Completion { bytes: Some(1_000 * task.count), ..completion(task) };
    let first = engine.next_task().unwrap();
    engine.done(big(first));
    let mut ahead = first.count;
    for _ in 0..if cfg!(miri) { 30 } else { 1_000 } {
        while let Some(task) = engine.next_task() {
            ahead += task.count;
            engine.done(big(task));
        }
        assert!(ahead <= 10, "{ahead} samples of 1,000 bytes are ahead");
        assert!(matches!(engine.pop(), Next::Ready(..)));
        ahead -= 1;
    }
}

#[test]
fn nothing_runs_far_ahead_before_the_first_size_is_known() {
    let mut engine = Engine::<u64>::new(0..1_000, Limits { floor: 3, ..limits(64) });
    assert_eq!(std::iter::from_fn(|| engine.next_task()).count(), 3);
}

#[test]
fn samples_larger_than_the_bound_still_keep_every_worker_busy() {
    let mut engine = Engine::new(0..100, Limits { bytes: 10, floor: 4, ..limits(64) });
    let first = engine.next_task().unwrap();
    engine.done(Completion { bytes: Some(1_000), ..completion(first) });
    assert!(matches!(engine.pop(), Next::Ready(..)));
    let ahead: u64 = std::iter::from_fn(|| engine.next_task()).map(|task| task.count).sum();
    assert_eq!(ahead, 4);
}

#[test]
#[cfg_attr(miri, ignore = "a long simulation of safe code")]
fn tiny_samples_are_grouped_and_slow_ones_are_not() {
    let largest = |nanos: u64| {
        let mut engine = Engine::new(0..100_000, limits(8));
        let mut largest = 0;
        for _ in 0..if cfg!(miri) { 6 } else { 200 } {
            while let Some(task) = engine.next_task() {
                largest = largest.max(task.count);
                engine.done(Completion { nanos: nanos * task.count, ..completion(task) });
            }
            for _ in 0..largest {
                engine.pop();
            }
        }
        largest
    };
    assert!(largest(100) >= if cfg!(miri) { 4 } else { 500 });
    assert_eq!(largest(2_000_000), 1);
}

#[test]
#[cfg_attr(miri, ignore = "a long simulation of safe code")]
fn a_cold_first_sample_does_not_make_all_tasks_small() {
    let mut engine = Engine::new(0..100_000, Limits { floor: 2, ..limits(64) });
    let (mut tasks, mut nanos) = (VecDeque::new(), 1_000_000);
    let mut counts = Vec::new();
    while counts.iter().sum::<u64>() < 10_000 {
        tasks.extend(std::iter::from_fn(|| engine.next_task()));
        let task: Task = tasks.pop_front().unwrap();
        counts.push(task.count);
        engine.done(Completion { nanos: nanos * task.count, ..completion(task) });
        nanos = 100;
        while matches!(engine.pop(), Next::Ready(..)) {}
    }
    assert!(counts.len() < 60, "{counts:?}");
}

#[test]
fn an_empty_range_ends_at_once() {
    let mut engine = Engine::<u64>::new(7..7, limits(4));
    assert!(engine.next_task().is_none());
    assert!(matches!(engine.pop(), Next::End));
    assert_eq!(engine.position(), 7);
}

#[test]
#[cfg_attr(miri, ignore = "a long simulation of safe code")]
fn no_limits_and_no_answers_keep_a_stream_from_its_end() {
    let mut rng = Rng::keyed(5, 0, 0, 0);
    for run in 0..if cfg!(miri) { 20 } else { 3_000 } {
        let mut any = || [0, 1, 3, u64::MAX][rng.below(4) as usize];
        let limits = Limits {
            samples: any(),
            bytes: any(),
            floor: any(),
            results: any(),
            tasks: any(),
            group: any(),
            group_nanos: any(),
            retries: any() as u32,
            losses: any() as u32,
        };
        let mut engine = Engine::new(0..50, limits);
        let mut next = 0;
        while next < 50 {
            let task = engine.next_task().unwrap_or_else(|| panic!("run {run}: {limits:?}"));
            let bytes = Some(any()).filter(|&bytes| bytes != 1);
            let done = Completion { bytes, nanos: any(), ..completion(task) };
            assert_eq!(engine.done(done), Verdict::Taken);
            drain(&mut engine, &mut next);
        }
        assert!(matches!(engine.pop(), Next::End));
    }
}
