//! The status page: shared memory in which a worker records its activity. The loader can read the
//! page at any time, also after the worker's death.
//!
//! The loader does not trust the page, because user code may overwrite it. The page can name a
//! sample in an error or make a time limit end early; no wait depends on the page. A worker that
//! reads a stop request from the page ends and reports its end. The loader counts that end as a
//! crash unless the loader made the request.
#![expect(unsafe_code, reason = "two processes access the shared page as atomics")]

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::sys::{Handle, HandleRef, Memory};

const BYTES: usize = 4096;

/// A worker's activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Phase {
    /// Idle, or between two samples.
    Idle = 0,
    /// Computing a sample.
    Filling = 1,
    /// Encoding the sample.
    Encoding = 2,
    /// Sending its samples.
    Sending = 3,
    /// Opening its pipeline.
    Starting = 4,
    /// Ending in order.
    Ending = 5,
}

impl Phase {
    pub(in super::super) fn name(self) -> &'static str {
        match self {
            Self::Idle => "between samples",
            Self::Filling => "computing the sample",
            Self::Encoding => "encoding the sample",
            Self::Sending => "sending the sample",
            Self::Starting => "starting",
            Self::Ending => "ending",
        }
    }
}

/// The status page of one worker.
#[derive(Debug)]
pub(in super::super) struct StatusPage {
    memory: Memory,
}

impl StatusPage {
    pub(in super::super) fn new() -> io::Result<Self> {
        Ok(Self { memory: Memory::new(BYTES)? })
    }

    pub(in super::super) fn received(memory: Handle) -> io::Result<Self> {
        Ok(Self { memory: Memory::received(memory, BYTES)? })
    }

    /// Clears the record of the previous worker.
    pub(in super::super) fn clear(&self) {
        self.words().iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }

    /// Records the begin of a task.
    pub(in super::super) fn begin(&self, task: u64) {
        self.words()[1].store(task.wrapping_add(1), Ordering::Relaxed);
    }

    /// Records the begin of a sample.
    pub(in super::super) fn fill(&self, position: u64, now: u64) {
        self.words()[2].store(position, Ordering::Relaxed);
        self.words()[3].store(now, Ordering::Relaxed);
        self.enter(Phase::Filling);
    }

    /// Records the begin of another activity.
    pub(in super::super) fn enter(&self, phase: Phase) {
        self.words()[0].store(phase as u64, Ordering::Release);
    }

    /// Returns the last task that the worker began.
    pub(in super::super) fn task(&self) -> Option<u64> {
        self.words()[1].load(Ordering::Relaxed).checked_sub(1)
    }

    /// Returns the worker's activity.
    pub(in super::super) fn doing(&self) -> Phase {
        match self.words()[0].load(Ordering::Acquire) {
            1 => Phase::Filling,
            2 => Phase::Encoding,
            3 => Phase::Sending,
            4 => Phase::Starting,
            5 => Phase::Ending,
            _ => Phase::Idle,
        }
    }

    /// Returns the position that the worker is computing and the start time, on the clock of
    /// [`now_nanos`].
    ///
    /// [`now_nanos`]: super::super::sys::now_nanos
    pub(in super::super) fn filling(&self) -> Option<(u64, u64)> {
        let busy = matches!(self.doing(), Phase::Filling | Phase::Encoding | Phase::Sending);
        let word = |number: usize| self.words()[number].load(Ordering::Relaxed);
        busy.then(|| (word(2), word(3)))
    }

    /// Asks the worker to begin no more samples.
    pub(in super::super) fn stop(&self) {
        self.words()[4].store(1, Ordering::Relaxed);
    }

    /// Returns whether the loader asked the worker to stop.
    pub(in super::super) fn is_stopped(&self) -> bool {
        self.words()[4].load(Ordering::Relaxed) != 0
    }

    /// Returns the last index requested from a source, plus one; 0 before the first request.
    pub(in super::super) fn index(&self) -> &AtomicU64 {
        &self.words()[5]
    }

    pub(in super::super) fn handle(&self) -> Option<HandleRef<'_>> {
        self.memory.handle()
    }

    fn words(&self) -> &[AtomicU64; 8] {
        // SAFETY: the mapping is one page, so its size and alignment suffice. Both sides may write,
        // and both access the page only as atomics.
        unsafe { self.memory.start().cast::<[AtomicU64; 8]>().as_ref() }
    }
}
