//! The trait of all datasets and its combinators, each of which is a file of this room.

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
/// `len` counts the indices of one epoch. An index past the end is a sample of the next epoch: with
/// 10 samples, index 23 is the fourth of the third epoch, and a shuffle below gives that epoch its
/// own order. `get` is a pure function of the index; a loader may ask for any index, in any order,
/// from several workers, and again after a crash.
///
/// To serve samples of your own, implement the simpler [`Source`](crate::source::Source), which
/// never sees an index past its end, and wrap it with [`from_source`](crate::from_source).
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
    note = "what implements `Source` becomes a dataset with `from_source`"
)]
pub trait Dataset {
    /// What the dataset is made of.
    type Sample;

    /// The number of indices in one epoch.
    fn len(&self) -> u64;

    /// The sample at `index`, counted on into later epochs.
    ///
    /// # Errors
    /// Why this sample could not be made. Other samples are not affected.
    fn get(&self, index: u64) -> SampleResult<Self::Sample>;

    /// Which sample of its source is at `index`; `None` for a batch, which is several.
    ///
    /// A dataset around another one answers as that one does for the index below.
    fn key(&self, index: u64) -> Option<SampleKey> {
        (!self.is_empty()).then(|| SampleKey::Index(epoch_of(index, self.len()).1))
    }

    /// Adds what this dataset is to a description, source first.
    fn describe(&self, description: &mut Description) {
        description.push(Op::new("dataset").with("len", self.len()));
    }

    /// Whether `get` may answer with a gap.
    fn has_gaps(&self) -> bool {
        false
    }

    /// Whether each epoch has an order of its own, as after [`shuffle`](Self::shuffle).
    ///
    /// A part of its indices would be other samples in each epoch, so [`slice`](Self::slice) and
    /// [`split`](Self::split) refuse it. A dataset around another one answers as that one does.
    fn is_reshuffled(&self) -> bool {
        false
    }

    /// Whether an epoch may have a sample more than once, as after [`repeat`](Self::repeat).
    ///
    /// Parts of it could share samples, so [`split`](Self::split) refuses it.
    fn is_repeated(&self) -> bool {
        false
    }

    /// Finds what is wrong with the pipeline before anything runs.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) naming the op and the value that cannot work.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Whether there is no index.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts each sample through a [`Transform`].
    fn transform<T: Transform<Self::Sample>>(self, transform: T) -> Transformed<Self, T>
    where
        Self: Sized,
    {
        Transformed::new(self, transform)
    }

    /// Makes each sample into another.
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

    /// Makes each sample into another, or says why it cannot be.
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

    /// Makes each sample into another with its index, which counts on past the first epoch.
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

    /// Makes each sample into another with random numbers of its own.
    ///
    /// The generator is keyed by (seed, epoch, op, index): the same sample draws the same numbers
    /// on every backend and on every attempt, and other numbers in the next epoch.
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

    /// Gives each sample together with its [key](Self::key). [`Stack`](super::Stack) makes batches of
    /// keyed records that carry the keys.
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

    /// Leaves a gap for every sample that does not pass.
    ///
    /// The length stays; the loader closes the gaps, in order.
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

    /// Puts the samples into a random order, which is drawn anew for each epoch.
    ///
    /// A true permutation for every length up to 2^63, in O(1) memory: see
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

    /// Puts the samples into the random order of epoch 0 of [`shuffle`](Self::shuffle) in each epoch.
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
    /// The parts share no sample; together they are the dataset. Their lengths are off by less than
    /// one sample, so a small dataset may have empty parts. [`check`](Self::check) refuses fractions
    /// that are below 0 or do not add up to 1 within 10^-9, and a dataset that is
    /// [reshuffled](Self::is_reshuffled) or [repeated](Self::is_repeated): do that to the parts.
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

    /// Puts the samples into the order that Grain's `shuffle(seed)` gives them.
    ///
    /// For people who come with a Grain run. **Not a bijection** for lengths `2^k + 1` with `k`
    /// even and at least 16, and slow for short datasets: see
    /// [`index_shuffle`](crate::order::index_shuffle).
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

    /// Keeps the samples of a range of indices; a range past the end is cut, as Python's slices.
    ///
    /// [`check`](Self::check) refuses to leave out samples of a [reshuffled](Self::is_reshuffled)
    /// dataset, other ones in each epoch. [`split`](Self::split) and
    /// [`shuffle_once`](Self::shuffle_once) give one part for good, [`sample`](Self::sample) does not.
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

    /// Keeps the first `count` samples of each epoch of a [reshuffled](Self::is_reshuffled) dataset,
    /// which are other ones in each. [`check`](Self::check) refuses other datasets.
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

    /// Keeps the first of every `step` samples; what is said of [`slice`](Self::slice) holds here too.
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

    /// Keeps this trainer's share: see [`Shard`]. Shuffle before: the shards of an epoch together are
    /// all its samples, once each.
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

    /// Goes through the samples `epochs` times, each time as the next epoch.
    ///
    /// A length has 64 bits, so what would lie past index 2^64 - 2 is cut off: `repeat(u64::MAX)` is
    /// as good as for ever.
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

    /// Puts `size` samples together into a `Vec`; the last one may be shorter.
    ///
    /// Batches never reach over the end of an epoch. A batch cannot be made over gaps: after
    /// [`filter`](Self::filter) use [`ordered`](Self::ordered) first.
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

    /// Puts `size` samples together in a way of your own.
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

    /// Ends the random-access part: what follows sees the samples one after another, without gaps.
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
