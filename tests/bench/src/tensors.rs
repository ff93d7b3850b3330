//! 600 KB tensors in batches of 8: bytes a second against a plain copy, and allocations a batch.
//!
//! Twice: with samples filled from their index, and with samples that are there already, so that
//! collation is all there is to do. The plain copy is one thread's `copy_from_slice` of the same
//! bytes, tensor by tensor, into one buffer: once from the same 8 tensors each time, which stay in
//! the cache, and once from more than a cache holds.

use std::hint::black_box;

use windrow::dataset::{Dtype, Record, Stack, Tensor};
use windrow::{Backend, Dataset, Fault, Loader, from_vec, range};

use crate::counting::counted;
use crate::report::{Goal, Report};
use crate::rounds::{contestant, rounds};

const SHAPE: [u64; 3] = [224, 224, 3];
const TENSOR: usize = 224 * 224 * 3 * 4;
const BATCH: u64 = 8;
const BATCHES: u64 = 100;
/// Tensors that together are larger than any cache.
const MANY: usize = 256;
const ROUNDS: usize = 11;

pub fn run(report: &mut Report) {
    allocations(report);
    let ready: Vec<Record> = (0..MANY as u64).map(|x| fresh(x).expect("a record")).collect();
    let mut one = vec![0u8; TENSOR * BATCH as usize];
    let mut other = one.clone();
    // Memory is kept for use again while a loader is open, as it is throughout a long run.
    let _open = Loader::builder(range(0..1)).build().expect("a loader");
    let rounds = rounds(
        ROUNDS,
        vec![
            contestant("fresh", || drain(range(0..BATCH * BATCHES).try_map(fresh))),
            contestant("ready", || {
                drain(
                    from_vec(ready.clone())
                        .repeat(BATCHES * BATCH / MANY as u64 + 1)
                        .slice(..BATCH * BATCHES),
                );
            }),
            contestant("copy, cached", || copy(&ready[..BATCH as usize], &mut one)),
            contestant("copy", || copy(&ready, &mut other)),
        ],
    );
    let gigabytes = TENSOR as f64 * (BATCH * BATCHES) as f64 / 1e9;
    for (what, name) in [
        ("600 KB tensors, batch 8, made and collated", "fresh"),
        ("… collated only", "ready"),
        ("… one-core copy, from the cache", "copy, cached"),
        ("… one-core copy, from memory", "copy"),
    ] {
        report.row(what, rounds.rate(name, gigabytes), "GB/s", Goal::None);
    }
    let ratio = |own, peer| rounds.ratio(own, peer);
    report.row(
        "… made and collated / copy from memory",
        ratio("fresh", "copy"),
        "×",
        Goal::AtLeast(0.6),
    );
    report.row(
        "… made and collated / copy from the cache",
        ratio("fresh", "copy, cached"),
        "×",
        Goal::None,
    );
    report.row(
        "… collated only / copy from memory",
        ratio("ready", "copy"),
        "×",
        Goal::AtLeast(0.6),
    );
}

/// Allocations a batch, over a stream. Runs first, while no memory is kept for use again.
fn allocations(report: &mut Report) {
    const BATCHES: u64 = 50;
    let mut tell = |what: &str, keep: bool, goal| {
        let (_, count) = counted(|| {
            let batches = batches(range(0..BATCH * BATCHES).try_map(fresh));
            let mut kept = Vec::with_capacity(BATCHES as usize);
            for batch in batches {
                if keep {
                    kept.push(batch);
                }
            }
        });
        let row = |count: u64| count as f64 / BATCHES as f64;
        let what =
            format!("600 KB tensors, batch 8, {what}: allocations of 64 KiB and more, a batch");
        report.once(&what, row(count.big), "", goal);
        report.once("… bytes in those", row(count.big_bytes) / 1e6, "MB", Goal::None);
        report.once("… smaller allocations, a batch", row(count.small), "", Goal::None);
        report.once("… bytes in those", row(count.small_bytes) / 1e3, "KB", Goal::None);
    };
    // Samples are freed by collation and their memory used again, so that only the batches count.
    tell("batches kept", true, Goal::AtMost(9.0));
    tell("batches dropped", false, Goal::AtMost(1.0));
}

fn fresh(x: u64) -> Result<Record, Fault> {
    let image = Tensor::build(Dtype::F32, SHAPE, |bytes| {
        let value = (x as f32).to_le_bytes();
        bytes.chunks_exact_mut(4).for_each(|place| place.copy_from_slice(&value));
        Ok(())
    })?;
    Record::new().with("image", image)
}

fn batches<D: Dataset<Sample = Record> + Send + Sync + 'static>(
    samples: D,
) -> impl Iterator<Item = windrow::Batch<Record>> {
    let pipeline = samples.batch_with(BATCH, Stack::new());
    let loader = Loader::builder(pipeline).backend(Backend::Threads).workers(2).build();
    loader.expect("a loader").map(|batch| batch.expect("a batch"))
}

fn drain<D: Dataset<Sample = Record> + Send + Sync + 'static>(samples: D) {
    batches(samples).for_each(|batch| _ = black_box(batch["image"].bytes()[TENSOR]));
}

fn copy(records: &[Record], into: &mut [u8]) {
    let mut tensors = records.iter().map(|record| &record["image"]).cycle();
    for _ in 0..BATCHES {
        for place in into.chunks_exact_mut(TENSOR) {
            place.copy_from_slice(tensors.next().expect("a cycle").bytes());
        }
        black_box(&mut *into);
    }
}
