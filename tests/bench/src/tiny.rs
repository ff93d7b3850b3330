//! Samples that cost nothing: `range → map → batch(256)` on two threads, so only overhead counts.
//!
//! The peers do the same chunks without an order: a loop over a rayon pool of two threads that drops
//! each chunk where it was made, the same with a bounded channel to one consumer, and burn's
//! `DataLoader` with two workers.

use std::hint::black_box;
use std::sync::mpsc::sync_channel;

use burn_core::data::dataloader::{DataLoaderBuilder, batcher::Batcher};
use burn_core::data::dataset::{Dataset as BurnDataset, DatasetError};
use burn_core::tensor::Device;
use rayon::prelude::*;
use windrow::{Backend, Dataset, Loader, range};

use crate::report::{Goal, Report};
use crate::rounds::{contestant, rounds};

const SAMPLES: u64 = 8_000_000;
const BATCH: u64 = 256;
const ROUNDS: usize = 21;

pub fn run(report: &mut Report) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("two threads");
    let burn = DataLoaderBuilder::new(AsIs)
        .batch_size(BATCH as usize)
        .num_workers(2)
        .set_device(Device::capture());
    let burn = burn.build(Doubled);
    let rounds = rounds(
        ROUNDS,
        vec![
            contestant("windrow", windrow),
            contestant("rayon", || pool.install(rayon_drops)),
            contestant("rayon+channel", || rayon_sends(&pool)),
            contestant("burn", || {
                let seen: usize =
                    burn.iter().map(|batch| black_box(batch.expect("a batch")).len()).sum();
                assert_eq!(seen as u64, SAMPLES);
            }),
        ],
    );
    for name in ["windrow", "rayon", "rayon+channel", "burn"] {
        let rate = rounds.rate(name, SAMPLES as f64 / 1e6);
        report.row(&format!("tiny samples, batch 256, {name}"), rate, "M samples/s", Goal::None);
    }
    let against = |peer| rounds.ratio("windrow", peer);
    report.row("… windrow / unordered rayon", against("rayon"), "×", Goal::AtLeast(0.5));
    report.row("… windrow / rayon with a consumer", against("rayon+channel"), "×", Goal::None);
    report.row("… windrow / burn, unordered", against("burn"), "×", Goal::AtLeast(1.5));
}

fn windrow() {
    let pipeline = range(0..SAMPLES).map(|x| x * 2).batch(BATCH);
    let loader = Loader::builder(pipeline).backend(Backend::Threads).workers(2).build();
    let batches = loader.expect("a loader").map(|batch| black_box(batch.expect("a batch")).len());
    assert_eq!(batches.sum::<usize>() as u64, SAMPLES);
}

fn chunk(number: u64) -> Vec<u64> {
    let start = number * BATCH;
    (start..SAMPLES.min(start + BATCH)).map(|x| x * 2).collect()
}

fn rayon_drops() {
    let made: usize =
        (0..SAMPLES.div_ceil(BATCH)).into_par_iter().map(|n| black_box(chunk(n)).len()).sum();
    assert_eq!(made as u64, SAMPLES);
}

fn rayon_sends(pool: &rayon::ThreadPool) {
    let (sender, batches) = sync_channel(1024);
    pool.spawn(move || {
        (0..SAMPLES.div_ceil(BATCH))
            .into_par_iter()
            .for_each(|n| sender.send(chunk(n)).expect("a consumer"));
    });
    let seen: usize = batches.iter().map(|batch| black_box(batch).len()).sum();
    assert_eq!(seen as u64, SAMPLES);
}

/// The doubled numbers, for burn.
struct Doubled;

impl BurnDataset<u64> for Doubled {
    fn get(&self, index: usize) -> Result<u64, DatasetError> {
        Ok(index as u64 * 2)
    }

    fn len(&self) -> usize {
        SAMPLES as usize
    }
}

/// Leaves a batch as the `Vec` that burn collected.
#[derive(Clone)]
struct AsIs;

impl Batcher<u64, Vec<u64>> for AsIs {
    fn batch(&self, items: Vec<u64>, _: &Device) -> Vec<u64> {
        items
    }
}
