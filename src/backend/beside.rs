//! Values that accompany samples from the workers to the loader, keyed by position.
//!
//! The loader takes the values in the order of positions. Backends and the engine do not handle
//! these values. A position that is computed again has the latest value. Out of scope: the meaning
//! of the values.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::dataset::reduce::Keys;

/// The hash of one sample.
pub(crate) type Hash = [u8; 32];

/// The hashes of samples. When a sample already is a batch, the worker that computes it also hashes
/// it, so workers hash in parallel. The loader computes a missing hash.
pub(crate) type Hashes = ByPosition<Hash>;

/// Values, keyed by position.
#[derive(Debug, Default)]
pub(crate) struct ByPosition<V> {
    kept: Mutex<Kept<V>>,
}

#[derive(Debug, Default)]
struct Kept<V> {
    /// The first position for which values are still kept.
    front: u64,
    values: BTreeMap<u64, V>,
}

impl<V> ByPosition<V> {
    /// Stores a position's value and replaces an earlier one; `None` removes the earlier value.
    pub(crate) fn keep(&self, position: u64, value: Option<V>) {
        let mut kept = self.lock();
        match value.filter(|_| position >= kept.front) {
            Some(value) => kept.values.insert(position, value),
            None => kept.values.remove(&position),
        };
    }

    /// Takes a position's value, and discards the values of all positions before it.
    ///
    /// Later values for these positions are ignored.
    pub(crate) fn take(&self, position: u64) -> Option<V> {
        let mut kept = self.lock();
        kept.front = position + 1;
        let value = kept.values.remove(&position);
        while kept.values.first_key_value().is_some_and(|(&first, _)| first < position) {
            kept.values.pop_first();
        }
        value
    }

    /// Calls a function with all stored values.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&BTreeMap<u64, V>) -> R) -> R {
        look(&self.lock().values)
    }

    fn lock(&self) -> MutexGuard<'_, Kept<V>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The minimum number of bytes that the table uses for a position.
const ENTRY_BYTES: u64 = 64;

/// The additions that samples made to reducers. Out of scope: merging, and the types of the merged
/// values.
#[derive(Debug, Default)]
pub(crate) struct Additions {
    keys: Keys,
    added: ByPosition<Vec<u8>>,
}

impl Additions {
    /// Creates a table for the additions to these reducers.
    pub(crate) fn new(keys: Keys) -> Self {
        Self { keys, added: ByPosition::default() }
    }

    /// Returns the keys of the reducers whose additions are collected.
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Stores a position's additions and replaces earlier ones.
    pub(crate) fn keep(&self, position: u64, added: Vec<u8>) {
        if !self.keys.is_empty() {
            self.added.keep(position, Some(added).filter(|added| !added.is_empty()));
        }
    }

    /// Takes a position's additions, and discards those of all positions before it.
    pub(crate) fn take(&self, position: u64) -> Vec<u8> {
        self.added.take(position).unwrap_or_default()
    }

    /// Returns how many bytes the additions of these positions occupy.
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
        assert_eq!(additions.bytes(0..9), 0, "taking 6 discards 5");
    }

    #[test]
    fn nothing_is_kept_where_nothing_is_collected() {
        let additions = Additions::default();
        additions.keep(0, vec![1]);
        assert_eq!(additions.bytes(0..9), 0);
    }
}
