//! Code of the user that panics, wherever windrow calls it: in the worker and in the loader's own
//! process, with what the panic carries panicking in its turn.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::common::within;
use windrow::{Backend, Dataset, Error, Loader, Result, WorkerContext, range};

const LIMIT: Duration = Duration::from_secs(60);

/// What a panic may carry: it panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the bomb panicked");
    }
}

fn burst() -> ! {
    std::panic::panic_any(Bomb)
}

/// A sample that panics at what is done to it, by its number.
#[derive(Debug)]
struct Touchy {
    x: u64,
    /// Whether it came from a worker.
    came: bool,
}

const MAPPED: u64 = 3;
const WRITTEN: u64 = 5;
const WRITTEN_BOMB: u64 = 7;
const READ: u64 = 9;
const READ_BOMB: u64 = 11;
const MEASURED: u64 = 13;
const MEASURED_BOMB: u64 = 15;
const DROPPED: u64 = 17;
const WRITTEN_AND_DROPPED: u64 = 19;

impl Serialize for Touchy {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        match self.x {
            WRITTEN | WRITTEN_AND_DROPPED => panic!("it was written"),
            WRITTEN_BOMB => burst(),
            x => x.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Touchy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        match u64::deserialize(from)? {
            READ => panic!("it was read"),
            READ_BOMB => burst(),
            x => Ok(Self { x, came: true }),
        }
    }
}

impl Drop for Touchy {
    fn drop(&mut self) {
        if !self.came && [DROPPED, WRITTEN_AND_DROPPED].contains(&self.x) {
            panic!("it was dropped");
        }
    }
}

fn touchy(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = Touchy> + use<>> {
    Ok(range(0..end).map(|x| match x {
        MAPPED => burst(),
        x => Touchy { x, came: false },
    }))
}

#[test]
fn a_panic_in_any_code_of_the_user_is_that_sample_s_own_error() {
    within(LIMIT, || {
        // One by one and in groups.
        for most in [1, u64::MAX] {
            let builder = Loader::recipe(touchy, 200).backend(Backend::Processes).workers(2);
            let builder =
                builder.max_crashes(0).max_losses(1).max_samples_per_worker(most.max(500));
            let builder = if most == 1 { builder.prefetch(2) } else { builder };
            let loader = builder.sample_bytes(|sample: &Touchy| match sample.x {
                MEASURED => panic!("it was measured"),
                MEASURED_BOMB => burst(),
                _ => 8,
            });
            let mut outcomes = Vec::new();
            for outcome in loader.build().unwrap() {
                outcomes.push(outcome.map(|sample| sample.into_inner().x));
            }
            assert_eq!(outcomes.len(), 200);
            for (x, outcome) in outcomes.into_iter().enumerate() {
                let x = x as u64;
                let expected = match x {
                    WRITTEN | WRITTEN_AND_DROPPED => "it was written",
                    READ => "it was read",
                    MEASURED => "it was measured",
                    DROPPED => "it was dropped",
                    MAPPED | WRITTEN_BOMB | READ_BOMB | MEASURED_BOMB => "a value that is not text",
                    _ => {
                        assert_eq!(outcome.unwrap(), x);
                        continue;
                    }
                };
                let Err(Error::Sample { position, fault, .. }) = outcome else {
                    panic!("{x}: {outcome:?}")
                };
                assert_eq!((position, fault.message()), (x, expected), "{fault:?}");
                assert_eq!(fault.kind(), windrow::FaultKind::Panicked);
            }
        }
    });
}

fn sticky(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = Sticky> + use<>> {
    Ok(range(0..end).map(|x| Sticky { x, came: false }))
}

/// A sample that panics when the loader's own process drops it.
struct Sticky {
    x: u64,
    came: bool,
}

impl Serialize for Sticky {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        self.x.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Sticky {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        Ok(Self { x: u64::deserialize(from)?, came: true })
    }
}

impl Drop for Sticky {
    fn drop(&mut self) {
        assert!(!self.came, "sample {} was dropped", self.x);
    }
}

#[test]
fn samples_that_panic_when_they_are_dropped_do_not_keep_a_loader_from_closing() {
    within(LIMIT, || {
        for taken in [0, 1, 50] {
            let loader = Loader::recipe(sticky, 5000).backend(Backend::Processes).workers(2);
            let mut loader = loader.build().unwrap();
            for x in 0..taken {
                let sample = loader.next().unwrap().unwrap().into_inner();
                assert_eq!(sample.x, x);
                std::mem::forget(sample);
            }
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            if let std::task::Poll::Ready(next) = loader.poll_next(&mut context) {
                std::mem::forget(next);
            }
            assert!(loader.close().is_empty());
        }
    });
}
