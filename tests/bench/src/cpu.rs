//! Samples that take 2 ms of computing each: how well work spreads over two cores.
//!
//! `two bare threads` shows what the machine itself gives at that moment; where other jobs run,
//! nobody can be twice as fast on two threads.

use std::hint::black_box;
use std::time::Instant;

use rayon::prelude::*;
use windrow::{Backend, Dataset, Loader, range};

use crate::report::{Goal, Report};
use crate::rounds::{contestant, rounds};

const SAMPLES: u64 = 120;
const ROUNDS: usize = 15;
const SAMPLE_SECONDS: f64 = 0.002;

pub fn run(report: &mut Report) {
    let turns = calibrated();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("two threads");
    let rounds = rounds(
        ROUNDS,
        vec![
            contestant("1 worker", || windrow(turns, 1)),
            contestant("2 workers", || windrow(turns, 2)),
            contestant("rayon", || {
                let made =
                    pool.install(|| (0..SAMPLES).into_par_iter().map(|x| spin(x, turns)).collect());
                black_box::<Vec<u64>>(made);
            }),
            contestant("one bare thread", || bare(0..SAMPLES, turns)),
            contestant("two bare threads", || {
                std::thread::scope(|scope| {
                    scope.spawn(|| bare(0..SAMPLES / 2, turns));
                    bare(SAMPLES / 2..SAMPLES, turns);
                });
            }),
        ],
    );
    let bare = rounds.ratio("two bare threads", "one bare thread");
    report.row("2 ms samples: two bare threads / one (the machine)", bare, "×", Goal::None);
    let speedup = rounds.ratio("2 workers", "1 worker");
    report.row("… windrow, 2 workers / 1 worker", speedup, "×", Goal::AtLeast(1.95));
    let against = rounds.ratio("2 workers", "rayon");
    report.row("… windrow / rayon's par_iter, 2 threads each", against, "×", Goal::AtLeast(0.97));
}

fn windrow(turns: u64, workers: u32) {
    let pipeline = range(0..SAMPLES).map(move |x| spin(x, turns));
    let loader = Loader::builder(pipeline).backend(Backend::Threads).workers(workers).build();
    let made = loader.expect("a loader").map(|sample| black_box(*sample.expect("a sample")));
    assert_eq!(made.count() as u64, SAMPLES);
}

fn bare(samples: std::ops::Range<u64>, turns: u64) {
    samples.for_each(|x| _ = black_box(spin(x, turns)));
}

/// A computation in which each step needs the one before.
fn spin(seed: u64, turns: u64) -> u64 {
    (0..turns).fold(seed, |x, turn| (x ^ turn).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29))
}

/// How many turns take 2 ms here: the fastest of many trials, which were disturbed the least.
fn calibrated() -> u64 {
    const TURNS: u64 = 200_000;
    let trial = |_| {
        let clock = Instant::now();
        black_box(spin(1, black_box(TURNS)));
        clock.elapsed().as_secs_f64()
    };
    let fastest = (0..100).map(trial).fold(f64::INFINITY, f64::min);
    (TURNS as f64 * SAMPLE_SECONDS / fastest) as u64
}
