//! Preflight: measures the cost of a pipeline on each backend before a long run.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "measures samples on the machine's processors"
)]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::LoaderBuilder;
use super::report::{Preflight, Recommendation, SampleCost, Trial};
use crate::backend::{self, Backend, Fill, Inline};
use crate::dataset::wire::{compare, decode, encode, slow_to_cross};
use crate::dataset::{caught, discard};
use crate::error::{Error, Fault, Result};
use crate::stage::ParallelPipeline;

/// The number of samples that preflight makes one by one to measure their cost.
const SAMPLES: u64 = 16;
/// The time limit for making those samples.
const SAMPLES_TIME: Duration = Duration::from_millis(500);
/// The most epochs of a trial, and the largest factor between the epochs of two laps.
const EPOCHS_MAX: u64 = 1 << 40;
const GROWTH_MAX: u64 = 1 << 16;
/// The smallest fraction of the best rate at which preflight still recommends a simpler choice.
const CLOSE_ENOUGH: f64 = 0.9;

/// Tries a pipeline on every available backend, for about `per_trial` each.
///
/// Reports the cost of the samples, whether they cross to another process, and which backend and
/// number of workers to use.
///
/// `make` returns the loader's builder and is called once for each try. Preflight saves no state,
/// so a later run starts where it would have started anyway.
///
/// ```standalone_crate
/// use std::time::Duration;
/// use windrow::loader::preflight;
/// use windrow::{Dataset, Loader, Result, WorkerContext, range};
///
/// fn squares(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64>> {
///     Ok(range(0..end).map(|x| x * x))
/// }
///
/// fn main() -> Result<()> {
///     windrow::init();
///     let report = preflight(|| Loader::recipe(squares, 100_000), Duration::from_millis(20))?;
///     assert_eq!(report.crosses, Ok(()));
///     assert!(report.recommendation.is_some());
///     Ok(())
/// }
/// ```
///
/// # Errors
/// Returns the errors of the pipeline itself. Returns [`Error::Unsupported`] if `WINDROW_BACKEND`
/// forces a backend, and for a source without a length.
pub fn preflight<P>(make: impl Fn() -> LoaderBuilder<P>, per_trial: Duration) -> Result<Preflight>
where
    P: ParallelPipeline,
    P::Sample: Serialize + DeserializeOwned,
{
    let mut report = samples(&make)?;
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let mut tries = vec![(Backend::Inline, 1), (Backend::Threads, 1)];
    if cores > 1 {
        tries.push((Backend::Threads, cores));
    }
    tries.push((Backend::Processes, cores));
    for (backend, workers) in tries {
        let trial =
            trial(|| make().backend(backend).workers(workers), per_trial, &mut report.errors);
        report.trials.push(trial.unwrap_or_else(|error| Trial {
            backend: backend.to_string(),
            workers,
            first_batch_seconds: 0.0,
            positions_per_second: 0.0,
            failed: Some(error.to_string()),
        }));
    }
    report.recommendation = recommend(&report.trials);
    Ok(report)
}

/// Makes some samples one by one in this process.
fn samples<P>(make: &impl Fn() -> LoaderBuilder<P>) -> Result<Preflight>
where
    P: ParallelPipeline,
    P::Sample: Serialize + DeserializeOwned,
{
    type Work<T> = Option<Arc<dyn Fill<T>>>;
    let taken: Arc<Mutex<Work<P::Sample>>> = Arc::default();
    let theirs = taken.clone();
    let loader = make().custom_backend(move |work, _| {
        *theirs.lock().unwrap_or_else(PoisonError::into_inner) = Some(work.clone());
        Ok(Box::new(Inline::shared(work)))
    });
    let loader = loader.build()?;
    if !loader.stream.has_length() {
        return Err(Error::Unsupported {
            what: "preflight of a source without a length".into(),
            why: "its samples come one after another, and none is at a position of choice".into(),
            instead: "run a loader on each backend and compare `Loader::stats`".into(),
        });
    }
    let work = taken.lock().unwrap_or_else(PoisonError::into_inner).take();
    let work = work.ok_or_else(|| Error::Unsupported {
        what: "preflight".into(),
        why: "WINDROW_BACKEND forces one backend".into(),
        instead: "unset the variable".into(),
    })?;
    let positions = loader.plan().len();
    let mut report = Preflight {
        positions,
        crosses: Ok(()),
        sample: None,
        slow_to_cross: None,
        errors: Vec::new(),
        trials: Vec::new(),
        recommendation: None,
    };
    let (start, mut costs) = (Instant::now(), Vec::new());
    let samples = SAMPLES.min(positions);
    for number in 0..samples {
        if start.elapsed() > SAMPLES_TIME {
            break;
        }
        let position = (u128::from(number) * u128::from(positions) / u128::from(samples)) as u64;
        let begun = Instant::now();
        match work.fill(position) {
            Ok(None) => {}
            Ok(Some(sample)) => {
                match caught(|| cost(&sample, nanos(begun))).unwrap_or_else(Err) {
                    Ok(cost) => costs.push(cost),
                    Err(fault) => report.crosses = Err(format!("position {position}: {fault}")),
                }
                discard(sample);
            }
            Err(fault) => note(&mut report.errors, format!("position {position}: {fault}")),
        }
    }
    report.sample = mean(&costs);
    let slow = |cost: &SampleCost| {
        slow_to_cross(std::any::type_name::<P::Sample>(), cost.bytes, cost.inline_bytes)
    };
    report.slow_to_cross = report.sample.as_ref().and_then(slow);
    Ok(report)
}

/// Encodes a sample, decodes it, and compares the two.
fn cost<T: Serialize + DeserializeOwned>(sample: &T, make_nanos: u64) -> Result<SampleCost, Fault> {
    let begun = Instant::now();
    let wire = encode(sample)?;
    let encode_nanos = nanos(begun);
    let begun = Instant::now();
    let back: T = decode(&wire.inline, wire.payloads.clone())?;
    let decode_nanos = nanos(begun);
    compare(&back, &wire)?;
    let (bytes, inline_bytes) = (wire.byte_len(), wire.inline.len() as u64);
    Ok(SampleCost { bytes, inline_bytes, make_nanos, encode_nanos, decode_nanos })
}

/// Runs a loader for a while.
///
/// Repeats a shorter epoch in one loader, because the start-up of threads would hide the cost of
/// cheap samples.
fn trial<P>(
    make: impl Fn() -> LoaderBuilder<P>,
    each: Duration,
    errors: &mut Vec<String>,
) -> Result<Trial>
where
    P: ParallelPipeline,
{
    let (begun, mut epochs) = (Instant::now(), 1);
    let mut first_batch = None;
    loop {
        let lap = lap(make().epochs(epochs), each, errors)?;
        let first_batch = *first_batch.get_or_insert(lap.first_batch);
        // A loader without items in one epoch may have none in many epochs.
        if lap.spent < each && lap.items > 0 && begun.elapsed() < 2 * each && epochs < EPOCHS_MAX {
            let more = each.as_nanos() / lap.spent.as_nanos().max(1);
            epochs *= u64::try_from(more).unwrap_or(u64::MAX).clamp(2, GROWTH_MAX);
            continue;
        }
        return Ok(Trial {
            backend: lap.backend,
            workers: lap.workers,
            first_batch_seconds: first_batch.as_secs_f64(),
            positions_per_second: lap.positions as f64 / lap.spent.as_secs_f64().max(1e-9),
            failed: None,
        });
    }
}

/// The measurements of one loader.
struct Lap {
    backend: String,
    workers: u32,
    first_batch: Duration,
    /// The number of batches and errors.
    items: u64,
    /// The number of positions after the first batch, and the time that they took.
    positions: u64,
    spent: Duration,
}

/// Runs a loader to its end, or for a while.
fn lap<P>(builder: LoaderBuilder<P>, each: Duration, errors: &mut Vec<String>) -> Result<Lap>
where
    P: ParallelPipeline,
{
    let begun = Instant::now();
    let mut loader = builder.build()?;
    let mut item = loader.next();
    let first_batch = begun.elapsed();
    let (begun, from) = (Instant::now(), loader.progress().position);
    let mut items = 0;
    while let Some(received) = item {
        items += 1;
        if let Err(error) = received {
            note(errors, error.to_string());
        }
        if begun.elapsed() >= each {
            break;
        }
        item = loader.next();
    }
    Ok(Lap {
        backend: loader.backend().name.into(),
        workers: loader.workers(),
        first_batch,
        items,
        positions: loader.progress().position - from,
        spent: begun.elapsed(),
    })
}

/// Returns the simplest choice that is about as fast as the fastest.
fn recommend(trials: &[Trial]) -> Option<Recommendation> {
    let rate = |trial: &Trial| trial.positions_per_second;
    let best = trials.iter().filter(|trial| trial.failed.is_none()).map(rate).fold(0.0, f64::max);
    let close = |trial: &&Trial| trial.failed.is_none() && rate(trial) >= best * CLOSE_ENOUGH;
    let choice = trials.iter().find(close)?;
    let isolates = backend::registry()
        .iter()
        .any(|info| info.name == choice.backend && info.capabilities.isolates_crashes);
    let advice =
        if isolates { "" } else { "; processes where a crash in a sample must cost nothing" };
    let why = format!("the simplest within 10 % of the fastest{advice}");
    Some(Recommendation { backend: choice.backend.clone(), workers: choice.workers, why })
}

fn mean(costs: &[SampleCost]) -> Option<SampleCost> {
    let count = costs.len() as u64;
    let of = |part: fn(&SampleCost) -> u64| costs.iter().map(part).sum::<u64>() / count;
    (count > 0).then(|| SampleCost {
        bytes: of(|cost| cost.bytes),
        inline_bytes: of(|cost| cost.inline_bytes),
        make_nanos: of(|cost| cost.make_nanos),
        encode_nanos: of(|cost| cost.encode_nanos),
        decode_nanos: of(|cost| cost.decode_nanos),
    })
}

fn nanos(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Keeps the first few errors.
fn note(errors: &mut Vec<String>, error: String) {
    const ERRORS_MAX: usize = 5;
    if errors.len() < ERRORS_MAX && !errors.contains(&error) {
        errors.push(error);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::dataset::Dataset;
    use crate::iterable::{from_iter, from_iterable};
    use crate::loader::Loader;
    use crate::source::range;

    #[test]
    fn few_positions_are_all_tried() {
        let seen = Mutex::new(BTreeSet::new());
        let seen: &'static _ = Box::leak(Box::new(seen));
        let note = move |x| {
            seen.lock().unwrap().insert(x);
            x
        };
        samples(&|| Loader::builder(range(0..8).map(note))).unwrap();
        assert_eq!(*seen.lock().unwrap(), (0..8).collect());
    }

    #[test]
    fn a_source_without_a_length_is_refused() {
        let make = || Loader::builder(from_iterable(from_iter(|| 0..9u64)));
        let error = preflight(make, Duration::from_millis(1)).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains("Loader::stats"), "{error}");
    }

    #[test]
    fn a_short_epoch_is_repeated_in_one_loader_until_the_time_is_up() {
        // A busy machine takes longer to reach the number of epochs.
        for millis in [50, 500, 5000, 50_000] {
            let (builders, calls) = (AtomicU64::new(0), Arc::new(AtomicU64::new(0)));
            let make = || {
                builders.fetch_add(1, Ordering::Relaxed);
                let calls = calls.clone();
                let counted = range(0..5).map(move |x| {
                    calls.fetch_add(1, Ordering::Relaxed);
                    x
                });
                Loader::builder(counted.batch(5)).backend(Backend::Threads).workers(1)
            };
            let trial = trial(make, Duration::from_millis(millis), &mut Vec::new()).unwrap();
            assert_eq!(trial.failed, None);
            if calls.load(Ordering::Relaxed) / 5 > 10 * builders.into_inner() {
                return;
            }
        }
        panic!("each epoch has a loader of its own");
    }

    #[test]
    fn a_type_that_is_written_value_by_value_is_named() {
        let points = || Loader::builder(range(0..8).map(|x| (x, vec![[x as f32; 3]; 5000])));
        let report = samples(&points).unwrap();
        let why = report.slow_to_cross.clone().unwrap_or_default();
        assert!(why.starts_with("(u64, alloc::vec::Vec<[f32; 3]>) has 6000"), "{why}");
        assert!(report.to_string().contains("slow to cross"), "{report}");
        let blocks = || Loader::builder(range(0..8).map(|x| (x, vec![x as f32; 15_000])));
        let few = || Loader::builder(range(0..8).map(|x| (x, vec![[x as f32; 3]; 500])));
        assert_eq!(samples(&blocks).unwrap().slow_to_cross, None);
        assert_eq!(samples(&few).unwrap().slow_to_cross, None);
    }

    #[test]
    fn pipelines_that_give_little_or_nothing_end_in_time() {
        let each = Duration::from_millis(20);
        let nothing = || Loader::builder(range(0..50).filter(|_| false).ordered().batch(4));
        assert_eq!(trial(nothing, each, &mut Vec::new()).unwrap().positions_per_second, 0.0);
        let one = || Loader::builder(range(0..50).ordered().batch(4).limit(1));
        assert_eq!(trial(one, each, &mut Vec::new()).unwrap().failed, None);
        let empty = || Loader::builder(range(3..3).batch(4));
        assert_eq!(trial(empty, each, &mut Vec::new()).unwrap().failed, None);
    }
}
