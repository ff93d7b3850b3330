//! The computation of a task by a worker, for all backends.

use std::ops::Range;

use super::Event;
use super::clock::now;
use super::profile::{Profiler, TaskTimer};
use crate::dataset::{Dataset, SampleResult, caught, discard, fill};
use crate::engine::{Completion, Task};

/// The source of samples: the part of a pipeline that a worker knows.
///
/// Every dataset implements `Fill`; a panic of the dataset becomes the sample's fault.
pub trait Fill<T>: Send + Sync {
    /// Computes the sample at a position.
    ///
    /// # Errors
    /// Returns why the sample failed. Never panics.
    fn fill(&self, position: u64) -> SampleResult<T>;

    /// Returns whether the positions of a task are computed together, by
    /// [`fill_together`](Self::fill_together), and not one by one.
    fn is_together(&self) -> bool {
        false
    }

    /// Computes the samples at the positions of a task, and calls `begin` before each position.
    ///
    /// Returns `None` when `begin` returns false. [`run`] calls this method for work that is
    /// [together](Self::is_together), and is the only caller.
    fn fill_together(
        &self,
        positions: Range<u64>,
        begin: &mut dyn FnMut(u64) -> bool,
    ) -> Option<Vec<SampleResult<T>>> {
        let fill = |position| begin(position).then(|| self.fill(position));
        positions.map(fill).collect()
    }

    /// Returns the size of a sample in bytes; `None` if the size is unknown.
    fn bytes(&self, _: &T) -> Option<u64> {
        None
    }

    /// Returns the size in bytes of the values stored beside the samples at these positions.
    fn bytes_beside(&self, _: Range<u64>) -> u64 {
        0
    }

    /// Returns the profiler of the loader, if the loader profiles.
    #[doc(hidden)]
    fn profiler(&self) -> Option<&Profiler> {
        None
    }
}

impl<D: Dataset + Send + Sync + ?Sized> Fill<D::Sample> for D {
    fn fill(&self, position: u64) -> SampleResult<D::Sample> {
        fill(self, position)
    }
}

/// Computes the positions of a task one after another, and calls `begin` before each.
///
/// Returns `None` when `begin` returns false; the task then has no answer. A panic of the work
/// becomes the fault of the current position.
pub fn run<T>(
    task: Task,
    work: &(impl Fill<T> + ?Sized),
    mut begin: impl FnMut(u64) -> bool,
) -> Option<Completion<T>> {
    let start = now();
    if work.is_together() {
        let filled = caught(|| work.fill_together(task.positions(), &mut begin));
        let results = filled
            .unwrap_or_else(|fault| Some(task.positions().map(|_| Err(fault.clone())).collect()))?;
        return Some(Completion { task: task.id, results, bytes: None, nanos: nanos_since(start) });
    }
    let mut timer = work.profiler().map(|profiler| profiler.begin(task, start));
    let timed = timer.as_ref().and_then(TaskTimer::position);
    let mut results: Vec<SampleResult<T>> =
        Vec::with_capacity(task.count.min(RESERVED_MAX) as usize);
    let mut bytes = Some(0u64);
    let mut left = task.positions();
    loop {
        // One panic boundary for all positions: a boundary for each costs as much as a tiny sample.
        let through = caught(|| {
            for position in left.by_ref() {
                if !begin(position) {
                    return false;
                }
                let is_timed = timed == Some(position);
                let probe = timer.as_ref().filter(|_| is_timed).map(TaskTimer::probe);
                results.push(work.fill(position));
                let sample = results.last().and_then(|made| made.as_ref().ok()?.as_ref());
                let size = sample.map(|sample| work.bytes(sample));
                if let Some(size) = size {
                    bytes = bytes.and_then(|sum| Some(sum.saturating_add(size?)));
                }
                if let Some((timer, probe)) = timer.as_mut().zip(probe) {
                    timer.probed(probe, size.flatten());
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
    let nanos = nanos_since(start);
    if let Some(timer) = timer {
        timer.end(task, now());
    }
    Some(Completion { task: task.id, results, bytes, nanos })
}

/// Returns the time since a start, at least 1, because 0 tells the engine that no clock exists.
fn nanos_since(start: Option<u64>) -> u64 {
    start.zip(now()).map_or(0, |(start, end)| end.saturating_sub(start).max(1))
}

/// The maximum number of results for which a task reserves memory in advance.
const RESERVED_MAX: u64 = 4096;

/// Drops an event that no caller needs any more.
#[cfg_attr(
    all(target_arch = "wasm32", not(target_feature = "atomics")),
    allow(dead_code, reason = "without threads, no backend drops events")
)]
pub(super) fn discard_event<T>(event: Event<T>) {
    if let Event::Done(completion) = event {
        completion.results.into_iter().for_each(discard);
    }
}
