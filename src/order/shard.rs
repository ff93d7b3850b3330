//! One trainer's share of a dataset.

use crate::error::{Error, Result};

/// The share of one of several equal trainers: shard `index` of `count`.
///
/// Shards are contiguous and disjoint, and together they cover the dataset. If `count` does not
/// divide the length, the first shards have one sample more. Grain's `ShardOptions` cuts in the
/// same way. Three methods change the cut:
///
/// | method | shard 1 of 4 over 10 samples |
/// |---|---|
/// | `new` | 3, 4, 5 |
/// | [`strided`](Self::strided) | 1, 5, 9 |
/// | [`drop_remainder`](Self::drop_remainder) | 2, 3 |
/// | [`pad_remainder`](Self::pad_remainder) | 3, 4, 5, and shard 3 has 9, 0, 1 |
///
/// `strided().pad_remainder()` is the cut of PyTorch's `DistributedSampler`, and
/// `strided().drop_remainder()` is the cut of that sampler with `drop_last=True`.
///
/// ```
/// use windrow::order::Shard;
/// let of = |shard: Shard| shard.indices(10).collect::<Vec<_>>();
/// assert_eq!(of(Shard::new(1, 4)?), [3, 4, 5]);
/// assert_eq!(of(Shard::new(1, 4)?.strided()), [1, 5, 9]);
/// assert_eq!(of(Shard::new(1, 4)?.drop_remainder()), [2, 3]);
/// assert_eq!(of(Shard::new(3, 4)?.pad_remainder()), [9, 0, 1]);
/// assert_eq!(of(Shard::new(3, 4)?.strided().pad_remainder()), [3, 7, 1]);
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
    strided: bool,
    remainder: Remainder,
}

/// What becomes of the samples that `count` does not divide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remainder {
    Kept,
    Dropped,
    Padded,
}

impl Shard {
    /// Creates shard `index` of `count`, where `index` counts from 0.
    ///
    /// # Errors
    /// Returns [`Error::Setting`] if `count` is 0, or if `index` is not below `count`.
    pub fn new(index: u64, count: u64) -> Result<Self> {
        if index >= count {
            return Err(Error::Setting {
                name: "shard".into(),
                value: format!("{index} of {count}"),
                allowed: "an index from 0 to count - 1, and a count of at least 1".into(),
            });
        }
        Ok(Self { index, count, strided: false, remainder: Remainder::Kept })
    }

    /// Takes every `count`-th sample: the sample at offset `i` is `index + i * count`.
    #[must_use]
    pub fn strided(self) -> Self {
        Self { strided: true, ..self }
    }

    /// Makes all shards equally long by leaving out up to `count - 1` samples at the end.
    ///
    /// Replaces [`pad_remainder`](Self::pad_remainder).
    #[must_use]
    pub fn drop_remainder(self) -> Self {
        Self { remainder: Remainder::Dropped, ..self }
    }

    /// Makes all shards equally long by taking the missing samples from the start again.
    ///
    /// The dataset counts as longer, up to the next multiple of `count`, and begins again where it
    /// ends. The shards then cut that longer dataset. With contiguous shards, the last ones hold the
    /// repeated samples. With strided shards, the last ones hold one repeated sample each. No shard
    /// has a sample twice, and no shard of a dataset with samples is empty.
    ///
    /// Replaces [`drop_remainder`](Self::drop_remainder).
    #[must_use]
    pub fn pad_remainder(self) -> Self {
        Self { remainder: Remainder::Padded, ..self }
    }

    /// Returns the number of samples of this shard in a dataset of `len` samples.
    #[inline]
    #[must_use]
    pub fn len_of(&self, len: u64) -> u64 {
        match self.remainder {
            Remainder::Kept => len / self.count + u64::from(self.index < len % self.count),
            Remainder::Dropped => len / self.count,
            Remainder::Padded => len.div_ceil(self.count),
        }
    }

    /// Returns the index in a dataset of `len` samples of the sample at `offset` of this shard.
    ///
    /// `offset` is below [`len_of`](Self::len_of) the same `len`. Past it, the result is an index of
    /// no sample of this shard, or `u64::MAX`.
    #[inline]
    #[must_use]
    pub fn index_of(&self, offset: u64, len: u64) -> u64 {
        let [index, count, offset] = [self.index, self.count, offset].map(u128::from);
        let place = if self.strided {
            index + offset * count
        } else {
            let (share, longer) = match self.remainder {
                Remainder::Kept => (len / self.count, len % self.count),
                Remainder::Dropped => (len / self.count, 0),
                Remainder::Padded => (len.div_ceil(self.count), 0),
            };
            u128::from(share) * index + u128::from(longer).min(index) + offset
        };
        let begins_again = self.remainder == Remainder::Padded && place >= u128::from(len);
        let place = if begins_again { place.checked_rem(len.into()) } else { Some(place) };
        place.and_then(|place| u64::try_from(place).ok()).unwrap_or(u64::MAX)
    }

    /// Returns the indices of this shard in a dataset of `len` samples, in their order.
    pub fn indices(self, len: u64) -> impl Iterator<Item = u64> {
        (0..self.len_of(len)).map(move |offset| self.index_of(offset, len))
    }

    /// Returns this shard's number, from 0.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Returns the number of shards.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns `true` if the shard takes every `count`-th sample.
    #[must_use]
    pub fn is_strided(&self) -> bool {
        self.strided
    }

    /// Returns `true` if all shards are cut to the same length.
    #[must_use]
    pub fn drops_remainder(&self) -> bool {
        self.remainder == Remainder::Dropped
    }

    /// Returns `true` if all shards are padded to the same length.
    #[must_use]
    pub fn pads_remainder(&self) -> bool {
        self.remainder == Remainder::Padded
    }
}

#[cfg(test)]
mod tests {
    use super::Shard;

    fn shards(count: u64, cut: fn(Shard) -> Shard, len: u64) -> Vec<Vec<u64>> {
        let shard = |index| cut(Shard::new(index, count).unwrap());
        (0..count).map(|index| shard(index).indices(len).collect()).collect()
    }

    /// Calls a check with every small length and count.
    fn small(check: impl Fn(u64, u64)) {
        (0..40).for_each(|len| (1..9).for_each(|count| check(len, count)));
    }

    #[test]
    fn contiguous_shards_are_disjoint_and_cover() {
        small(|len, count| {
            let all = shards(count, |shard| shard, len);
            assert_eq!(all.concat(), (0..len).collect::<Vec<_>>(), "{count} over {len}");
            let longer = all.iter().filter(|shard| shard.len() as u64 > len / count).count();
            assert_eq!(longer as u64, len % count, "{count} over {len}");
        });
    }

    #[test]
    fn strided_shards_take_every_nth_sample() {
        small(|len, count| {
            for (shard, index) in shards(count, Shard::strided, len).iter().zip(0..) {
                let expected: Vec<u64> = (index..len).step_by(count as usize).collect();
                assert_eq!(*shard, expected, "{index} of {count} over {len}");
            }
        });
    }

    #[test]
    fn dropping_the_remainder_makes_shards_equal() {
        small(|len, count| {
            let whole = len / count * count;
            let all = shards(count, Shard::drop_remainder, len);
            assert_eq!(all.concat(), (0..whole).collect::<Vec<_>>());
            assert!(all.iter().all(|shard| shard.len() as u64 == len / count));
            let strided = shards(count, |shard| shard.strided().drop_remainder(), len);
            let mut sorted = strided.concat();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..whole).collect::<Vec<_>>());
            assert!(strided.iter().all(|shard| shard.len() as u64 == len / count));
        });
    }

    #[test]
    fn padded_shards_go_on_from_the_start() {
        small(|len, count| {
            // PyTorch's `DistributedSampler` extends the list of indices, and then cuts the list.
            let total = len.div_ceil(count) * count;
            let extended: Vec<u64> = (0..total).map(|index| index % len).collect();
            let all = shards(count, Shard::pad_remainder, len);
            assert_eq!(all.concat(), extended, "{count} over {len}");
            assert!(all.iter().all(|shard| shard.len() as u64 == total / count));
            let strided = shards(count, |shard| shard.strided().pad_remainder(), len);
            for (shard, index) in strided.iter().zip(0..) {
                let every = extended.iter().skip(index).step_by(count as usize).copied();
                assert_eq!(*shard, every.collect::<Vec<_>>(), "{index} of {count} over {len}");
            }
            for shard in all.iter().chain(&strided) {
                let mut once = shard.clone();
                once.sort_unstable();
                once.dedup();
                assert_eq!(once.len(), shard.len(), "{count} over {len} repeats in {shard:?}");
            }
        });
    }

    #[test]
    fn the_longest_datasets_and_most_shards_do_not_overflow() {
        let last = Shard::new(u64::MAX - 1, u64::MAX).unwrap();
        for shard in [last, last.strided()] {
            assert_eq!(shard.indices(u64::MAX).collect::<Vec<_>>(), [u64::MAX - 1]);
            assert_eq!(shard.pad_remainder().indices(7).collect::<Vec<_>>(), [(u64::MAX - 1) % 7]);
            assert_eq!(shard.pad_remainder().indices(0).count(), 0);
            assert_eq!(shard.index_of(u64::MAX, u64::MAX), u64::MAX);
            assert_eq!(shard.pad_remainder().index_of(3, 0), u64::MAX);
        }
        let half = Shard::new(1, 2).unwrap().pad_remainder();
        assert_eq!(half.index_of((1 << 63) - 1, u64::MAX), 0);
        assert_eq!(half.strided().index_of((1 << 63) - 1, u64::MAX), 0);
    }

    #[test]
    fn the_last_choice_about_the_remainder_counts() {
        let shard = Shard::new(0, 2).unwrap();
        let dropped = shard.pad_remainder().drop_remainder();
        assert!(dropped.drops_remainder() && !dropped.pads_remainder());
        let padded = shard.drop_remainder().pad_remainder();
        assert!(padded.pads_remainder() && !padded.drops_remainder() && !padded.is_strided());
    }

    #[test]
    fn a_shard_outside_its_count_is_refused() {
        assert!(Shard::new(0, 0).is_err());
        let message = Shard::new(3, 3).unwrap_err().to_string();
        assert!(message.contains("3 of 3"), "{message}");
    }
}
