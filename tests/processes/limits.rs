//! Every limit and count of a loader at its ends: it is kept to, or refused by its name.

use std::time::Duration;

use crate::common::within;
use windrow::{Backend, Dataset, Loader, Result, WorkerContext, range};

const LIMIT: Duration = Duration::from_secs(60);
const SAMPLES: u64 = 12;

#[derive(Clone, Copy)]
enum Expected {
    Kept,
    Refused,
}

use Expected::{Kept, Refused};

fn recipe(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..end).map(|x| x * 3))
}

/// For each setting: its name, a value, what becomes of it, and how it is set.
macro_rules! table {
    ($($name:ident($value:expr) is $expected:ident;)*) => {
        [$((stringify!($name), stringify!($value), $expected, |backend| {
            let built = Loader::recipe(recipe, SAMPLES).workers(2).$name($value).backend(backend).build()?;
            let samples: Vec<_> = built.map(|x| Ok(x?.into_inner())).collect::<Result<_>>()?;
            Ok(samples)
        })),*]
    };
}

type Row = (&'static str, &'static str, Expected, fn(Backend) -> Result<Vec<u64>>);

const TABLE: &[Row] = &table! {
    sample_timeout(Duration::MAX) is Kept;
    sample_timeout(Duration::ZERO) is Refused;
    startup_timeout(Duration::MAX) is Kept;
    startup_timeout(Duration::ZERO) is Refused;
    shutdown_timeout(Duration::MAX) is Kept;
    shutdown_timeout(Duration::ZERO) is Kept;
    warn_after(Duration::MAX) is Kept;
    warn_after(Duration::ZERO) is Kept;
    max_rss(0) is Refused;
    max_samples_per_worker(u64::MAX) is Kept;
    max_samples_per_worker(0) is Kept;
    max_losses(u32::MAX) is Kept;
    max_losses(0) is Kept;
    max_crashes(u32::MAX) is Kept;
    max_crashes(0) is Kept;
    retries(u32::MAX) is Kept;
    retries(0) is Kept;
    prefetch(u64::MAX) is Kept;
    prefetch(0) is Refused;
    prefetch_bytes(u64::MAX) is Kept;
    prefetch_bytes(0) is Refused;
    sample_bytes(|_| u64::MAX) is Kept;
    sample_bytes(|_| 0) is Kept;
};

fn is_as_expected(backend: Backend, row: Row) {
    let (name, value, expected, run) = row;
    let what = format!("{name}({value}) on {backend}");
    println!("{what}");
    match (expected, within(LIMIT, move || run(backend))) {
        (Kept, Ok(samples)) => {
            assert_eq!(samples, (0..SAMPLES).map(|x| x * 3).collect::<Vec<_>>(), "{what}");
        }
        (Refused, Err(error)) => {
            assert!(error.to_string().starts_with(&format!("{name} is ")), "{what}: {error}");
        }
        (Kept, Err(error)) => panic!("{what}: {error}"),
        (Refused, Ok(_)) => panic!("{what}: it was taken"),
    }
}

#[test]
fn every_setting_keeps_to_its_extremes_or_refuses_them_by_name_on_every_backend() {
    for backend in [Backend::Inline, Backend::Threads, Backend::Processes] {
        TABLE.iter().for_each(|row| is_as_expected(backend, *row));
    }
}

#[test]
fn a_bound_on_memory_that_cannot_be_reached_is_none() {
    let build = || {
        Loader::recipe(recipe, SAMPLES)
            .workers(2)
            .max_rss(u64::MAX)
            .backend(Backend::Processes)
            .build()
    };
    match within(LIMIT, move || build().map(Iterator::count)) {
        Ok(count) => assert_eq!(count as u64, SAMPLES),
        Err(error) => assert!(error.to_string().starts_with("max_rss is not available"), "{error}"),
    }
}

#[test]
fn a_backend_has_1_to_1024_workers_or_is_refused_by_name() {
    use windrow::backend::{ExecutionBackend, Threads, start};
    for workers in [0, 1025, u32::MAX] {
        let errors = [
            Loader::recipe(recipe, SAMPLES)
                .workers(workers)
                .backend(Backend::Threads)
                .build()
                .err(),
            Loader::recipe(recipe, SAMPLES)
                .workers(workers)
                .backend(Backend::Processes)
                .build()
                .err(),
            start(Backend::Threads, std::sync::Arc::new(range(0..9)), workers).err(),
        ];
        for error in errors {
            let error = error.expect("it was taken").to_string();
            let refused = format!("workers is {workers}; allowed: 1 to 1024");
            assert!(error.starts_with(&refused), "{error}");
        }
    }
    within(LIMIT, || {
        let mut threads = Threads::new(range(0..9), 1).unwrap();
        assert!(threads.shutdown(Duration::MAX).is_empty());
    });
}
