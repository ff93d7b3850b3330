//! `"keys": true`: records that carry the keys of their samples.

use crate::dataset::probe::{below, with_user};
use crate::dataset::{Dataset, PipelineTree, Record, SampleResult, as_below, key_of, step};
use crate::order::{Description, Op};

/// A dataset of records with the keys of their samples.
///
/// Records get their keys before they are stacked into batches, but the description names the keys
/// after all ops. A description in between would change the number of the ops after it, and with
/// that their random numbers.
pub(super) struct WithKeys<D> {
    pub(super) dataset: D,
    /// Whether this dataset attaches the keys.
    pub(super) attach: bool,
    /// Whether this dataset adds the keys to the description.
    pub(super) describe: bool,
}

impl<D: Dataset<Sample = Record>> Dataset for WithKeys<D> {
    type Sample = Record;

    as_below!(has_gaps is_reshuffled is_repeated is_same_each_epoch check key element_spec);

    fn len(&self) -> u64 {
        self.dataset.len()
    }

    fn get(&self, index: u64) -> SampleResult<Record> {
        let get = || self.dataset.get(index);
        // Without a description, the keys are no step of the tree.
        let record = if self.describe { below(0, get)? } else { get()? };
        let Some(record) = record else { return Ok(None) };
        if !self.attach {
            return Ok(Some(record));
        }
        Ok(Some(record.with_keys([with_user(|| key_of(&self.dataset, index))?])))
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
        if self.describe {
            description.push(Op::new("keys"));
        }
    }

    fn tree(&self, ops: &mut dyn Iterator<Item = Op>) -> PipelineTree {
        let below = self.dataset.tree(ops);
        if self.describe { step(self, ops, vec![below]) } else { below }
    }
}
