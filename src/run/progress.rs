//! The progress of a run.

use std::time::Duration;

/// The progress of a run, for a display.
///
/// Rate and remaining time count this run only, so they are right just after a resume too.
///
/// ```
/// use std::time::Duration;
/// use windrow::run::Progress;
///
/// let mut progress = Progress::default();
/// (progress.total, progress.done_before, progress.done) = (1000, 900, 20);
/// progress.elapsed = Duration::from_secs(10);
/// assert_eq!(progress.rate(), Some(2.0));
/// assert_eq!(progress.remaining(), Some(Duration::from_secs(40)));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The number of indices of the run.
    pub total: u64,
    /// The number of indices that a recorded run has finished.
    pub done_before: u64,
    /// The number of failures in `done_before`.
    pub failed_before: u64,
    /// The number of indices that this run has finished, with gaps and failures.
    pub done: u64,
    /// The number of gaps in `done`.
    pub gaps: u64,
    /// The number of failures in `done`.
    pub failed: u64,
    /// The index that each worker works on; `None` for an idle worker.
    pub workers: Vec<Option<u64>>,
    /// The time since this run began; zero on a platform without a clock.
    pub elapsed: Duration,
}

impl Progress {
    /// Returns the number of indices that are still open.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.total.saturating_sub(self.done_before).saturating_sub(self.done)
    }

    /// Returns the indices that this run finishes in a second, or `None` before the first one.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        let seconds = self.elapsed.as_secs_f64();
        (self.done > 0 && seconds > 0.0).then(|| self.done as f64 / seconds)
    }

    /// Returns the time until the end at this rate, or `None` before the first finished index.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.open() as f64 / self.rate()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_has_finished_nothing_has_no_rate() {
        let progress =
            Progress { total: 9, elapsed: Duration::from_secs(1), ..Progress::default() };
        assert_eq!((progress.rate(), progress.remaining(), progress.open()), (None, None, 9));
        let without_clock = Progress { done: 3, ..Progress::default() };
        assert_eq!((without_clock.rate(), without_clock.open()), (None, 0));
    }
}
