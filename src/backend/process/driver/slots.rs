//! Slots for the workers: how many, how large, and what if there is no memory for them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::backend::log;
use crate::backend::process::parent::shared::Shared;
use crate::backend::process::parent::slots::{Lease, Slab};
use crate::backend::process::pool::Wait;
use crate::backend::process::sys;

/// Payloads without a slot, in a row, that say that the caller keeps what it receives.
const WITHOUT_SLOT: u32 = 32;
const SLOTS_MIN: usize = 4;
const SLOTS_MAX: usize = 64;
/// Slots are multiples of this.
const SLOT_STEP: usize = 64 << 10;
const SMALL_SLOT: usize = 1 << 20;

/// The slots of one worker.
#[derive(Default)]
pub(super) struct Slots {
    pub(super) slab: Option<Arc<Slab>>,
    /// Whether a task waits for one of them to come back.
    waits: bool,
    /// Payloads that came in pieces because no slot was free, in a row.
    without_slot: u32,
    /// A payload so large that there was no memory for slots.
    refused: Option<usize>,
}

impl Slots {
    /// A payload came by a slot.
    pub(super) fn worked(&mut self) {
        self.without_slot = 0;
    }

    /// There is no reaching the memory of these: samples are copied from now on. Whether there was
    /// any.
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
    /// What may be ready ahead of the caller, in bytes.
    ahead_bytes: u64,
    warned: bool,
    /// Whether there was no memory for slots.
    short: bool,
}

impl AllSlots {
    pub(super) fn new(shared: &Arc<Shared>, ahead_bytes: u64) -> Self {
        let workers = shared.pages.iter().map(|_| Slots::default()).collect();
        Self { workers, shared: shared.clone(), ahead_bytes, warned: false, short: false }
    }

    /// Tasks are given anew: none waits for a slot.
    pub(super) fn begin(&mut self) {
        self.workers.iter_mut().for_each(|slots| slots.waits = false);
    }

    /// A slot for the next task of a worker, if there is one.
    ///
    /// # Errors
    /// [`Wait`], for a task that would only wait behind another.
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

    /// Whether a slot came back that was waited for.
    pub(super) fn came_back(&self) -> bool {
        let back = |slab: &Arc<Slab>| !slab.is_wanted();
        self.workers.iter().any(|slots| slots.waits && slots.slab.as_ref().is_some_and(back))
    }

    /// Sees to it that the next payloads of a worker come by slots, after one of this size did not:
    /// new slots, if there are any.
    pub(super) fn widen(
        &mut self,
        number: usize,
        bytes: usize,
        lease: Option<&Lease>,
    ) -> Option<Arc<Slab>> {
        let slots = &mut self.workers[number];
        let fits = slots.slab.as_ref().filter(|slab| bytes <= slab.slot_bytes());
        // A worker that had such a slot and did not use it has code that keeps what lies there.
        let kept = |slab: &Arc<Slab>| lease.is_some_and(|lease| lease.is_of(slab));
        if fits.is_some_and(|slab| !kept(slab)) {
            slots.without_slot += u32::from(lease.is_none());
            let without_slot = slots.without_slot >= WITHOUT_SLOT && !self.short;
            if without_slot && self.is_hoarded() && !std::mem::replace(&mut self.warned, true) {
                log::warn("processes", || {
                    "the caller keeps many samples that lie in shared memory, so the next ones are \
                     copied; copy what is to be kept"
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

    /// Whether more is held than can be on its way to the caller, so that the caller keeps it.
    fn is_hoarded(&self) -> bool {
        let slot = |slots: &Slots| slots.slab.as_ref().map_or(0, |slab| slab.slot_bytes() as u64);
        let making: u64 = self.workers.iter().map(slot).sum();
        let ahead = self.ahead_bytes.saturating_mul(2).saturating_add(making);
        self.shared.held.load(Ordering::Relaxed) > ahead
    }

    /// Slots for payloads of about this size.
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

    /// Says once that samples take the slow way.
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
