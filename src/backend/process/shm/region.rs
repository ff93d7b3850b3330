//! The worker's side of slots: regions of shared memory that tensors are built in.
//!
//! Regions of one slot never overlap while they live, and a slot is opened for another task only
//! when no region of it lives any more. So what is in a region stays as it is for whoever keeps it,
//! and [`Region`] may give out its bytes, to write to as well, as if it were a `Vec`.
#![expect(unsafe_code, reason = "tensors are built in shared memory")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::sys::{Handle, Memory};

/// Regions start at multiples of this.
const ALIGN: usize = 64;

/// Slots of equal size in memory that came from the loader.
#[derive(Debug)]
pub(in super::super) struct Slots {
    memory: Arc<Memory>,
    slot_bytes: usize,
    /// For each slot, how many regions of it live, and one more while it is open.
    uses: Vec<Arc<AtomicUsize>>,
    /// For each slot, whether it was open before.
    known: Vec<bool>,
}

impl Slots {
    /// Maps the memory.
    pub(in super::super) fn received(
        handle: Handle,
        slot_bytes: u64,
        slots: u32,
    ) -> io::Result<Self> {
        let much = || io::Error::other("the slots take more than all memory");
        let slot_bytes = usize::try_from(slot_bytes).map_err(|_| much())?;
        let bytes = slot_bytes.checked_mul(slots as usize).ok_or_else(much)?;
        let memory = Arc::new(Memory::received(handle, bytes)?);
        let uses = (0..slots).map(|_| Arc::default()).collect();
        Ok(Self { memory, slot_bytes, uses, known: vec![false; slots as usize] })
    }

    /// Opens a slot; `None` if there is no such slot, it is open, or something in it is kept.
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

/// A slot that regions are taken from.
#[derive(Debug)]
pub(in super::super) struct OpenSlot {
    part: Span,
    /// How many bytes from the start are given away.
    taken: usize,
}

impl OpenSlot {
    /// The next so many bytes, if the slot has them.
    pub(in super::super) fn take(&mut self, bytes: usize) -> Option<Region> {
        let start = self.taken.checked_next_multiple_of(ALIGN)?;
        let end = start.checked_add(bytes).filter(|&end| end <= self.part.bytes)?;
        self.taken = end;
        self.part.uses.fetch_add(1, Ordering::Relaxed);
        let Span { memory, uses, .. } = &self.part;
        let (memory, uses) = (memory.clone(), uses.clone());
        Some(Region(Span { memory, start: self.part.start + start, bytes, uses }))
    }

    /// How many bytes from the slot's start are given away.
    pub(in super::super) fn taken(&self) -> usize {
        self.taken
    }

    /// Takes all regions back; false if one of them lives.
    pub(in super::super) fn clear(&mut self) -> bool {
        let alone = self.part.uses.load(Ordering::Acquire) == 1;
        if alone {
            self.taken = 0;
        }
        alone
    }

    /// Where in the slot these bytes lie, if they do.
    pub(in super::super) fn place(&self, bytes: &[u8]) -> Option<usize> {
        let start = self.part.memory.start().as_ptr().addr() + self.part.start;
        let at = bytes.as_ptr().addr().checked_sub(start)?;
        (at.checked_add(bytes.len())? <= self.part.bytes).then_some(at)
    }
}

/// A part of a slot that belongs to one owner.
#[derive(Debug)]
pub(in super::super) struct Region(Span);

impl Region {
    pub(in super::super) fn bytes(&self) -> &[u8] {
        // SAFETY: the part lies in the mapping, which lives as long as `memory`. Only this region's
        // owner writes to it in this process, through `&mut self`; see the module. The loader maps
        // it for reading.
        unsafe { std::slice::from_raw_parts(self.0.pointer(), self.0.bytes) }
    }

    pub(in super::super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; the mapping is for writing, since `Memory::received` made it.
        unsafe { std::slice::from_raw_parts_mut(self.0.pointer(), self.0.bytes) }
    }
}

/// A place in the memory that counts as a use of its slot.
#[derive(Debug)]
struct Span {
    memory: Arc<Memory>,
    start: usize,
    bytes: usize,
    uses: Arc<AtomicUsize>,
}

impl Span {
    fn pointer(&self) -> *mut u8 {
        // SAFETY: `start` is in the mapping: only parts of slots that are in it are made.
        unsafe { self.memory.start().as_ptr().add(self.start) }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        // Whoever opens the slot next has seen all that was done with this part.
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
