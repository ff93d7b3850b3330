//! `split`: parts that share no sample and are the same in each epoch.

use std::sync::Arc;

use super::shuffle::{LEN_MAX, permuted};
use super::{Dataset, RESHUFFLED, as_below, index_in};
use crate::error::{Error, Fault, Result};
use crate::order::{Description, Op, Parts, epoch_of};

/// One part of a split dataset: see [`Dataset::split`].
#[derive(Debug)]
pub struct Split<D> {
    dataset: Arc<D>,
    seed: u64,
    parts: Arc<Parts>,
    part: u64,
    start: u64,
    end: u64,
    below: u64,
}

impl<D: Dataset> Split<D> {
    pub(super) fn all<const PARTS: usize>(
        dataset: D,
        seed: u64,
        fractions: [f64; PARTS],
    ) -> [Self; PARTS] {
        let (dataset, parts) = (Arc::new(dataset), Arc::new(Parts::new(fractions)));
        std::array::from_fn(|part| Self::new(dataset.clone(), seed, parts.clone(), part as u64))
    }

    /// Returns the part with this number, from 0; past the last one, an empty part.
    pub(crate) fn new(dataset: Arc<D>, seed: u64, parts: Arc<Parts>, part: u64) -> Self {
        let below = dataset.len();
        let std::ops::Range { start, end } = parts.range(part, below);
        Self { dataset, seed, parts, part, start, end, below }
    }
}

impl<D> Split<D> {
    /// Returns the index in the dataset below.
    fn index_below(&self, index: u64) -> Result<u64, Fault> {
        let len = self.end - self.start;
        if len == 0 {
            return Err(Fault::new(format!(
                "index {index} does not exist: the part of the split is empty"
            )));
        }
        let (epoch, offset) = epoch_of(index, len);
        let offset = permuted(self.below, self.seed, 0, self.start + offset);
        index_in(epoch, offset, self.below)
    }
}

impl<D> Clone for Split<D> {
    /// Clones the part; the clone shares the dataset.
    fn clone(&self) -> Self {
        Self { dataset: self.dataset.clone(), parts: self.parts.clone(), ..*self }
    }
}

impl<D: Dataset> Dataset for Split<D> {
    type Sample = D::Sample;

    as_below!(has_gaps is_reshuffled is_repeated is_same_each_epoch at_index_below element_spec tree);

    #[inline]
    fn len(&self) -> u64 {
        self.end - self.start
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        let op = Op::new("split").with("seed", self.seed).with("parts", &self.parts);
        description.push(op.with("part", self.part));
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()?;
        self.parts.check(self.part)?;
        let refused = |value: &str, allowed: &str| {
            Err(Error::Setting {
                name: "split".into(),
                value: value.into(),
                allowed: allowed.into(),
            })
        };
        if self.dataset.is_reshuffled() {
            return refused(
                &format!("made of {RESHUFFLED}"),
                "`split` before that op, or `shuffle_once` in the place of `shuffle`",
            );
        }
        if self.dataset.is_repeated() {
            return refused(
                "made of a repeated dataset, whose samples would be in several parts",
                "`split` before `repeat`",
            );
        }
        if self.below > LEN_MAX {
            return refused(&format!("made of {} samples", self.below), "at most 2^63 samples");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{from_vec, range};

    fn epoch<D: Dataset>(dataset: &D, epoch: u64) -> Vec<D::Sample> {
        let all = epoch * dataset.len()..(epoch + 1) * dataset.len();
        all.map(|index| dataset.get(index).unwrap().unwrap()).collect()
    }

    #[test]
    fn parts_are_disjoint_complete_and_the_same_in_each_epoch() {
        for len in (0..40).chain(120..140).chain([1_000]) {
            for seed in 0..4 {
                let parts = range(0..len).split(seed, [0.5, 0.0, 0.3, 0.2]);
                parts.iter().for_each(|part| part.check().unwrap());
                let mut all: Vec<u64> = parts.iter().flat_map(|part| epoch(part, 0)).collect();
                let once = range(0..len).shuffle_once(seed);
                assert_eq!(all, epoch(&once, 0), "length {len}, seed {seed}");
                all.sort_unstable();
                assert_eq!(all, (0..len).collect::<Vec<_>>(), "length {len}, seed {seed}");
                assert!(parts.iter().all(|part| epoch(part, 0) == epoch(part, 3)));
            }
        }
    }

    #[test]
    fn an_index_past_a_part_is_a_sample_of_the_next_epoch_below() {
        let noisy = || range(0..50).random_map(1, |x, rng| (x, rng.next_u64()));
        let [part, _] = noisy().split(2, [0.4, 0.6]);
        for index in 0..20 {
            let (first, third) = (part.get(index).unwrap(), part.get(40 + index).unwrap());
            let sample = first.unwrap().0;
            assert_eq!(third, noisy().get(100 + sample).unwrap());
            assert_ne!(first, third);
        }
    }

    #[test]
    fn a_part_without_samples_is_empty_and_no_panic() {
        let [some, none] = range(0..1).split(0, [0.9, 0.1]);
        assert_eq!((some.len(), none.len(), none.is_empty()), (1, 0, true));
        assert!(none.check().is_ok() && none.get(0).is_err());
        let [all] = range(0..0).split(0, [1.0]);
        assert!(all.is_empty() && all.get(7).is_err());
    }

    #[test]
    fn a_split_needs_no_clone_of_the_dataset() {
        struct Own(u64);
        let [one, other] = range(0..10).map(Own).split(1, [0.5, 0.5]);
        let sum: u64 =
            epoch(&one.clone(), 0).iter().chain(&epoch(&other, 0)).map(|own| own.0).sum();
        assert_eq!(sum, 45);
        let [texts] = from_vec(vec!["a".to_owned()]).split(1, [1.0]);
        assert_eq!(epoch(&texts, 1), ["a"]);
    }

    #[test]
    fn what_would_leak_is_refused_with_the_way_out() {
        let text = |parts: [Result<()>; 2]| match parts {
            [Err(one), Err(other)] if one.to_string() == other.to_string() => one.to_string(),
            other => panic!("{other:?}"),
        };
        let halves = [0.5, 0.5];
        assert_eq!(
            text(range(0..9).shuffle(1).split(1, halves).map(|part| part.check())),
            "split is made of an order that is new in each epoch, as after `shuffle`, \
             `weighted_sample` or `class_balanced`; allowed: `split` before that op, or \
             `shuffle_once` in the place of `shuffle`"
        );
        assert_eq!(
            text(range(0..9).repeat(2).split(1, halves).map(|part| part.check())),
            "split is made of a repeated dataset, whose samples would be in several parts; \
             allowed: `split` before `repeat`"
        );
        let [part, _] = range(0..9).shuffle_once(1).repeat(1).split(1, halves);
        assert!(part.check().is_ok());
        let [part, _] = range(0..u64::MAX).split(1, halves);
        assert!(part.check().unwrap_err().to_string().contains("2^63"));
    }
}
