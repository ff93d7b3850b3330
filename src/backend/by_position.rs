//! Values that lie beside samples, between those that make samples and the loader.
//!
//! The loader takes them in the order of positions. So backends and the engine know nothing of them,
//! and a position that is made again has the value that came last. Absent on purpose: what they mean.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct ByPosition<V> {
    kept: Mutex<Kept<V>>,
}

#[derive(Debug)]
struct Kept<V> {
    /// Nothing is kept for positions before this one any more.
    front: u64,
    values: BTreeMap<u64, V>,
}

impl<V> Default for ByPosition<V> {
    fn default() -> Self {
        Self { kept: Mutex::new(Kept { front: 0, values: BTreeMap::new() }) }
    }
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

#[cfg(test)]
mod tests {
    use super::ByPosition;

    #[test]
    fn a_position_has_its_last_value_and_only_until_it_is_taken() {
        let hashes = ByPosition::default();
        for (position, hash) in [(3, 1), (3, 2), (4, 4), (5, 5), (6, 6)] {
            hashes.keep(position, Some([hash; 32]));
        }
        hashes.keep(5, None);
        assert_eq!(hashes.take(3), Some([2; 32]));
        hashes.keep(3, Some([7; 32]));
        assert_eq!(hashes.take(3), None);
        assert_eq!(hashes.take(5), None);
        assert_eq!(hashes.take(6), Some([6; 32]));
        assert!(hashes.read(|kept| kept.is_empty()), "4 was passed over");
    }
}
