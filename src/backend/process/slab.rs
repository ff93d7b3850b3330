//! Where samples lie in the loader: a slot of a slab, or the heap.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytemuck::{Pod, Zeroable};

use super::ledger::{Ledger, Place};
use super::message::SlabNote;
use super::parcel::ALIGN;
use super::sys::{HandleRef, Memory};

/// Slots of shared memory that one worker writes to.
#[derive(Debug)]
pub(super) struct Slab {
    memory: Memory,
    ledger: Mutex<Ledger>,
    slot_bytes: usize,
    slots: u32,
}

impl Slab {
    /// A slab of so many slots of at least so many bytes.
    pub(super) fn new(slots: u32, slot_bytes: usize) -> io::Result<Arc<Self>> {
        let bytes = slot_bytes.checked_mul(slots as usize);
        let bytes = bytes.ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let memory = Memory::new(bytes, false)?;
        Ok(Arc::new(Self { memory, ledger: Mutex::new(Ledger::new(slots)), slot_bytes, slots }))
    }

    pub(super) fn note(&self) -> SlabNote {
        SlabNote { slot_bytes: self.slot_bytes as u64, slots: self.slots }
    }

    pub(super) fn slot_bytes(&self) -> usize {
        self.slot_bytes
    }

    /// Leases a slot, which is free again when the lease is dropped.
    pub(super) fn lease(self: &Arc<Self>) -> Option<Lease> {
        let place = self.ledger().lease()?;
        Some(Lease { slab: self.clone(), place })
    }

    pub(super) fn memory(&self) -> HandleRef<'_> {
        self.memory.handle()
    }

    fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The use of one slot.
#[derive(Debug)]
pub(super) struct Lease {
    slab: Arc<Slab>,
    place: Place,
}

impl Lease {
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// What the worker wrote, if the slot can hold that much.
    pub(super) fn deliver(self, bytes: u64) -> Option<Parcel> {
        let bytes = usize::try_from(bytes).ok().filter(|&bytes| bytes <= self.slab.slot_bytes)?;
        let delivered = self.slab.ledger().deliver(self.place);
        delivered.then_some(Parcel::Slot(self, bytes))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.slab.ledger().give_back(self.place);
    }
}

/// Memory that starts at a multiple of 64.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
pub(super) struct Line([u8; ALIGN]);

/// The bytes of a parcel, which is given back when nobody needs it any more.
#[derive(Debug)]
pub(super) enum Parcel {
    Slot(Lease, usize),
    Heap(Collected),
}

impl Parcel {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Slot(lease, bytes) => {
                let start = lease.place.slot as usize * lease.slab.slot_bytes;
                &lease.slab.memory.bytes()[start..start + bytes]
            }
            Self::Heap(collected) => collected.bytes(),
        }
    }
}

/// Bytes on the heap that come in pieces. No memory is taken for bytes that have not come.
#[derive(Debug, Default)]
pub(super) struct Collected {
    lines: Vec<Line>,
    bytes: usize,
}

impl Collected {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut collected = Self::default();
        collected.push(bytes);
        collected
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        let end = self.bytes + piece.len();
        self.lines.resize(end.div_ceil(ALIGN), Line::zeroed());
        let all: &mut [u8] = bytemuck::cast_slice_mut(&mut self.lines);
        all[self.bytes..end].copy_from_slice(piece);
        self.bytes = end;
    }

    pub(super) fn len(&self) -> usize {
        self.bytes
    }

    fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.lines)[..self.bytes]
    }
}

/// A part of a parcel, for a tensor to lie in.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) parcel: Arc<Parcel>,
    pub(super) place: std::ops::Range<usize>,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.parcel.bytes()[self.place.clone()]
    }
}
