//! The inputs that a stage holds back, and the positions behind these inputs.

use std::ops::Range;
use std::sync::Arc;

use super::held::Origin;
use super::list::List;

/// The numbers of the inputs that a stage holds back, in the stage's order.
///
/// A clone takes constant time. [`Stage::held`] also takes constant time if the stage keeps a
/// `Held` and updates the `Held` with each input that the stage takes or gives up. A range uses no
/// memory per number.
///
/// ```
/// use windrow::stage::Held;
/// let mut held = Held::from(0..5);
/// held.push(7);
/// assert_eq!(held.swap_remove(1), Some(1));
/// assert_eq!(held.replace(0, 8), Some(0));
/// assert_eq!(held.iter().collect::<Vec<_>>(), [8, 7, 2, 3, 4]);
/// assert_eq!(held, [8, 7, 2, 3, 4].into_iter().collect());
/// ```
///
/// [`Stage::held`]: crate::stage::Stage::held
#[derive(Debug, Clone)]
pub struct Held(Numbers);

#[derive(Debug, Clone)]
enum Numbers {
    Range(Range<u64>),
    List(List<u64>),
}

impl Default for Held {
    fn default() -> Self {
        Self::from(0..0)
    }
}

impl From<Range<u64>> for Held {
    fn from(numbers: Range<u64>) -> Self {
        Self(Numbers::Range(numbers))
    }
}

impl FromIterator<u64> for Held {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        Self(Numbers::List(numbers.into_iter().collect()))
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Held {}

impl Held {
    /// Returns the number of inputs held back.
    #[must_use]
    pub fn len(&self) -> u64 {
        match &self.0 {
            Numbers::Range(numbers) => numbers.end.saturating_sub(numbers.start),
            Numbers::List(numbers) => numbers.len(),
        }
    }

    /// Returns `true` if the stage holds back no input.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the numbers in order.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        let (range, list) = match &self.0 {
            Numbers::Range(numbers) => (numbers.clone(), None),
            Numbers::List(numbers) => (0..0, Some(numbers)),
        };
        range.chain(list.into_iter().flat_map(List::iter).copied())
    }

    /// Adds a number at the end.
    pub fn push(&mut self, number: u64) {
        self.list().push(number);
    }

    /// Removes and returns the number at `place`, and moves the last number there.
    ///
    /// Returns `None` if `place` is past the end.
    pub fn swap_remove(&mut self, place: u64) -> Option<u64> {
        let numbers = self.list();
        if place >= numbers.len() {
            return None;
        }
        let last = numbers.pop()?;
        match numbers.get_mut(place) {
            Some(number) => Some(std::mem::replace(number, last)),
            None => Some(last),
        }
    }

    /// Replaces the number at `place` and returns the old number.
    ///
    /// Returns `None` if `place` is past the end.
    pub fn replace(&mut self, place: u64, number: u64) -> Option<u64> {
        let there = self.list().get_mut(place)?;
        Some(std::mem::replace(there, number))
    }

    fn list(&mut self) -> &mut List<u64> {
        if let Numbers::Range(numbers) = &self.0 {
            self.0 = Numbers::List(numbers.clone().collect());
        }
        match &mut self.0 {
            Numbers::List(numbers) => numbers,
            Numbers::Range(_) => unreachable!("the range has just become a list"),
        }
    }

    /// Returns the first number that is missing from `known`, whose numbers ascend.
    ///
    /// Skips numbers that `before` has in the same place.
    pub(crate) fn unknown<T>(&self, before: &Self, known: &List<(u64, T)>) -> Option<u64>
    where
        T: Clone,
    {
        let place = |number: u64| {
            let place = known.count_before(|(known, _)| *known < number);
            known.get(place).filter(|(known, _)| *known == number).map(|_| place)
        };
        match (&self.0, &before.0) {
            (Numbers::Range(numbers), _) if numbers.is_empty() => None,
            (Numbers::Range(numbers), _) => {
                // Known numbers ascend. If `first` and `last` are as far apart as in the range, no
                // number between them is missing.
                let Range { start, end } = *numbers;
                let first = place(start);
                let last = first.and_then(|first| known.get(first + (end - start - 1)));
                let are_there = last.is_some_and(|(last, _)| *last == end - 1);
                if are_there { None } else { self.iter().find(|number| place(*number).is_none()) }
            }
            (Numbers::List(numbers), Numbers::List(before)) => {
                let mut unknown = None;
                numbers.differing(before, &mut |number| {
                    if unknown.is_none() && place(*number).is_none() {
                        unknown = Some(*number);
                    }
                });
                unknown
            }
            (Numbers::List(numbers), _) => {
                numbers.iter().copied().find(|number| place(*number).is_none())
            }
        }
    }
}

/// The origins of the inputs that a stage holds back, in the stage's order.
///
/// [`to_vec`](Self::to_vec) computes the origins from lists that share their common entries.
#[derive(Debug, Clone, Default)]
pub struct Origins(Option<Arc<Told>>);

#[derive(Debug)]
struct Told {
    held: Held,
    /// The origins with the numbers of their inputs, which ascend.
    known: List<(u64, Origin)>,
}

impl Origins {
    /// Creates the origins of `held`; `known` has each of these inputs.
    pub(crate) fn new(held: &Held, known: &List<(u64, Origin)>) -> Self {
        let told = || Arc::new(Told { held: held.clone(), known: known.clone() });
        Self((!held.is_empty()).then(told))
    }

    /// Returns the number of origins.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.as_ref().map_or(0, |told| told.held.len())
    }

    /// Returns `true` if the stage holds back no input.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the origins.
    #[must_use]
    pub fn to_vec(&self) -> Vec<Origin> {
        let Some(told) = &self.0 else { return Vec::new() };
        let known: Vec<&(u64, Origin)> = told.known.iter().collect();
        let first = known.first().map_or(0, |(number, _)| *number);
        let origin = |number: u64| {
            // Numbers are mostly consecutive.
            let direct = usize::try_from(number.checked_sub(first)?).ok();
            let direct = direct.and_then(|place| known.get(place));
            if let Some((_, origin)) = direct.filter(|(known, _)| *known == number) {
                return Some(origin.clone());
            }
            let place = known.binary_search_by_key(&number, |(known, _)| *known).ok()?;
            Some(known[place].1.clone())
        };
        told.held.iter().filter_map(origin).collect()
    }
}

impl FromIterator<Origin> for Origins {
    fn from_iter<I: IntoIterator<Item = Origin>>(origins: I) -> Self {
        let known: List<_> = (0..).zip(origins).collect();
        Self::new(&Held::from(0..known.len()), &known)
    }
}

impl PartialEq for Origins {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.to_vec() == other.to_vec()
    }
}

impl Eq for Origins {}
