//! Classes of samples that take turns, each in a random order of its samples.

use super::{Rng, short_hash_of};

/// The op number that keys the orders of classes. Ops of a pipeline count from 0 and never reach
/// this number.
const OP: u64 = u64::MAX - 2;

/// The samples of each class.
#[derive(Debug)]
pub(crate) struct Classes {
    /// The samples, by class and then by index.
    samples: Vec<u64>,
    /// The place in `samples` at which each class begins, and the key of the orders of the class.
    classes: Vec<(u64, u64)>,
    /// The first 8 bytes, in hexadecimal, of the SHA-256 of the labels.
    hash: String,
}

/// The turn of a class: which of its samples comes, and in which pass over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    /// The key of the orders of the class.
    pub(crate) key: u64,
    /// The number of earlier passes over the samples of the class.
    pub(crate) pass: u64,
    /// The number of earlier turns in this pass.
    pub(crate) offset: u64,
    /// The place at which the class begins.
    start: u64,
    /// The number of samples of the class.
    pub(crate) size: u64,
}

impl Classes {
    /// Creates the classes of samples with these labels.
    pub(crate) fn new(seed: u64, labels: &[u64]) -> Self {
        let hash = short_hash_of(labels.iter().copied());
        let mut samples: Vec<u64> = (0..labels.len() as u64).collect();
        // The sort is stable, so samples of one class stay in the order of their indices.
        samples.sort_by_key(|sample| labels[*sample as usize]);
        let label = |place: usize| labels[samples[place] as usize];
        let begins = |place: &usize| *place == 0 || label(*place) != label(*place - 1);
        let key = |class: u64| Rng::keyed(seed, 0, OP, class).next_u64();
        let starts = (0..samples.len()).filter(begins);
        let classes = starts.zip(0..).map(|(start, class)| (start as u64, key(class))).collect();
        Self { samples, classes, hash }
    }

    /// Returns the number of labels.
    pub(crate) fn len(&self) -> u64 {
        self.samples.len() as u64
    }

    /// Returns the hash that tells these labels from others.
    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }

    /// Returns the turn at an index, which counts on through all epochs; `None` without classes.
    #[inline]
    pub(crate) fn turn(&self, index: u64) -> Option<Turn> {
        let count = self.classes.len() as u64;
        let (round, class) = (index.checked_div(count)?, index.checked_rem(count)? as usize);
        let (start, key) = self.classes[class];
        let end = self.classes.get(class + 1).map_or(self.len(), |(start, _)| *start);
        let size = end - start;
        Some(Turn { key, pass: round / size, offset: round % size, start, size })
    }

    /// Returns the sample of a class that is `place`th by index; `place` must be below the size.
    #[inline]
    pub(crate) fn sample(&self, turn: Turn, place: u64) -> u64 {
        self.samples[(turn.start + place) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_take_turns_and_pass_over_their_samples() {
        let classes = &Classes::new(1, &[7, 3, 7, 7, 3]);
        let turns: Vec<_> = (0..8).map(|index| classes.turn(index).unwrap()).collect();
        let told = |turn: &Turn| (turn.size, turn.pass, turn.offset);
        let expected = [
            (2, 0, 0),
            (3, 0, 0),
            (2, 0, 1),
            (3, 0, 1),
            (2, 1, 0),
            (3, 0, 2),
            (2, 1, 1),
            (3, 1, 0),
        ];
        assert_eq!(turns.iter().map(told).collect::<Vec<_>>(), expected);
        let of = |turn: Turn| (0..turn.size).map(move |place| classes.sample(turn, place));
        assert_eq!(of(turns[0]).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(of(turns[1]).collect::<Vec<_>>(), [0, 2, 3]);
        assert_ne!(turns[0].key, turns[1].key);
        assert_eq!(turns[0].key, turns[6].key);
    }

    #[test]
    fn labels_may_be_any_numbers_and_none() {
        let classes = Classes::new(1, &[u64::MAX, 0]);
        let last = classes.turn(u64::MAX).unwrap();
        assert_eq!((last.pass, classes.sample(last, 0)), (u64::MAX / 2, 0));
        assert_eq!(Classes::new(1, &[]).turn(3), None);
        assert_ne!(classes.hash(), Classes::new(1, &[0, u64::MAX]).hash());
    }
}
