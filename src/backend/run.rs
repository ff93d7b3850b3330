//! What a worker does with a task, wherever it runs.

use std::ops::Range;

use super::Event;
use crate::dataset::{Dataset, SampleResult, caught, discard, fill};
use crate::engine::{Completion, Task};

/// Makes the sample at a position: all that a worker needs to know of a pipeline.
///
/// Every dataset fills, with a panic as the sample's own fault.
pub trait Fill<T>: Send + Sync {
    /// The sample at a position.
    ///
    /// # Errors
    /// Why it could not be made. Never panics.
    fn fill(&self, position: u64) -> SampleResult<T>;

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
    fn fill(&self, position: u64) -> SampleResult<D::Sample> {
        fill(self, position)
    }
}

/// Fills the positions of a task one after another, telling each before it is begun.
///
/// `begin` may call it off by answering false; then the task is not answered. What the work panics
/// with is the fault of the position at which it does.
pub fn run<T>(
    task: Task,
    work: &(impl Fill<T> + ?Sized),
    mut begin: impl FnMut(u64) -> bool,
) -> Option<Completion<T>> {
    let start = now();
    let mut results: Vec<SampleResult<T>> =
        Vec::with_capacity(task.count.min(RESERVED_MAX) as usize);
    let mut bytes = Some(0u64);
    let mut left = task.positions();
    loop {
        // One boundary for all positions, since one for each would cost as much as a tiny sample.
        let through = caught(|| {
            for position in left.by_ref() {
                if !begin(position) {
                    return false;
                }
                results.push(work.fill(position));
                if let Some(Ok(Some(sample))) = results.last() {
                    bytes = bytes.and_then(|sum| Some(sum.saturating_add(work.bytes(sample)?)));
                }
            }
            true
        });
        match through {
            Ok(true) => break,
            Ok(false) => {
                results.into_iter().for_each(discard);
                return None;
            }
            Err(fault) => {
                let done = left.start - task.start;
                if results.len() as u64 == done
                    && let Some(measured) = results.pop()
                {
                    discard(measured);
                    results.push(Err(fault.by("sample_bytes")));
                } else {
                    results.push(Err(fault));
                }
            }
        }
    }
    let bytes = bytes.map(|sum| sum.saturating_add(work.bytes_beside(task.positions())));
    // At least 1, since a clock that stood still is still a clock; 0 tells the engine that there is none.
    let nanos = start.zip(now()).map_or(0, |(start, end)| end.saturating_sub(start).max(1));
    Some(Completion { task: task.id, results, bytes, nanos })
}

/// The most results that one task may ask room for before any of them is there.
const RESERVED_MAX: u64 = 4096;

/// Drops an event that nobody wants any more.
#[cfg_attr(
    all(target_arch = "wasm32", not(target_feature = "atomics")),
    allow(dead_code, reason = "no backend is left with one without threads")
)]
pub(super) fn discard_event<T>(event: Event<T>) {
    if let Event::Done(completion) = event {
        completion.results.into_iter().for_each(discard);
    }
}

/// Nanoseconds since some moment; none where there is no clock.
#[cfg(not(target_arch = "wasm32"))]
fn now() -> Option<u64> {
    use std::{sync::OnceLock, time::Instant};
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).ok()
}

/// As exact as the browser lets a page know.
#[cfg(all(target_arch = "wasm32", feature = "web"))]
fn now() -> Option<u64> {
    use wasm_bindgen::JsCast;
    // Not cast with a check: Node has the property and no class of that name.
    let global = js_sys::global().unchecked_into::<web_sys::WorkerGlobalScope>();
    global.performance().map(|clock| (clock.now() * 1e6) as u64)
}

/// `std` has no clock on `wasm32-unknown-unknown`.
#[cfg(all(target_arch = "wasm32", not(feature = "web")))]
fn now() -> Option<u64> {
    None
}
