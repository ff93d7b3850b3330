//! Slots for the workers: how many, how large, and what if there is no memory for them. The
//! supervisor's store.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::seat::Seat;
use super::slab::{Lease, Slab};
use super::supervisor::Supervisor;
use super::sys;
use crate::backend::log;

/// Parcels without a slot, in a row, that say that the caller keeps what it receives.
const WITHOUT_SLOT: u32 = 32;
const SLOTS_MIN: usize = 4;
const SLOTS_MAX: usize = 64;
/// Slots are multiples of this.
const SLOT_STEP: usize = 64 << 10;
const SMALL_SLOT: usize = 1 << 20;

/// The task should be given when a slot in use comes back: most often that takes less than the task
/// before it, and another slot is slow at first and drives the others out of the cache. If none comes
/// back, the worker is soon idle and gets any.
pub(super) struct Wait;

impl Supervisor {
    /// A slot for the next task of a worker, if there is one.
    ///
    /// # Errors
    /// [`Wait`], for a task that would only wait behind another.
    pub(super) fn lease(&mut self, number: usize, is_idle: bool) -> Result<Option<Lease>, Wait> {
        let seat = &mut self.seats[number];
        let Some(slab) = &seat.slab else { return Ok(None) };
        if !is_idle && slab.is_worth_waiting_for() {
            seat.waits = true;
            return Err(Wait);
        }
        let bytes = slab.slot_bytes();
        Ok(slab.lease(is_idle).unwrap_or_else(|error| {
            self.short_of_memory(bytes, &error);
            None
        }))
    }

    /// Whether a slot came back that was waited for.
    pub(super) fn slot_came_back(&self) -> bool {
        let back = |slab: &Arc<Slab>| !slab.is_wanted();
        self.seats.iter().any(|seat| seat.waits && seat.slab.as_ref().is_some_and(back))
    }

    /// Sees to it that the next parcels are sent by slots, after one of this size was not.
    pub(super) fn widen(&mut self, number: usize, bytes: usize, lease: Option<Lease>) {
        let seat = &mut self.seats[number];
        let fits = seat.slab.as_ref().filter(|slab| bytes <= slab.slot_bytes());
        // A worker that had such a slot and did not use it has code that keeps what lies there.
        let kept = |slab: &Arc<Slab>| lease.as_ref().is_some_and(|lease| lease.is_of(slab));
        if fits.is_some_and(|slab| !kept(slab)) {
            seat.without_slot += u32::from(lease.is_none());
            let without_slot = seat.without_slot >= WITHOUT_SLOT && !self.short;
            if without_slot && self.is_hoarded() && !std::mem::replace(&mut self.warned, true) {
                log::warn("processes", || {
                    "the caller keeps many samples that lie in shared memory, so the next ones are \
                     copied; copy what is to be kept"
                        .into()
                });
            }
            return;
        }
        let seat = &mut self.seats[number];
        if seat.refused_slot.is_some_and(|refused| bytes >= refused) {
            return;
        }
        match self.slab(bytes) {
            Ok(slab) => {
                let seat = &mut self.seats[number];
                if let Some(worker) = &mut seat.worker {
                    worker.post_slab(&slab);
                }
                seat.slab = Some(slab);
            }
            Err(error) => {
                self.seats[number].refused_slot = Some(bytes);
                self.short_of_memory(bytes, &error);
            }
        }
    }

    /// Whether more is held than can be on its way to the caller, so that the caller keeps it.
    fn is_hoarded(&self) -> bool {
        let slot = |seat: &Seat| seat.slab.as_ref().map_or(0, |slab| slab.slot_bytes() as u64);
        let making: u64 = self.seats.iter().map(slot).sum();
        let ahead = self.settings.ahead_bytes.saturating_mul(2).saturating_add(making);
        self.shared.held.load(Ordering::Relaxed) > ahead
    }

    /// Slots for parcels of about this size.
    fn slab(&self, bytes: usize) -> io::Result<Arc<Slab>> {
        let wanted = if bytes < SMALL_SLOT { bytes.saturating_mul(2) } else { bytes + bytes / 8 };
        let slot = wanted.max(4 * SLOT_STEP).next_multiple_of(SLOT_STEP);
        let workers = self.shared.boards.len() as u64;
        let ahead = (self.settings.ahead_bytes / slot as u64 / workers) as usize;
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
