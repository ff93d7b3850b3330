//! The trait of all datasets, with its combinators, each in a file of this folder.

use std::sync::Arc;

use serde::Serialize;

use super::cache::measured;
use super::{
    AsVec, Batched, Cache, ClassBalanced, Collate, ElementSpec, Enumerate, Filter, FilterBy,
    FlatMap, GrainShuffle, Keys, Map, MapBy, MapWithIndex, MapWithIndexBy, PipelineTree, RandomMap,
    RandomMapBy, Repeat, Reverse, SampleKey, SampleResult, Shuffle, Slice, Split, Subset, SubsetBy,
    Transform, Transformed, TryMap, TryMapBy, WeightedSample, WindowShuffle, Zip,
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

    /// Returns whether an index has the same sample in each epoch: the same order, and no random
    /// numbers or counters in the sample.
    ///
    /// Only then does [`cache`](Self::cache) keep samples. The default is `false`, which is right for
    /// all datasets.
    fn is_same_each_epoch(&self) -> bool {
        false
    }

    /// Checks the pipeline before anything runs.
    ///
    /// # Errors
    /// Returns [`Error::Setting`](crate::Error::Setting) with the op and the refused value.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Returns the spec of the samples, as far as the dataset declares one: by default, nothing.
    ///
    /// A loader checks the spec before it starts, so a wrong field is an error of `build`.
    ///
    /// ```
    /// use windrow::dataset::Dtype;
    /// use windrow::source::{MemoryFiles, Npy, NpyOptions};
    /// use windrow::spec::ops::Cast;
    /// use windrow::{Dataset, Loader, from_source};
    ///
    /// let mut file = b"\x93NUMPY\x01\x00\x3e\x00".to_vec();
    /// file.extend(b"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }  \n");
    /// file.extend([1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]);
    /// let files = MemoryFiles::default().with("x.npy", file);
    /// let npy = || Npy::open(&files, &NpyOptions::file("x.npy")).map(from_source);
    ///
    /// let floats = npy()?.shuffle(7).transform(Cast::new("data", Dtype::F32));
    /// assert_eq!(floats.element_spec().to_string(), "{data: F32[3]}");
    ///
    /// let wrong = npy()?.shuffle(7).transform(Cast::new("date", Dtype::F32));
    /// let error = Loader::builder(wrong).build().err().unwrap();
    /// assert_eq!(error.to_string(), "op 2, cast: the record has no field \"date\"; it has data");
    /// # Ok::<(), windrow::Error>(())
    /// ```
    fn element_spec(&self) -> ElementSpec {
        ElementSpec::unknown()
    }

    /// Returns the tree of the pipeline up to this dataset; `ops` yields the ops of
    /// [`describe`](Self::describe).
    ///
    /// The default is one step for each op, where only the last one has a length and a spec.
    fn tree(&self, ops: &mut dyn Iterator<Item = Op>) -> PipelineTree {
        let mut own = Description::default();
        self.describe(&mut own);
        let below = own.ops().iter().skip(1).fold(None, |below: Option<PipelineTree>, _| {
            let inputs = below.into_iter().collect();
            Some(PipelineTree::new(ops.next(), None, false, ElementSpec::unknown(), inputs))
        });
        super::step(self, ops, below.into_iter().collect()).opaque()
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

    /// Pairs each sample with its index, which counts on past the first epoch.
    ///
    /// ```
    /// use windrow::{Dataset, from_vec};
    /// let letters = from_vec(vec!["a", "b"]).enumerate();
    /// assert_eq!(letters.get(1), Ok(Some((1, "b"))));
    /// ```
    fn enumerate(self) -> Enumerate<Self, Self::Sample>
    where
        Self: Sized,
    {
        self.map_with_index(|index, sample| (index, sample))
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

    /// Replaces each sample with up to `fan_out` samples, which a function makes of it.
    ///
    /// The length is `fan_out` times as long, with gaps in place of samples that the function does
    /// not make. A sample that makes more than `fan_out` samples is a fault. The function runs for
    /// each of the `fan_out` indices. A lazy iterator saves work, since only the first index takes
    /// all samples of it.
    ///
    /// ```
    /// use windrow::{Dataset, from_vec};
    /// let lines = from_vec(vec!["a b", "", "c"]);
    /// let words = lines.flat_map(2, |line| line.split_whitespace());
    /// let all = (0..6).map(|index| words.get(index)).collect::<Result<Vec<_>, _>>()?;
    /// assert_eq!(all, [Some("a"), Some("b"), None, None, Some("c"), None]);
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn flat_map<I, F>(self, fan_out: u64, f: F) -> FlatMap<Self, F>
    where
        Self: Sized,
        I: IntoIterator,
        F: Fn(Self::Sample) -> I,
    {
        FlatMap::new(self, fan_out, f)
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

    /// Puts the samples of each window of `window` neighbours into a random order, drawn anew for
    /// each window and epoch.
    ///
    /// Neighbours stay near each other, so a file that is read from its start to its end is still
    /// read that way. Every window is a true permutation; the last one may be shorter.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// let shuffled = range(0..10).window_shuffle(7, 4);
    /// let mut window = (4..8).map(|i| shuffled.get(i)).collect::<Result<Vec<_>, _>>()?;
    /// window.sort();
    /// assert_eq!(window, [4, 5, 6, 7].map(Some));
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn window_shuffle(self, seed: u64, window: u64) -> WindowShuffle<Self>
    where
        Self: Sized,
    {
        WindowShuffle::new(self, seed, window)
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

    /// Reverses the order of each epoch.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// // Python's `range(20)[10:2:-3]`
    /// let part = range(0..20).slice(3..=10).reverse().step_by(3);
    /// assert_eq!((part.get(0)?, part.get(2)?), (Some(10), Some(4)));
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn reverse(self) -> Reverse<Self>
    where
        Self: Sized,
    {
        Reverse::new(self)
    }

    /// Keeps the samples at these indices, in this order, under the conditions of
    /// [`slice`](Self::slice). An index may occur several times.
    ///
    /// [`check`](Self::check) refuses an index that is not below [`len`](Self::len).
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// let part = range(10..20).subset([7, 0]);
    /// assert_eq!((part.len(), part.get(0)?, part.get(1)?), (2, Some(17), Some(10)));
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn subset(self, indices: impl Into<Arc<[u64]>>) -> Subset<Self>
    where
        Self: Sized,
    {
        Subset::new(self, indices.into())
    }

    /// Keeps the samples whose indices another dataset has, such as a random sampler.
    ///
    /// Each epoch of the result is an epoch of `indices`. An index that is not below
    /// [`len`](Self::len) is a fault.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// // Draws with replacement: 3 of 10 samples in each epoch.
    /// let drawn = range(10..20).subset_by(range(0..3).random_map(7, |_, rng| rng.below(10)));
    /// assert_eq!(drawn.len(), 3);
    /// assert!((10..20).contains(&drawn.get(0)?.unwrap()));
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn subset_by<I: Dataset<Sample = u64>>(self, indices: I) -> SubsetBy<Self, I>
    where
        Self: Sized,
    {
        SubsetBy::new(self, indices)
    }

    /// Draws `count` samples for each epoch at random, each as likely as its weight says.
    ///
    /// `weights` has one finite number of 0 or more for each sample. A sample with twice the weight
    /// comes twice as often. The draws are with replacement, so a sample may come several times in an
    /// epoch; [`without_replacement`](WeightedSample::without_replacement) prevents that. The order is
    /// random, so no `shuffle` is necessary. PyTorch's `WeightedRandomSampler` draws in the same way.
    ///
    /// Each draw is keyed by (seed, epoch, index), and takes O(log *n*) time. The weights take 8 bytes
    /// for each sample. Two draws of one sample in one epoch are the same sample, random numbers of
    /// earlier ops included. A `random_map` after this op tells such draws apart.
    ///
    /// A weight counts as a whole number, of at least 1 if it is above 0. The largest weight has 63
    /// bits less the bits of the number of samples.
    ///
    /// [`check`](Self::check) refuses weights that are not one for each sample, or all 0. `check` also
    /// refuses a [reshuffled](Self::is_reshuffled) dataset, since weights belong to indices.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// let drawn = range(0..4).weighted_sample(7, [0.0, 1.0, 0.0, 2.5], 100);
    /// let epoch = (0..100).map(|index| drawn.get(index)).collect::<Result<Vec<_>, _>>()?;
    /// assert!(epoch.iter().all(|x| [Some(1), Some(3)].contains(x)));
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn weighted_sample(
        self,
        seed: u64,
        weights: impl AsRef<[f64]>,
        count: u64,
    ) -> WeightedSample<Self>
    where
        Self: Sized,
    {
        WeightedSample::new(self, seed, weights.as_ref(), count)
    }

    /// Chooses `count` samples for each epoch, of each class equally often.
    ///
    /// `labels` has the class of each sample, as any numbers. The classes take turns in ascending
    /// order, through all epochs. So in each run of neighbours, and in each epoch, the numbers of
    /// samples of two classes differ by at most one. A `shuffle` after this op mixes the classes.
    ///
    /// A class passes over all its samples in a random order before a sample comes again, and each
    /// pass has another order. A pass goes on in the next epoch, as in a [`mix`](crate::mix()). A
    /// sample of a later pass is the sample of a later epoch, with other random numbers. An index
    /// takes O(1) time, and the classes take 8 bytes for each sample.
    ///
    /// [`check`](Self::check) refuses labels that are not one for each sample. `check` also refuses a
    /// [reshuffled](Self::is_reshuffled) dataset, since labels belong to indices.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// // Samples 0 to 8 are of class 0, and sample 9 is of class 1.
    /// let labels: Vec<u64> = (0..10).map(|index| index / 9).collect();
    /// let balanced = range(0..10).class_balanced(7, labels, 18);
    /// let epoch = (0..18).map(|index| balanced.get(index)).collect::<Result<Vec<_>, _>>()?;
    /// assert_eq!(epoch.iter().filter(|x| **x == Some(9)).count(), 9);
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn class_balanced(self, seed: u64, labels: impl AsRef<[u64]>, count: u64) -> ClassBalanced<Self>
    where
        Self: Sized,
    {
        ClassBalanced::new(self, seed, labels.as_ref(), count)
    }

    /// Pairs the samples at the same index of this dataset and another one of the same length.
    ///
    /// [`check`](Self::check) refuses different lengths, unless the result is cut to the
    /// [shorter](Zip::shortest) one. A gap on either side is a gap. The key is this dataset's.
    ///
    /// ```
    /// use windrow::{Dataset, from_vec, range};
    /// let pairs = from_vec(vec!["a", "b"]).zip(range(0..2));
    /// assert_eq!(pairs.get(1)?, Some(("b", 1)));
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn zip<B: Dataset>(self, other: B) -> Zip<Self, B>
    where
        Self: Sized,
    {
        Zip::new(self, other)
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
    /// [`same_each_epoch`](Repeat::same_each_epoch) repeats the first epoch instead. `repeat` cuts
    /// off indices past 2^64 - 2, so `repeat(u64::MAX)` is practically endless.
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

    /// Keeps samples in memory once they were made, up to `bytes_max` bytes.
    ///
    /// A sample counts the bytes of its tensors, numbers or text, or else of its
    /// [encoding](super::wire). Each tensor counts 384 bytes beside its elements. Each entry counts the size of the type and 64 bytes more. Memory that a
    /// sample shares with its source counts too. [`cache_by`](Self::cache_by) counts by a function.
    ///
    /// A full cache keeps what it has, and takes no more. Each epoch asks for each sample once, so
    /// another choice of samples would be of no more use. A cache is full if less than an average entry
    /// is free. Gaps are kept, and faults are not. Threads and clones share one cache. Each worker
    /// process, and each web worker without shared memory, has a separate cache of `bytes_max`. These
    /// workers receive other samples in each epoch, so their caches fill slowly. A loader that collects
    /// [reducers](super::Reducer) makes all samples again, since their additions count each time.
    ///
    /// A cache changes no sample and is no part of the fingerprint: a state resumes with or without the
    /// cache. [`check`](Self::check) refuses a dataset that may differ from epoch to epoch, as after
    /// `shuffle`, `random_map` or `map_with_index`. Put `cache` before these ops, and they draw anew in
    /// each epoch. [`same_each_epoch`](Repeat::same_each_epoch) freezes them.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, range};
    /// let decoded = range(0..100).map(|x| vec![x as f32; 10]); // slow, so made once
    /// let augmented = decoded.cache(1 << 20).shuffle(7).random_map(3, |mut x, rng| {
    ///     x[0] += rng.unit_f32();
    ///     x
    /// });
    /// assert_eq!(Loader::builder(augmented).epochs(3).build()?.count(), 300);
    /// assert!(range(0..100).shuffle(7).cache(1 << 20).check().is_err());
    /// # Ok::<(), windrow::Error>(())
    /// ```
    fn cache(self, bytes_max: u64) -> Cache<Self>
    where
        Self: Sized,
        Self::Sample: Clone + Serialize + 'static,
    {
        Cache::new(self, bytes_max, measured::<Self::Sample> as fn(&Self::Sample) -> u64)
    }

    /// Keeps samples in memory like [`cache`](Self::cache), and counts the bytes of a sample by a
    /// function.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// let texts = range(0..10).map(|x| x.to_string()).cache_by(1 << 20, |text| text.len() as u64);
    /// assert_eq!(texts.get(3)?, texts.get(13)?);
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn cache_by<F>(self, bytes_max: u64, size: F) -> Cache<Self, F>
    where
        Self: Sized,
        Self::Sample: Clone,
        F: Fn(&Self::Sample) -> u64,
    {
        Cache::new(self, bytes_max, size)
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
