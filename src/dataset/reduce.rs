//! Reducers: what a pipeline adds up beside its samples.
//!
//! A [`Reducer`] is a name and a type. While a sample is made, code anywhere in the pipeline
//! [adds](Reducer::add) values to it; a loader that was told to collect it merges them, in the order
//! of the positions and never in the order of work. So also what is not commutative, such as a sum of
//! floats or a list, is the same to the bit on every backend. Absent on purpose: who makes samples,
//! and when they are merged.

use std::any::type_name;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::gather;

/// Values that can be merged in order.
///
/// `Default` is the value of nothing at all. Merging need not be commutative, but it should not
/// depend on anything but the two values. It is there for `u64` (a sum that stops at the largest
/// number), `f64` (a sum), `Vec` (one after the other), `BTreeMap` (by key) and tuples.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use windrow::dataset::{Reduce, Reducer};
/// use windrow::{Dataset, Loader, range};
///
/// /// Count, mean and sum of squared differences from it.
/// #[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
/// struct Moments(f64, f64, f64);
///
/// impl Reduce for Moments {
///     fn merge(&mut self, Moments(n, mean, squares): Self) {
///         let (all, away) = (self.0 + n, mean - self.1);
///         if all > 0.0 {
///             self.1 += away * n / all;
///             self.2 += squares + away * away * self.0 * n / all;
///         }
///         self.0 = all;
///     }
/// }
///
/// const LENGTHS: Reducer<Moments> = Reducer::new("lengths");
///
/// let samples = range(1..5).map(|x| {
///     LENGTHS.add(Moments(1.0, x as f64, 0.0));
///     x
/// });
/// let mut loader = Loader::builder(samples).reduce(LENGTHS).workers(2).build()?;
/// assert_eq!(loader.by_ref().count(), 4);
/// let Moments(count, mean, squares) = **loader.reduced(LENGTHS)?;
/// assert_eq!((mean, squares / count), (2.5, 1.25));
/// # Ok::<(), windrow::Error>(())
/// ```
pub trait Reduce: Default + Serialize + DeserializeOwned + Send + 'static {
    /// Takes in what comes after this value.
    fn merge(&mut self, later: Self);
}

/// A name under which the makers of samples add values.
///
/// It holds nothing, so it is best a `const`, which the pipeline and the caller of the loader both
/// name. A loader collects it when told so by [`LoaderBuilder::reduce`](crate::loader::LoaderBuilder::reduce)
/// and gives what came of it by [`Loader::reduced`](crate::Loader::reduced).
///
/// # What counts
/// - What is added while a sample is made belongs to its position. It counts once, with the outcome
///   of that position: a sample that was made again after a crash, or tried again, counts as it was
///   made last.
/// - A gap counts: what a filter adds about samples that it leaves out is kept.
/// - A sample that failed, panicked or was lost adds nothing, whether its error is raised or skipped.
///   Samples that a dataset put together by [`batch`](super::Dataset::batch) are one position and
///   fail together.
/// - It counts when the caller has received what was made of the position, as with a state. What
///   workers made ahead does not.
/// - Merged are first the values of one position, in the order in which they were added; and then
///   what these came to, position after position.
///
/// # What does not
/// A value belongs to a sample only in the thread that makes the sample. What is added elsewhere, in
/// jobs of rayon or other threads that a sample starts, has no position and must not be: it is lost,
/// or comes to a sample at random. The same is true of recipes and of the hooks of workers, which
/// make no samples; what a worker adds up over its life depends on what it happened to be given, so
/// that there is no order in which it could be merged.
///
/// # Types
/// A reducer has one type wherever it is named. A sample that adds a value of another type fails.
/// Workers of [another program](crate::loader::LoaderBuilder::worker_program) are the exception: there the
/// name alone tells reducers apart, and a value that the loader's type cannot be decoded from is an
/// error of [`Loader::reduced`](crate::Loader::reduced).
pub struct Reducer<T> {
    name: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T: Reduce> Reducer<T> {
    /// A reducer of this name, 1 to 200 bytes. No two that a loader collects may share one.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, value: PhantomData }
    }

    /// Adds a value to those of the sample that this thread is making.
    ///
    /// It costs little more than nothing, and does nothing, where no loader collects the reducer.
    /// A sample may add as much as takes 1 MiB to [encode](super::wire), to all reducers together;
    /// one that adds more fails.
    pub fn add(&self, value: T) {
        self.add_with(|| value);
    }

    /// As [`add`](Self::add), for a value that is worth computing only where it is collected.
    ///
    /// ```
    /// use windrow::{dataset::Reducer, from_vec, Dataset, Loader};
    /// const LETTERS: Reducer<u64> = Reducer::new("letters");
    /// let words = from_vec(vec!["rye", "oat"]).map(|word: &str| {
    ///     LETTERS.add_with(|| word.chars().count() as u64);
    ///     word
    /// });
    /// let mut loader = Loader::builder(words).reduce(LETTERS).build()?;
    /// loader.next().expect("two words")?;
    /// assert_eq!(**loader.reduced(LETTERS)?, 3);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    pub fn add_with(&self, value: impl FnOnce() -> T) {
        gather::add(self.name, value);
    }

    pub(crate) fn key(&self) -> Key {
        Key { name: self.name.into(), kind: Some(type_name::<T>().into()) }
    }
}

impl<T> Clone for Reducer<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Reducer<T> {}

impl<T> fmt::Debug for Reducer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reducer").field(&self.name).finish()
    }
}

/// What is known of a reducer across processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) name: String,
    /// The type, as the compiler names it; `None` where another build of the program says so, whose
    /// compiler may name the same type in another way.
    pub(crate) kind: Option<String>,
}

impl Key {
    /// The reducers of a loader in a worker, which may be another build than the loader's program.
    #[allow(dead_code)] // Not every platform has workers.
    pub(crate) fn in_worker(keys: &[Self], same_build: bool) -> Arc<[Self]> {
        let kind = |key: &Self| key.kind.clone().filter(|_| same_build);
        keys.iter().map(|key| Self { name: key.name.clone(), kind: kind(key) }).collect()
    }
}

impl Reduce for u64 {
    fn merge(&mut self, later: Self) {
        *self = self.saturating_add(later);
    }
}

impl Reduce for f64 {
    fn merge(&mut self, later: Self) {
        *self += later;
    }
}

impl<V: Serialize + DeserializeOwned + Send + 'static> Reduce for Vec<V> {
    fn merge(&mut self, mut later: Self) {
        self.append(&mut later);
    }
}

impl<K, V> Reduce for BTreeMap<K, V>
where
    K: Ord + Serialize + DeserializeOwned + Send + 'static,
    V: Reduce,
{
    fn merge(&mut self, later: Self) {
        for (key, value) in later {
            self.entry(key).or_default().merge(value);
        }
    }
}

impl<A: Reduce, B: Reduce> Reduce for (A, B) {
    fn merge(&mut self, later: Self) {
        self.0.merge(later.0);
        self.1.merge(later.1);
    }
}

impl<A: Reduce, B: Reduce, C: Reduce> Reduce for (A, B, C) {
    fn merge(&mut self, later: Self) {
        self.0.merge(later.0);
        self.1.merge(later.1);
        self.2.merge(later.2);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Reduce;

    #[test]
    fn ready_made_types_merge_as_their_names_say() {
        let mut value = (u64::MAX - 1, 0.5, vec!['a']);
        value.merge((3, 0.25, vec!['b', 'c']));
        assert_eq!(value, (u64::MAX, 0.75, vec!['a', 'b', 'c']));
        let mut value = BTreeMap::from([("x".to_owned(), (1, 1.0))]);
        let later = BTreeMap::from([("y".to_owned(), (2, 2.0)), ("x".to_owned(), (3, 3.0))]);
        Reduce::merge(&mut value, later);
        assert_eq!(value["x"], (4, 4.0));
        assert_eq!(value["y"], (2, 2.0));
    }
}
