//! What the samples that the caller received added to reducers, merged in their order.

use super::reduction::{Reduced, Slot, Total};
use super::{Loader, LoaderBuilder};
use crate::dataset::{Reduce, Reducer};
use crate::error::{Error, Result};
use crate::stage::Pipeline;

/// Reducers: what a pipeline adds up beside its samples.
impl<P: Pipeline> LoaderBuilder<P> {
    /// Collects what samples add to a reducer, for [`Loader::reduced`].
    ///
    /// At most 64 can be collected, each under a name of its own. Backends of one's own must share
    /// the caller's memory for it, or [say](crate::backend::ExecutionBackend::brings_additions)
    /// that they can do it.
    #[must_use]
    pub fn reduce<T: Reduce>(mut self, reducer: Reducer<T>) -> Self {
        self.reducers.push(Slot::new(reducer.key(), Total::<T>::default()));
        self
    }

    /// Collects a reducer and goes on with what was reduced before, which was saved with the state
    /// that the loader resumes, or after it.
    ///
    /// Then it comes to what it would have without the interruption, to the bit: positions that are
    /// made again but were merged before are not merged again. Save it in a format that keeps floats
    /// as they are, as `serde_json` does with its feature `float_roundtrip`.
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
    /// What the samples that the caller received have added to a reducer, merged in their order.
    ///
    /// It can be asked for at any time, and after the last batch. It covers the positions that went
    /// into what the caller received: whole batches, the gaps and the errors between them; after the
    /// end of the stream, all. [`Reducer`] says what counts. The value is the same, to the bit, on
    /// every backend and with any number of workers, also when some of them are lost.
    ///
    /// A state holds nothing of it, since it may be large: in a loader that resumes, it begins where
    /// the state says, and samples that a stage held back are made and counted again. To go on with
    /// what was reduced before, see [`LoaderBuilder::reduce_from`].
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
    /// [`Error::Setting`] when the loader was not told to collect this reducer;
    /// [`Error::Sample`] when what a sample added could not be merged, because the reducer's own
    /// code panicked or its `Deserialize` does not agree with its `Serialize`. Batches come all the
    /// same.
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
