//! The table of a slab: the state of each slot. Only the loader's process has the table, so a dead
//! worker cannot hold a slot. Out of scope: the memory itself.

use super::super::protocol::message::SlotUse;

/// The state of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SlotState {
    Free,
    /// A worker may write to the slot.
    Leased,
    /// The consumer may read the slot.
    Borrowed,
}

/// The minimum number of active slots: one to write to, one to read.
const ACTIVE_MIN: u32 = 2;
/// The number of leases without a new active slot after which the table tries one slot fewer.
const CALM: u32 = 64;

/// The states of all slots.
///
/// The table reuses as few slots as possible, the *active* ones, because a recently used slot is
/// most likely still in the cache.
#[derive(Debug)]
pub(in super::super) struct SlotTable {
    slots: Vec<(SlotState, u32)>,
    /// The free slots, the most recently used one last.
    free: Vec<u32>,
    /// Whether each slot's memory is reserved.
    ready: Vec<bool>,
    /// The number of active slots; these are the first ones.
    active: u32,
    /// The number of leases since another slot became active.
    calm: u32,
}

impl SlotTable {
    pub(in super::super) fn new(slots: u32) -> Self {
        Self {
            slots: vec![(SlotState::Free, 0); slots as usize],
            free: (0..slots).rev().collect(),
            ready: vec![false; slots as usize],
            active: ACTIVE_MIN,
            calm: 0,
        }
    }

    /// Leases a free slot to a worker: an active one, or any other if `any` is true and no active
    /// one is free.
    pub(in super::super) fn lease(&mut self, any: bool) -> Option<SlotUse> {
        let active = self.free.iter().rposition(|&slot| slot < self.active);
        let first = || self.free.iter().enumerate().min_by_key(|(_, slot)| **slot);
        let place = active.or_else(|| first().filter(|_| any).map(|(place, _)| place))?;
        let slot = self.free.remove(place);
        self.calm += 1;
        if slot >= self.active {
            (self.active, self.calm) = (slot + 1, 0);
        } else if self.calm >= CALM && self.active > ACTIVE_MIN {
            (self.active, self.calm) = (self.active - 1, 0);
        }
        let (state, generation) = &mut self.slots[slot as usize];
        *state = SlotState::Leased;
        Some(SlotUse { slot, generation: *generation })
    }

    /// Returns whether all free slots are inactive, and at least one is free.
    pub(in super::super) fn has_only_others(&self) -> bool {
        !self.free.is_empty() && self.free.iter().all(|&slot| slot >= self.active)
    }

    /// Returns whether the memory of a slot is reserved.
    pub(in super::super) fn is_ready(&self, place: SlotUse) -> bool {
        self.ready[place.slot as usize]
    }

    /// Records that the memory of a slot is reserved.
    pub(in super::super) fn make_ready(&mut self, place: SlotUse) {
        self.ready[place.slot as usize] = true;
    }

    /// Passes a leased slot to the consumer; returns false if the slot is not leased for that use.
    pub(in super::super) fn deliver(&mut self, place: SlotUse) -> bool {
        let slot = self.slots.get_mut(place.slot as usize);
        let leased = slot.filter(|slot| **slot == (SlotState::Leased, place.generation));
        leased.map(|slot| slot.0 = SlotState::Borrowed).is_some()
    }

    /// Frees a slot; returns false if the slot is already free or in another use.
    pub(in super::super) fn give_back(&mut self, place: SlotUse) -> bool {
        let Some(slot) = self.slots.get_mut(place.slot as usize) else { return false };
        if slot.0 == SlotState::Free || slot.1 != place.generation {
            return false;
        }
        *slot = (SlotState::Free, slot.1.wrapping_add(1));
        self.free.push(place.slot);
        true
    }

    /// Returns the number of free slots.
    #[cfg(test)]
    pub(in super::super) fn free(&self) -> usize {
        self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_about_an_earlier_use_is_not_believed() {
        let mut table = SlotTable::new(1);
        let first = table.lease(true).unwrap();
        assert!(table.lease(true).is_none());
        assert!(table.deliver(first) && !table.deliver(first));
        assert!(table.give_back(first) && !table.give_back(first));
        let second = table.lease(true).unwrap();
        assert_ne!(first, second);
        assert!(!table.deliver(first) && !table.give_back(first) && table.deliver(second));
        assert!(!table.give_back(SlotUse { slot: 7, generation: 0 }));
    }

    #[test]
    fn slots_are_used_in_turn_and_no_more_of_them_than_are_needed() {
        let mut table = SlotTable::new(9);
        let one = table.lease(false).unwrap();
        let other = table.lease(false).unwrap();
        assert!(table.lease(false).is_none() && table.has_only_others());
        let third = table.lease(true).unwrap();
        assert_eq!((one.slot, other.slot, third.slot), (0, 1, 2));
        for place in [one, other, third] {
            assert!(table.give_back(place));
        }
        let mut seen = Vec::new();
        for _ in 0..CALM {
            let place = table.lease(false).unwrap();
            seen.push(place.slot);
            assert!(table.give_back(place));
        }
        // The most recently freed slot is leased first, until the table tries fewer slots.
        assert_eq!((seen[0], table.active), (2, ACTIVE_MIN));
        assert_eq!(table.lease(false).map(|place| place.slot), Some(1));
    }

    /// A model of a worker and its driver, with the expected owner of each slot.
    struct Model {
        table: SlotTable,
        /// The slots of the worker's tasks; `None` for a task without a slot.
        given: Vec<Option<SlotUse>>,
        /// The delivered slots.
        held: Vec<SlotUse>,
        /// Uses that have ended.
        past: Vec<SlotUse>,
        number: u64,
    }

    impl Model {
        fn new(seed: u64) -> Self {
            let (given, held, past) = (Vec::new(), Vec::new(), Vec::new());
            let slots = 1 + (seed % 6) as u32;
            Self { table: SlotTable::new(slots), given, held, past, number: seed }
        }

        fn below(&mut self, end: usize) -> usize {
            self.number =
                self.number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
            (self.number >> 33) as usize % end.max(1)
        }

        /// Performs a random event, and checks the table's answer.
        fn step(&mut self) {
            match self.below(6) {
                0 | 1 if self.given.len() < 2 => self.given.push(self.table.lease(true)),
                // The worker answers, in its slot or in pieces.
                2 if !self.given.is_empty() => {
                    if let Some(place) = self.given.remove(0) {
                        assert!(self.table.deliver(place));
                        self.held.push(place);
                    }
                }
                // The worker dies.
                3 if self.below(4) == 0 => {
                    for place in std::mem::take(&mut self.given).into_iter().flatten() {
                        assert!(self.table.give_back(place));
                        self.past.push(place);
                    }
                }
                // The consumer drops a sample.
                4 if !self.held.is_empty() => {
                    let choice = self.below(self.held.len());
                    let place = self.held.swap_remove(choice);
                    assert!(self.table.give_back(place));
                    self.past.push(place);
                }
                // The worker lies: about an ended use, a delivered slot, or a slot that does not
                // exist.
                _ => {
                    let past = self.below(self.past.len());
                    if let Some(place) = self.past.get(past) {
                        assert!(!self.table.deliver(*place) && !self.table.give_back(*place));
                    }
                    if let Some(place) = self.held.last() {
                        assert!(!self.table.deliver(*place));
                    }
                    let slot = self.table.slots.len() as u32;
                    let nowhere = SlotUse { slot, generation: 0 };
                    assert!(!self.table.deliver(nowhere) && !self.table.give_back(nowhere));
                }
            }
        }

        /// Checks that every slot is in exactly one state, and in the right one.
        fn check(&self) {
            let count = |state| self.table.slots.iter().filter(|slot| slot.0 == state).count();
            let leased: Vec<&SlotUse> = self.given.iter().flatten().collect();
            assert_eq!(count(SlotState::Leased), leased.len());
            assert_eq!(count(SlotState::Borrowed), self.held.len());
            assert_eq!(
                (count(SlotState::Free), self.table.free.len()),
                (self.table.free(), count(SlotState::Free))
            );
            assert_eq!(self.table.free() + leased.len() + self.held.len(), self.table.slots.len());
            for (state, places) in
                [(SlotState::Leased, leased), (SlotState::Borrowed, self.held.iter().collect())]
            {
                for place in places {
                    assert_eq!(self.table.slots[place.slot as usize], (state, place.generation));
                }
            }
        }
    }

    #[test]
    fn every_slot_is_in_one_state_after_every_event_of_every_schedule() {
        let (seeds, steps) = if cfg!(miri) { (20, 50) } else { (10_000, 100) };
        for seed in 0..seeds {
            let mut model = Model::new(seed);
            for _ in 0..steps {
                model.step();
                model.check();
            }
        }
    }
}
