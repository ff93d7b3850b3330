//! The management of the workers' slots: number, size, and fallback without enough memory.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::backend::log;
use crate::backend::process::parent::shared::Shared;
use crate::backend::process::parent::slots::{Lease, Slab};
use crate::backend::process::pool::Wait;
use crate::backend::process::sys;

/// The number of payloads in a row without a free slot that shows that the caller keeps samples.
const WITHOUT_SLOT: u32 = 32;
const SLOTS_MIN: usize = 4;
const SLOTS_MAX: usize = 64;
/// The unit of slot sizes, in bytes.
const SLOT_STEP: usize = 64 << 10;
const SMALL_SLOT: usize = 1 << 20;

/// The slots of one worker.
#[derive(Default)]
pub(super) struct Slots {
    pub(super) slab: Option<Arc<Slab>>,
    /// Whether a task waits for a slot.
    waits: bool,
    /// The number of payloads in a row that came in pieces because no slot was free.
    without_slot: u32,
    /// The size of the payload for which memory for slots was not available.
    refused: Option<usize>,
}

impl Slots {
    /// Records that a payload came in a slot.
    pub(super) fn worked(&mut self) {
        self.without_slot = 0;
    }

    /// Drops slots whose memory the worker cannot access; the worker copies samples from now on.
    /// Returns whether the worker had slots.
    pub(super) fn give_up(&mut self) -> bool {
        let had = self.slab.take().is_some();
        if had {
            self.refused = Some(0);
        }
        had
    }
}

/// The slots of all workers.
pub(super) struct AllSlots {
    pub(super) workers: Vec<Slots>,
    shared: Arc<Shared>,
    /// The number of bytes that may be ready ahead of the caller.
    ahead_bytes: u64,
    warned: bool,
    /// Whether memory for slots was lacking.
    short: bool,
}

impl AllSlots {
    pub(super) fn new(shared: &Arc<Shared>, ahead_bytes: u64) -> Self {
        let workers = shared.pages.iter().map(|_| Slots::default()).collect();
        Self { workers, shared: shared.clone(), ahead_bytes, warned: false, short: false }
    }

    /// Clears the waits at the start of a new assignment of tasks.
    pub(super) fn begin(&mut self) {
        self.workers.iter_mut().for_each(|slots| slots.waits = false);
    }

    /// Leases a slot for the next task of a worker, if one is free.
    ///
    /// # Errors
    /// Returns [`Wait`] if the task would only queue behind another one and a slot may come back
    /// soon.
    pub(super) fn lease(&mut self, number: usize, is_idle: bool) -> Result<Option<Lease>, Wait> {
        let slots = &mut self.workers[number];
        let Some(slab) = &slots.slab else { return Ok(None) };
        if !is_idle && slab.is_worth_waiting_for() {
            slots.waits = true;
            return Err(Wait);
        }
        let bytes = slab.slot_bytes();
        Ok(slab.lease(is_idle).unwrap_or_else(|error| {
            self.short_of_memory(bytes, &error);
            None
        }))
    }

    /// Returns whether an awaited slot has come back.
    pub(super) fn came_back(&self) -> bool {
        let back = |slab: &Arc<Slab>| !slab.is_wanted();
        self.workers.iter().any(|slots| slots.waits && slots.slab.as_ref().is_some_and(back))
    }

    /// Prepares for the next payloads of a worker after one of this size came without a slot.
    /// Returns new slots to send, if any.
    pub(super) fn widen(
        &mut self,
        number: usize,
        bytes: usize,
        lease: Option<&Lease>,
    ) -> Option<Arc<Slab>> {
        let slots = &mut self.workers[number];
        let fits = slots.slab.as_ref().filter(|slab| bytes <= slab.slot_bytes());
        // A worker that had a large enough slot and did not use it runs code that keeps tensors.
        let kept = |slab: &Arc<Slab>| lease.is_some_and(|lease| lease.is_of(slab));
        if fits.is_some_and(|slab| !kept(slab)) {
            slots.without_slot += u32::from(lease.is_none());
            let without_slot = slots.without_slot >= WITHOUT_SLOT && !self.short;
            if without_slot && self.is_hoarded() && !std::mem::replace(&mut self.warned, true) {
                log::warn("processes", || {
                    "the caller keeps many samples in shared memory, so the workers copy the next \
                     ones; copy the samples that the program keeps"
                        .into()
                });
            }
            return None;
        }
        if slots.refused.is_some_and(|refused| bytes >= refused) {
            return None;
        }
        match self.slab(bytes) {
            Ok(slab) => {
                self.workers[number].slab = Some(slab.clone());
                Some(slab)
            }
            Err(error) => {
                self.workers[number].refused = Some(bytes);
                self.short_of_memory(bytes, &error);
                None
            }
        }
    }

    /// Returns whether the held bytes exceed the bytes that can be on their way to the caller. The
    /// caller must then be keeping samples.
    fn is_hoarded(&self) -> bool {
        let slot = |slots: &Slots| slots.slab.as_ref().map_or(0, |slab| slab.slot_bytes() as u64);
        let making: u64 = self.workers.iter().map(slot).sum();
        let ahead = self.ahead_bytes.saturating_mul(2).saturating_add(making);
        self.shared.held.load(Ordering::Relaxed) > ahead
    }

    /// Creates slots for payloads of about this size.
    fn slab(&self, bytes: usize) -> io::Result<Arc<Slab>> {
        let wanted = if bytes < SMALL_SLOT { bytes.saturating_mul(2) } else { bytes + bytes / 8 };
        let slot = wanted.max(4 * SLOT_STEP).next_multiple_of(SLOT_STEP);
        let workers = self.workers.len() as u64;
        let ahead = (self.ahead_bytes / slot as u64 / workers) as usize;
        let free = sys::memory_available().unwrap_or(u64::MAX);
        let room = usize::try_from(free / 2 / workers / slot as u64).unwrap_or(usize::MAX);
        let slots = (ahead + SLOTS_MIN).min(SLOTS_MAX).min(room);
        if slots < SLOTS_MIN {
            return Err(io::Error::other(format!(
                "{SLOTS_MIN} slots of {slot} bytes for each of {workers} workers are more than half \
                 of the {free} bytes that are free"
            )));
        }
        Slab::new(slots as u32, slot, Arc::downgrade(&self.shared))
    }

    /// Warns once that samples take the slower path.
    fn short_of_memory(&mut self, bytes: usize, error: &io::Error) {
        if !std::mem::replace(&mut self.short, true) {
            log::warn("processes", || {
                format!(
                    "no shared memory for samples of {bytes} bytes: {error}; they go through the \
                     socket, which is slower; free some memory, or use fewer workers or smaller \
                     batches"
                )
            });
        }
    }
}
