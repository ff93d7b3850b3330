//! The page: a page on which a worker keeps what it is doing, for the loader to read at any time,
//! also after the worker's death.
//!
//! Nothing on it is believed, since user code may write over it. It can name a sample in an error or
//! make a time limit end early; no wait depends on it. A worker that it tells to stop ends and says
//! so, which its loader takes for a crash unless the loader did tell it.
#![expect(unsafe_code, reason = "a page that two processes share is seen as atomics")]

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::sys::{Handle, HandleRef, Memory};

const BYTES: usize = 4096;

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Phase {
    /// Nothing, or between two samples.
    Idle = 0,
    /// Makes a sample.
    Filling = 1,
    /// Encodes it.
    Encoding = 2,
    /// Sends what it made.
    Sending = 3,
    /// Opens its pipeline.
    Starting = 4,
    /// Ends in good order.
    Ending = 5,
}

impl Phase {
    pub(in super::super) fn name(self) -> &'static str {
        match self {
            Self::Idle => "between samples",
            Self::Filling => "making the sample",
            Self::Encoding => "encoding the sample",
            Self::Sending => "sending the sample",
            Self::Starting => "starting",
            Self::Ending => "ending",
        }
    }
}

/// See the [module](self).
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

    /// Forgets what the last worker did.
    pub(in super::super) fn clear(&self) {
        self.words().iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }

    /// A task is begun.
    pub(in super::super) fn begin(&self, task: u64) {
        self.words()[1].store(task.wrapping_add(1), Ordering::Relaxed);
    }

    /// A sample is begun.
    pub(in super::super) fn fill(&self, position: u64, now: u64) {
        self.words()[2].store(position, Ordering::Relaxed);
        self.words()[3].store(now, Ordering::Relaxed);
        self.enter(Phase::Filling);
    }

    /// Something else is begun.
    pub(in super::super) fn enter(&self, phase: Phase) {
        self.words()[0].store(phase as u64, Ordering::Release);
    }

    /// The task that was begun last.
    pub(in super::super) fn task(&self) -> Option<u64> {
        self.words()[1].load(Ordering::Relaxed).checked_sub(1)
    }

    /// What the worker does.
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

    /// The position that is being filled, and since when, on the clock of [`now_nanos`].
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

    /// Whether no more samples should be begun.
    pub(in super::super) fn is_stopped(&self) -> bool {
        self.words()[4].load(Ordering::Relaxed) != 0
    }

    /// The index that was last asked of a source, plus one; 0 before the first.
    pub(in super::super) fn index(&self) -> &AtomicU64 {
        &self.words()[5]
    }

    pub(in super::super) fn handle(&self) -> Option<HandleRef<'_>> {
        self.memory.handle()
    }

    fn words(&self) -> &[AtomicU64; 8] {
        // SAFETY: the mapping is a page, so it is long and aligned enough, it is writable on both
        // sides, and it is only ever seen as atomics.
        unsafe { self.memory.start().cast::<[AtomicU64; 8]>().as_ref() }
    }
}
