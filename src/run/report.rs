//! The report of a run: the outcome of each index.

use std::collections::BTreeMap;

use super::progress::Progress;
use crate::error::Fault;

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

    /// Returns the progress at the end of the run.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }
}
