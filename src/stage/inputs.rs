//! What the inputs were made of that a stage may hold back.

use crate::order::{Held, List, Origin, Origins};

/// The origins of the inputs that a stage may hold back, by the inputs' numbers.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    origins: List<(u64, Origin)>,
    pushed: u64,
    /// How many origins are kept before those are let go that the stage does not hold.
    bound: u64,
    /// What the stage was last found to hold; all of it has an origin.
    seen: Held,
}

/// How many origins are kept at least.
const ORIGINS_MIN: u64 = 64;

impl Inputs {
    /// Those that a stage took back.
    pub(super) fn taken_back(origins: Vec<Origin>) -> Self {
        let pushed = origins.len() as u64;
        Self { origins: (0..).zip(origins).collect(), pushed, ..Self::default() }
    }

    /// Lets all go, since the stage holds nothing.
    pub(super) fn clear(&mut self) {
        if self.origins.len() > 0 {
            (self.origins, self.seen) = Default::default();
        }
    }

    pub(super) fn push(&mut self, origin: Origin) {
        self.origins.push((self.pushed, origin));
        self.pushed += 1;
    }

    /// Whether there are so many that those should be let go that the stage does not hold.
    pub(super) fn are_many(&self) -> bool {
        self.origins.len() >= self.bound.max(ORIGINS_MIN)
    }

    /// Lets those go that the stage does not hold.
    pub(super) fn keep(&mut self, held: Held) -> Result<(), String> {
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

    /// Takes note of what the stage holds; an input that it was not given is an error.
    ///
    /// Only what changed since the last time is looked at, where the stage kept its list.
    fn check(&mut self, held: Held) -> Result<(), String> {
        if let Some(number) = held.unknown(&self.seen, &self.origins) {
            return Err(format!("names input {number} as held, which it cannot hold"));
        }
        if held.len() > self.origins.len() {
            return Err(format!("names {} inputs of {}", held.len(), self.origins.len()));
        }
        self.seen = held;
        Ok(())
    }

    /// What the inputs were made of that the stage holds.
    pub(super) fn held(&mut self, held: Held) -> Result<Origins, String> {
        self.check(held)?;
        Ok(Origins::new(&self.seen, &self.origins))
    }

    /// What these inputs were made of.
    pub(super) fn of(&self, numbers: Vec<u64>) -> Result<Origin, String> {
        let origin = |number: u64| {
            let place = self.origins.count_before(|(known, _)| *known < number);
            let origin = self.origins.get(place).filter(|(known, _)| *known == number);
            let unknown = || format!("names input {number}, which the stage did not hold");
            origin.map(|(_, origin)| origin.clone()).ok_or_else(unknown)
        };
        Ok(Origin::Result(numbers.into_iter().map(origin).collect::<Result<_, _>>()?))
    }
}
