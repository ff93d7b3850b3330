//! The report of a run: the outcome of each index.

use std::collections::BTreeMap;

use super::progress::Progress;
use crate::dataset::reduce::{Key, merge, parts};
use crate::dataset::{Reduce, Reducer};
use crate::error::{Error, Fault, Result};

/// The outcome of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<O> {
    /// The sink has written the sample, and returned this value.
    Done(O),
    /// The pipeline has no sample at the index, and the sink has finished the group.
    Gap,
    /// The index has no effect, for this reason.
    Failed(Fault),
}

/// The report of a run. An index without an outcome is open: the run was stopped before it.
///
/// ```
/// use windrow::run::{Outcome, Report};
///
/// fn summary(report: &Report<u64>) -> String {
///     let sum: u64 = report.results().map(|(_, result)| result).sum();
///     let failed: Vec<u64> = report.failures().map(|(index, _)| index).collect();
///     format!("{sum}, failed: {failed:?}, open: {}", report.progress().open())
/// }
/// # use windrow::sink::{Sink, Writer};
/// # struct Echo;
/// # impl Sink<u64> for Echo {
/// #     type Output = u64;
/// #     type Writer<'a> = Self;
/// #     fn describe(&self) -> String { "echo".into() }
/// #     fn begin(&self, _: &[u64], _: u64) -> windrow::Result<Self> { Ok(Self) }
/// # }
/// # impl Writer<u64> for Echo {
/// #     type Output = u64;
/// #     fn write(&mut self, _: u64, sample: u64) -> Result<u64, windrow::BoxError> { Ok(sample) }
/// #     fn finish(self) -> Result<(), windrow::BoxError> { Ok(()) }
/// # }
/// # use windrow::{Dataset, Fault, range, run};
/// let pipeline = range(1..5).try_map(|x| if x == 2 { Err(Fault::new("no")) } else { Ok(x) });
/// let report = run(pipeline, Echo, Default::default())?;
/// assert_eq!(summary(&report), "8, failed: [1], open: 0");
/// assert_eq!(report.get(3), Some(&Outcome::Done(4)));
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Report<O> {
    pub(super) outcomes: BTreeMap<u64, Outcome<O>>,
    /// The values that samples added to reducers, encoded.
    pub(super) added: BTreeMap<u64, Vec<u8>>,
    pub(super) reducers: Vec<Key>,
    pub(super) progress: Progress,
}

impl<O> Report<O> {
    /// Returns the outcome of an index, or `None` if the index is open or not part of the run.
    #[must_use]
    pub fn get(&self, index: u64) -> Option<&Outcome<O>> {
        self.outcomes.get(&index)
    }

    /// Returns the indices that have an outcome, with their outcomes, in ascending order.
    pub fn outcomes(&self) -> impl Iterator<Item = (u64, &Outcome<O>)> {
        self.outcomes.iter().map(|(&index, outcome)| (index, outcome))
    }

    /// Returns the written indices, with the values that the sink returned, in ascending order.
    pub fn results(&self) -> impl Iterator<Item = (u64, &O)> {
        self.outcomes().filter_map(|(index, outcome)| match outcome {
            Outcome::Done(result) => Some((index, result)),
            _ => None,
        })
    }

    /// Returns the failed indices, with the reasons, in ascending order.
    pub fn failures(&self) -> impl Iterator<Item = (u64, &Fault)> {
        self.outcomes().filter_map(|(index, outcome)| match outcome {
            Outcome::Failed(fault) => Some((index, fault)),
            _ => None,
        })
    }

    /// Returns the values that samples added to a reducer, merged in the order of indices.
    ///
    /// Gaps and written samples count, those of the record too. A failed or open index adds no
    /// value, and an index that was written again counts once. [`Reducer`] says which additions
    /// count. So the value is the same, to the bit, on every backend, with any number of workers
    /// and after any number of kills. Each call merges all values again.
    ///
    /// ```
    /// use windrow::run::RunConfig;
    /// use windrow::{Dataset, Reducer, range, run};
    /// # use windrow::sink::{Sink, Writer};
    /// # struct Echo;
    /// # impl Sink<u64> for Echo {
    /// #     type Output = u64;
    /// #     type Writer<'a> = Self;
    /// #     fn describe(&self) -> String { "echo".into() }
    /// #     fn begin(&self, _: &[u64], _: u64) -> windrow::Result<Self> { Ok(Self) }
    /// # }
    /// # impl Writer<u64> for Echo {
    /// #     type Output = u64;
    /// #     fn write(&mut self, _: u64, sample: u64) -> Result<u64, windrow::BoxError> { Ok(sample) }
    /// #     fn finish(self) -> Result<(), windrow::BoxError> { Ok(()) }
    /// # }
    ///
    /// const EVEN: Reducer<Vec<u64>> = Reducer::new("even");
    /// let odd = range(0..6).filter(|x| {
    ///     if x % 2 == 0 {
    ///         EVEN.add(vec![*x]);
    ///     }
    ///     x % 2 == 1
    /// });
    /// let report = run(odd, Echo, RunConfig::new().reduce(EVEN).workers(2))?;
    /// assert_eq!(report.reduced(EVEN)?, [0, 2, 4]);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns [`Error::Setting`] if the run does not collect this reducer. Returns
    /// [`Error::Other`] if a value failed to merge, because the reducer's own code panicked, or
    /// because the record has values of another type.
    pub fn reduced<T: Reduce>(&self, reducer: Reducer<T>) -> Result<T> {
        let key = reducer.key();
        let Some(place) = self.reducers.iter().position(|own| *own == key) else {
            let (name, kind) = (&key.name, key.kind.as_deref().unwrap_or_default());
            return Err(Error::Setting {
                name: "reduced".into(),
                value: format!("{name:?}, a {kind}"),
                allowed: "a reducer that the run collects; name it in RunConfig::reduce".into(),
            });
        };
        let mut total = T::default();
        for (&index, added) in &self.added {
            let parts = parts(added).and_then(|parts| {
                let mut own = parts.into_iter().filter(|(number, _)| *number == place);
                own.try_for_each(|(_, value)| merge(&mut total, value))
            });
            parts.map_err(|fault| Error::other(fault.at("reduce", index)))?;
        }
        Ok(total)
    }

    /// Returns the progress at the end of the run.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }
}
