//! What samples added to reducers, between those that make samples and the loader.
//!
//! It lies beside the samples, [by position](super::by_position). Absent on purpose: merging, and the
//! types of what is merged.

use std::ops::Range;

use super::by_position::ByPosition;
use crate::dataset::gather::Keys;

/// What a position takes in the table, at least.
const ENTRY_BYTES: u64 = 64;

/// See the [module](self).
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
