//! Values that can be merged in order, which [reducers](super::Reducer) add up.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

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
    #[allow(dead_code, reason = "not every platform has worker processes")]
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
