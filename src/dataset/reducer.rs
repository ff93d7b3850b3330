//! Reducers: what a pipeline adds up beside its samples.
//!
//! A [`Reducer`] is a name and a type. While a sample is made, code anywhere in the pipeline
//! [adds](Reducer::add) values to it; a loader that was told to collect it merges them, in the order
//! of the positions and never in the order of work. So also what is not commutative, such as a sum of
//! floats or a list, is the same to the bit on every backend. Absent on purpose: who makes samples,
//! and when they are merged.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;

use super::gather;
use super::reduce::{Key, Reduce};

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
