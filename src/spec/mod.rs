//! The pipeline document: a pipeline over records of tensors, written in JSON.
//!
//! The same document runs from Rust, from the `windrow` command and from JavaScript. All three give
//! the same batches and the same digest. A document names a source, ops that run in workers, and
//! stages that run in order on the caller's side:
//!
//! ```json
//! {
//!   "version": 1,
//!   "seed": 7,
//!   "source": {"kind": "range", "end": 100},
//!   "ops": [{"op": "shuffle"}, {"op": "cast", "field": "value", "dtype": "F32"}],
//!   "stages": [{"stage": "batch", "size": 10}]
//! }
//! ```
//!
//! Absent on purpose: backend, workers and checkpoints, which are no part of a pipeline.

mod call;
mod choice;
mod document;
mod keys;
mod measured;
mod op_spec;
mod open;
mod open_ops;
mod open_source;
mod open_stages;
pub mod ops;
mod options;
mod placed;
mod read;
mod sampling;
#[cfg(feature = "schema")]
mod schema;
mod served;
mod size;
mod source_spec;
mod stage_options;
mod stage_spec;
mod whole;
mod wholes;
mod words;

pub use call::{CallOptions, Function, Functions, Made};
pub use document::Spec;
pub use op_spec::OpSpec;
pub use open::SpecPipeline;
pub use options::{
    CacheOptions, GrainShuffleOptions, RangeOptions, RepeatOptions, ReverseOptions, SampleOptions,
    ShardOptions, ShuffleOptions, SliceOptions, SplitOptions, SubsetOptions, WindowShuffleOptions,
};
pub use sampling::{ClassBalancedOptions, WeightedSampleOptions};
pub use served::{ServedOptions, ServedSource};
pub use source_spec::{ConcatOptions, MixOptions, MixPart, Part, SourceSpec};
pub use stage_options::{
    BatchOptions, BucketOptions, BudgetOptions, ConcatThenSplitOptions, LimitOptions, PackOptions,
    RowLength, SkipOptions, UnbatchOptions,
};
pub use stage_spec::StageSpec;
