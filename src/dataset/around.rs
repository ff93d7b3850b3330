//! A dataset of the tests around another one, which says nothing of trees.

use super::{Dataset, SampleResult};
use crate::order::{Description, Op};

/// A dataset around another one, which says nothing of trees.
pub(crate) struct Around<D>(pub(crate) D);

impl<D: Dataset> Dataset for Around<D> {
    type Sample = D::Sample;

    fn len(&self) -> u64 {
        self.0.len()
    }

    fn get(&self, index: u64) -> SampleResult<D::Sample> {
        self.0.get(index)
    }

    fn describe(&self, description: &mut Description) {
        self.0.describe(description);
        description.push(Op::new("around"));
    }
}
