//! The origins of the inputs that a stage may hold back.

use crate::order::{Cursor, Held, List, Origin, Origins};

/// The origins of the inputs that a stage may hold back, with the inputs' numbers.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    origins: List<(u64, Origin)>,
    /// The origins of the last inputs, which no clone of the list contains.
    recent: Vec<Origin>,
    pushed: u64,
    /// The number of origins at which the stage drops those of inputs no longer held back.
    bound: u64,
    /// The inputs that the stage held back at the last check; each of them has an origin.
    seen: Held,
}

/// The smallest value of [`Inputs::bound`].
const ORIGINS_MIN: u64 = 64;

impl Inputs {
    /// Creates the origins of the inputs that a stage took back.
    pub(super) fn taken_back(origins: Vec<Origin>) -> Self {
        let pushed = origins.len() as u64;
        Self { origins: (0..).zip(origins).collect(), pushed, ..Self::default() }
    }

    #[inline]
    pub(super) fn push(&mut self, origin: Origin) {
        self.recent.push(origin);
        self.pushed += 1;
    }

    /// Returns `true` if it is time to drop the origins of inputs that the stage no longer holds.
    #[inline]
    pub(super) fn are_many(&self) -> bool {
        self.origins.len() + self.recent.len() as u64 >= self.bound.max(ORIGINS_MIN)
    }

    /// Drops the origins of inputs that the stage does not hold.
    pub(super) fn keep(&mut self, held: Held) -> Result<(), String> {
        if held.is_empty() {
            self.recent.clear();
            (self.origins, self.seen, self.bound) = Default::default();
            return Ok(());
        }
        self.check(held)?;
        let mut held: Vec<u64> = self.seen.iter().collect();
        held.sort_unstable();
        if let Some(twice) = held.windows(2).find(|two| two[0] == two[1]) {
            return Err(format!("names input {} as held twice", twice[0]));
        }
        let mut held = held.into_iter().peekable();
        let origins = self.origins.iter();
        let kept = origins.filter(|(number, _)| held.next_if_eq(number).is_some());
        self.origins = kept.cloned().collect();
        self.bound = 2 * self.origins.len();
        Ok(())
    }

    /// Records the inputs that the stage holds; an input that the stage was not given is an error.
    ///
    /// If the stage keeps its list, the check looks only at changes since the last call.
    fn check(&mut self, held: Held) -> Result<(), String> {
        let first = self.first_recent();
        (first..).zip(self.recent.drain(..)).for_each(|entry| self.origins.push(entry));
        if let Some(number) = held.unknown(&self.seen, &self.origins) {
            return Err(format!("names input {number} as held, which the stage cannot hold"));
        }
        if held.len() > self.origins.len() {
            return Err(format!(
                "names {} inputs as held, but only {} are known",
                held.len(),
                self.origins.len()
            ));
        }
        self.seen = held;
        Ok(())
    }

    /// Returns the origins of the inputs that the stage holds.
    pub(super) fn held(&mut self, held: Held) -> Result<Origins, String> {
        if held.is_empty() {
            return Ok(Origins::default());
        }
        self.check(held)?;
        Ok(Origins::new(&self.seen, &self.origins))
    }

    /// Returns the origin of a result: its number among the results of the given inputs.
    pub(super) fn of(&self, numbers: Vec<u64>, result: u64) -> Result<Origin, String> {
        let first = self.first_recent();
        let origin = |number: u64| {
            if let Some(recent) = number.checked_sub(first) {
                return self.recent.get(usize::try_from(recent).ok()?).cloned();
            }
            let place = self.origins.count_before(|(known, _)| *known < number);
            let origin = self.origins.get(place).filter(|(known, _)| *known == number);
            origin.map(|(_, origin)| origin.clone())
        };
        let known = |number: u64| {
            let unknown = || format!("names input {number}, which the stage did not hold");
            origin(number).ok_or_else(unknown)
        };
        Ok(Origin::Result(numbers.into_iter().map(known).collect::<Result<_, _>>()?, result))
    }

    /// Returns the number of the first recent input.
    fn first_recent(&self) -> u64 {
        self.pushed - self.recent.len() as u64
    }
}

/// Returns the first position held back that is not after the positions before it.
pub(super) fn out_of_order(cursor: &Cursor) -> Option<u64> {
    let positions = cursor.positions();
    positions.windows(2).find(|two| two[1] <= two[0]).map(|two| two[1])
}
