//! Opening the stages of a document.

use super::measured::Measured;
use super::stage_options::UnbatchOptions;
use super::stage_spec::StageSpec;
use crate::dataset::{FieldLength, PackFields, Record, Stack};
use crate::stage::{
    Batching, Bucketing, BudgetBatching, ConcatThenSplit, Limit, Packing, Skip, Stages, Then,
    Unbatching,
};

/// Stages over records whose type is known only at run time.
pub(super) type RecordStages = Box<dyn Stages<Record, Out = Record> + Send>;

impl StageSpec {
    /// Adds the stage after others.
    pub(super) fn after(&self, before: RecordStages) -> RecordStages {
        match self {
            Self::Batch(options) => {
                let stage = Batching::new(options.size, Measured(Stack { pad: options.pad }));
                let drop = options.drop_remainder;
                Box::new(Then::new(before, if drop { stage.drop_remainder() } else { stage }))
            }
            Self::BucketByLength(options) => {
                let (length, stack) =
                    (FieldLength::new(&*options.field), Measured(Stack { pad: options.pad }));
                let stage = Bucketing::new(&*options.boundaries, options.size, length, stack);
                let drop = options.drop_remainder;
                Box::new(Then::new(before, if drop { stage.drop_remainder() } else { stage }))
            }
            Self::BatchByBudget(options) => {
                let (cost, stack) =
                    (FieldLength::new(&*options.field), Measured(Stack { pad: options.pad }));
                Box::new(Then::new(before, BudgetBatching::new(options.budget, cost, stack)))
            }
            Self::Pack(options) => {
                let lengths = options.lengths.iter().map(|(name, length)| (&**name, length.0));
                let pack = PackFields::new(lengths).padded(options.pad.0);
                Box::new(Then::new(before, Packing::new(options.fit, options.open, pack)))
            }
            Self::ConcatThenSplit(options) => {
                let lengths = options.lengths.iter().map(|(name, length)| (&**name, length.0));
                let stage = ConcatThenSplit::new(PackFields::new(lengths).padded(options.pad.0));
                let drop = options.drop_remainder;
                Box::new(Then::new(before, if drop { stage.drop_remainder() } else { stage }))
            }
            Self::Unbatch(UnbatchOptions {}) => Box::new(Then::new(before, Unbatching::new())),
            Self::Limit(options) => Box::new(Then::new(before, Limit::new(options.count))),
            Self::Skip(options) => Box::new(Then::new(before, Skip::new(options.count))),
        }
    }
}
