//! Where a worker's samples go: the slot of the task, in which large tensors are built already.
//!
//! A tensor in the slot is sent by saying where it lies. Most pipelines build several tensors for
//! each one that is sent (decoded, resized, then stacked), and those would only fill the slot up; so
//! a [`Guess`] tells which ones to build there. A wrong guess costs a copy and nothing else. Absent
//! on purpose: frames.

use std::sync::Arc;

use super::message::{Order, SlabNote};
use super::parcel::Packing;
use super::sys::{OpenSlot, Region, Slots};
use crate::backend::log;
use crate::dataset::Tensor;
use crate::dataset::lend::{Lender, Lent};

/// The slots of a worker, and the one that is in use.
#[derive(Debug, Default)]
pub(super) struct Lending {
    slots: Option<Slots>,
    open: Option<OpenSlot>,
    guess: Guess,
    /// Whether user code was seen to keep a tensor in a slot that was to be used again.
    keeps: bool,
}

impl Lending {
    /// Uses these slots from now on.
    pub(super) fn set(&mut self, slots: Slots) {
        self.slots = Some(slots);
    }

    /// A task is begun.
    pub(super) fn open(&mut self, order: &Order) {
        let (Some(slots), Some((slot, _))) = (&mut self.slots, order.slot) else { return };
        self.open = slots.open(slot);
        if self.open.is_none() && !std::mem::replace(&mut self.keeps, true) {
            log::info("processes", || {
                "this worker's code keeps tensors past their sample, so they are copied".into()
            });
        }
    }

    /// A sample was made, of which these tensors are sent.
    pub(super) fn learn(&mut self, sent: &[Tensor]) {
        let open = self.open.as_ref();
        let sent = sent.iter().map(Tensor::bytes);
        self.guess.learn(sent.map(|bytes| (bytes.len(), open.and_then(|open| open.place(bytes)))));
    }

    /// Sees to it that what is packed lies in the slot: where its count is, and the end of it all;
    /// `None` if it must go another way.
    pub(super) fn place(&mut self, packing: &mut Packing) -> Option<(usize, usize)> {
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

    /// Puts a whole parcel into the slot, in place of what is there; `None` if that is still needed
    /// or the slot is too small.
    pub(super) fn replace(&mut self, parcel: &[u8]) -> Option<(usize, usize)> {
        let open = self.open.as_mut()?;
        if !open.clear() {
            return None;
        }
        let start = put(open, parcel.len(), |place| place.copy_from_slice(parcel))?;
        Some((start, open.taken()))
    }

    /// The task is over.
    pub(super) fn close(&mut self) {
        self.open = None;
    }
}

impl Lender for Lending {
    fn lend(&mut self, bytes: usize) -> Option<Arc<dyn Lent>> {
        let wanted = self.guess.is_sent() && !self.keeps;
        let open = self.open.as_mut().filter(|_| wanted);
        let region = open.and_then(|open| Some((open.take(bytes)?, open)));
        let start = region.as_ref().and_then(|(region, open)| open.place(region.bytes()));
        self.guess.built(bytes, start);
        region.map(|(region, _)| Arc::new(region) as Arc<dyn Lent>)
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

/// The slots that a note says came with this memory.
pub(super) fn slots(fd: std::os::fd::OwnedFd, note: SlabNote) -> std::io::Result<Slots> {
    Slots::received(fd, note.slot_bytes, note.slots)
}

/// Foretells which of the large tensors that a sample builds are sent: those that were sent of the
/// sample before, by their place in the order in which they are built.
#[derive(Debug, Default)]
struct Guess {
    /// For each place in the order, whether that tensor was sent.
    sent: Vec<bool>,
    /// What this sample built: the length, and where in the slot.
    built: Vec<(usize, Option<usize>)>,
}

/// The tensors of a sample that are told apart; none after them is foretold to be sent.
const BUILT_MAX: usize = 4096;

impl Guess {
    /// Whether the tensor that is built next will be sent.
    fn is_sent(&self) -> bool {
        let next = self.built.len();
        self.sent.get(next).copied().unwrap_or(next < BUILT_MAX)
    }

    /// A tensor was built.
    fn built(&mut self, bytes: usize, start: Option<usize>) {
        if self.built.len() < BUILT_MAX {
            self.built.push((bytes, start));
        }
    }

    /// The sample is made: the lengths of the tensors that are sent, and where in the slot they are.
    fn learn(&mut self, sent: impl Iterator<Item = (usize, Option<usize>)>) {
        if self.built.is_empty() {
            return;
        }
        let mut found = vec![false; self.built.len()];
        let mut any = false;
        for one in sent {
            // One that is not in the slot is known by its length; the last of that length is most
            // likely to be what came of the others.
            let place = self.built.iter().rposition(|built| *built == one);
            if let Some(place) = place {
                found[place] = true;
                any = true;
            }
        }
        if any {
            self.sent = found;
        }
        self.built.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds tensors of these lengths, of which those at `sent` are sent; which were put in a slot.
    fn sample(guess: &mut Guess, lengths: &[usize], sent: &[usize]) -> Vec<usize> {
        let mut inside = Vec::new();
        for (place, &length) in lengths.iter().enumerate() {
            let is_sent = guess.is_sent();
            guess.built(length, is_sent.then_some(64 * place));
            inside.extend(is_sent.then_some(place));
        }
        let built = guess.built.clone();
        guess.learn(sent.iter().map(|&place| built[place]));
        inside
    }

    #[test]
    fn only_tensors_that_are_sent_are_built_in_the_slot_from_the_second_sample_on() {
        let mut guess = Guess::default();
        let lengths = [9, 9, 9, 27];
        assert_eq!(sample(&mut guess, &lengths, &[3]), [0, 1, 2, 3]);
        assert_eq!(sample(&mut guess, &lengths, &[3]), [3]);
        assert_eq!(sample(&mut guess, &lengths, &[1, 3]), [3]);
        assert_eq!(sample(&mut guess, &lengths, &[2, 3]), [1, 3]);
    }

    #[test]
    fn tensors_of_one_length_are_told_apart() {
        let mut guess = Guess::default();
        for _ in 0..3 {
            sample(&mut guess, &[5, 5, 5], &[1]);
        }
        assert_eq!(sample(&mut guess, &[5, 5, 5], &[1]), [1]);
        // A gap teaches nothing.
        sample(&mut guess, &[5], &[]);
        assert_eq!(sample(&mut guess, &[5, 5, 5], &[1]), [1]);
    }
}
