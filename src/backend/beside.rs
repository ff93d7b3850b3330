//! Values that lie beside samples, between those that make samples and the loader.
//!
//! The loader takes them in the order of positions. So backends and the engine know nothing of them,
//! and a position that is made again has the value that came last. Absent on purpose: what they mean.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::dataset::reduce::Keys;

/// The hash of one sample.
pub(crate) type Hash = [u8; 32];

/// The hashes of samples. Where a sample is a batch as it is, whoever makes it hashes it too, so that
/// workers do that beside each other. A hash that is missing is made by the loader.
pub(crate) type Hashes = ByPosition<Hash>;

/// Values by position.
#[derive(Debug, Default)]
pub(crate) struct ByPosition<V> {
    kept: Mutex<Kept<V>>,
}

#[derive(Debug, Default)]
struct Kept<V> {
    /// Nothing is kept for positions before this one any more.
    front: u64,
    values: BTreeMap<u64, V>,
}

impl<V> ByPosition<V> {
    /// Keeps the value of a position, or none, in place of an earlier one.
    pub(crate) fn keep(&self, position: u64, value: Option<V>) {
        let mut kept = self.lock();
        match value.filter(|_| position >= kept.front) {
            Some(value) => kept.values.insert(position, value),
            None => kept.values.remove(&position),
        };
    }

    /// Takes the value of a position; nothing is kept any more for it and those before it.
    pub(crate) fn take(&self, position: u64) -> Option<V> {
        let mut kept = self.lock();
        kept.front = position + 1;
        let value = kept.values.remove(&position);
        while kept.values.first_key_value().is_some_and(|(&first, _)| first < position) {
            kept.values.pop_first();
        }
        value
    }

    /// Looks at all that is kept.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&BTreeMap<u64, V>) -> R) -> R {
        look(&self.lock().values)
    }

    fn lock(&self) -> MutexGuard<'_, Kept<V>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a position takes in the table, at least.
const ENTRY_BYTES: u64 = 64;

/// What samples added to reducers. Absent on purpose: merging, and the types of what is merged.
#[derive(Debug, Default)]
pub(crate) struct Additions {
    keys: Keys,
    added: ByPosition<Vec<u8>>,
}

impl Additions {
    /// A place for what is added to these reducers.
    pub(crate) fn new(keys: Keys) -> Self {
        Self { keys, added: ByPosition::default() }
    }

    /// The reducers that are collected.
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Keeps what a position added, instead of what it added before.
    pub(crate) fn keep(&self, position: u64, added: Vec<u8>) {
        if !self.keys.is_empty() {
            self.added.keep(position, Some(added).filter(|added| !added.is_empty()));
        }
    }

    /// Takes what a position added; nothing is kept any more for it and those before it.
    pub(crate) fn take(&self, position: u64) -> Vec<u8> {
        self.added.take(position).unwrap_or_default()
    }

    /// What is kept for these positions, in bytes.
    pub(crate) fn bytes(&self, positions: Range<u64>) -> u64 {
        if self.keys.is_empty() {
            return 0;
        }
        let entries = |added: &Vec<u8>| added.len() as u64 + ENTRY_BYTES;
        self.added.read(|kept| kept.range(positions).map(|(_, added)| entries(added)).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::Additions;
    use crate::dataset::Reducer;

    #[test]
    fn a_position_has_what_it_added_last_and_only_until_it_is_taken() {
        let additions = Additions::new([Reducer::<u64>::new("x").key()].into());
        for (position, added) in [(3, 2), (3, 1), (4, 1), (4, 0), (5, 1), (6, 1)] {
            additions.keep(position, vec![position as u8; added]);
        }
        assert_eq!(additions.bytes(0..9), 3 * 65);
        assert_eq!(additions.take(3), [3]);
        additions.keep(3, vec![5]);
        assert!(additions.take(3).is_empty());
        assert!(additions.take(4).is_empty());
        assert_eq!(additions.take(6), [6]);
        assert_eq!(additions.bytes(0..9), 0, "5 was passed over");
    }

    #[test]
    fn nothing_is_kept_where_nothing_is_collected() {
        let additions = Additions::default();
        additions.keep(0, vec![1]);
        assert_eq!(additions.bytes(0..9), 0);
    }
}
