//! The placement of a worker's samples: in the task's slot, in which large tensors are already
//! built.
//!
//! The worker sends a tensor in the slot by its offset. Most pipelines build several tensors for
//! each one they send (decoded, resized, then stacked), and the others would only fill the slot. A
//! [`Guess`] predicts which tensors to build there. A wrong guess costs only a copy. Out of scope:
//! frames.

use std::sync::Arc;

use super::super::protocol::message::Assignment;
use super::super::protocol::payload::Packing;
use super::super::shm::region::{OpenSlot, Region, Slots};
use crate::backend::log;
use crate::dataset::Tensor;
use crate::dataset::lend::{Lender, Lent};

/// A worker's slots, and the slot in use.
#[derive(Debug, Default)]
pub(in super::super) struct SlotAllocator {
    slots: Option<Slots>,
    open: Option<OpenSlot>,
    guess: Guess,
    /// Whether user code kept a tensor in a slot that was due for reuse.
    keeps: bool,
}

impl SlotAllocator {
    /// Replaces the slots.
    pub(in super::super) fn set(&mut self, slots: Slots) {
        self.slots = Some(slots);
    }

    /// Opens the slot of a new task.
    pub(in super::super) fn open(&mut self, assignment: &Assignment) {
        let (Some(slots), Some((slot, _))) = (&mut self.slots, assignment.slot) else { return };
        self.open = slots.open(slot);
        if self.open.is_none() && !std::mem::replace(&mut self.keeps, true) {
            log::info("processes", || {
                "this worker's code keeps tensors after their sample, so the worker copies them"
                    .into()
            });
        }
    }

    /// Learns from a finished sample which tensors are sent.
    pub(in super::super) fn learn(&mut self, sent: &[Tensor]) {
        self.guess.learn(sent.iter().map(|tensor| tensor.bytes().as_ptr().addr()));
    }

    /// Places all packed tensors and the head in the slot. Returns the offset of the head and the
    /// end of the used bytes; `None` if the slot cannot hold the payload.
    pub(in super::super) fn place(&mut self, packing: &mut Packing) -> Option<(usize, usize)> {
        let open = self.open.as_mut()?;
        for number in 0..packing.tensors().len() {
            let bytes = packing.tensors()[number].bytes();
            let start = match open.place(bytes) {
                Some(start) => start,
                None => put(open, bytes.len(), |place| place.copy_from_slice(bytes))?,
            };
            packing.lies(number, start);
        }
        let start = put(open, packing.head(), |place| packing.write_head(place))?;
        Some((start, open.taken()))
    }

    /// Replaces the slot's content with a whole payload. Returns `None` if a tensor in the slot is
    /// still alive or the slot is too small.
    pub(in super::super) fn replace(&mut self, payload: &[u8]) -> Option<(usize, usize)> {
        let open = self.open.as_mut()?;
        if !open.clear() {
            return None;
        }
        let start = put(open, payload.len(), |place| place.copy_from_slice(payload))?;
        Some((start, open.taken()))
    }

    /// Closes the slot at the end of a task.
    pub(in super::super) fn close(&mut self) {
        self.open = None;
    }
}

impl Lender for SlotAllocator {
    fn lend(&mut self, bytes: usize) -> Option<Arc<dyn Lent>> {
        let wanted = self.guess.is_sent() && !self.keeps;
        let region = self.open.as_mut().filter(|_| wanted)?.take(bytes)?;
        self.guess.built(region.bytes().as_ptr().addr());
        Some(Arc::new(region))
    }

    fn elsewhere(&mut self, at: &[u8]) {
        self.guess.built(at.as_ptr().addr());
    }
}

impl Lent for Region {
    fn bytes(&self) -> &[u8] {
        self.bytes()
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self.bytes_mut()
    }
}

/// Takes a region of the slot and writes to it; returns the region's offset.
fn put(open: &mut OpenSlot, bytes: usize, write: impl FnOnce(&mut [u8])) -> Option<usize> {
    let mut region = open.take(bytes)?;
    write(region.bytes_mut());
    open.place(region.bytes())
}

/// A prediction of which large tensors a sample sends. The prediction is the previous sample's set
/// of sent tensors, numbered in the order of building.
#[derive(Debug, Default)]
struct Guess {
    /// For each tensor in the order of building, whether it was sent.
    sent: Vec<bool>,
    /// The addresses of this sample's tensors.
    built: Vec<usize>,
}

/// The maximum number of tensors that a guess tracks in a sample; the guess predicts no later
/// tensor as sent.
const BUILT_MAX: usize = 4096;

impl Guess {
    /// Returns whether the next tensor will probably be sent.
    fn is_sent(&self) -> bool {
        let next = self.built.len();
        self.sent.get(next).copied().unwrap_or(next < BUILT_MAX)
    }

    /// Records the address of a new tensor.
    fn built(&mut self, at: usize) {
        if self.built.len() < BUILT_MAX {
            self.built.push(at);
        }
    }

    /// Learns that a sample is complete and that the tensors at these addresses are sent.
    fn learn(&mut self, sent: impl Iterator<Item = usize>) {
        if self.built.is_empty() {
            return;
        }
        let mut found = vec![false; self.built.len()];
        for at in sent {
            // The memory of a dropped tensor may hold a later one.
            if let Some(place) = self.built.iter().rposition(|&built| built == at) {
                found[place] = true;
            }
        }
        if found.contains(&true) {
            self.sent = found;
        }
        self.built.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds `count` tensors, of which those at the indices `sent` are sent; returns the indices
    /// of those built in the slot.
    fn sample(guess: &mut Guess, count: usize, sent: &[usize]) -> Vec<usize> {
        let mut inside = Vec::new();
        for place in 0..count {
            inside.extend(guess.is_sent().then_some(place));
            guess.built(100 + place);
        }
        guess.learn(sent.iter().map(|&place| 100 + place));
        inside
    }

    #[test]
    fn a_tensor_that_is_sent_lies_in_the_slot_without_a_copy() {
        use crate::backend::process::sys::Memory;
        use crate::dataset::{Dtype, lend, wire};
        use std::{cell::RefCell, rc::Rc};

        let memory = Memory::new(1 << 20).unwrap();
        let handle = memory.handle().unwrap().try_clone_to_owned().unwrap();
        let mut allocator = SlotAllocator::default();
        allocator.set(Slots::received(handle, 1 << 20, 1).unwrap());
        let allocator = Rc::new(RefCell::new(allocator));
        lend::borrow_from(Some(allocator.clone()));
        for round in 0..3u8 {
            let assignment = Assignment { id: 0, start: 0, count: 1, slot: Some((0, 0)) };
            allocator.borrow_mut().open(&assignment);
            let build = |byte| {
                let fill = |bytes: &mut [u8]| {
                    bytes.fill(byte);
                    Ok(())
                };
                Tensor::build(Dtype::U8, [100_000], fill).unwrap()
            };
            let (other, sent) = (build(99), build(round));
            let wire = wire::encode(&sent).unwrap();
            drop((other, sent));
            let mut packing = Packing::default();
            packing.push(Ok(Some(wire)));
            allocator.borrow_mut().learn(packing.tensors());
            let (start, end) = allocator.borrow_mut().place(&mut packing).unwrap();
            // From the second round on, the unsent tensor is not in the slot either.
            let at = if round == 0 { 100_032 } else { 0 };
            assert_eq!(*memory.part(at..at + 100_000), [round; 100_000]);
            assert_eq!((start, end), (at + 100_032, at + 100_032 + packing.head()));
            packing.clear();
            allocator.borrow_mut().close();
        }
        lend::borrow_from(None);
    }

    #[test]
    fn only_tensors_that_are_sent_are_built_in_the_slot_from_the_second_sample_on() {
        let mut guess = Guess::default();
        assert_eq!(sample(&mut guess, 4, &[3]), [0, 1, 2, 3]);
        assert_eq!(sample(&mut guess, 4, &[3]), [3]);
        assert_eq!(sample(&mut guess, 4, &[1, 3]), [3]);
        assert_eq!(sample(&mut guess, 4, &[1, 3]), [1, 3]);
        // A gap or a fault changes nothing; the extra tensors of a longer sample are built in the
        // slot.
        sample(&mut guess, 2, &[]);
        assert_eq!(sample(&mut guess, 5, &[1, 3]), [1, 3, 4]);
        assert_eq!(sample(&mut guess, 5, &[1, 3]), [1, 3]);
    }

    #[test]
    fn memory_that_is_used_twice_in_a_sample_counts_for_the_later_tensor() {
        let mut guess = Guess::default();
        [7, 8, 7].into_iter().for_each(|at| guess.built(at));
        guess.learn([7].into_iter());
        assert_eq!(guess.sent, [false, false, true]);
    }
}
