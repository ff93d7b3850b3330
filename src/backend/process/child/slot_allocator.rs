//! Where a worker's samples go: the slot of the task, in which large tensors are built already.
//!
//! A tensor in the slot is sent by saying where it lies. Most pipelines build several tensors for
//! each one that is sent (decoded, resized, then stacked), and those would only fill the slot up; so
//! a [`Guess`] tells which ones to build there. A wrong guess costs a copy and nothing else. Absent
//! on purpose: frames.

use std::sync::Arc;

use super::super::protocol::message::Assignment;
use super::super::protocol::payload::Packing;
use super::super::shm::region::{OpenSlot, Region, Slots};
use crate::backend::log;
use crate::dataset::Tensor;
use crate::dataset::lend::{Lender, Lent};

/// The slots of a worker, and the one that is in use.
#[derive(Debug, Default)]
pub(in super::super) struct SlotAllocator {
    slots: Option<Slots>,
    open: Option<OpenSlot>,
    guess: Guess,
    /// Whether user code was seen to keep a tensor in a slot that was to be used again.
    keeps: bool,
}

impl SlotAllocator {
    /// Uses these slots from now on.
    pub(in super::super) fn set(&mut self, slots: Slots) {
        self.slots = Some(slots);
    }

    /// A task is begun.
    pub(in super::super) fn open(&mut self, assignment: &Assignment) {
        let (Some(slots), Some((slot, _))) = (&mut self.slots, assignment.slot) else { return };
        self.open = slots.open(slot);
        if self.open.is_none() && !std::mem::replace(&mut self.keeps, true) {
            log::info("processes", || {
                "this worker's code keeps tensors past their sample, so they are copied".into()
            });
        }
    }

    /// A sample was made, of which these tensors are sent.
    pub(in super::super) fn learn(&mut self, sent: &[Tensor]) {
        self.guess.learn(sent.iter().map(|tensor| tensor.bytes().as_ptr().addr()));
    }

    /// Sees to it that what is packed lies in the slot: where its count is, and the end of it all;
    /// `None` if it must go another way.
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

    /// Puts a whole payload into the slot, in place of what is there; `None` if that is still needed
    /// or the slot is too small.
    pub(in super::super) fn replace(&mut self, payload: &[u8]) -> Option<(usize, usize)> {
        let open = self.open.as_mut()?;
        if !open.clear() {
            return None;
        }
        let start = put(open, payload.len(), |place| place.copy_from_slice(payload))?;
        Some((start, open.taken()))
    }

    /// The task is over.
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

/// Takes room from the slot and writes to it: where it begins.
fn put(open: &mut OpenSlot, bytes: usize, write: impl FnOnce(&mut [u8])) -> Option<usize> {
    let mut region = open.take(bytes)?;
    write(region.bytes_mut());
    open.place(region.bytes())
}

/// Foretells which of the large tensors that a sample builds are sent: those that were sent of the
/// sample before, by their place in the order in which they are built.
#[derive(Debug, Default)]
struct Guess {
    /// For each place in the order, whether that tensor was sent.
    sent: Vec<bool>,
    /// Where the tensors of this sample are.
    built: Vec<usize>,
}

/// The tensors of a sample that are told apart; none after them is foretold to be sent.
const BUILT_MAX: usize = 4096;

impl Guess {
    /// Whether the tensor that is built next will be sent.
    fn is_sent(&self) -> bool {
        let next = self.built.len();
        self.sent.get(next).copied().unwrap_or(next < BUILT_MAX)
    }

    /// A tensor is built at this address.
    fn built(&mut self, at: usize) {
        if self.built.len() < BUILT_MAX {
            self.built.push(at);
        }
    }

    /// The sample is made, and the tensors at these addresses are sent.
    fn learn(&mut self, sent: impl Iterator<Item = usize>) {
        if self.built.is_empty() {
            return;
        }
        let mut found = vec![false; self.built.len()];
        for at in sent {
            // Memory of one that is gone may be used again for a later one.
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

    /// Builds so many tensors, of which those in these places are sent; which were put in a slot.
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
            // From the second time on, the one that is not sent is not there either.
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
        // A gap or a fault teaches nothing, a longer sample is tried.
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
