//! Time limits are a worker's own: what the loader's process does meanwhile does not count.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::common::within;
use windrow::{Backend, Dataset, Loader, Result, WorkerContext, range};

const LIMIT: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_millis(200);

/// Whether this is a worker, which reads some of its samples again.
static IN_WORKER: AtomicBool = AtomicBool::new(false);

/// A sample that keeps the loader's process busy for longer than the time limit of a worker.
struct Bulky(u64);

impl Serialize for Bulky {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Bulky {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        if !IN_WORKER.load(Ordering::Relaxed) {
            std::thread::sleep(TIMEOUT * 3 / 2);
        }
        u64::deserialize(from).map(Self)
    }
}

fn bulky(end: u64, context: &WorkerContext) -> Result<impl Dataset<Sample = Bulky> + use<>> {
    IN_WORKER.fetch_or(context.is_process(), Ordering::Relaxed);
    Ok(range(0..end).map(|x| {
        // Out of step with each other, and well within the limit.
        std::thread::sleep(if x % 2 == 0 { TIMEOUT / 4 } else { TIMEOUT / 20 });
        Bulky(x)
    }))
}

#[test]
fn a_healthy_worker_is_not_killed_because_the_loader_s_process_is_busy() {
    within(LIMIT, || {
        let loader = Loader::recipe(bulky, 24).backend(Backend::Processes).workers(3);
        let loader = loader.sample_timeout(TIMEOUT).max_losses(1).max_crashes(0).build().unwrap();
        for (x, outcome) in loader.enumerate() {
            assert_eq!(outcome.unwrap().into_inner().0, x as u64);
        }
    });
}

fn grouped(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    // Fast at first, so that many samples are given together.
    Ok(range(0..end).map(move |x| {
        if x > end / 2 {
            std::thread::sleep(TIMEOUT / 10);
        }
        x
    }))
}

#[test]
fn the_limit_is_for_one_sample_and_not_for_those_that_are_given_together() {
    within(LIMIT, || {
        let loader = Loader::recipe(grouped, 300).backend(Backend::Processes).workers(2);
        let loader = loader.sample_timeout(TIMEOUT).max_losses(1).max_crashes(0).build().unwrap();
        assert_eq!(loader.map(|x| x.unwrap().into_inner()).sum::<u64>(), 300 * 299 / 2);
    });
}
