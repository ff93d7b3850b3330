//! The stages that a pipeline document can name.

use serde::Serialize;

use super::choice::{self, choices};
#[cfg(feature = "schema")]
use super::schema;
use super::stage_options::{
    BatchOptions, BucketOptions, BudgetOptions, ConcatThenSplitOptions, LimitOptions, PackOptions,
    SkipOptions, UnbatchOptions,
};
use crate::error::Result;

choices! {
    /// A step that the loader applies to the records in order, by the word in its `stage`.
    StageSpec, "stage", "stage":
    /// Stacks records to batches, in order.
    ///
    /// ```json
    /// {"stage": "batch", "size": 32, "drop_remainder": true}
    /// ```
    "batch" Batch(BatchOptions),
    /// Stacks records of similar length to batches, so that little is padded.
    ///
    /// The number of boundaries up to a record's length is the number of the record's bucket. A batch
    /// comes as soon as a bucket has `size` records, and at the end of an epoch bucket by bucket.
    ///
    /// ```json
    /// {
    ///   "stage": "bucket_by_length",
    ///   "field": "tokens",
    ///   "boundaries": [64, 256],
    ///   "size": 16,
    ///   "pad": 0
    /// }
    /// ```
    "bucket_by_length" BucketByLength(BucketOptions),
    /// Stacks as many neighbours as together cost at most a budget, such as a number of tokens. A record
    /// that alone costs more is an error in the record's place.
    ///
    /// ```json
    /// {"stage": "batch_by_budget", "field": "tokens", "budget": 4096, "pad": 0}
    /// ```
    "batch_by_budget" BatchByBudget(BudgetOptions),
    /// Joins whole sequences to rows of a fixed length, along the first axis of each field.
    ///
    /// Beside each field, such as `tokens`, a row has `tokens_segment_ids` and `tokens_positions`, `I32` of
    /// shape `[length]`. Segment ids number the records of the row from 1. Positions number the elements of
    /// a record from 0. Both are 0 for padding.
    ///
    /// ```json
    /// {"stage": "pack", "lengths": {"tokens": 512}, "open": 16, "fit": "best"}
    /// ```
    "pack" Pack(PackOptions),
    /// Joins sequences one after another, and cuts them into rows of a fixed length without padding. A row
    /// has the fields of `pack`.
    ///
    /// ```json
    /// {"stage": "concat_then_split", "lengths": {"tokens": 512}, "drop_remainder": true}
    /// ```
    "concat_then_split" ConcatThenSplit(ConcatThenSplitOptions),
    /// Splits each batch or record into records, along the first axis of all fields. `batch` after this stage
    /// makes batches of another size.
    ///
    /// ```json
    /// {"stage": "unbatch"}
    /// ```
    "unbatch" Unbatch(UnbatchOptions),
    /// Ends an epoch after so many batches.
    ///
    /// ```json
    /// {"stage": "limit", "count": 60}
    /// ```
    "limit" Limit(LimitOptions),
    /// Drops the first batches of each epoch.
    ///
    /// ```json
    /// {"stage": "skip", "count": 5}
    /// ```
    "skip" Skip(SkipOptions),
}
