//! Where a stage stands that gives the results of one input after another.

use super::Held;

/// The number of inputs so far, and of the last input's results that are given.
#[derive(Debug, Default)]
pub(super) struct Given {
    inputs: u64,
    results: u64,
}

impl Given {
    /// Begins the next input.
    pub(super) fn next_input(&mut self) {
        (self.inputs, self.results) = (self.inputs + 1, 0);
    }

    /// Counts a result of the last input.
    pub(super) fn next_result(&mut self) {
        self.results += 1;
    }

    /// Returns how many results of the last input are given.
    pub(super) fn results(&self) -> u64 {
        self.results
    }

    /// Returns the counters of a stage that may have more results of the last input.
    pub(super) fn counters(&self, has_more: bool) -> Vec<u64> {
        if has_more && self.results > 0 { vec![self.results] } else { Vec::new() }
    }

    /// Restores the counters, for [`restored`](Self::restored).
    pub(super) fn restore(&mut self, counters: &[u64]) -> Option<()> {
        self.results = match counters {
            [] => 0,
            [results] if *results > 0 => *results,
            _ => return None,
        };
        Some(())
    }

    /// Takes the restored number of results that are given of the input that the stage holds.
    pub(super) fn restored(&mut self) -> u64 {
        std::mem::take(&mut self.results)
    }

    /// Goes on with the one input that the stage took back, after so many results.
    pub(super) fn go_on(&mut self, results: u64) {
        (self.inputs, self.results) = (1, results);
    }

    /// Returns the last input, if the stage may have more results of it.
    pub(super) fn held(&self, has_more: bool) -> Held {
        (self.inputs - u64::from(has_more)..self.inputs).into()
    }

    /// Returns the input of the last result.
    pub(super) fn made_of(&self) -> Vec<u64> {
        vec![self.inputs.saturating_sub(1)]
    }

    /// Returns how many results of the same input came before the last one.
    pub(super) fn number(&self) -> u64 {
        self.results.saturating_sub(1)
    }
}
