//! The values that received samples added to reducers, merged in the order of the samples.

use super::reduction::{Reduced, Slot, Total};
use super::{Loader, LoaderBuilder};
use crate::dataset::{Reduce, Reducer};
use crate::error::{Error, Result};
use crate::stage::Pipeline;

/// Settings for reducers: values that a pipeline merges beside its samples.
impl<P: Pipeline> LoaderBuilder<P> {
    /// Collects the values that samples add to a reducer, for [`Loader::reduced`].
    ///
    /// A loader collects at most 64 reducers, each with a different name. A custom backend must
    /// share the caller's memory, or [declare](crate::backend::ExecutionBackend::brings_additions)
    /// that it sends the added values.
    #[must_use]
    pub fn reduce<T: Reduce>(mut self, reducer: Reducer<T>) -> Self {
        self.reducers.push(Slot::new(reducer.key(), Total::<T>::default()));
        self
    }

    /// Collects a reducer and continues from a saved value.
    ///
    /// Save the value together with the state that the loader resumes, or later. The result then
    /// equals, to the bit, the result of an uninterrupted run. Positions that workers make again
    /// but that were merged before are not merged again. Save the value in a format that keeps
    /// floats exactly, such as `serde_json` with its feature `float_roundtrip`.
    ///
    /// ```
    /// use windrow::{dataset::Reducer, Dataset, Loader, range};
    /// const SUM: Reducer<f64> = Reducer::new("sum");
    /// let tenths = || range(0..10).map(|x| {
    ///     SUM.add(x as f64 * 0.1);
    ///     x
    /// }).ordered().batch(4);
    ///
    /// let mut whole = Loader::builder(tenths()).reduce(SUM).build()?;
    /// assert_eq!(whole.by_ref().count(), 3);
    ///
    /// let mut first = Loader::builder(tenths()).reduce(SUM).build()?;
    /// first.next().expect("three batches")?;
    /// let (state, sum) = (first.state(), first.reduced(SUM)?.clone());
    /// assert_eq!(sum.positions(), 0..4);
    ///
    /// let again = Loader::builder(tenths()).resume(&state).reduce_from(SUM, sum);
    /// let mut again = again.workers(2).build()?;
    /// assert_eq!(again.by_ref().count(), 2);
    /// assert_eq!(again.reduced(SUM)?, whole.reduced(SUM)?);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    #[must_use]
    pub fn reduce_from<T: Reduce>(mut self, reducer: Reducer<T>, saved: Reduced<T>) -> Self {
        self.reducers.push(Slot::new(reducer.key(), Total::going_on(saved)));
        self
    }
}

impl<B> Loader<B> {
    /// Returns the values that received samples added to a reducer, merged in the order of the
    /// samples.
    ///
    /// Call `reduced` at any time, and after the last batch. The value covers the positions of
    /// everything that the caller received: whole batches, and the gaps and errors between them.
    /// After the end of the stream the value covers all positions. [`Reducer`] says which additions
    /// count. The value is the same, to the bit, on every backend and with any number of workers,
    /// even if some workers are lost.
    ///
    /// A state holds no reduced values, since they may be large. In a resumed loader the value
    /// begins at the state's position, and workers make and count again the samples that a stage
    /// held back. To continue from a saved value, see [`LoaderBuilder::reduce_from`].
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use windrow::{Dataset, Loader, dataset::Reducer, range};
    ///
    /// const LEFT_OUT: Reducer<BTreeMap<String, u64>> = Reducer::new("left out");
    ///
    /// let odd = range(0..100).filter(|x| {
    ///     if x % 2 == 0 {
    ///         LEFT_OUT.add(BTreeMap::from([("even".into(), 1)]));
    ///     }
    ///     x % 2 == 1
    /// });
    /// let mut loader = Loader::builder(odd).reduce(LEFT_OUT).workers(2).build()?;
    /// for x in loader.by_ref().take(3) {
    ///     x?;
    /// }
    /// assert_eq!(loader.reduced(LEFT_OUT)?["even"], 3); // 0, 2 and 4, before 1, 3 and 5
    /// # Ok::<(), windrow::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns [`Error::Setting`] if the loader does not collect this reducer. Returns
    /// [`Error::Sample`] if a sample's value failed to merge, because the reducer's own code
    /// panicked or its `Deserialize` does not agree with its `Serialize`. The loader still yields
    /// its batches.
    pub fn reduced<T: Reduce>(&self, reducer: Reducer<T>) -> Result<&Reduced<T>> {
        let key = reducer.key();
        let found = self.stream.reduction().and_then(|reduction| reduction.total(&key));
        found.unwrap_or_else(|| {
            let (name, kind) = (&key.name, key.kind.as_deref().unwrap_or_default());
            Err(Error::Setting {
                name: "reduced".into(),
                value: format!("{name:?}, a {kind}"),
                allowed: "a reducer that the loader collects; name it in LoaderBuilder::reduce"
                    .into(),
            })
        })
    }
}
