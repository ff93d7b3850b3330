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
    /// The sum over all workers.
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
    /// A source, for whose bytes the workers wait: the number of the op.
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
        Some(Profile {
            ops: texts.into_iter().enumerate().map(op).collect(),
            workers: sums.iter().map(|sums| worker(sums, profiler.steps().beside())).collect(),
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
    if worker.timed.weight == worker.samples && all <= worker.nanos {
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
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::backend::clock::now;
    use crate::dataset::{Dataset, SampleResult};
    use crate::order::{Description, Op};
    use crate::source::{from_vec, range};
    use crate::stage::ParallelPipeline;
    use crate::{Backend, concat};

    /// Long enough for each sample to be timed, also on a busy machine.
    const EACH: Duration = Duration::from_millis(5);

    /// Spends some time, and returns the value.
    fn spend<T>(value: T) -> T {
        let begun = now().unwrap();
        while Duration::from_nanos(now().unwrap() - begun) < EACH {}
        value
    }

    fn profile(pipeline: impl ParallelPipeline, backend: Backend) -> Profile {
        let loader = Loader::builder(pipeline).backend(backend).workers(2).profile(true);
        let mut loader = loader.build().unwrap();
        loader.by_ref().for_each(|item| drop(item.unwrap()));
        loader.profile().unwrap()
    }

    /// Returns the samples and gaps of each op.
    fn counts(profile: &Profile) -> Vec<(&str, u64, u64)> {
        let count = |op| {
            let OpProfile { op, total, .. }: &OpProfile = op;
            (op.split('(').next().unwrap(), total.samples, total.gaps)
        };
        profile.ops.iter().map(count).collect()
    }

    #[test]
    fn each_op_has_its_own_samples_gaps_bytes_and_time() {
        for backend in [Backend::Inline, Backend::Threads] {
            let slow = range(0..12).shuffle(1).map(|x| spend(x as u32)).filter(|x| x % 3 > 0);
            let profile = profile(slow.ordered().map(spend).batch(4), backend);
            assert_eq!(
                counts(&profile),
                [
                    ("range", 12, 0),
                    ("shuffle", 12, 0),
                    ("map", 12, 0),
                    ("filter", 8, 4),
                    ("map", 8, 0),
                    ("batch", 2, 0)
                ]
            );
            let total = |op: usize| profile.ops[op].total;
            assert_eq!([0, 1, 2, 3].map(|op| total(op).bytes.unwrap()), [96, 96, 48, 32]);
            assert!(total(2).time >= EACH * 12 && total(4).time >= EACH * 8, "{profile}");
            // Between the readings of the clock, the thread may lose its processor.
            let fast = [0, 1, 3].map(|op| total(op).time).iter().sum::<Duration>();
            assert!(fast < total(2).time, "{profile}");
            let positions: u64 = profile.workers.iter().map(|worker| worker.positions).sum();
            let working: Duration = profile.workers.iter().map(|worker| worker.working).sum();
            assert!(positions == 12 && working >= EACH * 12, "{profile}");
            let of_workers = profile.ops[2].workers.iter().map(|times| times.samples);
            assert_eq!(of_workers.sum::<u64>(), 12);
            assert_eq!(
                [1, 3, 4].map(|op| profile.ops[op].kind),
                [OpKind::Op, OpKind::Op, OpKind::Stage]
            );
            assert_eq!(profile.ops[0].kind, OpKind::Source);
        }
    }

    #[test]
    fn cheap_samples_are_timed_now_and_then_and_count_for_the_others() {
        for backend in [Backend::Inline, Backend::Threads] {
            let profile = profile(range(0..50_000).map(|x| x + 1).batch(5), backend);
            let positions: u64 = profile.workers.iter().map(|worker| worker.positions).sum();
            assert_eq!(positions, 10_000);
            let [below, batches] = [1, 2].map(|op| profile.ops[op].total.samples);
            assert_eq!((below, batches), (50_000, 10_000), "{profile}");
        }
    }

    #[test]
    fn members_and_chosen_datasets_are_told_apart() {
        let both: [Box<dyn Dataset<Sample = u64> + Send + Sync>; 2] =
            [Box::new(range(0..3).map(spend)), Box::new(range(3..8).reverse().map(spend))];
        let chosen = concat(both).zip(range(0..8).map(spend)).subset_by(from_vec(vec![7, 0, 7]));
        let profile = profile(chosen, Backend::Inline);
        assert_eq!(
            counts(&profile),
            [
                ("range", 1, 0),
                ("map", 1, 0),
                ("range", 2, 0),
                ("reverse", 2, 0),
                ("map", 2, 0),
                ("concat", 3, 0),
                ("range", 3, 0),
                ("map", 3, 0),
                ("zip", 3, 0),
                ("vec", 3, 0),
                ("subset_by", 3, 0)
            ]
        );
    }

    /// A dataset around another one, which knows nothing of trees.
    struct Around<D>(D);

    impl<D: Dataset> Dataset for Around<D> {
        type Sample = D::Sample;

        fn len(&self) -> u64 {
            self.0.len()
        }

        fn get(&self, index: u64) -> SampleResult<D::Sample> {
            self.0.get(index)
        }

        fn describe(&self, description: &mut Description) {
            self.0.describe(description);
            description.push(Op::new("around"));
        }
    }

    #[test]
    fn the_datasets_of_users_are_one_op_with_all_below() {
        let inner = range(0..9).map(|x| x * 2);
        let profile =
            profile(Around(range(0..5).map(spend)).map(move |x| inner.get(x)), Backend::Inline);
        assert_eq!(
            counts(&profile),
            [("range", 0, 0), ("map", 0, 0), ("around", 5, 0), ("map", 5, 0)]
        );
        assert!(profile.ops[2].total.time >= EACH * 5);
        assert_eq!([0, 2].map(|op| profile.ops[op].kind), [OpKind::Source, OpKind::Op]);
    }
}
