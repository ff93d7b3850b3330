//! What samples added to reducers, between those that make samples and the loader.
//!
//! It lies beside the samples, by position, until the loader takes it in their order. So backends and
//! the engine know nothing of it, and a position that is made again has what it added last. Absent on
//! purpose: merging, and the types of what is merged.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::dataset::gather::Keys;

/// What a position takes in the table, at least.
const ENTRY_BYTES: u64 = 64;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Additions {
    keys: Keys,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Nothing is kept for positions before this one any more.
    front: u64,
    added: BTreeMap<u64, Vec<u8>>,
}

impl Additions {
    /// A place for what is added to these reducers.
    pub(crate) fn new(keys: Keys) -> Self {
        Self { keys, kept: Mutex::default() }
    }

    /// The reducers that are collected.
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Keeps what a position added, instead of what it added before.
    pub(crate) fn keep(&self, position: u64, added: Vec<u8>) {
        if self.keys.is_empty() {
            return;
        }
        let mut kept = self.lock();
        if added.is_empty() || position < kept.front {
            kept.added.remove(&position);
        } else {
            kept.added.insert(position, added);
        }
    }

    /// Takes what a position added; nothing is kept any more for it and those before it.
    pub(crate) fn take(&self, position: u64) -> Vec<u8> {
        let mut kept = self.lock();
        kept.front = position + 1;
        kept.added.remove(&position).unwrap_or_default()
    }

    /// Keeps nothing any more for positions before this one.
    pub(crate) fn skip_to(&self, position: u64) {
        let mut kept = self.lock();
        kept.front = position;
        kept.added = kept.added.split_off(&position);
    }

    /// What is kept for these positions, in bytes.
    pub(crate) fn bytes(&self, positions: Range<u64>) -> u64 {
        if self.keys.is_empty() {
            return 0;
        }
        let kept = self.lock();
        kept.added.range(positions).map(|(_, added)| added.len() as u64 + ENTRY_BYTES).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Additions;
    use crate::dataset::Reducer;

    #[test]
    fn a_position_has_what_it_added_last_and_only_until_it_is_taken() {
        let additions = Additions::new([Reducer::<u64>::new("x").key()].into());
        additions.keep(3, vec![1, 2]);
        additions.keep(3, vec![3]);
        additions.keep(4, vec![4]);
        additions.keep(4, vec![]);
        assert_eq!(additions.bytes(0..9), 65);
        assert_eq!(additions.take(3), [3]);
        assert!(additions.take(4).is_empty());
        additions.keep(3, vec![5]);
        assert_eq!(additions.bytes(0..9), 0);
        assert!(additions.take(5).is_empty());
    }

    #[test]
    fn nothing_is_kept_where_nothing_is_collected() {
        let additions = Additions::default();
        additions.keep(0, vec![1]);
        assert_eq!(additions.bytes(0..9), 0);
    }
}
