//! `shuffle` and `shuffle_once`: the samples in random order, new for each epoch or the same.

use std::cell::RefCell;

use super::{Dataset, as_below, index_in};
use crate::error::{Error, Fault, Result};
use crate::order::{Description, Op, Permutation, epoch_of, index_shuffle};

/// The longest dataset that can be shuffled.
pub(super) const LEN_MAX: u64 = 1 << 63;

/// The number of permutations that a thread keeps: one for each shuffle, if its pipelines have that
/// few.
const KEPT: usize = 4;

thread_local! {
    /// The permutations used last, because making one costs as much as many look-ups, and the place
    /// of the one to replace next.
    static LAST: RefCell<([Permutation; KEPT], usize)> =
        RefCell::new(([Permutation::new(0, 0, 0); KEPT], 0));
}

/// Returns the entry at an offset of a permutation, from the kept ones or a new one.
pub(super) fn permuted(len: u64, seed: u64, epoch: u64, offset: u64) -> u64 {
    LAST.with_borrow_mut(|(kept, next)| {
        if let Some(permutation) = kept.iter().find(|kept| kept.is_for(len, seed, epoch)) {
            return permutation.get(offset);
        }
        *next = (*next + 1) % KEPT;
        kept[*next] = Permutation::new(len, seed, epoch);
        kept[*next].get(offset)
    })
}

/// A dataset in random order: see [`Dataset::shuffle`] and [`Dataset::shuffle_once`].
#[derive(Debug, Clone)]
pub struct Shuffle<D> {
    dataset: D,
    seed: u64,
    once: bool,
    len: u64,
}

impl<D: Dataset> Shuffle<D> {
    pub(super) fn new(dataset: D, seed: u64) -> Self {
        let len = dataset.len();
        Self { dataset, seed, once: false, len }
    }

    pub(super) fn once(dataset: D, seed: u64) -> Self {
        Self { once: true, ..Self::new(dataset, seed) }
    }

    /// Returns the index in the dataset below.
    #[inline]
    fn index_below(&self, index: u64) -> Result<u64, Fault> {
        let (epoch, offset) = epoch_of(index, self.len);
        if offset >= self.len {
            return Ok(index); // Nothing is shuffled; the source says so.
        }
        if self.len > LEN_MAX {
            return Err(Fault::new(format!(
                "shuffle takes at most 2^63 samples, not {}",
                self.len
            )));
        }
        let order = if self.once { 0 } else { epoch };
        index_in(epoch, permuted(self.len, self.seed, order, offset), self.len)
    }
}

impl<D: Dataset> Dataset for Shuffle<D> {
    type Sample = D::Sample;

    as_below!(has_gaps is_repeated at_index_below element_spec tree);

    #[inline]
    fn len(&self) -> u64 {
        self.len
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        let name = if self.once { "shuffle_once" } else { "shuffle" };
        description.push(Op::new(name).with("seed", self.seed));
    }

    fn is_reshuffled(&self) -> bool {
        !self.once || self.dataset.is_reshuffled()
    }

    fn is_same_each_epoch(&self) -> bool {
        self.once && self.dataset.is_same_each_epoch()
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()?;
        if self.len <= LEN_MAX {
            return Ok(());
        }
        Err(Error::Setting {
            name: "the length of a shuffled dataset".into(),
            value: self.len.to_string(),
            allowed: "at most 2^63; put `repeat` after `shuffle`, not before".into(),
        })
    }
}

/// A dataset in the order of Grain's shuffle: see [`Dataset::shuffle_like_grain`].
#[derive(Debug, Clone)]
pub struct GrainShuffle<D> {
    dataset: D,
    seed: u32,
    len: u64,
}

impl<D: Dataset> GrainShuffle<D> {
    pub(super) fn new(dataset: D, seed: u32) -> Self {
        let len = dataset.len();
        Self { dataset, seed, len }
    }

    /// Returns the index in the dataset below.
    #[inline]
    fn index_below(&self, index: u64) -> Result<u64, Fault> {
        const ROUNDS: u32 = 4;
        let (epoch, offset) = epoch_of(index, self.len);
        if offset >= self.len {
            return Ok(index);
        }
        let seed = self.seed.wrapping_add(epoch as u32);
        index_in(epoch, index_shuffle(offset, self.len - 1, seed, ROUNDS), self.len)
    }
}

impl<D: Dataset> Dataset for GrainShuffle<D> {
    type Sample = D::Sample;

    as_below!(has_gaps is_repeated check at_index_below element_spec tree);

    #[inline]
    fn len(&self) -> u64 {
        self.len
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        description.push(Op::new("shuffle_like_grain").with("seed", self.seed));
    }

    fn is_reshuffled(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::dataset::Dataset;
    use crate::source::range;

    #[test]
    fn each_epoch_has_its_own_order_of_the_same_samples() {
        let shuffled = range(0..50).shuffle(3);
        let epoch = |epoch: u64| -> Vec<u64> {
            (0..50).map(|i| shuffled.get(epoch * 50 + i).unwrap().unwrap()).collect()
        };
        let sorted = |mut samples: Vec<u64>| {
            samples.sort_unstable();
            samples
        };
        assert_ne!(epoch(0), epoch(1));
        assert_eq!(sorted(epoch(0)), sorted(epoch(1)));
    }

    #[test]
    fn an_empty_dataset_is_a_fault_and_no_panic() {
        assert!(range(0..0).shuffle(1).get(0).is_err());
        assert!(range(0..0).shuffle_like_grain(1).get(7).is_err());
    }

    #[test]
    fn two_shuffles_do_not_disturb_each_other() {
        let twice = range(0..9).shuffle(1).shuffle(2);
        let (first, second) = (range(0..9).shuffle(1), range(0..9).shuffle(2));
        for index in 0..30 {
            let offset = second.get(index).unwrap().unwrap();
            assert_eq!(twice.get(index).unwrap(), first.get(index / 9 * 9 + offset).unwrap());
        }
    }
}
