//! What a worker does with a task, wherever it runs.

use std::ops::Range;

use super::Event;
use crate::dataset::{Dataset, Fetched, caught, fill, discard};
use crate::engine::{Completion, Task};

/// Makes the sample at a position: all that a worker needs to know of a pipeline.
///
/// Every dataset fills, with a panic as the sample's own fault.
pub trait Fill<T>: Send + Sync {
    /// The sample at a position.
    ///
    /// # Errors
    /// Why it could not be made. Never panics.
    fn fill(&self, position: u64) -> Fetched<T>;

    /// What a sample occupies in bytes; `None` where that cannot be known.
    fn bytes(&self, _: &T) -> Option<u64> {
        None
    }

    /// What is kept beside the samples at these positions, in bytes.
    fn bytes_beside(&self, _: Range<u64>) -> u64 {
        0
    }
}

impl<D: Dataset + Send + Sync + ?Sized> Fill<D::Sample> for D {
    fn fill(&self, position: u64) -> Fetched<D::Sample> {
        fill(self, position)
    }
}

/// Fills the positions of a task one after another, telling each before it is begun.
///
/// `begin` may call it off by answering false; then the task is not answered.
pub fn run<T>(
    task: Task,
    work: &(impl Fill<T> + ?Sized),
    mut begin: impl FnMut(u64) -> bool,
) -> Option<Completion<T>> {
    let clock = Clock::start();
    let mut results = Vec::with_capacity(usize::try_from(task.count).ok()?);
    let mut bytes = Some(0u64);
    for position in task.positions() {
        if !begin(position) {
            return None;
        }
        results.push(measured(work, position, work.fill(position), &mut bytes));
    }
    let bytes = bytes.map(|sum| sum.saturating_add(work.bytes_beside(task.positions())));
    Some(Completion { task: task.id, results, bytes, nanos: clock.nanos() })
}

/// Adds what a sample occupies to a sum. Where telling that panics, the panic is what became of the
/// sample.
#[inline]
pub(super) fn measured<T>(
    work: &(impl Fill<T> + ?Sized),
    position: u64,
    made: Fetched<T>,
    sum: &mut Option<u64>,
) -> Fetched<T> {
    let Ok(Some(sample)) = &made else { return made };
    match caught(|| work.bytes(sample)) {
        Ok(bytes) => {
            *sum = sum.zip(bytes).map(|(sum, bytes)| sum.saturating_add(bytes));
            made
        }
        Err(fault) => {
            discard(made);
            Err(fault.at("sample_bytes", position))
        }
    }
}

/// Drops an event that nobody wants any more.
#[cfg_attr(not(any(unix, windows)), allow(dead_code))]
pub(super) fn discard_event<T>(event: Event<T>) {
    if let Event::Done(completion) = event {
        completion.results.into_iter().for_each(discard);
    }
}

use clock::Clock;

#[cfg(not(target_arch = "wasm32"))]
mod clock {
    pub(super) struct Clock(std::time::Instant);

    impl Clock {
        pub(super) fn start() -> Self {
            Self(std::time::Instant::now())
        }

        /// At least 1: a clock that stood still is still a clock.
        pub(super) fn nanos(&self) -> u64 {
            u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
        }
    }
}

#[cfg(all(target_arch = "wasm32", feature = "web"))]
mod clock {
    use wasm_bindgen::prelude::wasm_bindgen;

    #[wasm_bindgen]
    extern "C" {
        /// Milliseconds with a fraction, as exact as the browser lets a page know.
        #[wasm_bindgen(js_namespace = performance)]
        fn now() -> f64;
    }

    pub(super) struct Clock(f64);

    impl Clock {
        pub(super) fn start() -> Self {
            Self(now())
        }

        /// At least 1: a clock that stood still is still a clock.
        pub(super) fn nanos(&self) -> u64 {
            ((now() - self.0) * 1e6).max(1.0) as u64
        }
    }
}

/// `std` has no clock on `wasm32-unknown-unknown`; 0 tells the engine so.
#[cfg(all(target_arch = "wasm32", not(feature = "web")))]
mod clock {
    pub(super) struct Clock;

    impl Clock {
        pub(super) fn start() -> Self {
            Self
        }

        pub(super) fn nanos(&self) -> u64 {
            0
        }
    }
}
