//! What passes through the caller's thread: samples one by one, the ordered part, the digest.

use std::hint::black_box;

use windrow::{Backend, Dataset, Loader, range};

use crate::report::{Goal, Report};
use crate::rounds::{contestant, rounds};

const SAMPLES: u64 = 1_000_000;
const ROUNDS: usize = 11;

pub fn run(report: &mut Report) {
    let rounds = rounds(
        ROUNDS,
        vec![
            contestant("single, threads", || single(Backend::Threads)),
            contestant("single, inline", || single(Backend::Inline)),
            contestant("ordered, threads", || ordered(Backend::Threads)),
            contestant("ordered, inline", || ordered(Backend::Inline)),
            contestant("batch, inline", || batches(Backend::Inline, false)),
            contestant("batch, threads", || batches(Backend::Threads, false)),
            contestant("batch, digest", || batches(Backend::Threads, true)),
        ],
    );
    for (what, name) in [
        ("tiny samples one by one, threads", "single, threads"),
        ("… inline", "single, inline"),
        ("`ordered().batch(256)`, threads", "ordered, threads"),
        ("… inline", "ordered, inline"),
        ("`batch(256)`, inline", "batch, inline"),
        ("… threads", "batch, threads"),
        ("… threads, with the digest", "batch, digest"),
    ] {
        report.row(what, rounds.rate(name, SAMPLES as f64 / 1e6), "M samples/s", Goal::None);
    }
    let cost = rounds.ratio("batch, threads", "batch, digest").map(|ratio| (ratio - 1.0) * 100.0);
    report.row("… time that the digest adds", cost, "%", Goal::None);
}

fn single(backend: Backend) {
    let loader =
        Loader::builder(range(0..SAMPLES).map(|x| x * 2)).backend(backend).workers(2).build();
    let sum: u64 = loader.expect("a loader").map(|sample| *sample.expect("a sample")).sum();
    black_box(sum);
}

fn ordered(backend: Backend) {
    let pipeline = range(0..SAMPLES).map(|x| x * 2).ordered().batch(256);
    let loader = Loader::builder(pipeline).backend(backend).workers(2).build();
    let seen = loader.expect("a loader").map(|batch| black_box(batch.expect("a batch")).len());
    assert_eq!(seen.sum::<usize>() as u64, SAMPLES);
}

fn batches(backend: Backend, digest: bool) {
    let pipeline = range(0..SAMPLES).map(|x| x * 2).batch(256);
    let loader = Loader::builder(pipeline).backend(backend).workers(2);
    let loader = if digest { loader.digest() } else { loader };
    let seen =
        loader.build().expect("a loader").map(|batch| black_box(batch.expect("a batch")).len());
    assert_eq!(seen.sum::<usize>() as u64, SAMPLES);
}
