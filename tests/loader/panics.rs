//! Code of the user that panics where windrow calls it: one error in the place of its sample, and
//! the stream goes on. `conformance.rs` has the panics of closures over samples.

mod stages;

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};
use std::time::Duration;

use crate::common::{RUNNERS, Runner, assert_same, items, run, within};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use windrow::{Backend, Dataset, Loader, OnError, Result, WorkerContext, range};

const LIMIT: Duration = Duration::from_secs(60);

/// Panics when a panic drops it.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a payload panics");
    }
}

/// Panics when it is dropped, if it is told to.
#[derive(Debug, Clone, PartialEq)]
struct Sample(u64, bool);

impl Drop for Sample {
    fn drop(&mut self) {
        assert!(!self.1, "dropped {}", self.0);
    }
}

/// Panics when it is encoded or decoded, if it is of that kind.
#[derive(Debug, Clone, PartialEq)]
struct Coded(u64);

impl Serialize for Coded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(self.0 % 10 != 3, "encoded {}", self.0);
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Coded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        assert!(number % 10 != 6, "decoded {number}");
        Ok(Self(number))
    }
}

/// The numbers, with an error of this text at those that fail.
fn expected(end: u64, fails: fn(u64) -> Option<String>) -> Vec<Result<u64, String>> {
    (0..end).map(|x| fails(x).map_or(Ok(x), |why| Err(format!("position {x}: {why}")))).collect()
}

#[test]
fn a_panic_of_sample_bytes_is_that_sample_s_error() {
    within(LIMIT, || {
        let want = expected(60, |x| (x % 7 == 2).then(|| format!("sample_bytes panicked: at {x}")));
        for runner in RUNNERS {
            let bytes = |x: &u64| if x % 7 == 2 { panic!("at {x}") } else { 8 };
            let got = run(runner, Loader::builder(range(0..60)).sample_bytes(bytes));
            assert_same(&items(&got), &want, &format!("{runner:?}"));
            let builder = Loader::builder(range(0..60)).sample_bytes(bytes);
            let skipped = run(runner, builder.on_error(OnError::Skip));
            assert_eq!(skipped.len(), 51, "{runner:?}");
        }
    });
}

#[test]
fn samples_of_any_number_of_bytes_are_counted() {
    within(LIMIT, || {
        for runner in RUNNERS {
            let builder = Loader::builder(range(0..40)).sample_bytes(|_| u64::MAX);
            assert_same(
                &items(&run(runner, builder)),
                &expected(40, |_| None),
                &format!("{runner:?}"),
            );
        }
    });
}

#[test]
fn a_payload_that_panics_when_it_is_dropped_is_one_error() {
    within(LIMIT, || {
        let fails =
            |x| (x == 5).then(|| "sample of index 5 panicked: a value that is not text".into());
        for runner in RUNNERS {
            let samples = range(0..20).map(|x| if x == 5 { panic_any(Bomb) } else { x });
            let got = run(runner, Loader::builder(samples));
            assert_same(&items(&got), &expected(20, fails), &format!("{runner:?}"));
        }
    });
}

#[test]
fn samples_that_panic_when_they_are_dropped_end_no_thread_and_no_program() {
    within(LIMIT, || {
        for runner in RUNNERS {
            let samples = range(0..500).map(|x| Sample(x, x > 0));
            let mut loader = runner.on(Loader::builder(samples)).build().unwrap();
            assert_eq!(*loader.next().unwrap().unwrap(), Sample(0, false), "{runner:?}");
            // Those that were made ahead are dropped while the thread panics, which must not panic.
            let panicked = catch_unwind(AssertUnwindSafe(move || {
                let _loader = loader;
                panic!("the caller panics");
            }));
            let text = panicked.unwrap_err();
            assert_eq!(*text.downcast_ref::<&str>().unwrap(), "the caller panics", "{runner:?}");
        }
    });
}

#[test]
fn a_panic_of_serialize_in_the_digest_is_an_error_in_the_place_of_the_batch() {
    within(LIMIT, || {
        for runner in RUNNERS {
            let loader = Loader::builder(range(0..30).map(Coded)).digest();
            let got = items(&run(runner, loader));
            let failed: Vec<&String> = got.iter().filter_map(|item| item.as_ref().err()).collect();
            assert_eq!((got.len(), failed.len()), (30, 3), "{runner:?}");
            assert!(failed[0].contains("panicked: encoded 3"), "{}", failed[0]);
        }
    });
}

#[test]
fn a_panic_of_a_stage_is_an_error_in_the_place_of_its_samples() {
    within(LIMIT, || {
        for runner in RUNNERS {
            let sum = |part: Vec<u64>| match part[0] {
                4 => panic!("four"),
                _ => Ok::<u64, windrow::Fault>(part.iter().sum()),
            };
            let got = run(runner, Loader::builder(range(0..10).ordered().batch_with(4, sum)));
            let error = "position 7: batch of index 7 panicked: four".to_owned();
            assert_same(&items(&got), &[Ok(6), Err(error), Ok(17)], &format!("{runner:?}"));
        }
    });
}

#[test]
fn a_waker_that_panics_costs_nothing() {
    struct Panicking(std::thread::Thread, AtomicBool);
    impl Wake for Panicking {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
            assert!(self.1.swap(true, Ordering::SeqCst), "the first time");
        }
    }
    within(LIMIT, || {
        for runner in [Runner::Threads(1), Runner::Threads(3)] {
            let waker = Panicking(std::thread::current(), AtomicBool::new(false));
            let waker = Arc::new(waker).into();
            let mut context = Context::from_waker(&waker);
            let mut loader = runner.on(Loader::builder(range(0..5_000))).build().unwrap();
            let mut seen = 0;
            loop {
                match loader.poll_next(&mut context) {
                    Poll::Ready(Some(x)) => {
                        assert_eq!(*x.unwrap(), seen, "{runner:?}");
                        seen += 1;
                    }
                    Poll::Ready(None) => break,
                    Poll::Pending => std::thread::park(),
                }
            }
            assert_eq!(seen, 5_000, "{runner:?}");
        }
    });
}

#[test]
fn a_recipe_and_a_hook_that_panic_are_errors_of_build() {
    fn panics(
        _: u64,
        _: &WorkerContext,
    ) -> Result<windrow::source::FromSource<windrow::source::Range>> {
        panic!("no pipeline")
    }
    fn opens(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
        Ok(range(0..end))
    }
    for backend in [Backend::Inline, Backend::Threads] {
        let error = Loader::recipe(panics, 3).backend(backend).build().unwrap_err();
        assert_eq!(error.to_string(), "the recipe panicked: no pipeline");
        let hooked = Loader::recipe(opens, 3).on_worker_start(|_| panic!("no connection"));
        let error = hooked.backend(backend).build().unwrap_err();
        assert_eq!(error.to_string(), "on_worker_start panicked: no connection");
    }
}
