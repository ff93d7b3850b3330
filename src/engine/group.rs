//! Positions that were handed out together, and their results so far.

use std::collections::VecDeque;

use crate::dataset::{SampleResult, discard};
use crate::error::Result;

/// A group of adjoining positions, with the results that have come back.
#[derive(Debug)]
pub(super) struct Group<T> {
    start: u64,
    count: u64,
    /// The number of results taken out.
    taken: u64,
    /// The size in bytes of the results not yet taken out.
    bytes: u64,
    results: Results<T>,
}

#[derive(Debug)]
enum Results<T> {
    /// No result has come back yet.
    None,
    /// All results came back at once, and none failed.
    All(std::vec::IntoIter<SampleResult<T>>),
    /// Some results came back.
    Some(Vec<Option<Result<Option<T>>>>),
}

/// Drops the remaining results one by one, so a panic in one drop does not prevent the other drops.
impl<T> Drop for Results<T> {
    fn drop(&mut self) {
        match self {
            Self::None => {}
            Self::All(rest) => rest.for_each(discard),
            Self::Some(rest) => rest.drain(..).for_each(discard),
        }
    }
}

/// Returns the group of a position that was handed out and has no outcome yet.
pub(super) fn of<T>(groups: &mut VecDeque<Group<T>>, position: u64) -> &mut Group<T> {
    let after = groups.partition_point(|group| group.start <= position);
    &mut groups[after - 1]
}

impl<T> Group<T> {
    pub(super) fn new(start: u64, count: u64) -> Self {
        Self { start, count, taken: 0, bytes: 0, results: Results::None }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Returns `true` if all results came back at once and some, but not all, have been taken out.
    pub(super) fn is_begun(&self) -> bool {
        self.taken > 0 && matches!(self.results, Results::All(_))
    }

    /// Returns `true` if every result has been taken out.
    pub(super) fn is_spent(&self) -> bool {
        self.taken == self.count
    }

    pub(super) fn add_bytes(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Accepts all results at once, none of them a fault.
    pub(super) fn fill(&mut self, results: Vec<SampleResult<T>>) {
        self.results = Results::All(results.into_iter());
    }

    /// Prepares the group for single results.
    pub(super) fn open(&mut self) {
        if matches!(self.results, Results::None) {
            self.results = Results::Some((0..self.count).map(|_| None).collect());
        }
    }

    /// Accepts one result.
    pub(super) fn put(&mut self, position: u64, outcome: Result<Option<T>>) {
        self.open();
        if let Results::Some(results) = &mut self.results {
            results[(position - self.start) as usize] = Some(outcome);
        }
    }

    /// Takes out the next result, with its share of the bytes.
    pub(super) fn take(&mut self) -> Option<(Result<Option<T>>, u64)> {
        let outcome = match &mut self.results {
            Results::None => None,
            Results::All(results) => results.next().map(|result| Ok(result.unwrap_or(None))),
            Results::Some(results) => results[self.taken as usize].take(),
        }?;
        let bytes = self.bytes / (self.count - self.taken);
        self.bytes -= bytes;
        self.taken += 1;
        Some((outcome, bytes))
    }
}
