//! `filter` in the ordered part, which can tell when it drops too much.

use super::Stage;
use super::each::only;
use crate::dataset::probe::dropped;
use crate::dataset::{ElementSpec, FilterBy, SampleContext, Transform, at_least_one};
use crate::error::{Error, Fault, Result};
use crate::order::Op;

/// How many samples a filter may drop before it warns or fails: see
/// [`Ordered::drop_rate`](super::Ordered::drop_rate).
///
/// The filter counts in blocks of `per` samples, from the start of each epoch. The default warns if
/// more than 900 samples of a block of 1,000 are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropRate {
    per: u64,
    warn_above: Option<u64>,
    fail_above: Option<u64>,
}

impl DropRate {
    /// Creates thresholds for each block of `per` samples, at least 1, without a warning or an error.
    #[must_use]
    pub fn per(per: u64) -> Self {
        Self { per, warn_above: None, fail_above: None }
    }

    /// Logs a warning, once in a run, if more than `count` samples of a block are dropped.
    #[must_use]
    pub fn warn_above(self, count: u64) -> Self {
        Self { warn_above: Some(count), ..self }
    }

    /// Returns an error, once in a block, if more than `count` samples of the block are dropped.
    ///
    /// The error has the position of the sample that crosses the threshold. The stream continues
    /// after the error.
    #[must_use]
    pub fn fail_above(self, count: u64) -> Self {
        Self { fail_above: Some(count), ..self }
    }

    fn check(self) -> Result<()> {
        at_least_one("filter.per", self.per)?;
        for (name, count) in [("warn_above", self.warn_above), ("fail_above", self.fail_above)] {
            if let Some(count) = count.filter(|count| *count >= self.per) {
                let allowed = format!("less than the {} samples of a block", self.per);
                let name = format!("filter.{name}");
                return Err(Error::Setting { name, value: count.to_string(), allowed });
            }
        }
        Ok(())
    }
}

impl Default for DropRate {
    fn default() -> Self {
        Self::per(1000).warn_above(900)
    }
}

/// A stage that drops samples: see [`Ordered::filter`](super::Ordered::filter).
#[derive(Debug)]
pub struct Filtering<T, X> {
    filter: X,
    rate: Option<DropRate>,
    /// The samples of this block so far, and the dropped ones among them.
    seen: u64,
    dropped: u64,
    /// The number of inputs since the stage was new or restored.
    inputs: u64,
    ready: Option<T>,
    warning: Option<String>,
    has_warned: bool,
}

impl<T, F: Fn(&T) -> bool> Filtering<T, FilterBy<F>> {
    /// Creates a stage that drops the samples for which `f` returns `false`.
    #[must_use]
    pub fn new(f: F) -> Self {
        Self::by(FilterBy(f))
    }
}

impl<T, X: Transform<T, Sample = T>> Filtering<T, X> {
    /// Creates a stage that drops the samples in whose place a transform leaves a gap.
    ///
    /// The transform does not look at the place of a sample.
    #[must_use]
    pub fn by(filter: X) -> Self {
        Self {
            filter,
            rate: None,
            seen: 0,
            dropped: 0,
            inputs: 0,
            ready: None,
            warning: None,
            has_warned: false,
        }
    }

    /// Warns or fails if the filter drops too many samples.
    #[must_use]
    pub fn drop_rate(self, rate: DropRate) -> Self {
        Self { rate: Some(rate), ..self }
    }

    fn apply(&self, sample: T) -> Result<Option<T>, Fault> {
        self.filter.apply(SampleContext::new(0, 0, 0), sample)
    }

    /// Counts a sample of the block, and returns the fault of one dropped sample too many.
    fn count(&mut self, is_dropped: bool) -> Result<(), Fault> {
        let Some(rate) = self.rate else { return Ok(()) };
        self.seen += 1;
        self.dropped += u64::from(is_dropped);
        let (seen, dropped) = (self.seen, self.dropped);
        if seen >= rate.per {
            (self.seen, self.dropped) = (0, 0);
        }
        let crosses = |most: &u64| is_dropped && most.checked_add(1) == Some(dropped);
        let told = |most: u64, name: &str| {
            format!(
                "{dropped} of {seen} samples were dropped, more than the {most} of {} that {name} \
                 allows; check the function and the data, or allow more",
                rate.per
            )
        };
        if !self.has_warned
            && let Some(most) = rate.warn_above.filter(crosses)
        {
            self.has_warned = true;
            self.warning = Some(format!("filter: {}", told(most, "warn_above")));
        }
        match rate.fail_above.filter(crosses) {
            Some(most) => Err(Fault::new(told(most, "fail_above"))),
            None => Ok(()),
        }
    }
}

impl<T, X: Transform<T, Sample = T>> Stage<T> for Filtering<T, X> {
    type Out = T;

    fn push(&mut self, sample: T) -> Result<(), Fault> {
        self.inputs += 1;
        self.ready = self.apply(sample)?;
        if self.ready.is_none() {
            dropped();
        }
        self.count(self.ready.is_none())
    }

    fn pop(&mut self) -> Option<T> {
        self.ready.take()
    }

    fn is_clean(&self) -> bool {
        self.ready.is_none()
    }

    fn reset(&mut self, _: u64) {
        (self.seen, self.dropped, self.inputs, self.ready) = (0, 0, 0, None);
    }

    fn counters(&self) -> Vec<u64> {
        self.rate.map(|_| vec![self.seen, self.dropped]).unwrap_or_default()
    }

    // A warning is no part of the fingerprint, so states of runs with and without it fit each other.
    fn restore(&mut self, counters: &[u64]) -> Option<()> {
        let is_exact = self.rate.is_some_and(|rate| rate.fail_above.is_some());
        let (seen, dropped) = match *counters {
            [seen, dropped] if dropped <= seen => (seen, dropped),
            [] if !is_exact => (0, 0),
            _ => return None,
        };
        match self.rate.is_some_and(|rate| seen < rate.per) {
            true => (self.seen, self.dropped) = (seen, dropped),
            false if is_exact => return None,
            false => {}
        }
        Some(())
    }

    fn results_of(&self, inputs: u64) -> Option<u64> {
        (self.seen <= inputs).then_some(inputs)
    }

    fn tracks(&self) -> bool {
        true
    }

    fn keeps_order(&self) -> bool {
        true
    }

    fn made_of(&self) -> Vec<u64> {
        self.inputs.checked_sub(1).into_iter().collect()
    }

    fn remake(&self, inputs: Vec<T>) -> Result<T, Fault> {
        let again = self.apply(only(inputs)?)?;
        again.ok_or_else(|| Fault::new("the filter passed this sample, and now drops it"))
    }

    fn warning(&mut self) -> Option<String> {
        self.warning.take()
    }

    fn element_spec(&self, inputs: &ElementSpec) -> Result<ElementSpec, String> {
        self.filter.element_spec(inputs)
    }

    fn op(&self) -> Op {
        let op = Transform::<T>::op(&self.filter);
        match self.rate {
            Some(DropRate { per, fail_above: Some(most), .. }) => {
                op.with("per", per).with("fail_above", most)
            }
            _ => op,
        }
    }

    fn check(&self) -> Result<()> {
        self.rate.map_or(Ok(()), DropRate::check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the faults and the warning of a filter of odd numbers, by the number of the input.
    fn told(rate: DropRate, inputs: &[u64]) -> (Vec<usize>, Vec<usize>) {
        let mut stage = Filtering::new(|x: &u64| x % 2 == 1).drop_rate(rate);
        let (mut faults, mut warnings) = (Vec::new(), Vec::new());
        for (number, input) in inputs.iter().enumerate() {
            faults.extend(stage.push(*input).is_err().then_some(number));
            warnings.extend(stage.warning().map(|_| number));
            stage.pop();
        }
        (faults, warnings)
    }

    #[test]
    fn each_block_fails_once_and_a_run_warns_once() {
        let rate = DropRate::per(4).warn_above(1).fail_above(2);
        assert_eq!(told(rate, &[1, 2, 3, 4, 5, 6, 7, 8]), (vec![], vec![3]));
        assert_eq!(told(rate, &[2; 8]), (vec![2, 6], vec![1]));
        // A block begins anew, however many were dropped at the end of the last one.
        assert_eq!(told(rate, &[1, 1, 2, 2, 2, 2, 1, 1]).0, [0; 0]);
        assert_eq!(told(DropRate::per(1).fail_above(0), &[1, 2, 1, 2]).0, [1, 3]);
        assert_eq!(told(DropRate::default(), &[2; 2000]), (vec![], vec![900]));
    }

    #[test]
    fn thresholds_that_no_block_can_cross_are_refused() {
        let message = |rate: DropRate| rate.check().unwrap_err().to_string();
        assert!(message(DropRate::per(0)).contains("filter.per is 0"));
        let all = message(DropRate::per(10).fail_above(10));
        assert_eq!(all, "filter.fail_above is 10; allowed: less than the 10 samples of a block");
        assert!(DropRate::per(u64::MAX).warn_above(u64::MAX - 1).check().is_ok());
    }

    #[test]
    fn counters_that_cannot_be_are_refused_and_a_warning_is_no_reason() {
        let restored = |rate: Option<DropRate>, counters: &[u64]| {
            let stage = Filtering::new(|_: &u64| true);
            let mut stage = Filtering { rate, ..stage };
            let taken = stage.restore(counters);
            (taken.is_some() && stage.results_of(3).is_some()).then(|| stage.counters())
        };
        let fails = Some(DropRate::per(5).fail_above(3));
        assert_eq!(restored(fails, &[3, 2]), Some(vec![3, 2]));
        for counters in [&[][..], &[1], &[5, 0], &[1, 2], &[4, 0]] {
            assert_eq!(restored(fails, counters), None, "{counters:?}");
        }
        let warns = Some(DropRate::per(5).warn_above(3));
        assert_eq!(restored(warns, &[]), Some(vec![0, 0]));
        assert_eq!(restored(warns, &[900, 2]), Some(vec![0, 0]));
        assert_eq!((restored(None, &[3, 2]), restored(None, &[2, 3])), (Some(vec![]), None));
    }
}
