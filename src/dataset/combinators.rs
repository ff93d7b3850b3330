//! The trait of all datasets, with its combinators, each in a file of this folder.

use super::{
    AsVec, Batched, Collate, Filter, FilterBy, GrainShuffle, Keys, Map, MapBy, MapWithIndex,
    MapWithIndexBy, RandomMap, RandomMapBy, Repeat, SampleKey, SampleResult, Shuffle, Slice, Split,
    Transform, Transformed, TryMap, TryMapBy,
};
use crate::error::{BoxError, Result};
use crate::order::{Description, Op, Rng, Shard, epoch_of};
use crate::stage::Ordered;

/// Samples by index.
///
/// `len` counts the indices of one epoch. An index past the end is a sample of the next epoch. With
/// 10 samples, index 23 is the fourth sample of the third epoch, and a shuffle below gives that
/// epoch its own order. `get` is a pure function of the index. A loader may call `get` for any
/// index, in any order, from several workers, and again after a crash.
///
/// To serve custom samples, implement the simpler [`Source`](crate::source::Source) and wrap it
/// with [`from_source`](crate::from_source). A source never receives an index past its end.
///
/// ```
/// use windrow::{Dataset, range};
/// let evens = range(0..10).map(|x| x + 1).filter(|x| x % 2 == 0);
/// assert_eq!(evens.len(), 10);
/// assert_eq!(evens.get(0)?, None); // 1 was filtered out: a gap
/// assert_eq!(evens.get(11)?, Some(2)); // index 1 of the second epoch
/// # Ok::<(), windrow::Fault>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a dataset",
    note = "a function that returns a pipeline with `.ordered()` returns `impl stage::ParallelPipeline<Sample = .., Batch = ..>`",
    note = "a type that implements `Source` becomes a dataset with `from_source`"
)]
pub trait Dataset {
    /// The type of a sample.
    type Sample;

    /// Returns the number of indices in one epoch.
    fn len(&self) -> u64;

    /// Returns the sample at `index`, counted on into later epochs; `None` for a gap.
    ///
    /// # Errors
    /// Returns the fault that kept this sample from being made. Other samples are not affected.
    fn get(&self, index: u64) -> SampleResult<Self::Sample>;

    /// Returns the key of the sample at `index` in its source; `None` for a batch.
    ///
    /// A dataset around another one returns that one's key for the index below.
    fn key(&self, index: u64) -> Option<SampleKey> {
        (!self.is_empty()).then(|| SampleKey::Index(epoch_of(index, self.len()).1))
    }

    /// Adds this dataset to a description, source first.
    fn describe(&self, description: &mut Description) {
        description.push(Op::new("dataset").with("len", self.len()));
    }

    /// Returns whether `get` may return a gap.
    fn has_gaps(&self) -> bool {
        false
    }

    /// Returns whether each epoch has a different order, as after [`shuffle`](Self::shuffle).
    ///
    /// Part of the indices would be other samples in each epoch, so [`slice`](Self::slice) and
    /// [`split`](Self::split) refuse it. A dataset around another one returns that one's answer.
    fn is_reshuffled(&self) -> bool {
        false
    }

    /// Returns whether an epoch may repeat a sample, as after [`repeat`](Self::repeat).
    ///
    /// Parts of that dataset could share samples, so [`split`](Self::split) refuses it.
    fn is_repeated(&self) -> bool {
        false
    }

    /// Checks the pipeline before anything runs.
    ///
    /// # Errors
    /// Returns [`Error::Setting`](crate::Error::Setting) with the op and the refused value.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Returns whether the dataset has no index.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Applies a [`Transform`] to each sample.
    fn transform<T: Transform<Self::Sample>>(self, transform: T) -> Transformed<Self, T>
    where
        Self: Sized,
    {
        Transformed::new(self, transform)
    }

    /// Applies a function to each sample.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// assert_eq!(range(0..10).map(|x| x * x).get(3), Ok(Some(9)));
    /// ```
    fn map<U, F: Fn(Self::Sample) -> U>(self, f: F) -> Map<Self, F>
    where
        Self: Sized,
    {
        Transformed::new(self, MapBy(f))
    }

    /// Applies a function that may fail to each sample.
    ///
    /// ```
    /// use windrow::{Dataset, from_vec};
    /// let numbers = from_vec(vec!["1", "two"]).try_map(|text| text.parse::<i32>());
    /// assert_eq!(numbers.get(0)?, Some(1));
    /// assert!(numbers.get(1).unwrap_err().to_string().contains("invalid digit"));
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn try_map<U, E, F>(self, f: F) -> TryMap<Self, F>
    where
        Self: Sized,
        E: Into<BoxError>,
        F: Fn(Self::Sample) -> Result<U, E>,
    {
        Transformed::new(self, TryMapBy(f))
    }

    /// Applies a function to each sample and its index, which counts on past the first epoch.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// let pairs = range(10..20).map_with_index(|index, x| (index, x));
    /// assert_eq!(pairs.get(3), Ok(Some((3, 13))));
    /// ```
    fn map_with_index<U, F: Fn(u64, Self::Sample) -> U>(self, f: F) -> MapWithIndex<Self, F>
    where
        Self: Sized,
    {
        Transformed::new(self, MapWithIndexBy(f))
    }

    /// Applies a function to each sample and a random number generator for that sample.
    ///
    /// The generator is keyed by (seed, epoch, op, index). The same sample draws the same numbers
    /// on every backend and on every attempt, and different numbers in the next epoch.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// let noisy = range(0..10).random_map(7, |x, rng| x * 100 + rng.below(100));
    /// assert_eq!(noisy.get(3)?, noisy.get(3)?);
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn random_map<U, F>(self, seed: u64, f: F) -> RandomMap<Self, F>
    where
        Self: Sized,
        F: Fn(Self::Sample, &mut Rng) -> U,
    {
        Transformed::new(self, RandomMapBy { seed, f })
    }

    /// Pairs each sample with its [key](Self::key). [`Stack`](super::Stack) combines keyed records
    /// into batches that carry the keys.
    ///
    /// ```
    /// use windrow::{Dataset, from_vec};
    /// let second = from_vec(vec!["a", "b", "c"]).slice(1..).keys().get(0)?.unwrap();
    /// assert_eq!((second.key, second.sample), (1.into(), "b"));
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn keys(self) -> Keys<Self>
    where
        Self: Sized,
    {
        Keys::new(self)
    }

    /// Replaces each sample that does not pass with a gap. The length stays the same, and the
    /// loader closes the gaps in order.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// let evens = range(0..10).filter(|x| x % 2 == 0);
    /// assert_eq!((evens.get(2)?, evens.get(3)?), (Some(2), None));
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn filter<F: Fn(&Self::Sample) -> bool>(self, f: F) -> Filter<Self, F>
    where
        Self: Sized,
    {
        Transformed::new(self, FilterBy(f))
    }

    /// Puts the samples into a random order, drawn anew for each epoch.
    ///
    /// The order is a true permutation for every length up to 2^63, in O(1) memory: see
    /// [`Permutation`](crate::order::Permutation).
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// let shuffled = range(0..5).shuffle(7);
    /// let mut epoch = (0..5).map(|i| shuffled.get(i)).collect::<Result<Vec<_>, _>>()?;
    /// epoch.sort();
    /// assert_eq!(epoch, [0, 1, 2, 3, 4].map(Some));
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn shuffle(self, seed: u64) -> Shuffle<Self>
    where
        Self: Sized,
    {
        Shuffle::new(self, seed)
    }

    /// Puts the samples into one random order for all epochs: epoch 0 of
    /// [`shuffle`](Self::shuffle).
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// let once = range(0..100).shuffle_once(7);
    /// assert_eq!(once.get(103)?, range(0..100).shuffle(7).get(3)?);
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn shuffle_once(self, seed: u64) -> Shuffle<Self>
    where
        Self: Sized,
    {
        Shuffle::once(self, seed)
    }

    /// Splits the samples at random into parts of these fractions, the same in each epoch.
    ///
    /// The parts share no sample, and together they are the dataset. The lengths of the parts
    /// differ from the exact fractions by less than one sample, so a small dataset may have empty
    /// parts. [`check`](Self::check) refuses fractions that are below 0 or do not add up to 1
    /// within 10^-9. [`check`](Self::check) also refuses a dataset that is
    /// [reshuffled](Self::is_reshuffled) or [repeated](Self::is_repeated); shuffle or repeat the
    /// parts instead.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// let [train, validation, test] = range(0..1_000).split(7, [0.8, 0.1, 0.1]);
    /// assert_eq!([train.len(), validation.len(), test.len()], [800, 100, 100]);
    /// assert_eq!(train.shuffle(3).batch(10).len(), 80);
    /// ```
    fn split<const PARTS: usize>(self, seed: u64, fractions: [f64; PARTS]) -> [Split<Self>; PARTS]
    where
        Self: Sized,
    {
        Split::all(self, seed, fractions)
    }

    /// Puts the samples into the order of Grain's `shuffle(seed)`, to continue a run of Grain.
    ///
    /// The order is **not a bijection** for lengths `2^k + 1` with `k` even and at least 16, and
    /// slow for short datasets: see [`index_shuffle`](crate::order::index_shuffle).
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// assert_eq!(range(0..10).shuffle_like_grain(42).get(0), Ok(Some(8)));
    /// ```
    fn shuffle_like_grain(self, seed: u32) -> GrainShuffle<Self>
    where
        Self: Sized,
    {
        GrainShuffle::new(self, seed)
    }

    /// Keeps the samples in a range of indices; cuts a range past the end, like Python's slices.
    ///
    /// [`check`](Self::check) refuses to leave out samples of a [reshuffled](Self::is_reshuffled)
    /// dataset, other ones in each epoch. [`split`](Self::split) and
    /// [`shuffle_once`](Self::shuffle_once) select one part for all epochs,
    /// [`sample`](Self::sample) one for each.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// let part = range(0..20).slice(2..18).step_by(2);
    /// assert_eq!((part.len(), part.get(1)?), (8, Some(4)));
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn slice(self, range: impl std::ops::RangeBounds<u64>) -> Slice<Self>
    where
        Self: Sized,
    {
        Slice::new(self, range)
    }

    /// Keeps the first `count` samples of each epoch of a [reshuffled](Self::is_reshuffled)
    /// dataset, other ones in each epoch. [`check`](Self::check) refuses other datasets.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// let all = range(0..1_000).shuffle(7);
    /// assert_eq!(all.clone().sample(10).get(10)?, all.get(1_000)?); // the second epoch
    /// assert!(range(0..1_000).sample(10).check().is_err());
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn sample(self, count: u64) -> Slice<Self>
    where
        Self: Sized,
    {
        Slice::sample(self, count)
    }

    /// Keeps the first of every `step` samples, under the conditions of [`slice`](Self::slice).
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// assert_eq!(range(0..10).step_by(3).get(2), Ok(Some(6)));
    /// ```
    fn step_by(self, step: u64) -> Slice<Self>
    where
        Self: Sized,
    {
        Slice::new(self, ..).step_by(step)
    }

    /// Keeps this trainer's share: see [`Shard`]. Shuffle before: the shards of an epoch together
    /// hold each of its samples once.
    ///
    /// ```
    /// use windrow::{Dataset, order::Shard, range};
    /// let second_half = range(0..10).shard(Shard::new(1, 2)?);
    /// assert_eq!(second_half.get(0)?, Some(5));
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn shard(self, shard: Shard) -> Slice<Self>
    where
        Self: Sized,
    {
        Slice::shard(self, shard)
    }

    /// Repeats the samples `epochs` times, each time as the next epoch.
    ///
    /// `repeat` cuts off indices past 2^64 - 2, so `repeat(u64::MAX)` is practically endless.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// assert_eq!(range(0..4).repeat(3).len(), 12);
    /// assert_eq!(range(0..4).repeat(3).get(9), Ok(Some(1)));
    /// ```
    fn repeat(self, epochs: u64) -> Repeat<Self>
    where
        Self: Sized,
    {
        Repeat::new(self, epochs)
    }

    /// Combines `size` samples into a `Vec`; the last batch may be shorter.
    ///
    /// A batch never crosses the end of an epoch. A batch cannot include gaps: after
    /// [`filter`](Self::filter), use [`ordered`](Self::ordered) first.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// assert_eq!(range(0..10).batch(3).get(3)?, Some(vec![9]));
    /// assert_eq!(range(0..10).batch(3).drop_remainder().len(), 3);
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn batch(self, size: u64) -> Batched<Self>
    where
        Self: Sized,
    {
        Batched::new(self, size, AsVec)
    }

    /// Combines `size` samples with a custom [`Collate`].
    ///
    /// ```
    /// use windrow::{Dataset, Fault, range};
    /// let sums = range(0..10).batch_with(5, |part: Vec<u64>| Ok::<_, Fault>(part.iter().sum::<u64>()));
    /// assert_eq!(sums.get(0), Ok(Some(10)));
    /// ```
    fn batch_with<C: Collate<Self::Sample>>(self, size: u64, collate: C) -> Batched<Self, C>
    where
        Self: Sized,
    {
        Batched::new(self, size, collate)
    }

    /// Ends the random-access part; stages after it see samples one after another, without gaps.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, range};
    /// let evens = range(0..10).filter(|x| x % 2 == 0).ordered().batch(3);
    /// let batches = Loader::builder(evens).build()?.map(|b| Ok(b?.into_inner()));
    /// assert_eq!(batches.collect::<windrow::Result<Vec<_>>>()?, [vec![0, 2, 4], vec![6, 8]]);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    fn ordered(self) -> Ordered<Self>
    where
        Self: Sized,
    {
        Ordered::new(self)
    }
}
