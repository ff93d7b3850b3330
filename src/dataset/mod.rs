//! Datasets: lazy random access by index, and the combinators of datasets.
//!
//! A dataset returns its length and the sample at an index. A dataset keeps no cursor and no order,
//! so any worker can make any sample. Absent on purpose: iteration, threads, state.

#[cfg(test)]
pub(crate) mod around;
mod batch;
pub(crate) mod buffer;
mod cache;
mod class_balanced;
mod collate;
mod combinators;
mod concat;
pub(crate) mod dtype;
mod element_spec;
mod field_length;
mod fill;
mod flat_map;
mod forward;
mod interleave;
mod keys;
pub(crate) mod lend;
mod map;
mod measure;
mod members;
mod mix;
pub(crate) mod number;
mod pack;
mod pack_fields;
mod pad_fields;
mod padding;
pub(crate) mod probe;
mod record;
pub(crate) mod reduce;
mod repeat;
mod reverse;
mod scope;
mod select_from_datasets;
mod shuffle;
mod size;
mod slice;
mod split;
mod subset;
mod tensor;
mod transform;
mod tree;
mod weighted_sample;
mod window_shuffle;
pub mod wire;
mod zip;

pub(crate) use batch::batch_op;
pub use batch::{AsVec, Batched, Collate};
pub(crate) use buffer::Keeping;
pub use buffer::Owner;
pub use cache::Cache;
pub use class_balanced::ClassBalanced;
pub use collate::{Pad, Stack, stack};
pub use combinators::Dataset;
pub use concat::{Concat, concat};
pub use dtype::{Dtype, Element};
pub use element_spec::{ElementSpec, FieldSpec};
pub use field_length::FieldLength;
#[allow(unused_imports, reason = "only worker processes ask, and not every platform has them")]
pub(crate) use fill::keep_index_in;
pub(crate) use fill::{Watch, reading};
pub(crate) use fill::{caught, discard};
pub use fill::{fill, panic_text};
pub use flat_map::FlatMap;
pub(crate) use forward::forward;
pub use interleave::{Interleave, interleave};
pub(crate) use keys::key_of;
pub use keys::{Keyed, Keys, SampleKey};
pub use map::{Enumerate, Filter, FilterBy, Map, MapBy, MapWithIndex, MapWithIndexBy};
pub use map::{RandomMap, RandomMapBy, TryMap, TryMapBy};
pub use measure::Measure;
pub use mix::{Mix, mix};
pub use pack::{Pack, PackBy, Segment};
pub use pack_fields::PackFields;
pub use pad_fields::PadFields;
pub use padding::Padding;
pub use record::{FIELDS_MAX, NAME_BYTES_MAX, Record};
pub use reduce::{Reduce, Reducer};
pub use repeat::Repeat;
pub use reverse::Reverse;
pub use select_from_datasets::{SelectFromDatasets, SelectionMap};
pub use select_from_datasets::{select_from_datasets, select_from_datasets_by};
pub use shuffle::{GrainShuffle, Shuffle};
pub(crate) use size::bytes_of;
pub use slice::Slice;
pub use split::Split;
pub use subset::{Subset, SubsetBy};
pub use tensor::{RANK_MAX, Tensor};
pub use transform::{SampleContext, Transform, Transformed};
pub use tree::PipelineTree;
pub use weighted_sample::WeightedSample;
pub use window_shuffle::WindowShuffle;
pub use zip::Zip;

use crate::error::{Error, Fault, Result};
use crate::order::{Description, Op};

/// The result for one index: a sample, a gap (`None`), or the fault that kept the sample from being
/// made.
pub type SampleResult<T> = Result<Option<T>, Fault>;

/// The words of errors for an order of which no fixed part can be taken.
const RESHUFFLED: &str =
    "an order that is new in each epoch, as after `shuffle`, `weighted_sample` or `class_balanced`";

/// Defines methods of a combinator that forward to the dataset below.
///
/// `at_index_below` forwards `get` and `key` with the index from the combinator's own
/// `index_below`.
macro_rules! as_below {
    (@check) => {
        fn check(&self) -> $crate::error::Result<()> {
            self.dataset.check()
        }
    };
    (@key) => {
        fn key(&self, index: u64) -> Option<$crate::dataset::SampleKey> {
            self.dataset.key(index)
        }
    };
    (@at_index_below) => {
        #[inline]
        fn get(&self, index: u64) -> $crate::dataset::SampleResult<Self::Sample> {
            let below = self.index_below(index)?;
            $crate::dataset::probe::below(0, || self.dataset.get(below))
        }

        fn key(&self, index: u64) -> Option<$crate::dataset::SampleKey> {
            self.dataset.key(self.index_below(index).ok()?)
        }
    };
    (@element_spec) => {
        fn element_spec(&self) -> $crate::dataset::ElementSpec {
            self.dataset.element_spec()
        }
    };
    (@tree) => {
        fn tree(
            &self,
            ops: &mut dyn Iterator<Item = $crate::order::Op>,
        ) -> $crate::dataset::PipelineTree {
            let below = self.dataset.tree(ops);
            $crate::dataset::step(self, ops, vec![below])
        }
    };
    (@$asked:ident) => {
        fn $asked(&self) -> bool {
            self.dataset.$asked()
        }
    };
    ($($method:ident)+) => {
        $($crate::dataset::as_below!(@$method);)+
    };
}
pub(crate) use as_below;

macro_rules! pointers {
    ($($pointer:ty),*) => {$(
        impl<D: Dataset + ?Sized> Dataset for $pointer {
            type Sample = D::Sample;

            forward! {
                len() -> u64;
                get(index: u64) -> SampleResult<D::Sample>;
                key(index: u64) -> Option<SampleKey>;
                describe(description: &mut Description);
                has_gaps() -> bool;
                is_reshuffled() -> bool;
                is_repeated() -> bool;
                is_same_each_epoch() -> bool;
                check() -> Result<()>;
                element_spec() -> ElementSpec;
                tree(ops: &mut dyn Iterator<Item = Op>) -> PipelineTree;
            }
        }
    )*};
}

pointers!(Box<D>, std::sync::Arc<D>, &D);

/// Returns the number of the next op, which is the number of ops below it.
fn next_op<D: Dataset>(dataset: &D) -> u64 {
    let mut description = Description::default();
    dataset.describe(&mut description);
    description.len() as u64
}

/// Returns the error for an op, by its number in the description, that no sample of the spec suits.
fn wrong_spec(number: u64, op: &Op, why: &str) -> Error {
    Error::Spec { path: format!("op {number}, {}", op.name()), why: why.into() }
}

/// Adds the number of a member to an error that names an op of the member.
fn in_member(number: usize, error: Error) -> Error {
    match error {
        Error::Spec { path, why } => Error::Spec { path: format!("member {number}, {path}"), why },
        other => other,
    }
}

/// Returns the tree of a dataset, whose op comes next, over the trees of its inputs.
pub(crate) fn step<D: Dataset + ?Sized>(
    dataset: &D,
    ops: &mut dyn Iterator<Item = Op>,
    inputs: Vec<PipelineTree>,
) -> PipelineTree {
    // A source without a length gives fewer samples than its dataset has positions.
    let is_endless = |input: &PipelineTree| input.samples().is_none() && input.is_at_most();
    let is_known = !inputs.iter().any(is_endless);
    let (len, spec) = (is_known.then(|| dataset.len()), dataset.element_spec());
    PipelineTree::new(ops.next(), len, dataset.has_gaps(), spec, inputs)
}

/// Returns the index at `offset` of an epoch, or a fault for an index beyond 2^64.
pub(crate) fn index_in(epoch: u64, offset: u64, len: u64) -> Result<u64, Fault> {
    crate::order::index_in(epoch, offset, len)
        .ok_or_else(|| Fault::new(format!("epoch {epoch} of {len} samples lies beyond 2^64")))
}

/// Returns an error unless the value is at least 1.
pub(crate) fn at_least_one(name: &str, value: u64) -> Result<()> {
    if value > 0 {
        return Ok(());
    }
    Err(Error::Setting { name: name.into(), value: "0".into(), allowed: "1 or more".into() })
}
