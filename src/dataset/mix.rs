//! `mix`: samples of several datasets in fixed proportions.

use super::Dataset;
use super::members::{Members, of_members};
use crate::error::{Fault, Result};
use crate::order::{Description, Op, Proportions};

/// Samples of several datasets in fixed proportions: see [`mix()`].
#[derive(Debug, Clone)]
pub struct Mix<D> {
    members: Members<D>,
    proportions: Proportions,
    len: u64,
}

/// Mixes several datasets, each with a weight: weights 3 and 1 give three samples of the first
/// dataset for each sample of the second.
///
/// The order repeats after as many samples as the sum of the weights, and has each dataset exactly
/// as often as its weight. The order is the same for every seed; `shuffle` the datasets or the mix
/// for a random one. An epoch ends before a dataset would begin again. In the next epoch, each
/// dataset goes on where it was, so every sample of a longer dataset has its turn. The
/// [key](Dataset::key) of a sample is its key in the member, after the number of the member:
/// `1/42`.
///
/// Members with the same seed draw the same random numbers for the same index; give each member its
/// own seed.
///
/// [`check`](Dataset::check) refuses a weight of 0, and a sum of weights above 65,536 after division
/// by their greatest common divisor.
///
/// ```
/// use windrow::{Dataset, mix, range};
/// let mixed = mix([(range(0..6), 3), (range(100..200), 1)]);
/// let epoch = (0..mixed.len()).map(|index| mixed.get(index)).collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(epoch, [0, 1, 2, 100, 3, 4, 5, 101].map(Some));
/// # Ok::<(), windrow::Fault>(())
/// ```
pub fn mix<D: Dataset>(members: impl IntoIterator<Item = (D, u64)>) -> Mix<D> {
    let (members, weights): (Vec<D>, Vec<u64>) = members.into_iter().unzip();
    let (members, proportions) = (Members::new(members), Proportions::new(weights));
    let len = proportions.len(&members.lengths());
    Mix { members, proportions, len }
}

impl<D: Dataset> Mix<D> {
    /// Returns the member of an index, and the index in the member.
    #[inline]
    fn place(&self, index: u64) -> Result<(usize, u64), Fault> {
        let turn = self.proportions.turn(index).filter(|_| self.len > 0);
        let (member, index) = turn.ok_or_else(|| {
            Fault::new(format!("index {index}: a dataset of the mix has too few samples"))
        })?;
        Ok((member as usize, index))
    }

    /// Returns whether an epoch ends in the middle of a member's epoch.
    fn cuts(&self) -> bool {
        let lengths = self.members.lengths();
        lengths.iter().try_fold(0, |sum: u64, len| sum.checked_add(*len)) != Some(self.len)
    }
}

impl<D: Dataset> Dataset for Mix<D> {
    type Sample = D::Sample;

    of_members!(at_place element_spec tree has_gaps);

    #[inline]
    fn len(&self) -> u64 {
        self.len
    }

    fn describe(&self, description: &mut Description) {
        let op = Op::new("mix").with("weights", self.proportions.weights());
        self.members.describe(description, op);
    }

    fn is_reshuffled(&self) -> bool {
        self.cuts() || self.members.any(D::is_reshuffled)
    }

    fn is_repeated(&self) -> bool {
        self.cuts() || self.members.any(D::is_repeated)
    }

    fn is_same_each_epoch(&self) -> bool {
        !self.cuts() && self.members.all(D::is_same_each_epoch)
    }

    fn check(&self) -> Result<()> {
        self.members.check()?;
        self.proportions.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::range;

    fn all<D: Dataset>(dataset: &D) -> Vec<D::Sample> {
        (0..dataset.len()).map(|index| dataset.get(index).unwrap().unwrap()).collect()
    }

    #[test]
    fn mixes_are_those_of_grain() {
        let numbers = |odd: u64| range(0..5).map(move |x| x * 2 + odd);
        let even_and_odd =
            |weights: [u64; 2]| mix([(numbers(0), weights[0]), (numbers(1), weights[1])]);
        assert_eq!(all(&even_and_odd([1, 1])), (0..10).collect::<Vec<_>>());
        let twice = even_and_odd([75, 25]).repeat(2);
        assert_eq!(all(&twice), [0, 2, 4, 1, 6, 8, 0, 3, 2, 4, 6, 5]);
    }

    #[test]
    fn each_epoch_of_a_longer_member_is_whole() {
        let mixed = mix([(range(0..10), 1), (range(100..140), 1)]);
        let seen: Vec<u64> = (0..mixed.len() * 4).map(|i| mixed.get(i).unwrap().unwrap()).collect();
        let mut long: Vec<u64> = seen.into_iter().filter(|x| *x >= 100).collect();
        long.sort_unstable();
        assert_eq!(long, (100..140).collect::<Vec<_>>());
        // A part of an epoch would have other samples in the next.
        assert!(mixed.slice(..5).check().is_err());
        assert!(mix([(range(0..3), 1), (range(0..3), 1)]).slice(..5).check().is_ok());
    }

    #[test]
    fn keys_have_the_number_of_the_member_and_descriptions_the_weights() {
        let mixed = mix([(range(0..4), 4), (range(0..4), 2)]);
        let keys: Vec<String> = (0..6).map(|i| mixed.key(i).unwrap().to_string()).collect();
        assert_eq!(keys, ["0/0", "0/1", "1/0", "0/2", "0/3", "1/1"]);
        let mut description = Description::default();
        mixed.describe(&mut description);
        assert!(description.to_string().ends_with("|mix(weights=2:1,members=2)"), "{description}");
    }

    #[test]
    fn a_member_without_samples_makes_an_empty_mix_and_no_panic() {
        let empty = mix([(range(0..0), 1), (range(0..4), 1)]);
        assert_eq!((empty.len(), empty.key(0)), (0, None));
        assert!(empty.get(3).unwrap_err().to_string().contains("too few samples"));
        assert!(mix([(range(0..4), 0)]).check().is_err());
        assert!(mix([(range(0..4), 0)]).get(0).is_err());
    }
}
