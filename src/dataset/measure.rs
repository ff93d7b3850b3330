//! `Measure`: the length or the cost of a sample, by which stages group samples.

use super::element_spec::ElementSpec;
use crate::error::Fault;
use crate::order::Op;

/// A function from a sample to its length or its cost.
///
/// Every closure `Fn(&T) -> u64` is one. [`FieldLength`](super::FieldLength) measures a field of a record.
pub trait Measure<T> {
    /// Returns the length or the cost of a sample.
    ///
    /// # Errors
    /// Returns a fault if the sample has no length.
    fn measure(&self, sample: &T) -> Result<u64, Fault>;

    /// Adds the options that affect the result to the op's description.
    fn describe(&self, op: Op) -> Op {
        op
    }

    /// Checks the spec of the samples.
    ///
    /// # Errors
    /// Returns the reason why no such sample has a length.
    fn check_spec(&self, samples: &ElementSpec) -> Result<(), String> {
        _ = samples;
        Ok(())
    }
}

impl<T, F: Fn(&T) -> u64> Measure<T> for F {
    fn measure(&self, sample: &T) -> Result<u64, Fault> {
        Ok(self(sample))
    }
}
