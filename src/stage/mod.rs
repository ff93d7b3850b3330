//! Stages: the ordered part of a pipeline, where many samples become one or a count is kept.
//!
//! Stages run on the consumer's side, after samples have been put back in order and gaps closed,
//! never in a worker: that is why batches do not depend on who made the samples. A stage is a plain
//! state machine fed by hand. Absent on purpose: threads, clocks, files, waiting.
//!
//! # How a stage is resumed
//! A state holds no samples. For a stage that [tracks](Stage::tracks) its inputs, the state names
//! those held back by the positions of the samples they were made of; on resuming, just those samples
//! are made again and [taken back](Stage::take_back). For any other stage that holds some back, the
//! state points at the input before the oldest of them (the *anchor*), with the number of results
//! given since; on resuming, the inputs are made again and that many results are dropped. A stage
//! that always holds something back should track its inputs: its anchor would never move.
//!
//! [`Then`] does this for every stage. The errors of samples since the anchor that the caller knows of
//! are not the stages' business: the loader remembers the position before which it raised or counted
//! all of them, so that one may resume with another error policy.
//!
//! # Epochs
//! Stages end with each epoch and are [reset](Stage::reset) before the next one.

mod batch;
mod chain;
mod guarded;
mod inputs;
mod limit;
mod ordered;
mod then;

pub use crate::order::Held;
pub use batch::Batching;
pub use chain::{Bare, Stages};
pub use limit::Limit;
pub use ordered::{Ordered, ParallelPipeline, Pipeline};
pub use then::Then;

use crate::error::{Error, Fault, Result};
use crate::order::{Mark, Op};

/// What a part of the ordered stream answers when asked for its next item.
#[derive(Debug)]
#[doc(hidden)]
pub enum Step<T> {
    /// The next item.
    Item(T),
    /// A sample that could not be made, in its place in the order; the stream goes on after it.
    SampleError(Error),
    /// Samples that a stage could not take, in their place in the order; the stream goes on.
    StageError(Error),
    /// Something that ends the stream.
    Broken(Error),
    /// Nothing yet: a sample before it is not made.
    Pending,
    /// There is nothing more in this epoch.
    End,
}

impl<T> Step<T> {
    /// The same where it is no item; what ends the stream is an error.
    fn without_item<U>(self) -> Result<Step<U>> {
        match self {
            Self::SampleError(error) => Ok(Step::SampleError(error)),
            Self::StageError(error) => Ok(Step::StageError(error)),
            Self::Broken(error) => Err(error),
            Self::Pending => Ok(Step::Pending),
            Self::Item(_) | Self::End => Ok(Step::End),
        }
    }
}

/// The samples in order, gaps closed: what the first stage reads.
#[doc(hidden)]
pub trait Feed<T> {
    /// The next sample.
    fn poll(&mut self) -> Step<T>;

    /// The position after the last sample that `poll` gave.
    fn position(&self) -> u64;

    /// The point right after the last sample that `poll` gave.
    fn mark(&self) -> Mark;
}

/// One ordered transform.
///
/// A panic in [`push`](Self::push), [`finish`](Self::finish) or [`remake`](Self::remake) is an error as
/// those that they return. A panic in any other method ends the stream with an error that names the
/// stage and the method. The state is then the one before it.
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
    /// What comes out.
    type Out;

    /// Takes one sample in. Only called when [`pop`](Self::pop) has nothing to give.
    ///
    /// # Errors
    /// Why the sample is not acceptable. The stage goes on with the next one.
    fn push(&mut self, sample: In) -> Result<(), Fault>;

    /// Gives one result out, if one is ready.
    fn pop(&mut self) -> Option<Self::Out>;

    /// Hears that no more samples of this epoch will come, so that what is held back can go out.
    ///
    /// # Errors
    /// Why what is held back makes no result.
    fn finish(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    /// Whether nothing is held back: neither samples nor results, but for
    /// [`counters`](Self::counters).
    fn is_clean(&self) -> bool;

    /// Whether no more results will come in this epoch, whatever goes in.
    fn is_done(&self) -> bool {
        false
    }

    /// Becomes as it was when it was new, for this epoch, counted from 0.
    ///
    /// A new stage is at epoch 0. The loader calls this before each later epoch, and before
    /// [`restore`](Self::restore) with a state of one. What a stage draws at random is
    /// [keyed](crate::order::Rng::keyed) by the epoch, so that each epoch has its own numbers.
    fn reset(&mut self, epoch: u64);

    /// The numbers that, beside what is held back, are all that the stage remembers.
    ///
    /// All else that the stage keeps from one input to the next is lost in a resume, without an error:
    /// compare a resume at every batch with a run that goes on.
    ///
    /// They stand in every state, and a state of more than 64 MiB is not read again: a million are
    /// too many.
    fn counters(&self) -> Vec<u64> {
        Vec::new()
    }

    /// Takes the counters of a state up again, in a new stage; `None` when they make no sense.
    fn restore(&mut self, counters: &[u64]) -> Option<()> {
        counters.is_empty().then_some(())
    }

    /// The most results that can have come of so many inputs, by the counters that were taken up;
    /// `None` when the counters cannot come of so few. A state that says more is refused.
    fn results_of(&self, inputs: u64) -> Option<u64> {
        _ = inputs;
        Some(u64::MAX)
    }

    /// How many results an epoch of so many inputs gives, and never fewer than of fewer inputs;
    /// `None` where that is not known before.
    fn len_of(&self, inputs: u64) -> Option<u64> {
        _ = inputs;
        None
    }

    /// Whether the stage can tell which inputs it holds back, and each of its results is made of its
    /// inputs alone, whatever came before: then it implements
    /// [`held`](Self::held), [`take_back`](Self::take_back), [`made_of`](Self::made_of) and
    /// [`remake`](Self::remake), and a resume costs what the stage holds back. What it costs until
    /// then stands at [`held`](Self::held).
    fn tracks(&self) -> bool {
        false
    }

    /// The numbers of the inputs that the results to come need, in an order of the stage's choice.
    ///
    /// Inputs are numbered from 0, in the order of [`push`](Self::push), anew after a
    /// [`reset`](Self::reset). Those that were [taken back](Self::take_back) come first.
    ///
    /// It is asked for with every result that the caller receives. With a [`Held`] that the stage
    /// keeps, this costs 1 to 3 microseconds up to 50,000 inputs, and some 2 KB while the caller keeps
    /// the batch. One that is collected anew costs about 25 ns and 11 bytes for each number.
    fn held(&self) -> Held {
        Held::default()
    }

    /// Takes back the inputs that [`held`](Self::held) named, in its order, in a new stage that
    /// has [restored](Self::restore) its counters; `None` when they do not fit these.
    fn take_back(&mut self, inputs: Vec<In>) -> Option<()> {
        inputs.is_empty().then_some(())
    }

    /// The numbers of the inputs that the result was made of that [`pop`](Self::pop) gave last.
    fn made_of(&self) -> Vec<u64> {
        Vec::new()
    }

    /// Makes a result again of the inputs it was [made of](Self::made_of).
    ///
    /// # Errors
    /// Why these inputs make no result.
    fn remake(&self, inputs: Vec<In>) -> Result<Self::Out, Fault> {
        drop(inputs);
        Err(Fault::new("this stage cannot make a result again"))
    }

    /// Whether each input is part of one result at most, and those held come after all of them and
    /// stand in the order of [`push`](Self::push).
    #[doc(hidden)]
    fn keeps_order(&self) -> bool {
        false
    }

    /// About how many inputs make a result, 1 or more. Only how far workers run ahead depends on it:
    /// for two results at least, where the size of samples lets them.
    fn inputs(&self) -> u64 {
        1
    }

    /// The name and the options that decide what this does.
    fn op(&self) -> Op;

    /// Finds what is wrong with the options before anything runs.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the option.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}
