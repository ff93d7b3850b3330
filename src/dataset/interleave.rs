//! `interleave`: several datasets that take turns.

use super::Dataset;
use super::members::{Members, of_members};
use crate::error::{Fault, Result};
use crate::order::{Description, Interleaving, Op, epoch_of};

/// Several datasets that take turns: see [`interleave()`].
#[derive(Debug, Clone)]
pub struct Interleave<D> {
    members: Members<D>,
    order: Interleaving,
}

/// Combines several datasets, of which `cycle_length` take turns at a time: the `interleave` of
/// tf.data and Grain.
///
/// Each open dataset gives one sample, or [`block_length`](Interleave::block_length) samples, and
/// then the next one has its turn. When a dataset has ended, the next dataset that is not open yet
/// takes its place. The end shows at the first turn without a sample, as in tf.data. The order follows
/// from the lengths alone, so workers make any sample, and a resume needs no other sample. A gap of a
/// filter takes the turn of its sample.
///
/// An epoch of the result is an epoch of each member. The [key](Dataset::key) of a sample is its key
/// in the member, after the number of the member: `1/42`. Members with the same seed draw the same
/// random numbers for the same index; give each member its own seed.
///
/// [`check`](Dataset::check) refuses no member, a length of 0, and more than 2^64 - 1 samples.
/// The members that are open at a time, times the number of members, are at most 262,144.
///
/// ```
/// use windrow::{Dataset, interleave, range};
/// let shards = [range(0..2), range(10..14), range(20..23)];
/// let turns = interleave(shards, 2);
/// let epoch = (0..turns.len()).map(|index| turns.get(index)).collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(epoch, [0, 10, 1, 11, 12, 20, 13, 21, 22].map(Some));
/// # Ok::<(), windrow::Fault>(())
/// ```
pub fn interleave<D: Dataset>(
    members: impl IntoIterator<Item = D>,
    cycle_length: u64,
) -> Interleave<D> {
    let members = Members::new(members.into_iter().collect());
    let order = Interleaving::new(&members.lengths(), cycle_length, 1);
    Interleave { members, order }
}

impl<D: Dataset> Interleave<D> {
    /// Sets the number of samples in a turn, at least 1; by default 1.
    ///
    /// ```
    /// use windrow::{Dataset, interleave, range};
    /// let turns = interleave([range(0..3), range(10..13)], 2).block_length(2);
    /// let epoch = (0..turns.len()).map(|index| turns.get(index)).collect::<Result<Vec<_>, _>>()?;
    /// assert_eq!(epoch, [0, 1, 10, 11, 2, 12].map(Some));
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    #[must_use]
    pub fn block_length(self, block_length: u64) -> Self {
        let (cycle_length, _) = self.order.options();
        let order = Interleaving::new(&self.members.lengths(), cycle_length, block_length);
        Self { order, ..self }
    }

    /// Returns the member of an index, and the index in the member.
    #[inline]
    fn place(&self, index: u64) -> Result<(usize, u64), Fault> {
        let (epoch, offset) = epoch_of(index, self.order.len());
        let (member, offset) = self.order.place(offset).ok_or_else(|| {
            Fault::new(format!("index {index}: all members of interleave are empty"))
        })?;
        let member = member as usize;
        Ok((member, self.members.index_in(member, epoch, offset)?))
    }
}

impl<D: Dataset> Dataset for Interleave<D> {
    type Sample = D::Sample;

    of_members!(at_place element_spec tree has_gaps is_same_each_epoch is_reshuffled is_repeated);

    #[inline]
    fn len(&self) -> u64 {
        self.order.len()
    }

    fn describe(&self, description: &mut Description) {
        let (cycle, block) = self.order.options();
        let op = Op::new("interleave").with("cycle_length", cycle).with("block_length", block);
        self.members.describe(description, op);
    }

    fn check(&self) -> Result<()> {
        self.members.check()?;
        self.order.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::range;

    #[test]
    fn each_epoch_is_one_of_each_member() {
        let turns = interleave([range(0..5).shuffle(1), range(10..13).shuffle(2)], 2);
        let epoch = |number: u64| -> Vec<u64> {
            (0..8).map(|index| turns.get(number * 8 + index).unwrap().unwrap()).collect()
        };
        let mut orders = Vec::new();
        for number in 0..3 {
            let mut all = epoch(number);
            orders.push(all.clone());
            all.sort_unstable();
            assert_eq!(all, [0, 1, 2, 3, 4, 10, 11, 12]);
        }
        assert!(orders[0] != orders[1] && orders[1] != orders[2]);
        assert!(turns.slice(..4).check().is_err());
    }

    #[test]
    fn keys_have_the_number_of_the_member_and_descriptions_the_lengths() {
        let turns = interleave([range(0..1), range(0..2)], 2).block_length(3);
        let keys: Vec<String> = (0..3).map(|i| turns.key(i).unwrap().to_string()).collect();
        assert_eq!(keys, ["0/0", "1/0", "1/1"]);
        let mut description = Description::default();
        turns.describe(&mut description);
        let text = description.to_string();
        assert!(text.ends_with("|interleave(cycle_length=2,block_length=3,members=2)"), "{text}");
        assert!(turns.check().is_ok());
    }

    #[test]
    fn members_without_samples_make_an_empty_dataset_and_no_panic() {
        let empty = interleave([range(0..0), range(0..0)], 2);
        assert_eq!((empty.len(), empty.key(0)), (0, None));
        assert!(empty.get(3).unwrap_err().to_string().contains("empty"));
        assert!(interleave([range(0..3)], 0).check().is_err());
        assert!(interleave([range(0..3)], 1).block_length(0).check().is_err());
    }
}
