//! Stages: the ordered part of a pipeline, which combines or counts samples.
//!
//! Stages run on the caller's side, never in a worker. The loader first puts the samples back in
//! order and closes gaps, so batches do not depend on which worker made a sample. A stage is a
//! plain state machine that the loader drives. Stages use no threads, clocks or files, and never
//! wait.
//!
//! # How a stage is resumed
//! A state contains no samples. For a stage that [tracks](Stage::tracks) its inputs, the state
//! names the inputs held back by the positions of their samples. On resuming, the loader makes just
//! those samples again, and the stage [takes them back](Stage::take_back).
//!
//! For any other stage that holds inputs back, the state points at the input before the oldest of
//! them (the *anchor*). The state also has the number of results since the anchor. On resuming, the
//! loader makes the inputs again and drops that many results. A stage that always holds something
//! back should track its inputs, because its anchor would never move.
//!
//! [`Then`] resumes every stage in this way. Stages do not handle the errors of samples since the
//! anchor that the caller already knows of. The loader remembers the position before which it
//! raised or counted all errors, so a run can resume with another error policy.
//!
//! # Epochs
//! Stages end with each epoch. The loader [resets](Stage::reset) them before the next epoch.

mod batch;
mod bucket;
mod budget;
mod chain;
mod concat_then_split;
mod each;
mod filter;
mod flat;
mod given;
mod guarded;
mod inputs;
mod limit;
mod ordered;
mod pack;
mod pipeline;
mod reading;
mod skip;
mod step;
mod then;
mod unbatch;

pub use crate::order::Held;
pub use batch::Batching;
pub use bucket::Bucketing;
pub use budget::BudgetBatching;
pub use chain::{Bare, Stages};
pub use concat_then_split::ConcatThenSplit;
pub use each::Each;
pub use filter::{DropRate, Filtering};
pub use flat::FlatMapping;
pub use limit::Limit;
pub use ordered::Ordered;
pub use pack::{Fit, Packing};
pub use pipeline::{ParallelPipeline, Pipeline};
#[doc(hidden)]
pub use reading::{ReadAhead, ReadStart, ReadTo, Reading};
pub use skip::Skip;
#[doc(hidden)]
pub use step::Step;
pub use then::Then;
pub use unbatch::Unbatching;

use crate::dataset::{ElementSpec, forward};
use crate::error::{Fault, Result};
use crate::order::{Mark, Op};

/// The samples in order and without gaps: the input of the first stage.
#[doc(hidden)]
pub trait Feed<T> {
    /// Returns the next sample.
    fn poll(&mut self) -> Step<T>;

    /// Returns the position after the last sample that `poll` returned.
    fn position(&self) -> u64;

    /// Returns the point right after the last sample that `poll` returned.
    fn mark(&self) -> Mark;
}

/// An ordered transform.
///
/// The loader treats a panic in [`push`](Self::push), [`finish`](Self::finish) or
/// [`remake`](Self::remake) like an error that the method returns. A panic in any other method ends
/// the stream with an error that names the stage and the method. The state is then the one before
/// the panic.
///
/// ```
/// use windrow::{Dataset, Fault, Loader, order::Op, range, stage::Stage};
///
/// /// The sum of all samples so far.
/// #[derive(Default)]
/// struct RunningSum {
///     sum: u64,
///     ready: Option<u64>,
/// }
///
/// impl Stage<u64> for RunningSum {
///     type Out = u64;
///
///     fn push(&mut self, sample: u64) -> Result<(), Fault> {
///         self.sum += sample;
///         self.ready = Some(self.sum);
///         Ok(())
///     }
///
///     fn pop(&mut self) -> Option<u64> {
///         self.ready.take()
///     }
///
///     fn is_clean(&self) -> bool {
///         self.ready.is_none()
///     }
///
///     fn reset(&mut self, _: u64) {
///         *self = Self::default();
///     }
///
///     fn counters(&self) -> Vec<u64> {
///         vec![self.sum]
///     }
///
///     fn restore(&mut self, counters: &[u64]) -> Option<()> {
///         let &[sum] = counters else { return None };
///         self.sum = sum;
///         Some(())
///     }
///
///     fn op(&self) -> Op {
///         Op::new("running_sum")
///     }
/// }
///
/// let sums = range(0..4).ordered().then(RunningSum::default());
/// let sums = Loader::builder(sums).build()?.map(|sum| Ok(*sum?));
/// assert_eq!(sums.collect::<windrow::Result<Vec<_>>>()?, [0, 1, 3, 6]);
/// # Ok::<(), windrow::Error>(())
/// ```
pub trait Stage<In> {
    /// The type of the results.
    type Out;

    /// Takes one sample. The loader calls this method only when [`pop`](Self::pop) has no result.
    ///
    /// # Errors
    /// Returns a fault if the sample is not acceptable. The stage continues with the next sample.
    fn push(&mut self, sample: In) -> Result<(), Fault>;

    /// Returns one result, if one is ready.
    fn pop(&mut self) -> Option<Self::Out>;

    /// Returns one result, or the fault of a result that the stage cannot make, if one is ready.
    ///
    /// The loader calls this method instead of [`pop`](Self::pop), which the default calls. A stage
    /// that makes its results late, one at a time, overrides it.
    fn try_pop(&mut self) -> Option<Result<Self::Out, Fault>> {
        self.pop().map(Ok)
    }

    /// Ends the epoch: no more samples come, so the stage can put out the inputs held back.
    ///
    /// The loader calls this method again after each result if the stage still [holds](Self::held)
    /// inputs back, but fewer than at the call before.
    ///
    /// # Errors
    /// Returns a fault if the inputs held back make no result.
    fn finish(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    /// Returns `true` if the stage holds back neither inputs nor results.
    /// [`counters`](Self::counters) do not count.
    fn is_clean(&self) -> bool;

    /// Returns `true` if this epoch has no more results, whatever the next inputs are.
    fn is_done(&self) -> bool {
        false
    }

    /// Resets the stage to its initial state, for an epoch counted from 0.
    ///
    /// A new stage is at epoch 0. The loader calls this method before each later epoch, and before
    /// [`restore`](Self::restore) with a state of a later epoch. A stage
    /// [keys](crate::order::Rng::keyed) its random numbers by the epoch, so each epoch has its own
    /// numbers.
    fn reset(&mut self, epoch: u64);

    /// Returns the numbers that the stage remembers beside the inputs held back.
    ///
    /// A resume loses, without an error, everything else that the stage keeps from one input to the
    /// next. To test a stage, compare a resume after every batch with a run that goes on.
    ///
    /// Every state contains these numbers, and a state of more than 64 MiB cannot be read. A
    /// million numbers are too many.
    fn counters(&self) -> Vec<u64> {
        Vec::new()
    }

    /// Restores the counters of a state in a new stage. Returns `None` if the counters are not
    /// valid.
    fn restore(&mut self, counters: &[u64]) -> Option<()> {
        counters.is_empty().then_some(())
    }

    /// Returns the largest possible number of results from `inputs` inputs, given the restored
    /// counters.
    ///
    /// Returns `None` if the counters cannot follow from so few inputs. The loader refuses a state
    /// that claims more results.
    fn results_of(&self, inputs: u64) -> Option<u64> {
        _ = inputs;
        Some(u64::MAX)
    }

    /// Returns the number of results in an epoch of `inputs` inputs, or `None` if unknown in
    /// advance.
    ///
    /// More inputs must never give fewer results.
    fn len_of(&self, inputs: u64) -> Option<u64> {
        _ = inputs;
        None
    }

    /// Returns `true` if the stage can name the inputs that it holds back, and makes each result
    /// from its inputs alone, whatever came before.
    ///
    /// A stage with this property implements [`held`](Self::held), [`take_back`](Self::take_back),
    /// [`made_of`](Self::made_of) and [`remake`](Self::remake). A resume then makes only the inputs
    /// held back again. For the cost while the stage runs, see [`held`](Self::held).
    ///
    /// A stage that makes several results of the same inputs also implements
    /// [`number`](Self::number) and [`remake_numbers`](Self::remake_numbers).
    fn tracks(&self) -> bool {
        false
    }

    /// Returns the numbers of the inputs that later results need, in an order that the stage
    /// chooses.
    ///
    /// Inputs are numbered from 0 in the order of [`push`](Self::push), and again from 0 after a
    /// [`reset`](Self::reset). Inputs that the stage [took back](Self::take_back) come first.
    ///
    /// The loader calls this method for every result that the caller receives. With a [`Held`] that
    /// the stage keeps, a call costs 1 to 3 microseconds for up to 50,000 inputs. The call also
    /// costs about 2 KB while the caller keeps the batch. With a newly collected [`Held`], a call
    /// costs about 25 ns and 11 bytes for each number.
    fn held(&self) -> Held {
        Held::default()
    }

    /// Takes back the inputs that [`held`](Self::held) named, in the same order.
    ///
    /// The loader calls this method on a new stage that has [restored](Self::restore) its counters.
    /// Returns `None` if the inputs do not fit the counters.
    fn take_back(&mut self, inputs: Vec<In>) -> Option<()> {
        inputs.is_empty().then_some(())
    }

    /// Returns the numbers of the inputs behind the result that [`pop`](Self::pop) returned last.
    fn made_of(&self) -> Vec<u64> {
        Vec::new()
    }

    /// Makes a result again from the inputs that it was [made of](Self::made_of).
    ///
    /// # Errors
    /// Returns a fault if these inputs make no result.
    fn remake(&self, inputs: Vec<In>) -> Result<Self::Out, Fault> {
        drop(inputs);
        Err(Fault::new("this stage cannot make a result again; implement Stage::remake"))
    }

    /// Returns the number of the result that [`pop`](Self::pop) returned last, among the results
    /// made of the same inputs. By default 0, which fits a stage that makes one result of them.
    ///
    /// Numbers of results of the same inputs rise, not necessarily by 1.
    fn number(&self) -> u64 {
        0
    }

    /// Makes the results with these [numbers](Self::number), which rise, again from the inputs that
    /// all of them were made of. By default, result 0 is what [`remake`](Self::remake) returns.
    ///
    /// # Errors
    /// Returns a fault if these inputs do not make all of these results.
    fn remake_numbers(&self, inputs: Vec<In>, numbers: &[u64]) -> Result<Vec<Self::Out>, Fault> {
        match numbers {
            [0] => Ok(vec![self.remake(inputs)?]),
            _ => Err(Fault::new(format!(
                "the stage makes one result of its inputs, not {numbers:?}"
            ))),
        }
    }

    /// Returns a warning that the stage has for the caller, at most once; the loader logs the text.
    fn warning(&mut self) -> Option<String> {
        None
    }

    /// Returns `true` if each input is part of at most one result. The inputs held back must also
    /// come after all of these inputs, in the order of [`push`](Self::push).
    #[doc(hidden)]
    fn keeps_order(&self) -> bool {
        false
    }

    /// Returns about how many inputs make a result, at least 1.
    ///
    /// The number only affects how far workers run ahead: for at least two results, if the size of
    /// samples allows.
    fn inputs(&self) -> u64 {
        1
    }

    /// Returns the stage's name, and the options that decide what the stage does.
    fn op(&self) -> Op;

    /// Returns the spec of the results, given that of the inputs; by default, nothing is known.
    ///
    /// A stage must refuse only what it refuses for all inputs of that spec.
    ///
    /// # Errors
    /// Returns the reason why no such inputs make a result, such as a field that is missing.
    fn element_spec(&self, inputs: &ElementSpec) -> Result<ElementSpec, String> {
        _ = inputs;
        Ok(ElementSpec::unknown())
    }

    /// Checks the options before anything runs.
    ///
    /// # Errors
    /// Returns [`Error::Setting`](crate::Error::Setting) with the name of a wrong option.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

impl<In, S: Stage<In> + ?Sized> Stage<In> for Box<S> {
    type Out = S::Out;

    forward! { mut
        push(sample: In) -> Result<(), Fault>;
        pop() -> Option<S::Out>;
        try_pop() -> Option<Result<S::Out, Fault>>;
        finish() -> Result<(), Fault>;
        warning() -> Option<String>;
        reset(epoch: u64);
        restore(counters: &[u64]) -> Option<()>;
        take_back(inputs: Vec<In>) -> Option<()>;
    }

    forward! {
        is_clean() -> bool;
        is_done() -> bool;
        counters() -> Vec<u64>;
        results_of(inputs: u64) -> Option<u64>;
        len_of(inputs: u64) -> Option<u64>;
        tracks() -> bool;
        held() -> Held;
        made_of() -> Vec<u64>;
        number() -> u64;
        remake(inputs: Vec<In>) -> Result<S::Out, Fault>;
        remake_numbers(inputs: Vec<In>, numbers: &[u64]) -> Result<Vec<S::Out>, Fault>;
        keeps_order() -> bool;
        inputs() -> u64;
        op() -> Op;
        element_spec(inputs: &ElementSpec) -> Result<ElementSpec, String>;
        check() -> Result<()>;
    }
}
