//! Hashes of samples, between those that make samples and the loader.
//!
//! Where a sample is a batch as it is, whoever makes it hashes it too, so that workers do that beside
//! each other. As [additions](super::additions), hashes lie beside the samples, by position. One that
//! is missing is made by the loader. Absent on purpose: what is hashed, and the chain of hashes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The hash of one sample.
pub(crate) type Hash = [u8; 32];

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Hashes {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Nothing is kept for positions before this one any more.
    front: u64,
    hashes: BTreeMap<u64, Hash>,
}

impl Hashes {
    /// Keeps the hash of what was made of a position, instead of that of what was made before.
    pub(crate) fn keep(&self, position: u64, hash: Option<Hash>) {
        let mut kept = self.lock();
        match hash.filter(|_| position >= kept.front) {
            Some(hash) => kept.hashes.insert(position, hash),
            None => kept.hashes.remove(&position),
        };
    }

    /// Takes the hash of a position; nothing is kept any more for it and those before it.
    pub(crate) fn take(&self, position: u64) -> Option<Hash> {
        let mut kept = self.lock();
        kept.front = position + 1;
        let hash = kept.hashes.remove(&position);
        while kept.hashes.first_key_value().is_some_and(|(&first, _)| first < position) {
            kept.hashes.pop_first();
        }
        hash
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Hashes;

    #[test]
    fn a_position_has_its_last_hash_and_only_until_it_is_taken() {
        let hashes = Hashes::default();
        for (position, hash) in [(3, 1), (3, 2), (4, 4), (5, 5), (6, 6)] {
            hashes.keep(position, Some([hash; 32]));
        }
        hashes.keep(5, None);
        assert_eq!(hashes.take(3), Some([2; 32]));
        hashes.keep(3, Some([7; 32]));
        assert_eq!(hashes.take(3), None);
        assert_eq!(hashes.take(5), None);
        assert_eq!(hashes.take(6), Some([6; 32]));
        assert!(hashes.lock().hashes.is_empty(), "4 was passed over");
    }
}
