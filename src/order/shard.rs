//! One trainer's share of a dataset.

use crate::error::{Error, Result};

/// The share of one of several equal trainers: shard `index` of `count`.
///
/// Shards are contiguous, disjoint and cover the dataset. If `count` does not divide the length,
/// the first shards have one sample more. [`drop_remainder`](Self::drop_remainder) leaves out the
/// remainder, so all shards are equally long. Grain's `ShardOptions` cuts in the same way.
///
/// ```
/// use windrow::order::Shard;
/// assert_eq!(Shard::new(1, 2)?.range(9), 5..9);
/// assert_eq!(Shard::new(1, 2)?.drop_remainder().range(9), 4..8);
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
    drop_remainder: bool,
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
        Ok(Self { index, count, drop_remainder: false })
    }

    /// Makes all shards equally long by leaving out up to `count - 1` samples at the end.
    #[must_use]
    pub fn drop_remainder(self) -> Self {
        Self { drop_remainder: true, ..self }
    }

    /// Returns the indices of this shard in a dataset of `len` samples.
    #[must_use]
    pub fn range(&self, len: u64) -> std::ops::Range<u64> {
        let share = len / self.count;
        if self.drop_remainder {
            return share * self.index..share * (self.index + 1);
        }
        let longer = len % self.count;
        let start = share * self.index + longer.min(self.index);
        start..start + share + u64::from(self.index < longer)
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

    /// Returns `true` if all shards are cut to the same length.
    #[must_use]
    pub fn drops_remainder(&self) -> bool {
        self.drop_remainder
    }
}

#[cfg(test)]
mod tests {
    use super::Shard;

    #[test]
    fn shards_are_disjoint_and_cover() {
        for len in 0..40 {
            for count in 1..9 {
                let mut next = 0;
                for index in 0..count {
                    let range = Shard::new(index, count).unwrap().range(len);
                    assert_eq!(range.start, next, "shard {index} of {count} over {len}");
                    next = range.end;
                }
                assert_eq!(next, len, "{count} shards over {len}");
            }
        }
    }

    #[test]
    fn dropping_the_remainder_makes_shards_equal() {
        for len in 0..40 {
            for count in 1..9 {
                let mut next = 0;
                for index in 0..count {
                    let range = Shard::new(index, count).unwrap().drop_remainder().range(len);
                    assert_eq!((range.start, range.end - range.start), (next, len / count));
                    next = range.end;
                }
            }
        }
    }

    #[test]
    fn a_shard_outside_its_count_is_refused() {
        assert!(Shard::new(0, 0).is_err());
        let message = Shard::new(3, 3).unwrap_err().to_string();
        assert!(message.contains("3 of 3"), "{message}");
    }
}
