//! `subset`: the samples at given indices, in that order.

use std::sync::{Arc, OnceLock};

use super::probe::below;
use super::{
    Dataset, ElementSpec, PipelineTree, RESHUFFLED, SampleKey, SampleResult, index_in, step,
};
use crate::error::{Error, Fault, Result};
use crate::order::{Description, Op, epoch_of, short_hash_of};

/// The samples at given indices: see [`Dataset::subset`].
#[derive(Debug, Clone)]
pub struct Subset<D> {
    dataset: D,
    indices: Arc<[u64]>,
    below: u64,
    /// Whether an index stands twice, once a check has asked.
    names_twice: OnceLock<bool>,
}

impl<D: Dataset> Subset<D> {
    pub(super) fn new(dataset: D, indices: Arc<[u64]>) -> Self {
        let below = dataset.len();
        Self { dataset, indices, below, names_twice: OnceLock::new() }
    }

    /// Returns the index in the dataset below.
    #[inline]
    fn index_below(&self, index: u64) -> Result<u64, Fault> {
        let (epoch, offset) = epoch_of(index, self.indices.len() as u64);
        let chosen = usize::try_from(offset).ok().and_then(|offset| self.indices.get(offset));
        match chosen {
            Some(chosen) if *chosen < self.below => index_in(epoch, *chosen, self.below),
            Some(chosen) => Err(Fault::new(format!(
                "index {index}: the subset names index {chosen} of {} samples",
                self.below
            ))),
            None => Err(Fault::new(format!("index {index}: the subset is empty"))),
        }
    }
}

impl<D: Dataset> Dataset for Subset<D> {
    type Sample = D::Sample;

    super::as_below!(has_gaps is_reshuffled is_same_each_epoch at_index_below element_spec tree);

    #[inline]
    fn len(&self) -> u64 {
        self.indices.len() as u64
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        let hash = short_hash_of(self.indices.iter().copied());
        let op = Op::new("subset").with("len", self.indices.len()).with("sha256", hash);
        description.push(op);
    }

    fn is_repeated(&self) -> bool {
        let names_twice = || {
            let mut sorted = self.indices.to_vec();
            sorted.sort_unstable();
            sorted.windows(2).any(|pair| pair[0] == pair[1])
        };
        self.dataset.is_repeated() || *self.names_twice.get_or_init(names_twice)
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()?;
        let refused = |value: String, allowed: &str| {
            let (name, allowed) = ("subset".into(), allowed.into());
            Err(Error::Setting { name, value, allowed })
        };
        if let Some(place) = self.indices.iter().position(|index| *index >= self.below) {
            let (index, below) = (self.indices[place], self.below);
            let value = format!("{index} at place {place}, but there are {below} samples");
            return refused(value, "indices below the number of samples");
        }
        if self.dataset.is_reshuffled() {
            return refused(
                format!("made of {RESHUFFLED}"),
                "`subset` before that op, or `shuffle_once` in the place of `shuffle`",
            );
        }
        Ok(())
    }
}

/// The samples whose indices another dataset has: see [`Dataset::subset_by`].
#[derive(Debug, Clone)]
pub struct SubsetBy<D, I> {
    dataset: D,
    indices: I,
    below: u64,
}

impl<D: Dataset, I: Dataset<Sample = u64>> SubsetBy<D, I> {
    pub(super) fn new(dataset: D, indices: I) -> Self {
        let below = dataset.len();
        Self { dataset, indices, below }
    }

    /// Returns the index in the dataset below, or `None` for a gap.
    fn index_below(&self, index: u64) -> SampleResult<u64> {
        let Some(chosen) = below(1, || self.indices.get(index))? else { return Ok(None) };
        let epoch = epoch_of(index, self.indices.len()).0;
        if chosen < self.below {
            return index_in(epoch, chosen, self.below).map(Some);
        }
        let below = self.below;
        let why = format!("it names index {chosen}, but there are {below} samples");
        Err(Fault::new(why).at("subset_by", epoch_of(index, self.indices.len()).1))
    }
}

impl<D: Dataset, I: Dataset<Sample = u64>> Dataset for SubsetBy<D, I> {
    type Sample = D::Sample;

    #[inline]
    fn len(&self) -> u64 {
        self.indices.len()
    }

    fn get(&self, index: u64) -> SampleResult<D::Sample> {
        let Some(chosen) = self.index_below(index)? else { return Ok(None) };
        below(0, || self.dataset.get(chosen))
    }

    fn key(&self, index: u64) -> Option<SampleKey> {
        self.dataset.key(self.index_below(index).ok()??)
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        description.push(Op::new("with"));
        self.indices.describe(description);
        description.push(Op::new("subset_by"));
    }

    fn element_spec(&self) -> ElementSpec {
        self.dataset.element_spec()
    }

    fn tree(&self, ops: &mut dyn Iterator<Item = Op>) -> PipelineTree {
        let first = self.dataset.tree(ops);
        ops.next(); // `with`
        let second = self.indices.tree(ops);
        step(self, ops, vec![first, second])
    }

    fn has_gaps(&self) -> bool {
        self.dataset.has_gaps() || self.indices.has_gaps()
    }

    fn is_reshuffled(&self) -> bool {
        self.dataset.is_reshuffled() || self.indices.is_reshuffled()
    }

    fn is_same_each_epoch(&self) -> bool {
        self.dataset.is_same_each_epoch() && self.indices.is_same_each_epoch()
    }

    /// Returns `true`, because the indices may name a sample twice.
    fn is_repeated(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()?;
        self.indices.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::range;

    fn all<D: Dataset>(dataset: &D, epochs: u64) -> Vec<D::Sample> {
        (0..dataset.len() * epochs).map(|index| dataset.get(index).unwrap().unwrap()).collect()
    }

    #[test]
    fn samples_come_in_the_order_of_the_indices_in_each_epoch() {
        let part = range(10..20).subset([7, 0, 7]);
        assert_eq!(all(&part, 2), [17, 10, 17, 17, 10, 17]);
        assert_eq!(part.key(2), Some(SampleKey::Index(7)));
        assert!(part.is_repeated() && !range(0..9).subset([3, 1]).is_repeated());
        let noisy = || range(0..10).random_map(1, |x, rng| (x, rng.next_u64()));
        assert_eq!(noisy().subset([4]).get(2).unwrap(), noisy().get(24).unwrap());
    }

    #[test]
    fn indices_may_come_from_a_dataset() {
        let order = || range(0..10).map(|x| x * 7 % 10).shuffle(3);
        let part = range(100..110).subset_by(order());
        let chosen = all(&order(), 3);
        assert_eq!(all(&part, 3), chosen.iter().map(|x| x + 100).collect::<Vec<_>>());
        let even = range(0..4).subset_by(range(0..4).filter(|x| x % 2 == 0));
        assert_eq!((even.get(1).unwrap(), even.get(2).unwrap()), (None, Some(2)));
        let beyond = range(0..4).subset_by(range(3..5));
        assert_eq!(
            beyond.get(3).unwrap_err().to_string(),
            "subset_by of index 1: it names index 4, but there are 4 samples"
        );
    }

    #[test]
    fn what_cannot_be_chosen_is_refused_with_its_place() {
        assert_eq!(
            range(0..9).subset([3, 9]).check().unwrap_err().to_string(),
            "subset is 9 at place 1, but there are 9 samples; allowed: indices below the number of \
             samples"
        );
        let message = range(0..9).shuffle(1).subset([3]).check().unwrap_err().to_string();
        assert!(message.contains("`shuffle_once`"), "{message}");
        assert!(range(0..9).subset([9]).get(0).is_err() && range(0..9).subset([]).get(0).is_err());
    }

    #[test]
    fn descriptions_tell_lists_apart() {
        let text = |indices: &[u64]| {
            let mut description = Description::default();
            range(0..9).subset(indices).describe(&mut description);
            description.to_string()
        };
        assert_ne!(text(&[1, 2]), text(&[2, 1]));
        assert!(text(&[1, 2]).contains("|subset(len=2,sha256="), "{}", text(&[1, 2]));
    }
}
