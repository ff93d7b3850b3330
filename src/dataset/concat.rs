//! `concat`: several datasets, one after the other.

use super::Dataset;
use super::members::{Members, of_members};
use crate::error::{Error, Fault, Result};
use crate::order::{Description, Op, epoch_of};

/// Several datasets, one after the other: see [`concat()`].
#[derive(Debug, Clone)]
pub struct Concat<D> {
    members: Members<D>,
    /// The end of each member in an epoch.
    ends: Vec<u64>,
    len: u64,
}

/// Combines several datasets into one that has their samples one after the other.
///
/// An epoch of the result is an epoch of each member. The [key](Dataset::key) of a sample is its
/// key in the member, after the number of the member: `1/42`. Members of different types go into
/// boxes, as `Box<dyn Dataset<Sample = T> + Send + Sync>`. [`check`](Dataset::check) refuses more
/// than 2^64 - 1 samples.
///
/// Members with the same seed draw the same random numbers for the same index; give each member its
/// own seed.
///
/// ```
/// use windrow::{Dataset, concat, range};
/// let numbers = concat([range(0..3), range(10..12)]);
/// let epoch = (0..numbers.len()).map(|index| numbers.get(index)).collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(epoch, [0, 1, 2, 10, 11].map(Some));
/// # Ok::<(), windrow::Fault>(())
/// ```
pub fn concat<D: Dataset>(members: impl IntoIterator<Item = D>) -> Concat<D> {
    let members = Members::new(members.into_iter().collect());
    let add = |end: &mut u64, len| {
        *end = end.saturating_add(len);
        Some(*end)
    };
    let ends: Vec<u64> = members.lengths().into_iter().scan(0, add).collect();
    let len = ends.last().copied().unwrap_or(0);
    Concat { members, ends, len }
}

impl<D: Dataset> Concat<D> {
    /// Returns the member of an index, and the index in the member.
    #[inline]
    fn place(&self, index: u64) -> Result<(usize, u64), Fault> {
        let (epoch, offset) = epoch_of(index, self.len);
        let member = self.ends.partition_point(|end| *end <= offset);
        if member == self.ends.len() {
            return Err(Fault::new(format!("index {index}: all members of concat are empty")));
        }
        let start = member.checked_sub(1).map_or(0, |before| self.ends[before]);
        Ok((member, self.members.index_in(member, epoch, offset - start)?))
    }
}

impl<D: Dataset> Dataset for Concat<D> {
    type Sample = D::Sample;

    of_members!(at_place element_spec tree has_gaps is_same_each_epoch is_reshuffled is_repeated);

    #[inline]
    fn len(&self) -> u64 {
        self.len
    }

    fn describe(&self, description: &mut Description) {
        self.members.describe(description, Op::new("concat"));
    }

    fn check(&self) -> Result<()> {
        self.members.check()?;
        let lengths = self.members.lengths();
        let sum = lengths.iter().try_fold(0, |sum: u64, len| sum.checked_add(*len));
        let value = match (sum, lengths.is_empty()) {
            (Some(_), false) => return Ok(()),
            (_, true) => "made of no dataset",
            (None, _) => "made of more than 2^64 - 1 samples",
        };
        Err(Error::Setting {
            name: "concat".into(),
            value: value.into(),
            allowed: "at least one dataset, and at most 2^64 - 1 samples; put `repeat` after \
                      `concat`, not before"
                .into(),
        })
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
    fn samples_come_member_by_member_in_each_epoch_as_in_grain() {
        let (evens, odds) = (range(0..5).map(|x| x * 2), range(0..5).map(|x| x * 2 + 1));
        let boxed = |dataset| -> Box<dyn Dataset<Sample = u64>> { dataset };
        let both = concat([boxed(Box::new(evens)), boxed(Box::new(odds))]);
        assert_eq!(all(&both.slice(4..7), 1), [8, 1, 3]);
        let parts = concat([range(0..2), range(5..5), range(7..8)]);
        assert_eq!(all(&parts, 2), [0, 1, 7, 0, 1, 7]);
    }

    #[test]
    fn a_member_is_in_the_epoch_of_the_whole() {
        let members = || [range(0..10).shuffle(1), range(10..30).shuffle(2)];
        let (whole, [one, other]) = (concat(members()), members());
        for epoch in 0..3 {
            let of = |member: &dyn Dataset<Sample = u64>| {
                let len = member.len();
                let epoch = epoch * len..(epoch + 1) * len;
                epoch.map(|index| member.get(index).unwrap().unwrap()).collect::<Vec<_>>()
            };
            assert_eq!(of(&whole), [of(&one), of(&other)].concat(), "epoch {epoch}");
        }
    }

    #[test]
    fn keys_and_descriptions_tell_the_members_apart() {
        let parts = concat([range(0..2), range(0..3)]);
        let keys: Vec<String> = (0..5).map(|i| parts.key(i).unwrap().to_string()).collect();
        assert_eq!(keys, ["0/0", "0/1", "1/0", "1/1", "1/2"]);
        let text = |dataset: &dyn Dataset<Sample = u64>| {
            let mut description = Description::default();
            dataset.describe(&mut description);
            description.to_string()
        };
        assert_eq!(
            text(&parts),
            "member(number=0)|range(start=0,end=2)|member(number=1)|range(start=0,end=3)|\
             concat(members=2)"
        );
        let nested = concat([concat([range(0..1), range(1..2)]), concat([range(2..3)])]);
        let other = concat([concat([range(0..1)]), concat([range(1..2), range(2..3)])]);
        assert_eq!(all(&nested, 1), all(&other, 1));
        assert_ne!(text(&nested), text(&other));
    }

    #[test]
    fn nothing_and_too_much_are_errors_and_no_panic() {
        let nothing = concat(Vec::from([range(0..1)]).drain(..0));
        assert!(nothing.check().unwrap_err().to_string().contains("at least one dataset"));
        assert!(nothing.get(0).is_err() && nothing.key(0).is_none());
        assert!(concat([range(3..3)]).get(4).unwrap_err().to_string().contains("empty"));
        assert!(concat([range(3..3)]).check().is_ok());
        let huge = concat([range(0..u64::MAX), range(0..1)]);
        assert!(huge.check().unwrap_err().to_string().contains("2^64 - 1"));
        assert_eq!(huge.get(5).unwrap(), Some(5));
    }
}
