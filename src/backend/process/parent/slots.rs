//! The memory of samples in the loader: a slot of a slab, or the heap.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytemuck::Zeroable;

use super::super::protocol::message::{SlabNote, SlotUse};
use super::super::protocol::payload::ALIGN;
use super::super::sys::{self, HandleRef, Memory};
use super::shared::Shared;
use super::slot_table::SlotTable;
use crate::dataset::buffer::CacheLine;

/// Slots of shared memory to which one worker writes.
///
/// A slot's memory is reserved at its first lease.
pub(in super::super) struct Slab {
    memory: Memory,
    table: Mutex<SlotTable>,
    slot_bytes: usize,
    slots: u32,
    /// Whether the driver waits for a slot to come back.
    wanted: AtomicBool,
    driver: Weak<Shared>,
}

impl Slab {
    /// Creates a slab with this number of slots and this size of each, a multiple of the page size.
    pub(in super::super) fn new(
        slots: u32,
        slot_bytes: usize,
        driver: Weak<Shared>,
    ) -> io::Result<Arc<Self>> {
        let bytes = slot_bytes.checked_mul(slots as usize);
        let bytes = bytes.ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let memory = Memory::empty(bytes)?;
        let table = Mutex::new(SlotTable::new(slots));
        let wanted = AtomicBool::new(false);
        Ok(Arc::new(Self { memory, table, slot_bytes, slots, wanted, driver }))
    }

    pub(in super::super) fn note(&self) -> SlabNote {
        SlabNote { slot_bytes: self.slot_bytes as u64, slots: self.slots }
    }

    pub(in super::super) fn slot_bytes(&self) -> usize {
        self.slot_bytes
    }

    /// Leases a slot, which becomes free again when the lease is dropped. Returns `None` if no slot
    /// is free, or if only inactive ones are free and `any` is false.
    ///
    /// # Errors
    /// Fails if the system has no memory for a slot at its first use.
    pub(in super::super) fn lease(self: &Arc<Self>, any: bool) -> io::Result<Option<Lease>> {
        let mut table = self.table();
        let Some(place) = table.lease(any) else { return Ok(None) };
        let is_ready = table.is_ready(place);
        drop(table);
        let lease = Lease { slab: self.clone(), place };
        if !is_ready {
            let free = sys::memory_available().unwrap_or(u64::MAX);
            if free / 2 < self.slot_bytes as u64 {
                let bytes = self.slot_bytes;
                let why =
                    format!("{bytes} bytes are more than half of the {free} bytes of free memory");
                return Err(io::Error::other(why));
            }
            let start = place.slot as usize * self.slot_bytes;
            self.memory.reserve(start..start + self.slot_bytes)?;
            self.table().make_ready(place);
        }
        Ok(Some(lease))
    }

    /// Returns whether a slot in use may soon come back; the slab then wakes the driver.
    pub(in super::super) fn is_worth_waiting_for(&self) -> bool {
        self.wanted.store(true, Ordering::SeqCst);
        let waits = self.table().has_only_others();
        if !waits {
            self.wanted.store(false, Ordering::SeqCst);
        }
        waits
    }

    /// Returns whether the driver still waits for a slot.
    pub(in super::super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::SeqCst)
    }

    pub(in super::super) fn memory(&self) -> Option<HandleRef<'_>> {
        self.memory.handle()
    }

    fn table(&self) -> std::sync::MutexGuard<'_, SlotTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Slab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slab")
            .field("slots", &self.slots)
            .field("slot_bytes", &self.slot_bytes)
            .finish_non_exhaustive()
    }
}

/// The use of one slot.
#[derive(Debug)]
pub(in super::super) struct Lease {
    slab: Arc<Slab>,
    place: SlotUse,
}

impl Lease {
    pub(in super::super) fn place(&self) -> SlotUse {
        self.place
    }

    /// Converts the lease into the payload in the slot's first `bytes` bytes, with the count at
    /// `start`. Returns `None` if the slot is smaller.
    pub(in super::super) fn deliver(self, start: u64, bytes: u64) -> Option<Payload> {
        let start = usize::try_from(start).ok()?;
        let bytes = usize::try_from(bytes).ok().filter(|&bytes| bytes <= self.slab.slot_bytes)?;
        let delivered = self.slab.table().deliver(self.place);
        delivered.then_some(Payload::Slot { lease: self, start, bytes })
    }

    /// Returns whether the lease is for a slot of that slab.
    pub(in super::super) fn is_of(&self, slab: &Arc<Slab>) -> bool {
        Arc::ptr_eq(&self.slab, slab)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.slab.table().give_back(self.place);
        if self.slab.wanted.swap(false, Ordering::SeqCst)
            && let Some(driver) = self.slab.driver.upgrade()
        {
            driver.ring();
        }
    }
}

/// The bytes of a payload; the drop frees its memory or slot.
#[derive(Debug)]
pub(in super::super) enum Payload {
    Slot { lease: Lease, start: usize, bytes: usize },
    Heap(Collected),
}

impl Payload {
    pub(in super::super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Slot { lease, bytes, .. } => {
                let start = lease.place.slot as usize * lease.slab.slot_bytes;
                lease.slab.memory.part(start..start + bytes)
            }
            Self::Heap(collected) => collected.bytes(),
        }
    }

    /// Returns the offset of the count in the bytes.
    pub(in super::super) fn start(&self) -> usize {
        match self {
            Self::Slot { start, .. } => *start,
            Self::Heap(_) => 0,
        }
    }
}

/// Bytes on the heap that arrive in pieces. The buffer allocates memory only for bytes that have
/// arrived.
#[derive(Debug, Default)]
pub(in super::super) struct Collected {
    lines: Vec<CacheLine>,
    bytes: usize,
}

impl Collected {
    pub(in super::super) fn of(bytes: &[u8]) -> Self {
        let mut collected = Self::default();
        collected.push(bytes);
        collected
    }

    pub(in super::super) fn push(&mut self, piece: &[u8]) {
        let end = self.bytes + piece.len();
        self.lines.resize(end.div_ceil(ALIGN), CacheLine::zeroed());
        let all: &mut [u8] = bytemuck::cast_slice_mut(&mut self.lines);
        all[self.bytes..end].copy_from_slice(piece);
        self.bytes = end;
    }

    fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.lines)[..self.bytes]
    }
}

/// A delivered payload. Its bytes count as held until the drop.
#[derive(Debug)]
pub(in super::super) struct Handed {
    payload: Payload,
    held: Arc<AtomicU64>,
}

impl Handed {
    /// Adds the payload's bytes to the held bytes.
    pub(in super::super) fn new(payload: Payload, held: &Arc<AtomicU64>) -> Self {
        held.fetch_add(payload.bytes().len() as u64, Ordering::Relaxed);
        Self { payload, held: held.clone() }
    }

    pub(in super::super) fn bytes(&self) -> &[u8] {
        self.payload.bytes()
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        self.held.fetch_sub(self.payload.bytes().len() as u64, Ordering::Relaxed);
    }
}

/// A range of a payload that holds a tensor.
#[derive(Debug)]
pub(in super::super) struct PayloadRange {
    pub(in super::super) payload: Arc<Handed>,
    pub(in super::super) place: std::ops::Range<usize>,
}

impl AsRef<[u8]> for PayloadRange {
    fn as_ref(&self) -> &[u8] {
        &self.payload.bytes()[self.place.clone()]
    }
}
