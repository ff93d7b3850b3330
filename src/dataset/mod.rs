//! Datasets: random access by index, made lazily, and their combinators.
//!
//! A dataset answers two questions: how long it is, and what is at an index. It keeps no cursor
//! and no order, so any worker can make any sample. Absent on purpose: iteration, threads, state.

mod batch;
mod buffer;
mod collate;
pub(crate) mod dtype;
mod each;
mod fill;
pub(crate) mod gather;
pub(crate) mod lend;
mod map;
pub(crate) mod number;
mod record;
pub(crate) mod reduce;
mod repeat;
mod shuffle;
mod slice;
mod tensor;
pub mod wire;

pub(crate) use batch::batch_op;
pub use batch::{AsVec, Batch, Collate};
pub(crate) use buffer::Keeping;
pub use buffer::Owner;
pub use collate::{Pad, Stack, stack};
pub use dtype::{Dtype, Element};
pub use each::{Each, Place, Transform};
pub(crate) use fill::{caught, discard};
pub use fill::{fill, panic_text};
// Only worker processes ask for the index to be kept, and not every platform has them.
#[allow(unused_imports)]
pub(crate) use fill::keep_index_in;
pub(crate) use fill::reading;
pub use map::{Filter, FilterBy, Map, MapBy, MapWithIndex, MapWithIndexBy};
pub use map::{RandomMap, RandomMapBy, TryMap, TryMapBy};
pub use record::{FIELDS_MAX, NAME_BYTES_MAX, Record};
pub use reduce::{Reduce, Reducer};
pub use repeat::Repeat;
pub use shuffle::{GrainShuffle, Shuffle};
pub use slice::Slice;
pub use tensor::{RANK_MAX, Tensor};

use crate::error::{BoxError, Error, Fault, Result};
use crate::order::{Description, Op, Rng, Shard};
use crate::stage::Ordered;

/// What a dataset gives for one index: a sample, a gap (`None`), or why it could not be made.
pub type Fetched<T> = Result<Option<T>, Fault>;

/// Samples by index.
///
/// `len` counts the indices of one epoch. An index past the end is a sample of the next epoch: with
/// 10 samples, index 23 is the fourth of the third epoch, and a shuffle below gives that epoch its
/// own order. `get` is a pure function of the index; a loader may ask for any index, in any order,
/// from several workers, and again after a crash.
///
/// To serve samples of your own, implement the simpler [`Source`](crate::source::Source), which
/// never sees an index past its end, and wrap it with [`source`](crate::source()).
///
/// ```
/// use windrow::{Dataset, range};
/// let evens = range(0..10).map(|x| x + 1).filter(|x| x % 2 == 0);
/// assert_eq!(evens.len(), 10);
/// assert_eq!(evens.get(0)?, None); // 1 was filtered out: a gap
/// assert_eq!(evens.get(11)?, Some(2)); // index 1 of the second epoch
/// # Ok::<(), windrow::Fault>(())
/// ```
pub trait Dataset {
    /// What the dataset is made of.
    type Sample;

    /// The number of indices in one epoch.
    fn len(&self) -> u64;

    /// The sample at `index`, counted on into later epochs.
    ///
    /// # Errors
    /// Why this sample could not be made. Other samples are not affected.
    fn get(&self, index: u64) -> Fetched<Self::Sample>;

    /// Adds what this dataset is to a description, source first.
    fn describe(&self, description: &mut Description) {
        description.push(Op::new("dataset").with("len", self.len()));
    }

    /// Whether `get` may answer with a gap.
    fn has_gaps(&self) -> bool {
        false
    }

    /// Finds what is wrong with the pipeline before anything runs.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the op and the value that cannot work.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Whether there is no index.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts each sample through a [`Transform`].
    fn each<T: Transform<Self::Sample>>(self, transform: T) -> Each<Self, T>
    where
        Self: Sized,
    {
        Each::new(self, transform)
    }

    /// Makes each sample into another.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// assert_eq!(range(0..10).map(|x| x * x).get(3)?, Some(9));
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn map<U, F: Fn(Self::Sample) -> U>(self, f: F) -> Map<Self, F>
    where
        Self: Sized,
    {
        Each::new(self, MapBy(f))
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
        Each::new(self, TryMapBy(f))
    }

    /// Makes each sample into another with its index, which counts on past the first epoch.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// let pairs = range(10..20).map_with_index(|index, x| (index, x));
    /// assert_eq!(pairs.get(3)?, Some((3, 13)));
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn map_with_index<U, F: Fn(u64, Self::Sample) -> U>(self, f: F) -> MapWithIndex<Self, F>
    where
        Self: Sized,
    {
        Each::new(self, MapWithIndexBy(f))
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
        Each::new(self, RandomMapBy { seed, f })
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
        Each::new(self, FilterBy(f))
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

    /// Puts the samples into the order that Grain's `shuffle(seed)` gives them.
    ///
    /// For people who come with a Grain run. **Not a bijection** for lengths `2^k + 1` with `k`
    /// even and at least 16, and slow for short datasets: see
    /// [`index_shuffle`](crate::order::index_shuffle).
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// assert_eq!(range(0..10).shuffle_like_grain(42).get(0)?, Some(8));
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn shuffle_like_grain(self, seed: u32) -> GrainShuffle<Self>
    where
        Self: Sized,
    {
        GrainShuffle::new(self, seed)
    }

    /// Keeps the samples of a range of indices; a range past the end is cut, as Python's slices.
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

    /// Keeps the first of every `step` samples.
    ///
    /// ```
    /// use windrow::{Dataset, range};
    /// assert_eq!(range(0..10).step_by(3).get(2)?, Some(6));
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn step_by(self, step: u64) -> Slice<Self>
    where
        Self: Sized,
    {
        Slice::new(self, ..).step_by(step)
    }

    /// Keeps this trainer's share: see [`Shard`].
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
    /// assert_eq!(range(0..4).repeat(3).get(9)?, Some(1));
    /// # Ok::<(), windrow::Fault>(())
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
    fn batch(self, size: u64) -> Batch<Self>
    where
        Self: Sized,
    {
        Batch::new(self, size, AsVec)
    }

    /// Puts `size` samples together in a way of your own.
    ///
    /// ```
    /// use windrow::{Dataset, Fault, range};
    /// let sums = range(0..10).batch_with(5, |part: Vec<u64>| Ok::<_, Fault>(part.iter().sum::<u64>()));
    /// assert_eq!(sums.get(0)?, Some(10));
    /// # Ok::<(), windrow::Fault>(())
    /// ```
    fn batch_with<C: Collate<Self::Sample>>(self, size: u64, collate: C) -> Batch<Self, C>
    where
        Self: Sized,
    {
        Batch::new(self, size, collate)
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

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<D: Dataset + ?Sized> Dataset for $pointer {
            type Sample = D::Sample;

            fn len(&self) -> u64 {
                (**self).len()
            }

            fn get(&self, index: u64) -> Fetched<Self::Sample> {
                (**self).get(index)
            }

            fn describe(&self, description: &mut Description) {
                (**self).describe(description);
            }

            fn has_gaps(&self) -> bool {
                (**self).has_gaps()
            }

            fn check(&self) -> Result<()> {
                (**self).check()
            }
        }
    )*};
}

forward!(Box<D>, std::sync::Arc<D>, &D);

/// The number of the op that would come next: how many there are below it.
fn next_op<D: Dataset>(dataset: &D) -> u64 {
    let mut description = Description::default();
    dataset.describe(&mut description);
    description.len() as u64
}

/// The index that stands at `offset` of an epoch, or the fault that it lies beyond 2^64.
fn index_in(epoch: u64, offset: u64, len: u64) -> Result<u64, Fault> {
    crate::order::index_in(epoch, offset, len)
        .ok_or_else(|| Fault::new(format!("epoch {epoch} of {len} samples lies beyond 2^64")))
}

/// Says that a number must be at least 1.
fn at_least_one(name: &str, value: u64) -> Result<()> {
    if value > 0 {
        return Ok(());
    }
    Err(Error::Setting { name: name.into(), value: "0".into(), allowed: "1 or more".into() })
}
