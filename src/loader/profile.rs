//! Where the time of a run goes: each op's share, worker by worker, and the bottleneck.

mod report;

use std::time::Duration;

use super::{Loader, Stats};
use crate::backend::profile::WorkerSums;
use crate::dataset::probe::StepCount;

/// The times of a run so far, op by op: see [`Loader::profile`].
///
/// The text is a table with a line for each op, and a sentence that names the bottleneck.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Profile {
    /// The ops of the pipeline, in the order of [`PipelineTree`](crate::dataset::PipelineTree)'s
    /// lines: sources first, and stages last.
    pub ops: Vec<OpProfile>,
    /// The workers, by their numbers.
    pub workers: Vec<WorkerProfile>,
    /// The time that the reader of a [source without a length](crate::iterable) spent in the source;
    /// `None` for other sources.
    pub reading: Option<Duration>,
    /// The times of the caller.
    pub stats: Stats,
}

/// The part of an op in a [`Profile`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct OpProfile {
    /// The op as in [`PipelineTree`](crate::dataset::PipelineTree)'s text.
    pub op: String,
    /// Where the op runs.
    pub kind: OpKind,
    /// The sum over all workers. The time of a source without a length has its reader's time too.
    pub total: OpTimes,
    /// The part of each worker; empty for a stage, which runs in the caller's thread.
    pub workers: Vec<OpTimes>,
}

/// The kind of an op in a [`Profile`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpKind {
    /// A source, which reads bytes.
    Source,
    /// An op of the random-access part, which workers run.
    #[default]
    Op,
    /// A stage of the ordered part, which runs in the caller's thread.
    Stage,
}

/// The time and the samples of an op.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpTimes {
    /// The time in the op itself, without the ops below.
    pub time: Duration,
    /// The number of samples that the op returned.
    pub samples: u64,
    /// The number of samples that the op replaced with gaps.
    pub gaps: u64,
    /// The bytes of the returned samples; `None` if the type does not tell its size.
    pub bytes: Option<u64>,
}

/// The part of a worker in a [`Profile`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerProfile {
    /// The number of positions that the worker filled.
    pub positions: u64,
    /// The time that the worker took for its tasks.
    pub working: Duration,
    /// The part of `working` outside of all ops: encoding, hashing and measuring samples.
    pub beside: Duration,
}

/// What limits the speed of a run: see [`Profile::bottleneck`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bottleneck {
    /// The caller, who was busy with batches.
    Consumer,
    /// A source, in which the workers or its reader spend the most time: the number of the op.
    Source(usize),
    /// An op of the random-access part: the number of the op.
    Op(usize),
    /// A stage of the ordered part: the number of the op.
    Stage(usize),
    /// The work of the loader itself: starting workers, encoding samples and handing them over.
    Loader,
}

impl<B> Loader<B> {
    /// Returns the time of each op so far, or `None` unless
    /// [`LoaderBuilder::profile`](super::LoaderBuilder::profile) turned profiling on.
    ///
    /// The time of an op is without the ops below it. Workers time some of their samples, and
    /// these count for the samples since the last timed one. The numbers of positions and the
    /// working time are exact, and the numbers of an op are scaled to them. If samples take more
    /// than some 100 µs, each is timed, and all numbers are exact. The same goes for results of the
    /// stages. A
    /// [`Dataset`](crate::Dataset) of the caller's own with ops below it counts as one op with
    /// them. A pipeline of more than 4,096 ops has no times of its ops.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, range};
    /// let evens = range(0..1000).map(|x| x * 3).filter(|x| x % 2 == 0);
    /// let mut loader = Loader::builder(evens).workers(2).profile(true).build()?;
    /// assert_eq!(loader.by_ref().count(), 500);
    /// let profile = loader.profile().expect("profiling is on");
    /// println!("{profile}");
    /// let names: Vec<&str> = profile.ops.iter().map(|op| op.op.as_str()).collect();
    /// assert_eq!(names, ["range(start=0,end=1000)", "map", "filter"]);
    /// let positions: u64 = profile.workers.iter().map(|worker| worker.positions).sum();
    /// assert_eq!(positions, 1000);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    #[must_use]
    pub fn profile(&self) -> Option<Profile> {
        let profiler = self.profiler.as_ref()?;
        let texts = self.tree.op_texts();
        let first_stage = texts.len() - self.tree.stages();
        let sums = profiler.workers();
        let op = |(number, (op, is_source))| match (number >= first_stage, is_source) {
            (true, _) => stage(op, number, &profiler.caller()),
            (_, true) => random_access(op, OpKind::Source, number, &sums),
            (_, false) => random_access(op, OpKind::Op, number, &sums),
        };
        let mut ops: Vec<OpProfile> = texts.into_iter().enumerate().map(op).collect();
        let reading = self.stream.reading().map(Duration::from_nanos);
        if let (Some(reading), Some(source)) = (reading, ops.first_mut()) {
            source.total.time = source.total.time.saturating_add(reading);
        }
        Some(Profile {
            ops,
            workers: sums.iter().map(|sums| worker(sums, profiler.steps().beside())).collect(),
            reading,
            stats: self.stats(),
        })
    }
}

/// Returns the profile of an op of the random-access part.
fn random_access(op: String, kind: OpKind, number: usize, sums: &[WorkerSums]) -> OpProfile {
    let times = |worker: &WorkerSums| {
        let count = worker.timed.counts.get(number).copied().unwrap_or_default();
        let of_samples = ratio(worker.samples, worker.timed.weight);
        times(&count, time_ratio(worker), of_samples)
    };
    let workers: Vec<OpTimes> = sums.iter().map(times).collect();
    OpProfile { op, kind, total: workers.iter().fold(OpTimes::default(), sum), workers }
}

/// Returns the profile of a stage.
fn stage(op: String, number: usize, caller: &WorkerSums) -> OpProfile {
    let count = caller.timed.counts.get(number).copied().unwrap_or_default();
    let of_all = ratio(caller.samples, caller.timed.weight);
    OpProfile { op, kind: OpKind::Stage, total: times(&count, of_all, of_all), workers: Vec::new() }
}

fn worker(sums: &WorkerSums, beside: usize) -> WorkerProfile {
    let in_ops = sum_of(&sums.timed.counts[..beside.min(sums.timed.counts.len())]);
    let in_ops = scaled(in_ops, time_ratio(sums));
    WorkerProfile {
        positions: sums.samples,
        working: Duration::from_nanos(sums.nanos),
        beside: Duration::from_nanos(sums.nanos.saturating_sub(in_ops)),
    }
}

/// Returns what to multiply the sums of a worker's timed samples with to have its whole time.
fn time_ratio(worker: &WorkerSums) -> f64 {
    let all = sum_of(&worker.timed.counts);
    // If each sample was timed, the rest of the time is beside the ops.
    if worker.timed.timed == worker.samples && all <= worker.nanos {
        return 1.0;
    }
    ratio(worker.nanos, all)
}

fn times(count: &StepCount, of_time: f64, of_samples: f64) -> OpTimes {
    let bytes = scaled(count.bytes, of_samples * ratio(count.samples, count.measured));
    OpTimes {
        time: Duration::from_nanos(scaled(count.nanos, of_time)),
        samples: scaled(count.samples, of_samples),
        gaps: scaled(count.gaps, of_samples),
        bytes: (count.measured > 0).then_some(bytes),
    }
}

fn sum(sum: OpTimes, more: &OpTimes) -> OpTimes {
    let bytes = match (sum.bytes, more.bytes) {
        (Some(sum), Some(more)) => Some(sum.saturating_add(more)),
        (one, other) => one.or(other),
    };
    OpTimes {
        time: sum.time.saturating_add(more.time),
        samples: sum.samples.saturating_add(more.samples),
        gaps: sum.gaps.saturating_add(more.gaps),
        bytes,
    }
}

fn sum_of(counts: &[StepCount]) -> u64 {
    counts.iter().fold(0, |sum, count| sum.saturating_add(count.nanos))
}

fn ratio(of: u64, to: u64) -> f64 {
    if of == to || to == 0 { 1.0 } else { of as f64 / to as f64 }
}

fn scaled(number: u64, by: f64) -> u64 {
    if by == 1.0 { number } else { (number as f64 * by).round() as u64 }
}

#[cfg(test)]
mod tests;
