//! Reducers: values that a pipeline merges beside its samples.
//!
//! A [`Reducer`] is a name and a type. While a worker makes a sample, code anywhere in the pipeline
//! [adds](Reducer::add) values. A loader that collects the reducer merges the values in the order
//! of the positions, never in the order of work. Values whose merge is not commutative, such as
//! sums of floats or lists, are therefore the same to the bit on every backend. Absent on purpose:
//! which worker makes a sample, and when the loader merges.
//!
//! The values of a position are a run of bytes, the same on every backend. Each reducer with a
//! value adds three parts: the varint of the key's number, the varint of the value's length, and the
//! encoded value. Reducers are in the order of their keys. A position without values has no bytes. Every backend
//! encodes, so no result can depend on where a sample was made.

mod key;

use std::any::{Any, type_name};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::key::{Key, Keys};
use super::scope::Scope;
use super::{SampleResult, caught, discard};
use crate::error::Fault;

/// A value that can be merged in order.
///
/// `Default` is the value of no samples. Merging need not be commutative, but should depend only on
/// the two values. windrow implements `Reduce` for `u64` and `f64` (sums), `Vec` (one after the
/// other), `BTreeMap` (by key) and tuples. The sum of `u64`s stops at the largest number.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use windrow::dataset::{Reduce, Reducer};
/// use windrow::{Dataset, Loader, range};
///
/// /// Count, mean, and sum of squared differences from the mean.
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
    /// Merges `later`, which comes after this value.
    fn merge(&mut self, later: Self);
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

/// A name under which code in a pipeline adds values.
///
/// A reducer holds no value, so it is best a `const` that the pipeline and the caller of the loader
/// both use. [`LoaderBuilder::reduce`](crate::loader::LoaderBuilder::reduce) makes a loader collect
/// the reducer, and [`Loader::reduced`](crate::Loader::reduced) returns the merged value. For runs,
/// these are [`RunConfig::reduce`](crate::run::RunConfig::reduce) and
/// [`Report::reduced`](crate::run::Report::reduced).
///
/// # Values that count
/// - A value added while a worker makes a sample belongs to the sample's position. Each value counts
///   once, with the outcome of that position. If a worker makes a sample again after a crash or a
///   retry, the last attempt counts.
/// - A gap counts: the loader keeps the values that a filter adds for the samples that it leaves
///   out.
/// - A sample that failed, panicked or was lost adds no value, whether the loader raises or skips
///   its error. Samples in one batch of [`batch`](super::Dataset::batch) are one position and fail
///   together.
/// - A value counts once the caller has received the results of the position, as with a state.
///   Values of samples that workers made ahead do not count yet.
/// - In a run, a value counts once the sink has finished the group of the index. What the sink adds
///   does not count.
/// - The loader first merges the values of one position in the order of the additions. The loader
///   then merges the results of the positions in order.
///
/// # Values that do not count
/// A value belongs to a sample only in the thread that makes the sample. A value added elsewhere,
/// in jobs of rayon or other threads that a sample starts, has no position. Do not add such values:
/// they are lost, or reach a random sample.
///
/// The same holds for recipes and for the hooks of workers, which make no samples. The sum over a
/// worker's life depends on the samples that the worker happened to receive, so it has no order in
/// which to merge.
///
/// # Types
/// A reducer has one type wherever it is used. A sample that adds a value of another type fails.
/// Workers of [another program](crate::loader::LoaderBuilder::worker_program) are the exception:
/// there the name alone identifies a reducer. A value that does not decode as the loader's type is
/// then an error of [`Loader::reduced`](crate::Loader::reduced).
pub struct Reducer<T> {
    name: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T: Reduce> Reducer<T> {
    /// Creates a reducer with this name, 1 to 200 bytes, unique among the reducers of a loader.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, value: PhantomData }
    }

    /// Adds a value to the sample that this thread is making.
    ///
    /// If no loader or run collects the reducer, `add` does nothing and costs almost nothing. The
    /// [encoded](super::wire) values of a sample may take up to 1 MiB, for all reducers together. A
    /// sample that adds more fails.
    pub fn add(&self, value: T) {
        self.add_with(|| value);
    }

    /// Adds a value like [`add`](Self::add), but computes it only if a loader or a run collects the
    /// reducer.
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
        add(self.name, value);
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

/// The most bytes that one sample may add.
pub(crate) const ADDED_MAX: usize = 1 << 20;

thread_local! {
    /// The values of the sample that this thread makes; `None` if nothing collects values.
    static GATHERING: RefCell<Option<Gathering>> = const { RefCell::new(None) };
}

/// Makes a sample, and returns the values that it added to these reducers.
///
/// A failed sample adds no value. A sample whose values cannot be encoded fails.
pub(crate) fn gather<S>(
    keys: &Keys,
    make: impl FnOnce() -> SampleResult<S>,
) -> (SampleResult<S>, Vec<u8>) {
    if keys.is_empty() {
        return (make(), Vec::new());
    }
    let scope = Scope::enter(&GATHERING, Some(Gathering::new(keys)));
    let made = make();
    match (made, scope.leave()) {
        (Ok(sample), Some(mut gathered)) => match gathered.encode() {
            Ok(added) => (Ok(sample), added),
            Err(fault) => (Err(fault), Vec::new()),
        },
        (made, _) => (made, Vec::new()),
    }
}

/// Runs a function whose values do not count for the sample that this thread may be making.
///
/// The loader uses `apart` for its own work inside a sample.
pub(crate) fn apart<R>(work: impl FnOnce() -> R) -> R {
    if GATHERING.with_borrow(Option::is_none) {
        return work();
    }
    let _scope = Scope::enter(&GATHERING, None);
    work()
}

/// Returns whether values that this thread adds count for a sample.
pub(super) fn is_gathering() -> bool {
    GATHERING.with_borrow(Option::is_some)
}

/// Adds a value to the sample that this thread makes.
fn add<T: Reduce>(name: &'static str, value: impl FnOnce() -> T) {
    let place = GATHERING.with_borrow(|gathering| gathering.as_ref()?.place(name));
    let Some(place) = place else { return };
    // Evaluated outside the borrow, since the caller's code may add to other reducers.
    let value = value();
    let before = GATHERING.with_borrow_mut(|gathering| {
        let gathering = gathering.as_mut()?;
        if gathering.keys[place].kind.as_ref().is_some_and(|kind| kind != type_name::<T>()) {
            gathering.refuse::<T>(place);
            return None;
        }
        let before: Box<dyn Any> = gathering.held[place].take()?;
        before.downcast::<T>().map_err(|_| gathering.refuse::<T>(place)).ok()
    });
    let merged: Box<dyn Held> = match before {
        Some(mut held) => {
            held.merge(value);
            held
        }
        None => Box::new(value),
    };
    GATHERING.with_borrow_mut(|gathering| {
        if let Some(gathering) = gathering {
            gathering.held[place] = Some(merged);
        }
    });
}

/// Splits the values of a position into parts: the number of a key, and an encoded value.
///
/// # Errors
/// Returns a fault if the bytes are not such parts.
pub(crate) fn parts(mut added: &[u8]) -> Result<Vec<(usize, &[u8])>, Fault> {
    let broken = || Fault::new("its values for reducers are damaged");
    let mut parts = Vec::new();
    while !added.is_empty() {
        let ((place, length), rest): ((usize, usize), _) =
            postcard::take_from_bytes(added).map_err(|_| broken())?;
        let value = rest.get(..length).ok_or_else(broken)?;
        added = &rest[length..];
        parts.push((place, value));
    }
    Ok(parts)
}

/// Merges an encoded value into a total.
///
/// # Errors
/// Returns a fault if the value cannot be decoded, or if the reducer's code panics.
pub(crate) fn merge<T: Reduce>(total: &mut T, value: &[u8]) -> Result<(), Fault> {
    let merged = caught(|| {
        let (later, rest) = postcard::take_from_bytes(value)?;
        if !rest.is_empty() {
            return Err(postcard::Error::DeserializeBadEncoding);
        }
        total.merge(later);
        Ok(())
    });
    merged?.map_err(|why| Fault::new(format!("its value for a reducer cannot be decoded: {why}")))
}

struct Gathering {
    keys: Keys,
    /// The value for each key.
    held: Vec<Option<Box<dyn Held>>>,
    fault: Option<Fault>,
}

/// An added value with its type hidden.
trait Held: Any {
    fn encode(&self) -> postcard::Result<Vec<u8>>;
}

impl<T: Reduce> Held for T {
    fn encode(&self) -> postcard::Result<Vec<u8>> {
        postcard::to_stdvec(self)
    }
}

impl Gathering {
    fn new(keys: &Keys) -> Self {
        Self { keys: keys.clone(), held: keys.iter().map(|_| None).collect(), fault: None }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.keys.iter().position(|key| key.name == name)
    }

    fn refuse<T>(&mut self, place: usize) {
        let Key { name, kind } = &self.keys[place];
        let (added, kind) = (type_name::<T>(), kind.as_deref().unwrap_or("another type"));
        let why = format!("it added a {added} to the reducer {name:?}, which collects {kind}");
        self.fault.get_or_insert_with(|| Fault::new(why));
    }

    fn encode(&mut self) -> Result<Vec<u8>, Fault> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let mut added = Vec::new();
        for (place, (held, key)) in self.held.iter().zip(&*self.keys).enumerate() {
            let Some(held) = held else { continue };
            let name = &key.name;
            let encoded = caught(|| held.encode())?.map_err(|why| {
                Fault::new(format!("its value for the reducer {name:?} cannot be encoded: {why}"))
            })?;
            let bytes = added.len() + encoded.len();
            if bytes > ADDED_MAX {
                return Err(Fault::new(format!(
                    "it added {bytes} bytes to reducers, the last of them {name:?}; {ADDED_MAX} are \
                     allowed for each sample"
                )));
            }
            let head = postcard::to_stdvec(&(place, encoded.len())).map_err(Fault::other)?;
            added.extend(head);
            added.extend(encoded);
        }
        Ok(added)
    }
}

impl Drop for Gathering {
    fn drop(&mut self) {
        self.held.drain(..).for_each(discard);
    }
}

#[cfg(test)]
mod tests;
