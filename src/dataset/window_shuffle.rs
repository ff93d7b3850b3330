//! `window_shuffle`: random order within each window of neighbours.

use super::shuffle::{LEN_MAX, permuted};
use super::{Dataset, as_below, at_least_one, index_in};
use crate::error::{Error, Fault, Result};
use crate::order::{Description, Op, Rng, epoch_of};

/// A dataset in random order within each window: see [`Dataset::window_shuffle`].
#[derive(Debug, Clone)]
pub struct WindowShuffle<D> {
    dataset: D,
    seed: u64,
    window: u64,
    len: u64,
}

impl<D: Dataset> WindowShuffle<D> {
    pub(super) fn new(dataset: D, seed: u64, window: u64) -> Self {
        let len = dataset.len();
        Self { dataset, seed, window, len }
    }

    /// Returns the index in the dataset below.
    #[inline]
    fn index_below(&self, index: u64) -> Result<u64, Fault> {
        let (epoch, offset) = epoch_of(index, self.len);
        if offset >= self.len {
            return Ok(index); // Nothing is shuffled; the source says so.
        }
        let (number, place) = epoch_of(offset, self.window.max(1));
        let start = offset - place;
        let size = self.window.max(1).min(self.len - start);
        let seed = Rng::keyed(self.seed, epoch, 0, number).next_u64();
        index_in(epoch, start + permuted(size, seed, epoch, place), self.len)
    }
}

impl<D: Dataset> Dataset for WindowShuffle<D> {
    type Sample = D::Sample;

    as_below!(has_gaps is_repeated at_index_below element_spec tree);

    #[inline]
    fn len(&self) -> u64 {
        self.len
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        let op = Op::new("window_shuffle").with("seed", self.seed);
        description.push(op.with("window", self.window));
    }

    fn is_reshuffled(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()?;
        at_least_one("window_shuffle.window", self.window)?;
        if self.window.min(self.len) <= LEN_MAX {
            return Ok(());
        }
        Err(Error::Setting {
            name: "window_shuffle.window".into(),
            value: self.window.to_string(),
            allowed: "at most 2^63".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::dataset::Dataset;
    use crate::source::range;

    #[test]
    fn every_window_of_every_length_is_a_permutation_of_itself() {
        for len in (0..20).chain([63, 64, 65, 100, 4097]) {
            for window in [1, 2, 3, 4, 7, 16, 17, 5_000] {
                let shuffled = range(0..len).window_shuffle(7, window);
                for epoch in 0..2 {
                    let of = epoch * len..(epoch + 1) * len;
                    let all: Vec<u64> = of.map(|i| shuffled.get(i).unwrap().unwrap()).collect();
                    for (number, part) in all.chunks(window as usize).enumerate() {
                        let mut part = part.to_vec();
                        part.sort_unstable();
                        let start = number as u64 * window;
                        assert_eq!(part, (start..(start + window).min(len)).collect::<Vec<_>>());
                    }
                }
            }
        }
    }

    #[test]
    fn windows_epochs_and_seeds_have_their_own_order() {
        let order = |seed: u64, epoch: u64, window: u64| {
            let shuffled = range(0..400).window_shuffle(seed, 100);
            let start = epoch * 400 + window * 100;
            let all = (start..start + 100).map(|i| shuffled.get(i).unwrap().unwrap() % 100);
            all.collect::<Vec<u64>>()
        };
        let orders = [order(1, 0, 0), order(1, 0, 1), order(1, 1, 0), order(2, 0, 0)];
        for (number, one) in orders.iter().enumerate() {
            assert!(orders[..number].iter().all(|other| other != one));
        }
    }

    #[test]
    fn a_window_of_nothing_is_refused_and_no_panic() {
        assert!(range(0..9).window_shuffle(1, 0).check().is_err());
        assert!(range(0..0).window_shuffle(1, 4).get(2).is_err());
        assert!(range(0..u64::MAX).window_shuffle(1, u64::MAX).check().is_err());
        assert!(range(0..u64::MAX).window_shuffle(1, 100).check().is_ok());
    }
}
