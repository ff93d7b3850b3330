//! The members of a combined dataset: what `concat`, `interleave`, `mix` and `select_from_datasets`
//! have in common.

use super::probe::below;
use super::{Dataset, ElementSpec, PipelineTree, SampleKey, SampleResult, in_member, index_in};
use crate::error::{Fault, Result};
use crate::order::{Description, Op};

/// Defines methods of a combined dataset that its `members` answer.
///
/// `at_place` defines `get` and `key` with the member and the index from the dataset's own `place`.
macro_rules! of_members {
    (@at_place) => {
        #[inline]
        fn get(&self, index: u64) -> $crate::dataset::SampleResult<Self::Sample> {
            self.members.get(self.place(index)?, 0)
        }

        fn key(&self, index: u64) -> Option<$crate::dataset::SampleKey> {
            self.members.key(self.place(index).ok()?)
        }
    };
    (@element_spec) => {
        fn element_spec(&self) -> $crate::dataset::ElementSpec {
            self.members.element_spec()
        }
    };
    (@tree) => {
        fn tree(
            &self,
            ops: &mut dyn Iterator<Item = $crate::order::Op>,
        ) -> $crate::dataset::PipelineTree {
            let members = self.members.trees(ops);
            $crate::dataset::step(self, ops, members)
        }
    };
    (@is_same_each_epoch) => {
        fn is_same_each_epoch(&self) -> bool {
            self.members.all(D::is_same_each_epoch)
        }
    };
    (@$asked:ident) => {
        fn $asked(&self) -> bool {
            self.members.any(D::$asked)
        }
    };
    ($($method:ident)+) => {
        $($crate::dataset::members::of_members!(@$method);)+
    };
}
pub(super) use of_members;

/// Several datasets of one type.
#[derive(Debug, Clone)]
pub(super) struct Members<D>(Vec<D>);

impl<D: Dataset> Members<D> {
    pub(super) fn new(members: Vec<D>) -> Self {
        Self(members)
    }

    pub(super) fn lengths(&self) -> Vec<u64> {
        self.0.iter().map(Dataset::len).collect()
    }

    /// Returns the number of members.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns the length of a member; `None` if no member has this number.
    #[inline]
    pub(super) fn len_of(&self, member: usize) -> Option<u64> {
        self.0.get(member).map(Dataset::len)
    }

    pub(super) fn any(&self, asked: fn(&D) -> bool) -> bool {
        self.0.iter().any(asked)
    }

    pub(super) fn all(&self, asked: fn(&D) -> bool) -> bool {
        self.0.iter().all(asked)
    }

    /// Returns the sample at a member and its index, which counts on into the member's later epochs.
    /// In the tree of the combined dataset, the members are the inputs from `first_input` on.
    #[inline]
    pub(super) fn get(
        &self,
        (member, index): (usize, u64),
        first_input: usize,
    ) -> SampleResult<D::Sample> {
        below(first_input + member, || self.0[member].get(index))
    }

    /// Returns the index of a member at an offset of one of its epochs.
    #[inline]
    pub(super) fn index_in(&self, member: usize, epoch: u64, offset: u64) -> Result<u64, Fault> {
        index_in(epoch, offset, self.0[member].len())
    }

    /// Returns the key of a member's sample, after the member's number: `1/42`.
    pub(super) fn key(&self, (member, index): (usize, u64)) -> Option<SampleKey> {
        let key = self.0[member].key(index)?;
        Some(SampleKey::Name(format!("{member}/{key}")))
    }

    /// Adds the members to a description, each after an op with its number, and then the op of all.
    pub(super) fn describe(&self, description: &mut Description, op: Op) {
        for (number, member) in self.0.iter().enumerate() {
            description.push(Op::new("member").with("number", number));
            member.describe(description);
        }
        description.push(op.with("members", self.0.len()));
    }

    /// Returns what the specs of the members have in common.
    pub(super) fn element_spec(&self) -> ElementSpec {
        ElementSpec::merged(self.0.iter().map(Dataset::element_spec))
    }

    /// Returns the trees of the members, whose ops come next.
    pub(super) fn trees(&self, ops: &mut dyn Iterator<Item = Op>) -> Vec<PipelineTree> {
        let tree = |member: &D| {
            ops.next(); // the member's number
            member.tree(ops)
        };
        self.0.iter().map(tree).collect()
    }

    pub(super) fn check(&self) -> Result<()> {
        let mut members = self.0.iter().enumerate();
        members.try_for_each(|(number, member)| {
            member.check().map_err(|error| in_member(number, error))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::dataset::{Dtype, concat, mix};
    use crate::loader::Loader;
    use crate::source::{MemoryFiles, Npy, NpyOptions, from_source};
    use crate::spec::ops::Cast;
    use crate::{Dataset, stage::ParallelPipeline};

    /// Returns the only field of a file, cast from a field of this name.
    fn cast(field: &str) -> impl Dataset<Sample = crate::dataset::Record> + Send + Sync + 'static {
        let mut file = b"\x93NUMPY\x01\x00\x3e\x00".to_vec();
        file.extend(b"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }  \n");
        file.extend([0; 12]);
        let files = MemoryFiles::default().with("x.npy", file);
        let npy = Npy::open(&files, &NpyOptions::file("x.npy")).map(from_source).unwrap();
        npy.shuffle_once(7).transform(Cast::new(field, Dtype::F32))
    }

    fn refused(pipeline: impl ParallelPipeline) -> String {
        Loader::builder(pipeline).build().err().unwrap().to_string()
    }

    #[test]
    fn an_error_before_the_run_names_the_member_and_its_op() {
        let why = "op 2, cast: the record has no field \"date\"; it has data";
        let pair = || concat([cast("data"), cast("date")]);
        assert_eq!(refused(pair()), format!("member 1, {why}"));
        assert_eq!(refused(mix([(pair(), 3)])), format!("member 0, member 1, {why}"));
        assert_eq!(refused(cast("data").zip(pair())), format!("member 1, member 1, {why}"));
        // The ops after the members count them all.
        let after = concat([cast("data"), cast("data")]).transform(Cast::new("date", Dtype::F32));
        assert!(refused(after).starts_with("op 9, cast: "));
    }

    #[test]
    fn an_error_before_the_run_names_the_stage_by_its_number() {
        let cast_again = |field| Cast::new(field, Dtype::F32);
        let stages = cast("data").ordered().then(crate::stage::Each::new(cast_again("data")));
        let stages = stages.then(crate::stage::Each::new(cast_again("date")));
        assert!(refused(stages).starts_with("stage 1, cast: "));
    }
}
