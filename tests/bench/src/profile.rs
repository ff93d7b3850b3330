//! What a profile costs: the same loader with and without it, on two threads and inline.
//!
//! The samples are the worst case, since they cost next to nothing: `range → shuffle → map → filter`,
//! with and without stages, and the same in batches made by the workers.

use std::hint::black_box;

use windrow::stage::ParallelPipeline;
use windrow::{Backend, Dataset, Loader, range};

use crate::report::{Goal, Report};
use crate::rounds::{contestant, rounds};

const SAMPLES: u64 = 2_000_000;
const BATCH: u64 = 256;
const ROUNDS: usize = 21;

pub fn run(report: &mut Report) {
    for backend in [Backend::Threads, Backend::Inline] {
        compare(report, backend, "samples", plain);
        compare(report, backend, "batches of workers", batched);
        compare(report, backend, "batches of a stage", staged);
    }
}

type Once = fn(Backend, bool);

fn compare(report: &mut Report, backend: Backend, what: &str, once: Once) {
    let rounds = rounds(
        ROUNDS,
        vec![contestant("off", || once(backend, false)), contestant("on", || once(backend, true))],
    );
    let rate = rounds.rate("off", SAMPLES as f64 / 1e6);
    report.row(&format!("{what}, {backend}, no profile"), rate, "M samples/s", Goal::None);
    let slower = rounds.ratio("on", "off");
    report.row("… with a profile / without", slower, "×", Goal::AtLeast(0.98));
}

fn plain(backend: Backend, profile: bool) {
    drain(range(0..SAMPLES).shuffle(7).map(|x| x * 2).filter(|x| x % 7 > 0), backend, profile);
}

fn batched(backend: Backend, profile: bool) {
    drain(range(0..SAMPLES).shuffle(7).map(|x| x * 2).batch(BATCH), backend, profile);
}

fn staged(backend: Backend, profile: bool) {
    let samples = range(0..SAMPLES).shuffle(7).map(|x| x * 2).filter(|x| x % 7 > 0);
    drain(samples.ordered().map(|x| x + 1).batch(BATCH), backend, profile);
}

fn drain(pipeline: impl ParallelPipeline, backend: Backend, profile: bool) {
    let loader = Loader::builder(pipeline).backend(backend).workers(2).profile(profile).build();
    loader.expect("a loader").for_each(|item| drop(black_box(item.expect("an item"))));
}
