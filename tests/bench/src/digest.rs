//! What a digest costs on two threads, and how long a training step waits for plain structs.

use std::hint::black_box;
use std::time::{Duration, Instant};

use windrow::dataset::{Dtype, Tensor};
use windrow::{Backend, Dataset, Loader, range};

use crate::report::{Goal, Report};
use crate::rounds::{Spread, contestant, rounds};

const ROUNDS: usize = 11;

/// Batches of so many bytes, which workers make whole or stages put together, each with a digest
/// and without one.
pub fn run(report: &mut Report) {
    for (name, bytes, count) in [("5 KB", 5_000, 20_000), ("5 MB", 5_000_000, 100)] {
        let rounds = rounds(
            ROUNDS,
            vec![
                contestant("plain", || drain(bytes, count, false, false)),
                contestant("digest", || drain(bytes, count, false, true)),
                contestant("plain, stages", || drain(bytes, count, true, false)),
                contestant("digest, stages", || drain(bytes, count, true, true)),
            ],
        );
        let of = |own, peer| rounds.ratio(own, peer);
        let what = format!("batches of {name} that 2 threads make whole, with a digest / without");
        report.row(&what, of("digest", "plain"), "×", Goal::None);
        report.row(
            "… put together by a stage",
            of("digest, stages", "plain, stages"),
            "×",
            Goal::None,
        );
        let rate = rounds.rate("digest", (bytes * count) as f64 / 1e9);
        report.row("… made whole, hashed", rate, "GB/s", Goal::None);
    }
}

fn drain(bytes: u64, count: u64, stages: bool, digest: bool) {
    let tensors = range(0..count).try_map(move |x| {
        Tensor::build(Dtype::U8, [bytes], |place| {
            place.fill(x as u8);
            Ok(())
        })
    });
    macro_rules! drain {
        ($pipeline:expr) => {{
            let loader = Loader::builder($pipeline).backend(Backend::Threads).workers(2);
            let loader = if digest { loader.digest() } else { loader };
            loader
                .build()
                .expect("a loader")
                .for_each(|batch| _ = black_box(batch.expect("a batch")));
        }};
    }
    if stages { drain!(tensors.ordered().batch(1)) } else { drain!(tensors) }
}

/// A type whose size windrow cannot measure.
struct Plain {
    _name: String,
    value: u64,
}

/// Takes 0.4 ms, in which it neither works nor keeps a core from working.
fn plain(value: u64) -> Plain {
    let end = Instant::now() + Duration::from_micros(400);
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        if left > Duration::from_micros(100) {
            std::thread::sleep(left - Duration::from_micros(80));
        } else {
            std::hint::spin_loop();
        }
    }
    Plain { _name: value.to_string(), value }
}

/// How long two threads need for the samples of a step when they do nothing else, in milliseconds.
fn alone(batches: usize) -> f64 {
    let clock = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..128 * batches as u64).for_each(|x| _ = black_box(plain(x))));
        }
    });
    clock.elapsed().as_secs_f64() * 1e3 / batches as f64
}

/// How long a step of 50 ms waits for its batch of 256 structs, each of which takes 0.4 ms to make.
pub fn prefetch(report: &mut Report) {
    const BATCHES: usize = 40;
    const STEP: Duration = Duration::from_millis(50);
    let samples = range(0..256 * BATCHES as u64).map(plain);
    let loader = Loader::builder(samples.ordered().batch(256));
    let loader = loader.backend(Backend::Threads).workers(2);
    let mut loader = loader.build().expect("a loader");
    let (mut waits, mut begun) = (Vec::new(), None);
    loop {
        let clock = Instant::now();
        let Some(batch) = loader.next() else { break };
        black_box(batch.expect("a batch")[0].value);
        // The first one has nothing to be made beside.
        if begun.is_none() {
            begun = Some(Instant::now());
        } else {
            waits.push(clock.elapsed().as_secs_f64());
        }
        std::thread::sleep(STEP);
    }
    let all = begun.map_or(0.0, |begun| begun.elapsed().as_secs_f64());
    let share = waits.iter().sum::<f64>() / all * 100.0;
    let what = "a step of 50 ms that takes 256 plain structs of 0.4 ms from 2 threads waits";
    report.once(what, share, "%", Goal::AtMost(5.0));
    report.row("… a step", Spread::of(waits).map(|wait| wait * 1e3), "ms", Goal::None);
    let beyond = alone(BATCHES) - STEP.as_secs_f64() * 1e3;
    report.once("… a step, by two threads that only make the samples", beyond, "ms", Goal::None);
}
