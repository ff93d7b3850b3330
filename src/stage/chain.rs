//! Stages one after another, as one unit.

use super::{Feed, Step};
use crate::dataset::probe::Visit;
use crate::dataset::{ElementSpec, PipelineTree, forward};
use crate::error::{Error, Fault, Result};
use crate::order::{Cursor, Description, Mark, Op, Origin};

/// A chain of stages, which turns ordered samples into batches.
///
/// Every chain of [`Stage`](super::Stage)s implements this trait, and nothing else does.
pub trait Stages<In> {
    /// The type of the last stage's results.
    type Out;

    /// Returns the next result, and takes samples from the feed as needed.
    #[doc(hidden)]
    fn poll(&mut self, feed: &mut dyn Feed<In>) -> Step<Self::Out>;

    /// Returns the point right after the last result that `poll` returned.
    ///
    /// # Errors
    /// This method and the others return an error, which ends the stream, if a stage misbehaves.
    #[doc(hidden)]
    fn mark(&mut self, feed: &dyn Feed<In>) -> Result<Mark>;

    /// Returns the next warning of a stage for the caller's log.
    ///
    /// # Errors
    /// Returns an error if a stage misbehaves.
    #[doc(hidden)]
    fn warning(&mut self) -> Result<Option<String>> {
        Ok(None)
    }

    /// Resets all stages for an epoch.
    ///
    /// # Errors
    /// Returns an error if a stage misbehaves.
    #[doc(hidden)]
    fn reset(&mut self, epoch: u64) -> Result<()>;

    /// Restores the cursors of a state, one for each stage, in new stages.
    ///
    /// At most `samples` samples of the epoch have gone into the chain. Returns the largest
    /// possible number of results.
    ///
    /// # Errors
    /// Returns [`Error::State`] if a cursor is missing or not valid.
    #[doc(hidden)]
    fn restore(&mut self, cursors: &mut dyn Iterator<Item = Cursor>, samples: u64) -> Result<u64>;

    /// Takes back the inputs that the cursors name; `samples` yields their samples in the cursors'
    /// order.
    ///
    /// # Errors
    /// Returns [`Error::State`] if a stage refuses its inputs.
    #[doc(hidden)]
    fn take_back(
        &mut self,
        cursors: &mut dyn Iterator<Item = Cursor>,
        samples: &mut dyn Iterator<Item = In>,
    ) -> Result<()>;

    /// Returns `true` if samples pass unchanged, without any stage.
    #[doc(hidden)]
    fn is_bare(&self) -> bool {
        false
    }

    /// Returns `true` if [`origin`](Self::origin) can name the origin of a result.
    #[doc(hidden)]
    fn tracks(&self) -> bool;

    /// Returns `true` if every stage [keeps the order](super::Stage::keeps_order).
    #[doc(hidden)]
    fn keeps_order(&self) -> bool;

    /// Returns the origin of the result that `poll` returned last.
    ///
    /// # Errors
    /// Returns an error if a stage misbehaves.
    #[doc(hidden)]
    fn origin(&self, feed: &dyn Feed<In>) -> Result<Origin>;

    /// Makes the results of origins again from their samples, which come in order.
    ///
    /// # Errors
    /// Returns a fault if the samples do not make these results.
    #[doc(hidden)]
    fn remake(
        &self,
        origins: &[Origin],
        samples: &mut dyn Iterator<Item = In>,
    ) -> Result<Vec<Self::Out>, Fault>;

    /// Returns the largest number of results in an epoch of `samples` samples, or `None` if unknown
    /// in advance.
    ///
    /// The number is exact if no sample fails.
    ///
    /// # Errors
    /// Returns an error if a stage misbehaves.
    #[doc(hidden)]
    fn len_of(&self, samples: u64) -> Result<Option<u64>>;

    /// Adds the stages to a description.
    ///
    /// # Errors
    /// Returns an error if a stage misbehaves.
    #[doc(hidden)]
    fn describe(&self, description: &mut Description) -> Result<()>;

    /// Returns the spec of the results, given that of the samples.
    ///
    /// # Errors
    /// Returns [`Error::Spec`] with the stage that such samples do not suit.
    #[doc(hidden)]
    fn element_spec(&self, samples: &ElementSpec) -> Result<ElementSpec>;

    /// Returns the tree of the pipeline with the stages; `ops` yields the ops of the stages.
    ///
    /// # Errors
    /// Returns an error if a stage misbehaves.
    #[doc(hidden)]
    fn tree(
        &self,
        dataset: PipelineTree,
        ops: &mut dyn Iterator<Item = Op>,
    ) -> Result<PipelineTree>;

    /// Checks the options before anything runs.
    ///
    /// # Errors
    /// Returns the error of [`Stage::check`](super::Stage::check).
    #[doc(hidden)]
    fn check(&self) -> Result<()>;

    /// Returns about how many samples make a result of the last stage, at least 1.
    ///
    /// See [`Stage::inputs`](super::Stage::inputs).
    ///
    /// # Errors
    /// Returns an error if a stage misbehaves.
    #[doc(hidden)]
    fn inputs(&self) -> Result<u64> {
        Ok(1)
    }
}

/// Returns the next result of the stages before another, as the stage asks for it.
pub(super) fn polled<In, B: Stages<In>>(before: &mut B, feed: &mut dyn Feed<In>) -> Step<B::Out> {
    let visit = Visit::below(0);
    let step = before.poll(feed);
    visit.polled::<B::Out>(matches!(step, Step::Item(_)));
    step
}

/// An empty chain: samples pass unchanged.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bare;

impl<In> Stages<In> for Bare {
    type Out = In;

    fn poll(&mut self, feed: &mut dyn Feed<In>) -> Step<In> {
        feed.poll()
    }

    fn is_bare(&self) -> bool {
        true
    }

    fn mark(&mut self, feed: &dyn Feed<In>) -> Result<Mark> {
        Ok(feed.mark())
    }

    fn reset(&mut self, _: u64) -> Result<()> {
        Ok(())
    }

    fn restore(&mut self, _: &mut dyn Iterator<Item = Cursor>, samples: u64) -> Result<u64> {
        Ok(samples)
    }

    fn take_back(
        &mut self,
        _: &mut dyn Iterator<Item = Cursor>,
        _: &mut dyn Iterator<Item = In>,
    ) -> Result<()> {
        Ok(())
    }

    fn tracks(&self) -> bool {
        true
    }

    fn keeps_order(&self) -> bool {
        true
    }

    fn origin(&self, feed: &dyn Feed<In>) -> Result<Origin> {
        Ok(Origin::Sample(feed.position().saturating_sub(1)))
    }

    fn remake(
        &self,
        origins: &[Origin],
        samples: &mut dyn Iterator<Item = In>,
    ) -> Result<Vec<In>, Fault> {
        let sample = |origin: &Origin| {
            let sample = samples.next().filter(|_| matches!(origin, Origin::Sample(_)));
            sample.ok_or_else(|| {
                Fault::new("the state names a result where a sample was held, or no sample is left")
            })
        };
        origins.iter().map(sample).collect()
    }

    fn len_of(&self, samples: u64) -> Result<Option<u64>> {
        Ok(Some(samples))
    }

    fn describe(&self, _: &mut Description) -> Result<()> {
        Ok(())
    }

    fn element_spec(&self, samples: &ElementSpec) -> Result<ElementSpec> {
        Ok(samples.clone())
    }

    fn tree(&self, dataset: PipelineTree, _: &mut dyn Iterator<Item = Op>) -> Result<PipelineTree> {
        Ok(dataset)
    }

    fn check(&self) -> Result<()> {
        Ok(())
    }
}

impl<In, S: Stages<In> + ?Sized> Stages<In> for Box<S> {
    type Out = S::Out;

    forward! {
        mut
        poll(feed: &mut dyn Feed<In>) -> Step<S::Out>;
        mark(feed: &dyn Feed<In>) -> Result<Mark>;
        warning() -> Result<Option<String>>;
        reset(epoch: u64) -> Result<()>;
        restore(cursors: &mut dyn Iterator<Item = Cursor>, samples: u64) -> Result<u64>;
        take_back(
            cursors: &mut dyn Iterator<Item = Cursor>,
            samples: &mut dyn Iterator<Item = In>
        ) -> Result<()>;
    }

    forward! {
        is_bare() -> bool;
        tracks() -> bool;
        keeps_order() -> bool;
        origin(feed: &dyn Feed<In>) -> Result<Origin>;
        remake(
            origins: &[Origin],
            samples: &mut dyn Iterator<Item = In>
        ) -> Result<Vec<S::Out>, Fault>;
        len_of(samples: u64) -> Result<Option<u64>>;
        describe(description: &mut Description) -> Result<()>;
        element_spec(samples: &ElementSpec) -> Result<ElementSpec>;
        tree(
            dataset: PipelineTree,
            ops: &mut dyn Iterator<Item = Op>
        ) -> Result<PipelineTree>;
        check() -> Result<()>;
        inputs() -> Result<u64>;
    }
}

/// Returns the error for a state with a wrong cursor of an op.
pub(super) fn wrong(op: &str, what: impl std::fmt::Display) -> Error {
    Error::State { why: format!("the cursor of {op} {what}; resume from an undamaged state") }
}
