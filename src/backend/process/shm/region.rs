//! The worker's side of slots: regions of shared memory in which tensors are built.
//!
//! Live regions of one slot never overlap. A slot opens for another task only when none of its
//! regions is alive. Therefore the bytes of a region stay unchanged for its owner, and [`Region`]
//! may lend them, also for writing, like a `Vec`.
#![expect(unsafe_code, reason = "tensors are built in shared memory")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::sys::{Handle, Memory};

/// The alignment of regions.
const ALIGN: usize = 64;

/// Slots of equal size in memory from the loader.
#[derive(Debug)]
pub(in super::super) struct Slots {
    memory: Arc<Memory>,
    slot_bytes: usize,
    /// For each slot, the number of its live regions, plus one while the slot is open.
    uses: Vec<Arc<AtomicUsize>>,
    /// For each slot, whether it was open before.
    known: Vec<bool>,
}

impl Slots {
    /// Maps the loader's memory.
    pub(in super::super) fn received(
        handle: Handle,
        slot_bytes: u64,
        slots: u32,
    ) -> io::Result<Self> {
        let much = || io::Error::other("the size of the slots overflows this platform's memory");
        let slot_bytes = usize::try_from(slot_bytes).map_err(|_| much())?;
        let bytes = slot_bytes.checked_mul(slots as usize).ok_or_else(much)?;
        let memory = Arc::new(Memory::received(handle, bytes)?);
        let uses = (0..slots).map(|_| Arc::default()).collect();
        Ok(Self { memory, slot_bytes, uses, known: vec![false; slots as usize] })
    }

    /// Opens a slot; returns `None` if the slot does not exist, is open, or has a live region.
    pub(in super::super) fn open(&mut self, slot: u32) -> Option<OpenSlot> {
        let uses = self.uses.get(slot as usize)?.clone();
        uses.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).ok()?;
        let start = slot as usize * self.slot_bytes;
        if !std::mem::replace(&mut self.known[slot as usize], true) {
            self.memory.populate(start..start + self.slot_bytes);
        }
        let part = Span { memory: self.memory.clone(), start, bytes: self.slot_bytes, uses };
        Some(OpenSlot { part, taken: 0 })
    }
}

/// A slot from which the worker takes regions.
#[derive(Debug)]
pub(in super::super) struct OpenSlot {
    part: Span,
    /// The number of bytes taken, from the start.
    taken: usize,
}

impl OpenSlot {
    /// Takes the next `bytes` bytes, if the slot has that many.
    pub(in super::super) fn take(&mut self, bytes: usize) -> Option<Region> {
        let start = self.taken.checked_next_multiple_of(ALIGN)?;
        let end = start.checked_add(bytes).filter(|&end| end <= self.part.bytes)?;
        self.taken = end;
        self.part.uses.fetch_add(1, Ordering::Relaxed);
        let Span { memory, uses, .. } = &self.part;
        let (memory, uses) = (memory.clone(), uses.clone());
        Some(Region(Span { memory, start: self.part.start + start, bytes, uses }))
    }

    /// Returns how many bytes are taken, from the slot's start.
    pub(in super::super) fn taken(&self) -> usize {
        self.taken
    }

    /// Makes the whole slot free again; returns false if one of its regions is alive.
    pub(in super::super) fn clear(&mut self) -> bool {
        let alone = self.part.uses.load(Ordering::Acquire) == 1;
        if alone {
            self.taken = 0;
        }
        alone
    }

    /// Returns the offset of these bytes in the slot, if they lie there.
    pub(in super::super) fn place(&self, bytes: &[u8]) -> Option<usize> {
        let start = self.part.memory.start().as_ptr().addr() + self.part.start;
        let at = bytes.as_ptr().addr().checked_sub(start)?;
        (at.checked_add(bytes.len())? <= self.part.bytes).then_some(at)
    }
}

/// A part of a slot with one owner.
#[derive(Debug)]
pub(in super::super) struct Region(Span);

impl Region {
    pub(in super::super) fn bytes(&self) -> &[u8] {
        // SAFETY: the part lies in the mapping, which lives as long as `memory`. In this process,
        // only this region's owner writes to the part, through `&mut self`; see the module. The
        // loader maps the memory read-only.
        unsafe { std::slice::from_raw_parts(self.0.pointer(), self.0.bytes) }
    }

    pub(in super::super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; `Memory::received` created a writable mapping.
        unsafe { std::slice::from_raw_parts_mut(self.0.pointer(), self.0.bytes) }
    }
}

/// A range of the memory that counts as a use of its slot.
#[derive(Debug)]
struct Span {
    memory: Arc<Memory>,
    start: usize,
    bytes: usize,
    uses: Arc<AtomicUsize>,
}

impl Span {
    fn pointer(&self) -> *mut u8 {
        // SAFETY: `start` lies in the mapping: spans are created only for parts of slots inside it.
        unsafe { self.memory.start().as_ptr().add(self.start) }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        // The release orders all accesses to this part before the slot's next opening.
        self.uses.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(slots: u32) -> Slots {
        let memory = Memory::new(4096 * slots as usize).unwrap();
        Slots::received(memory.handle().unwrap().try_clone_to_owned().unwrap(), 4096, slots)
            .unwrap()
    }

    #[test]
    fn a_slot_is_not_opened_while_something_in_it_is_kept() {
        let mut slots = slots(2);
        assert!(slots.open(2).is_none());
        let mut open = slots.open(1).unwrap();
        assert!(slots.open(1).is_none() && slots.open(0).is_some());
        let mut kept = open.take(100).unwrap();
        kept.bytes_mut().fill(7);
        assert!(!open.clear());
        drop(open);
        assert!(slots.open(1).is_none());
        assert_eq!(kept.bytes(), [7; 100]);
        drop(kept);
        assert_eq!(slots.open(1).map(|open| open.taken()), Some(0));
    }

    #[test]
    fn regions_lie_one_after_another_and_inside_their_slot() {
        let mut slots = slots(3);
        let mut open = slots.open(1).unwrap();
        let regions = [open.take(65).unwrap(), open.take(0).unwrap(), open.take(3968).unwrap()];
        assert_eq!(
            regions.each_ref().map(|region| open.place(region.bytes()).unwrap()),
            [0, 128, 128]
        );
        assert_eq!(open.taken(), 4096);
        assert!(open.take(1).is_none() && open.take(usize::MAX).is_none());
        let mut other = slots.open(2).unwrap();
        assert_eq!(open.place(other.take(1).unwrap().bytes()), None);
        drop(regions);
        assert!(open.clear() && open.take(4096).is_some());
    }
}
