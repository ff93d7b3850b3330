//! What samples add to reducers in worker processes comes to what it comes to inline, to the bit,
//! whatever becomes of the workers.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::common::{Runner, system, within};
use windrow::backend::StartMethod;
use windrow::loader::{LoaderBuilder, Reduced};
use windrow::stage::Pipeline;
use windrow::{
    Dataset, Error, Fault, Loader, OnError, Reduce, Reducer, Result, WorkerContext, range,
};

/// Another way to start workers, where there is one.
const SECOND: StartMethod =
    if system::SPLITS { StartMethod::Forkserver } else { StartMethod::Spawn };
const LIMIT: Duration = Duration::from_secs(120);
const RUNNERS: [Runner; 7] = [
    Runner::Inline,
    Runner::Threads(1),
    Runner::Threads(2),
    Runner::Threads(5),
    Runner::Processes(1),
    Runner::Processes(2),
    Runner::Processes(3),
];

const SUM: Reducer<f64> = Reducer::new("sum");
const SPREAD: Reducer<Moments> = Reducer::new("spread");
const LEFT_OUT: Reducer<Vec<(u64, String)>> = Reducer::new("left out");
const COUNT: Reducer<u64> = Reducer::new("count");

/// Count, mean and the sum of squared differences from it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Moments(f64, f64, f64);

impl Reduce for Moments {
    fn merge(&mut self, Self(count, mean, squares): Self) {
        let (all, away) = (self.0 + count, mean - self.1);
        self.1 += away * count / all;
        self.2 += squares + away * away * self.0 * count / all;
        self.0 = all;
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Plan {
    samples: u64,
    /// Where deaths are noted, so that each happens once; none without.
    deaths: Option<PathBuf>,
    /// How long a sample takes, so that tasks are groups of some or of one.
    nanos: u64,
}

impl Plan {
    fn of(samples: u64) -> Self {
        Self { samples, deaths: None, nanos: 0 }
    }

    /// Ends the worker the first time that a sample comes here.
    fn die_once(&self, x: u64) {
        let Some(folder) = &self.deaths else { return };
        if std::fs::File::create_new(folder.join(x.to_string())).is_ok() {
            match x % 3 {
                0 => std::process::exit(0),
                1 => std::process::abort(),
                _ => system::end_self(9),
            }
            std::thread::sleep(Duration::from_secs(600));
        }
    }
}

/// A pipeline that a loader can run.
trait Filled<B>:
    Pipeline<Sample = u64, Batch = B, Dataset: Send + Sync + 'static, Stages: Send + 'static>
{
}

impl<B, P> Filled<B> for P where
    P: Pipeline<Sample = u64, Batch = B, Dataset: Send + Sync + 'static, Stages: Send + 'static>
{
}

fn adding(plan: Plan, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    let random = range(0..plan.samples)
        .shuffle(5)
        .random_map(9, |x, rng| (x, rng.unit_f64() * 10f64.powi(x as i32 % 9)));
    let adds = random.try_map(move |(x, random): (u64, f64)| {
        SUM.add(random);
        SPREAD.add(Moments(1.0, random, 0.0));
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_nanos(plan.nanos) {
            std::hint::spin_loop();
        }
        if x % 17 == 2 {
            plan.die_once(x);
        }
        SUM.add(0.1);
        SPREAD.add(Moments(1.0, 0.1, 0.0));
        assert_ne!(x, 6, "not at all");
        if x % 13 == 5 { Err(Fault::new("no")) } else { Ok(x) }
    });
    Ok(adds.filter(|&x| {
        let out = x % 7 == 3;
        if out {
            LEFT_OUT.add(vec![(x, format!("{x} is left out"))]);
        }
        !out
    }))
}

fn batching(plan: Plan, context: &'static WorkerContext) -> Result<impl Filled<Vec<u64>> + use<>> {
    Ok(adding(plan, context)?.repeat(2).ordered().batch(4))
}

/// What a caller sees: up to which position, the bits of the sums, and the list.
type Seen = (u64, [u64; 4], Vec<(u64, String)>);

/// What a caller sees after each thing received, errors included, and at the end.
fn watch<P: Filled<B>, B: 'static>(runner: Runner, builder: LoaderBuilder<P>) -> Vec<Seen> {
    let builder = builder.reduce(SUM).reduce(SPREAD).reduce(LEFT_OUT);
    let mut loader = runner.on(builder).build().unwrap();
    let seen = |loader: &Loader<B>| {
        let (sum, spread) = (loader.reduced(SUM).unwrap(), **loader.reduced(SPREAD).unwrap());
        let bits = [**sum, spread.0, spread.1, spread.2].map(f64::to_bits);
        (sum.positions().end, bits, loader.reduced(LEFT_OUT).unwrap().to_vec())
    };
    let mut all = vec![seen(&loader)];
    while let Some(item) = loader.next() {
        assert!(!matches!(item, Err(Error::SampleLost { .. } | Error::Workers { .. })));
        all.push(seen(&loader));
    }
    all.push(seen(&loader));
    all
}

fn same(got: &[Seen], expected: &[Seen], what: &str) {
    crate::common::assert_same(got, expected, what);
    let (end, bits, left_out) = got.last().unwrap();
    assert!(*end > 0 && bits[0] != 0 && !left_out.is_empty(), "{what}: nothing was added");
}

#[test]
fn every_number_of_workers_comes_to_the_same_bits_at_every_batch() {
    within(LIMIT, || {
        let bare = watch(Runner::Inline, Loader::recipe(adding, Plan::of(300)));
        let staged = watch(Runner::Inline, Loader::recipe(batching, Plan::of(150)));
        for runner in RUNNERS {
            let got = watch(runner, Loader::recipe(adding, Plan::of(300)));
            same(&got, &bare, &format!("bare on {runner:?}"));
            let got = watch(runner, Loader::recipe(batching, Plan::of(150)));
            same(&got, &staged, &format!("staged on {runner:?}"));
        }
        for method in [StartMethod::Spawn, SECOND] {
            for workers in 1..=3 {
                let builder = Loader::recipe(batching, Plan::of(150)).start_method(method);
                let got = watch(Runner::Processes(workers), builder);
                same(&got, &staged, &format!("{workers} workers by {method}"));
            }
        }
    });
}

#[test]
fn workers_that_die_and_are_replaced_change_nothing() {
    within(LIMIT, || {
        for nanos in [0, 20_000] {
            let plan = Plan { nanos, ..Plan::of(200) };
            let expected = watch(Runner::Inline, Loader::recipe(batching, Plan::of(200)));
            for (workers, recycled, method) in [
                (1, None, StartMethod::Spawn),
                (2, Some(23), StartMethod::Spawn),
                (3, None, SECOND),
                (3, Some(5), SECOND),
            ] {
                let folder = tempfile::tempdir().unwrap();
                let plan = Plan { deaths: Some(folder.path().to_owned()), ..plan.clone() };
                let builder = Loader::recipe(batching, plan).start_method(method).max_crashes(100);
                let builder = match recycled {
                    Some(samples) => builder.max_samples_per_worker(samples),
                    None => builder,
                };
                let got = watch(Runner::Processes(workers), builder);
                let what = format!("{workers} workers, replaced after {recycled:?}, by {method}");
                same(&got, &expected, &what);
                assert_eq!(
                    std::fs::read_dir(folder.path()).unwrap().count(),
                    12,
                    "deaths of {what}"
                );
            }
        }
    });
}

#[test]
fn a_run_on_processes_goes_on_elsewhere_to_the_same_bits() {
    within(LIMIT, || {
        let make = || Loader::recipe(batching, Plan::of(60)).on_error(OnError::Skip).reduce(COUNT);
        let whole = watch(Runner::Inline, make());
        let mut loader =
            Runner::Processes(2).on(make().reduce(SUM).reduce(SPREAD)).build().unwrap();
        let mut number = 0;
        while loader.next().is_some() {
            let state = loader.state();
            let sum = postcard::to_stdvec(loader.reduced(SUM).unwrap()).unwrap();
            let sum: Reduced<f64> = postcard::from_bytes(&sum).unwrap();
            let spread = *loader.reduced(SPREAD).unwrap();
            let again = make().resume(&state).reduce_from(SUM, sum).reduce_from(SPREAD, spread);
            let runner = RUNNERS[number % RUNNERS.len()];
            let mut again = runner.on(again).build().unwrap();
            again.by_ref().for_each(drop);
            let spread = **again.reduced(SPREAD).unwrap();
            let bits = [**again.reduced(SUM).unwrap(), spread.0, spread.1, spread.2];
            assert_eq!(bits.map(f64::to_bits), whole.last().unwrap().1, "{number} on {runner:?}");
            number += 1;
        }
        assert!(number > 10);
    });
}

fn heavy(large: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..20).map(move |x| {
        COUNT.add(1);
        LEFT_OUT.add(vec![(x, "x".repeat(if x % 6 == 1 { large as usize } else { 1 }))]);
        x
    }))
}

#[test]
fn what_samples_add_may_be_large_and_too_much_is_that_sample_s_error() {
    within(LIMIT, || {
        for runner in RUNNERS {
            for (large, errors) in [(3_000, 0), (1_000_000, 0), (1 << 20, 4)] {
                let builder = Loader::recipe(heavy, large).reduce(COUNT).reduce(LEFT_OUT);
                let mut loader = runner.on(builder.max_crashes(0)).build().unwrap();
                let got: Vec<_> = loader.by_ref().filter_map(|sample| sample.err()).collect();
                let what = format!("{large} bytes on {runner:?}");
                assert_eq!(got.len(), errors, "{what}: {got:?}");
                for (error, position) in got.iter().zip([1, 7, 13, 19]) {
                    assert!(matches!(error, Error::Sample { .. }), "{what}: {error}");
                    assert_eq!(error.position(), Some(position), "{what}");
                    assert!(
                        error.to_string().contains("allowed for each sample"),
                        "{what}: {error}"
                    );
                }
                assert_eq!(**loader.reduced(COUNT).unwrap(), 20 - errors as u64, "{what}");
                let left_out = loader.reduced(LEFT_OUT).unwrap();
                let large_ones = left_out.iter().filter(|(_, text)| text.len() as u64 == large);
                assert_eq!(large_ones.count(), 4 - errors, "{what}");
            }
        }
    });
}

fn lethal(_: (), _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..30).map(|x| {
        COUNT.add(1);
        if x == 11 {
            std::process::abort();
        }
        x
    }))
}

#[test]
fn a_sample_that_is_given_up_adds_nothing() {
    within(LIMIT, || {
        let builder = Loader::recipe(lethal, ()).reduce(COUNT).on_error(OnError::Skip);
        let mut loader = Runner::Processes(2).on(builder).build().unwrap();
        assert_eq!(loader.by_ref().count(), 29);
        assert_eq!(**loader.reduced(COUNT).unwrap(), 29);
        assert_eq!(loader.skips().count(), 1);
    });
}

fn at_start(_: &'static WorkerContext) -> Result<()> {
    COUNT.add(1_000);
    Ok(())
}

fn at_exit(_: &'static WorkerContext) {
    COUNT.add(1_000_000);
}

fn counting(_: (), context: &'static WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    COUNT.add(1_000_000_000);
    context.on_exit(|| COUNT.add(1_000_000_000_000));
    Ok(range(0..30).map(|x| {
        COUNT.add(1);
        x
    }))
}

#[test]
fn what_recipes_and_hooks_add_has_no_position_and_counts_nowhere() {
    within(LIMIT, || {
        for runner in RUNNERS {
            let builder = Loader::recipe(counting, ()).reduce(COUNT).max_samples_per_worker(7);
            let builder = builder.on_worker_start(at_start).on_worker_exit(at_exit);
            let mut loader = runner.on(builder).build().unwrap();
            assert_eq!(loader.by_ref().count(), 30);
            assert_eq!(**loader.reduced(COUNT).unwrap(), 30, "{runner:?}");
        }
    });
}
