//! The memory that a virtual dataset of 10 GB takes with default settings.
//!
//! Each kind of sample runs in a process of its own, which tells its peak at the end. `Opaque` is a
//! type that windrow cannot measure.

use std::hint::black_box;
use std::process::{Command, ExitCode};

use windrow::dataset::{Dtype, Record, Stack, Tensor};
use windrow::stage::Pipeline;
use windrow::{Dataset, Loader, range};

use crate::report::{Goal, Report};

/// Says that this process is one of ours.
pub const CHILD: &str = "--memory-of";

const SAMPLES: u64 = 17_000;
const FLOATS: usize = 224 * 224 * 3;
const KINDS: &[(&str, fn())] = &[
    ("records", || drain(range(0..SAMPLES).try_map(record))),
    ("records in batches of 8", || {
        drain(range(0..SAMPLES).try_map(record).batch_with(8, Stack::new()));
    }),
    ("`Vec<f32>`s", || drain(range(0..SAMPLES).map(floats))),
    ("a struct of your own", || drain(range(0..SAMPLES).map(opaque))),
    ("a struct of your own, in batches of 8", || drain(range(0..SAMPLES).map(opaque).batch(8))),
];

pub fn run(report: &mut Report) {
    for (kind, _) in KINDS {
        let what = format!("10 GB of {kind}: peak memory");
        match peak(kind) {
            Ok(bytes) => report.once(&what, bytes / 1e6, "MB", Goal::AtMost(100.0)),
            Err(why) => println!("| {what} | not measured: {why} | | | |"),
        }
    }
}

/// Streams one kind of sample and prints the peak of this process.
pub fn child(kind: &str) -> ExitCode {
    let Some((_, stream)) = KINDS.iter().find(|(own, _)| *own == kind) else {
        return ExitCode::from(2);
    };
    stream();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    println!("{}", peak.unwrap_or_default().trim().trim_end_matches(" kB"));
    ExitCode::SUCCESS
}

fn peak(kind: &str) -> Result<f64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program).args([CHILD, kind]).output().map_err(|e| e.to_string())?;
    let kibibytes = String::from_utf8_lossy(&output.stdout);
    let kibibytes = kibibytes.trim().parse::<f64>();
    kibibytes.map(|kib| kib * 1024.0).map_err(|_| "this system has no /proc/self/status".into())
}

fn drain<P>(pipeline: P)
where
    P: Pipeline<
            Sample: Send + 'static,
            Batch: 'static,
            Dataset: Send + Sync + 'static,
            Stages: Send + 'static,
        >,
{
    for sample in Loader::builder(pipeline).build().expect("a loader") {
        black_box(sample.expect("a sample"));
    }
}

struct Opaque {
    floats: Vec<f32>,
}

fn floats(x: u64) -> Vec<f32> {
    vec![x as f32 + 1.0; FLOATS]
}

fn opaque(x: u64) -> Opaque {
    let opaque = Opaque { floats: floats(x) };
    black_box(&opaque.floats);
    opaque
}

fn record(x: u64) -> windrow::Result<Record, windrow::Fault> {
    let tensor = Tensor::build(Dtype::F32, [224, 224, 3], |bytes| {
        bytes.fill(x as u8 + 1);
        Ok(())
    })?;
    Record::new().with("image", tensor)
}
