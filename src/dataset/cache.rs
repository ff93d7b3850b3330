//! `cache`: samples that stay in memory once they were made.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;

use super::fill::{NO_INDEX, Watch, reading};
use super::probe::below;
use super::size::{bytes_of, tensors_of};
use super::wire::encode;
use super::{Dataset, PipelineTree, SampleContext, SampleResult, as_below, lend, reduce, step};
use crate::error::{Error, Result};
use crate::order::{Description, Op, epoch_of};

/// The bytes that an entry counts beside its sample.
const ENTRY_BYTES: u64 = 64;

/// A dataset that keeps samples in memory: see [`Dataset::cache`].
pub struct Cache<D: Dataset, F = fn(&<D as Dataset>::Sample) -> u64> {
    dataset: D,
    bytes_max: u64,
    size: F,
    /// Whether an index has the same sample in each epoch, so that it may be kept.
    same: bool,
    kept: Arc<RwLock<Kept<D::Sample>>>,
}

/// The kept samples, which all threads and clones share.
struct Kept<T> {
    /// The samples by their index in an epoch; `None` for a gap.
    samples: BTreeMap<u64, Option<Arc<T>>>,
    bytes: u64,
}

impl<T> Kept<T> {
    /// Returns whether another sample of the average size fits.
    fn has_room(&self, bytes_max: u64) -> bool {
        let average = self.bytes.checked_div(self.samples.len() as u64).unwrap_or(0);
        self.bytes.saturating_add(average) <= bytes_max
    }

    fn fits(&self, bytes: u64, bytes_max: u64) -> bool {
        self.bytes.saturating_add(bytes) <= bytes_max
    }
}

/// The bytes that a tensor takes beside its elements, with its place in a record.
const TENSOR_BYTES: u64 = 384;

/// Returns the bytes of a sample: of its tensors, numbers or text, else of its encoding.
pub(super) fn measured<T: Serialize + 'static>(sample: &T) -> u64 {
    // What cannot be encoded counts as too large.
    let bytes = bytes_of(sample).or_else(|| Some(encode(sample).ok()?.byte_len()));
    let beside = tensors_of(sample).saturating_mul(TENSOR_BYTES);
    bytes.map_or(u64::MAX, |bytes| bytes.saturating_add(beside))
}

impl<D: Dataset, F> Cache<D, F> {
    pub(super) fn new(dataset: D, bytes_max: u64, size: F) -> Self {
        let (same, kept) =
            (dataset.is_same_each_epoch(), Kept { samples: BTreeMap::new(), bytes: 0 });
        Self { dataset, bytes_max, size, same, kept: Arc::new(RwLock::new(kept)) }
    }
}

impl<D: Dataset<Sample: Clone>, F: Fn(&D::Sample) -> u64> Cache<D, F> {
    /// Keeps a sample if it fits; a full cache keeps what it has.
    fn keep(&self, offset: u64, made: &Option<D::Sample>) {
        let size = made.as_ref().map_or(0, &self.size);
        let own = ENTRY_BYTES + size_of::<D::Sample>() as u64;
        let bytes = size.saturating_add(own);
        let fits = |kept: &Kept<D::Sample>| kept.fits(bytes, self.bytes_max);
        if !fits(&self.kept.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        // The user's `Clone` runs without the lock.
        let sample = made.clone().map(Arc::new);
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have kept this sample, or filled the cache.
        if fits(&kept) && !kept.samples.contains_key(&offset) {
            kept.samples.insert(offset, sample);
            kept.bytes += bytes;
        }
    }
}

impl<D: Dataset<Sample: Clone>, F: Fn(&D::Sample) -> u64> Dataset for Cache<D, F> {
    type Sample = D::Sample;

    as_below!(has_gaps is_reshuffled is_repeated is_same_each_epoch key element_spec);

    #[inline]
    fn len(&self) -> u64 {
        self.dataset.len()
    }

    fn get(&self, index: u64) -> SampleResult<D::Sample> {
        if !self.same {
            return below(0, || self.dataset.get(index));
        }
        // An index of epoch 0 is below 2^64 in all datasets below, whether the sample is kept or not.
        let offset = epoch_of(index, self.dataset.len()).1;
        // A kept sample would add nothing to reducers.
        if reduce::is_gathering() {
            return below(0, || self.dataset.get(offset));
        }
        let place = SampleContext::new(offset, self.dataset.len(), 0);
        let (found, has_room) = {
            let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
            (kept.samples.get(&offset).cloned(), kept.has_room(self.bytes_max))
        };
        if let Some(found) = found {
            // No source reads this sample, so a worker that dies of it must not name the last index.
            reading(NO_INDEX);
            let watch = Watch::over(place);
            let sample = found.map(|sample| D::Sample::clone(&sample));
            watch.done();
            return Ok(sample);
        }
        if !has_room {
            return below(0, || self.dataset.get(offset));
        }
        // A kept sample must not hold a slot of shared memory.
        let made = lend::without(|| below(0, || self.dataset.get(offset)))?;
        let watch = Watch::over(place);
        self.keep(offset, &made);
        watch.done();
        Ok(made)
    }

    /// Adds the dataset below alone: a cache changes no sample, so it is no part of the fingerprint.
    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
    }

    /// Returns the tree with the cache as a step, although `ops` has none for a cache.
    fn tree(&self, ops: &mut dyn Iterator<Item = Op>) -> PipelineTree {
        let below = self.dataset.tree(ops);
        step(self, &mut [Op::new("cache").with("bytes", self.bytes_max)].into_iter(), vec![below])
    }

    fn check(&self) -> Result<()> {
        self.dataset.check()?;
        if self.same {
            return Ok(());
        }
        Err(Error::Setting {
            name: "cache".into(),
            value: "made of samples that may differ from epoch to epoch, as after `shuffle`, a \
                    random op or a function that gets the index"
                .into(),
            allowed: "`cache` before the first such op; or before `cache` a `repeat` with \
                      `same_each_epoch`, which gives each epoch the samples of the first"
                .into(),
        })
    }
}

impl<D: Dataset + Clone, F: Clone> Clone for Cache<D, F> {
    /// Clones the dataset; the clone shares the kept samples.
    fn clone(&self) -> Self {
        let (dataset, size, kept) = (self.dataset.clone(), self.size.clone(), self.kept.clone());
        Self { dataset, size, kept, ..*self }
    }
}

impl<D: Dataset + fmt::Debug, F> fmt::Debug for Cache<D, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Cache");
        shown
            .field("dataset", &self.dataset)
            .field("bytes_max", &self.bytes_max)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::error::Fault;
    use crate::source::range;

    /// The bytes of an entry with a number.
    const NUMBER: u64 = ENTRY_BYTES + 8 + 8;

    /// Counts the samples that are made.
    fn counted(made: &AtomicU64) -> impl Dataset<Sample = u64> + Clone {
        range(0..10).map(move |x| {
            made.fetch_add(1, Ordering::Relaxed);
            x * x
        })
    }

    fn epochs<D: Dataset>(dataset: &D, count: u64) -> Vec<Option<D::Sample>> {
        (0..dataset.len() * count).map(|index| dataset.get(index).unwrap()).collect()
    }

    #[test]
    fn samples_that_fit_are_made_once() {
        for (room, expected) in [(10, 10), (7, 7 + 3 * 4), (0, 40), (1000, 10)] {
            let made = AtomicU64::new(0);
            let cached = counted(&made).cache(room * NUMBER);
            assert_eq!(epochs(&cached, 4), epochs(&counted(&AtomicU64::new(0)), 4));
            assert_eq!(made.load(Ordering::Relaxed), expected, "room for {room}");
            assert!(cached.kept.read().unwrap().bytes <= room * NUMBER);
        }
    }

    #[test]
    fn samples_of_any_size_stay_under_the_bound() {
        let cached = range(0..40).cache_by(1000, |x| if x % 2 == 0 { 8 } else { 400 });
        assert_eq!(epochs(&cached, 2), epochs(&range(0..40), 2));
        let kept = cached.kept.read().unwrap();
        assert!(kept.bytes <= 1000 && kept.samples.len() > 3, "{} bytes", kept.bytes);
    }

    #[test]
    fn gaps_are_kept_and_faults_are_not() {
        let made = AtomicU64::new(0);
        let below = counted(&made).filter(|x| x % 2 == 0);
        assert_eq!(epochs(&below.cache(1 << 20), 3).into_iter().flatten().count(), 15);
        assert_eq!(made.into_inner(), 10);
        let tries = AtomicU64::new(0);
        let failing = range(0..1).try_map(|x| match tries.fetch_add(1, Ordering::Relaxed) {
            0 => Err(Fault::new("not yet")),
            _ => Ok(x),
        });
        let cached = failing.cache(1 << 20);
        assert!(cached.get(0).is_err());
        assert_eq!((cached.get(1), cached.get(2)), (Ok(Some(0)), Ok(Some(0))));
        assert_eq!(tries.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn what_differs_between_epochs_is_refused_and_stays_right() {
        let noisy = || range(0..10).random_map(1, |x, rng| (x, rng.next_u64()));
        assert_eq!(epochs(&noisy().cache(1 << 20), 2), epochs(&noisy(), 2));
        let message = noisy().cache(1 << 20).check().unwrap_err().to_string();
        assert!(message.contains("`same_each_epoch`"), "{message}");
        let refused: [Box<dyn Dataset<Sample = u64>>; 6] = [
            Box::new(range(0..9).shuffle(1).cache(99)),
            Box::new(range(0..9).window_shuffle(1, 3).map(|x| x).cache(99)),
            Box::new(range(0..9).map_with_index(|index, x| index + x).cache(99)),
            Box::new(range(0..9).weighted_sample(1, [1.0; 9], 3).slice(..).cache(99)),
            Box::new(range(0..9).class_balanced(1, [1; 9], 3).cache(99)),
            Box::new(range(0..9).shuffle(1).repeat(2).cache(99)),
        ];
        assert!(refused.iter().all(|dataset| dataset.check().is_err()));
        let fine: [Box<dyn Dataset<Sample = u64>>; 5] = [
            Box::new(range(0..9).cache(99).shuffle(1)),
            Box::new(range(0..9).shuffle_once(1).slice(2..).repeat(2).reverse().cache(99)),
            Box::new(range(0..9).shuffle(1).repeat(2).same_each_epoch().cache(99)),
            Box::new(crate::concat([range(0..9), range(0..3)]).subset([0, 11]).cache(99)),
            Box::new(range(0..9).split(1, [0.5, 0.5])[1].clone().flat_map(2, |x| [x]).cache(99)),
        ];
        fine.iter().for_each(|dataset| dataset.check().unwrap());
        let frozen = noisy().repeat(1).same_each_epoch().cache(1 << 20);
        assert_eq!(frozen.get(3), frozen.get(13));
        assert_ne!(noisy().get(3), noisy().get(13));
    }

    #[test]
    fn a_cache_is_a_step_of_the_tree() {
        let tree = crate::Loader::builder(range(0..9).cache(5).reverse()).describe().unwrap();
        let steps = "range(start=0,end=9) -> 9\ncache(bytes=5) -> 9\nreverse -> 9";
        assert_eq!(tree.to_string(), steps);
    }

    #[test]
    fn a_cache_is_no_part_of_the_fingerprint() {
        let text = |dataset: &dyn Dataset<Sample = u64>| {
            let mut description = Description::default();
            dataset.describe(&mut description);
            description.to_string()
        };
        assert_eq!(text(&range(0..9).cache(5).shuffle(1)), text(&range(0..9).shuffle(1)));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test starts threads")]
    fn threads_and_clones_share_the_samples() {
        let made = AtomicU64::new(0);
        let cached = counted(&made).cache_by(1 << 20, |_| 8);
        epochs(&cached.clone(), 1);
        std::thread::scope(|scope| {
            let all = [0; 3].map(|_| scope.spawn(|| epochs(&cached, 3)));
            for thread in all {
                assert_eq!(thread.join().unwrap().len(), 30);
            }
        });
        assert_eq!(made.load(Ordering::Relaxed), 10);
    }

    #[test]
    fn reducers_get_the_same_values_with_a_cache() {
        const SUM: crate::Reducer<u64> = crate::Reducer::new("sum");
        let numbers = range(0..10).map(|x| {
            SUM.add(x);
            x
        });
        let loader = crate::Loader::builder(numbers.cache(1 << 20)).reduce(SUM).epochs(3);
        let mut loader = loader.build().unwrap();
        assert_eq!(loader.by_ref().map(|x| *x.unwrap()).sum::<u64>(), 135);
        assert_eq!(**loader.reduced(SUM).unwrap(), 135);
    }

    #[test]
    fn sizes_that_lie_or_are_unknown_do_no_harm() {
        let large = range(0..10).cache_by(1 << 20, |_| u64::MAX);
        assert_eq!(epochs(&large, 2), epochs(&range(0..10), 2));
        assert!(large.kept.read().unwrap().samples.is_empty());
        assert_eq!(measured(&(String::from("abc"), 1u8)), 5);
        assert_eq!(measured(&String::from("abc")), 3);
        assert!(range(0..0).cache(9).get(3).is_err());
    }
}
