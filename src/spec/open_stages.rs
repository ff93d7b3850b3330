//! Opening the stages of a document.

use super::measured::Measured;
use super::stage_options::UnbatchOptions;
use super::stage_spec::StageSpec;
use crate::dataset::{FieldLength, PackFields, Pad, Record, Stack};
use crate::stage::{
    Batching, Bucketing, BudgetBatching, ConcatThenSplit, Limit, Packing, Skip, Stage, Stages,
    Then, Unbatching,
};

/// Stages over records whose type is known only at run time.
pub(super) type RecordStages = Box<dyn Stages<Record, Out = Record> + Send>;

/// A stage over records whose type is known only at run time. Compiled code for stages after others
/// then exists once, which keeps the WebAssembly small.
type RecordStage = Box<dyn Stage<Record, Out = Record> + Send>;

impl StageSpec {
    /// Adds the stage after others.
    pub(super) fn after(&self, before: RecordStages) -> RecordStages {
        Box::new(Then::new(before, self.open()))
    }

    fn open(&self) -> RecordStage {
        match self {
            Self::Batch(options) => {
                let stage = Batching::new(options.size, stack(options.pad));
                Box::new(if options.drop_remainder { stage.drop_remainder() } else { stage })
            }
            Self::BucketByLength(options) => {
                let (length, stack) = (FieldLength::new(&*options.field), stack(options.pad));
                let stage = Bucketing::new(&*options.boundaries, options.size, length, stack);
                Box::new(if options.drop_remainder { stage.drop_remainder() } else { stage })
            }
            Self::BatchByBudget(options) => {
                let (cost, stack) = (FieldLength::new(&*options.field), stack(options.pad));
                Box::new(BudgetBatching::new(options.budget, cost, stack))
            }
            Self::Pack(options) => {
                let lengths = options.lengths.iter().map(|(name, length)| (&**name, length.0));
                let pack = PackFields::new(lengths).padded(options.pad.0);
                Box::new(Packing::new(options.fit, options.open, pack))
            }
            Self::ConcatThenSplit(options) => {
                let lengths = options.lengths.iter().map(|(name, length)| (&**name, length.0));
                let stage = ConcatThenSplit::new(PackFields::new(lengths).padded(options.pad.0));
                Box::new(if options.drop_remainder { stage.drop_remainder() } else { stage })
            }
            Self::Unbatch(UnbatchOptions {}) => Box::new(Unbatching::new()),
            Self::Limit(options) => Box::new(Limit::new(options.count)),
            Self::Skip(options) => Box::new(Skip::new(options.count)),
        }
    }
}

fn stack(pad: Option<Pad>) -> Measured<Stack> {
    Measured(Stack { pad })
}
