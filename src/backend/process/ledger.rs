//! The ledger of a slab: which slot is whose. Only the loader's own process has one, so a dead
//! worker can hold nothing. Absent on purpose: the memory itself.

/// A slot, and which use of it this is. An answer about an earlier use is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

/// Whose a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Free,
    /// A worker may write to it.
    Leased,
    /// The consumer may read it.
    Borrowed,
}

/// The states of all slots.
#[derive(Debug)]
pub(super) struct Ledger {
    slots: Vec<(State, u32)>,
    /// The free ones; the last is taken first, since it is most likely still in the cache.
    free: Vec<u32>,
}

impl Ledger {
    pub(super) fn new(slots: u32) -> Self {
        Self { slots: vec![(State::Free, 0); slots as usize], free: (0..slots).rev().collect() }
    }

    /// Leases a free slot to a worker.
    pub(super) fn lease(&mut self) -> Option<Place> {
        let slot = self.free.pop()?;
        let (state, generation) = &mut self.slots[slot as usize];
        *state = State::Leased;
        Some(Place { slot, generation: *generation })
    }

    /// What a worker wrote goes to the consumer; false if the slot is not leased to that use.
    pub(super) fn deliver(&mut self, place: Place) -> bool {
        let slot = self.slots.get_mut(place.slot as usize);
        let leased = slot.filter(|slot| **slot == (State::Leased, place.generation));
        leased.map(|slot| slot.0 = State::Borrowed).is_some()
    }

    /// The slot is free again; false if it was free, or is in another use.
    pub(super) fn give_back(&mut self, place: Place) -> bool {
        let Some(slot) = self.slots.get_mut(place.slot as usize) else { return false };
        if slot.0 == State::Free || slot.1 != place.generation {
            return false;
        }
        *slot = (State::Free, slot.1.wrapping_add(1));
        self.free.push(place.slot);
        true
    }

    /// How many slots are free.
    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answer_about_an_earlier_use_is_not_believed() {
        let mut ledger = Ledger::new(1);
        let first = ledger.lease().unwrap();
        assert!(ledger.lease().is_none());
        assert!(ledger.deliver(first) && !ledger.deliver(first));
        assert!(ledger.give_back(first) && !ledger.give_back(first));
        let second = ledger.lease().unwrap();
        assert_ne!(first, second);
        assert!(!ledger.deliver(first) && !ledger.give_back(first) && ledger.deliver(second));
        assert!(!ledger.give_back(Place { slot: 7, generation: 0 }));
    }

    proptest! {
        #[test]
        fn every_slot_is_in_one_state_after_every_event(steps in proptest::collection::vec((0u8..3, 0usize..8), 0..200)) {
            let mut ledger = Ledger::new(5);
            let mut held: Vec<(Place, bool)> = Vec::new();
            for (step, choice) in steps {
                match step {
                    0 => held.extend(ledger.lease().map(|place| (place, false))),
                    1 if !held.is_empty() => {
                        let choice = choice % held.len();
                        prop_assert_eq!(ledger.deliver(held[choice].0), !held[choice].1);
                        held[choice].1 = true;
                    }
                    _ if !held.is_empty() => {
                        let (place, _) = held.swap_remove(choice % held.len());
                        prop_assert!(ledger.give_back(place));
                    }
                    _ => {}
                }
                prop_assert_eq!(ledger.free() + held.len(), 5);
                let free = ledger.slots.iter().filter(|slot| slot.0 == State::Free).count();
                prop_assert_eq!(ledger.free(), free);
            }
        }
    }
}
