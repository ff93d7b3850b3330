//! A dataset larger than memory streams through: the peak of the process stays under 100 MB.
//!
//! Each kind of sample has a process of its own, this test started again, because a peak does not go
//! down.

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use windrow::dataset::{Dtype, Record, Stack, Tensor};
use windrow::stage::Pipeline;
use windrow::{Dataset, Fault, Loader, range};

/// The bound, in bytes.
const PEAK_MAX: u64 = 100_000_000;
/// A sample of 600 KB.
const FLOATS: usize = 224 * 224 * 3;
/// 10 GB, or 1.2 GB where an unoptimised build would take long.
const SAMPLES: u64 = if cfg!(debug_assertions) { 2_000 } else { 17_000 };

/// How many samples the caller works on for a while, so that the workers run as far ahead as they
/// may; a caller that is always faster than they are would never see the bound.
const SLOW: usize = 100;

/// A type that windrow cannot measure.
struct Opaque {
    floats: Vec<f32>,
}

/// Tells the process that is started which kind of sample to stream.
const KIND: &str = "WINDROW_TEST_MEMORY_OF";
/// The line on which it tells its peak.
const PEAK: &str = "the peak in bytes is ";

/// Tells the process that is started that it looks at what is left.
const LEFT: &str = "WINDROW_TEST_MEMORY_LEFT";

#[test]
fn a_loader_that_is_closed_leaves_no_buffers_behind() {
    if std::env::var_os(LEFT).is_some() {
        let loader = Loader::builder(range(0..150).try_map(record)).build().unwrap();
        let mut kept: Vec<_> = loader.collect();
        let last = kept.pop();
        drop(kept);
        drop(last);
        println!("\n{PEAK}{}", told("VmRSS:").unwrap());
        return;
    }
    if told("VmRSS:").is_none() {
        println!(
            "skipped: this system has no /proc/self/status that tells what a process occupies"
        );
        return;
    }
    let mut again = Command::new(std::env::current_exe().unwrap());
    let name = "a_loader_that_is_closed_leaves_no_buffers_behind";
    let output = again.args(["--exact", name, "--nocapture"]).env(LEFT, "").output().unwrap();
    let left = String::from_utf8_lossy(&output.stdout);
    let left = left.lines().find_map(|line| line.strip_prefix(PEAK)?.parse::<u64>().ok());
    let left = left.unwrap_or_else(|| panic!("{output:?}"));
    assert!(left < 40_000_000, "{left} bytes are still there");
}

const KINDS: &[(&str, fn())] = &[
    ("numbers in `Vec`s", || stream(range(0..SAMPLES).map(floats))),
    ("records", || stream(range(0..SAMPLES).try_map(record))),
    ("batches of records", || {
        stream(range(0..SAMPLES).try_map(record).batch_with(8, Stack::new()));
    }),
    ("batches of records, made in order", || {
        stream(range(0..SAMPLES).try_map(record).ordered().batch_with(8, Stack::new()));
    }),
    ("records of many sizes", || stream(range(0..SAMPLES).try_map(ragged))),
    ("a type of one's own", || stream(range(0..SAMPLES).map(opaque))),
    ("batches of a type of one's own", || stream(range(0..SAMPLES).map(opaque).batch(8))),
];

#[test]
fn datasets_larger_than_memory_stream_in_100_mb_with_default_settings() {
    if let Ok(asked) = std::env::var(KIND) {
        let (_, stream) = KINDS.iter().find(|(kind, _)| *kind == asked).unwrap();
        stream();
        println!("\n{PEAK}{}", peak().unwrap());
        return;
    }
    if peak().is_none() {
        println!("skipped: this system has no /proc/self/status that tells the peak of a process");
        return;
    }
    for (kind, _) in KINDS {
        let name = "datasets_larger_than_memory_stream_in_100_mb_with_default_settings";
        let mut again = Command::new(std::env::current_exe().unwrap());
        let output = again.args(["--exact", name, "--nocapture"]).env(KIND, kind).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        let peak = told.lines().find_map(|line| line.strip_prefix(PEAK)?.parse::<u64>().ok());
        let peak = peak.unwrap_or_else(|| panic!("{kind}: {output:?}"));
        println!("{kind}: {} MB", peak / 1_000_000);
        assert!(peak < PEAK_MAX, "{kind}: the peak is {peak} bytes");
    }
}

fn stream<P>(pipeline: P)
where
    P: Pipeline,
    P::Sample: Send + 'static,
    P::Batch: 'static,
    P::Dataset: Send + Sync + 'static,
    P::Stages: Send + 'static,
{
    for (number, sample) in Loader::builder(pipeline).build().unwrap().enumerate() {
        black_box(sample.unwrap());
        if number < SLOW {
            let clock = Instant::now();
            while clock.elapsed() < Duration::from_millis(5) {
                std::hint::spin_loop();
            }
        }
    }
}

/// The most memory this process has had in use, in bytes, where the system tells.
fn peak() -> Option<u64> {
    told("VmHWM:")
}

/// A number of bytes that the system tells of this process.
fn told(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

fn floats(x: u64) -> Vec<f32> {
    vec![x as f32 + 1.0; FLOATS]
}

fn opaque(x: u64) -> Opaque {
    let opaque = Opaque { floats: floats(x) };
    black_box(&opaque.floats);
    opaque
}

fn record(x: u64) -> Result<Record, Fault> {
    tensor(x, [224, 224, 3])
}

/// From 150 KB to 1.2 MB, so that memory in keeping seldom fits.
fn ragged(x: u64) -> Result<Record, Fault> {
    tensor(x, [224, 56 + x * 37 % 393, 3])
}

fn tensor(x: u64, shape: [u64; 3]) -> Result<Record, Fault> {
    let tensor = Tensor::build(Dtype::F32, shape, |bytes| {
        bytes.fill(x as u8 | 1);
        Ok(())
    })?;
    Record::new().with("image", tensor)
}
