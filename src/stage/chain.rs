//! What stages one after another do together.

use super::{Feed, Step};
use crate::dataset::forward;
use crate::error::{Error, Fault, Result};
use crate::order::{Cursor, Description, Mark, Origin};

/// Stages one after another: what turns samples in order into batches.
///
/// It is implemented for every chain of [`Stage`](super::Stage)s, and for nothing else.
pub trait Stages<In> {
    /// What the last stage gives.
    type Out;

    /// The next result, drawing samples from the feed as needed.
    #[doc(hidden)]
    fn poll(&mut self, feed: &mut dyn Feed<In>) -> Step<Self::Out>;

    /// The point right after the last result that `poll` gave.
    ///
    /// # Errors
    /// What a stage did wrong, which ends the stream; so with the others.
    #[doc(hidden)]
    fn mark(&mut self, feed: &dyn Feed<In>) -> Result<Mark>;

    /// Becomes as new, for this epoch.
    ///
    /// # Errors
    /// What a stage did wrong.
    #[doc(hidden)]
    fn reset(&mut self, epoch: u64) -> Result<()>;

    /// Takes up the cursors of a state, one a stage, in new stages, to which so many samples of the
    /// epoch can have gone at most; gives how many results can have come out at most.
    ///
    /// # Errors
    /// [`Error::State`] when there are too few cursors or one makes no sense.
    #[doc(hidden)]
    fn restore(&mut self, cursors: &mut dyn Iterator<Item = Cursor>, samples: u64) -> Result<u64>;

    /// Takes back what the cursors say is held, made of samples that come in the cursors' order.
    ///
    /// # Errors
    /// [`Error::State`] when a stage does not take them.
    #[doc(hidden)]
    fn take_back(
        &mut self,
        cursors: &mut dyn Iterator<Item = Cursor>,
        samples: &mut dyn Iterator<Item = In>,
    ) -> Result<()>;

    /// Whether [`origin`](Self::origin) can tell what a result was made of.
    #[doc(hidden)]
    fn tracks(&self) -> bool;

    /// Whether every stage [keeps the order](super::Stage::keeps_order).
    #[doc(hidden)]
    fn keeps_order(&self) -> bool;

    /// What the result was made of that `poll` gave last.
    ///
    /// # Errors
    /// What a stage did wrong.
    #[doc(hidden)]
    fn origin(&self, feed: &dyn Feed<In>) -> Result<Origin>;

    /// Makes a result of that origin again, of its samples, which come in order.
    ///
    /// # Errors
    /// Why there is no such result.
    #[doc(hidden)]
    fn remake(
        &self,
        origin: &Origin,
        samples: &mut dyn Iterator<Item = In>,
    ) -> Result<Self::Out, Fault>;

    /// How many results an epoch of so many samples gives at most, and exactly where none has an
    /// error; `None` where that is not known before.
    ///
    /// # Errors
    /// What a stage did wrong.
    #[doc(hidden)]
    fn len_of(&self, samples: u64) -> Result<Option<u64>>;

    /// Adds the stages to a description.
    ///
    /// # Errors
    /// What a stage did wrong.
    #[doc(hidden)]
    fn describe(&self, description: &mut Description) -> Result<()>;

    /// Finds what is wrong with the options before anything runs.
    ///
    /// # Errors
    /// What [`Stage::check`](super::Stage::check) says.
    #[doc(hidden)]
    fn check(&self) -> Result<()>;

    /// About how many samples make a result of the last stage, at least 1: see
    /// [`Stage::inputs`](super::Stage::inputs).
    ///
    /// # Errors
    /// What a stage did wrong.
    #[doc(hidden)]
    fn inputs(&self) -> Result<u64> {
        Ok(1)
    }
}

/// No stage at all: samples go out as they come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bare;

impl<In> Stages<In> for Bare {
    type Out = In;

    fn poll(&mut self, feed: &mut dyn Feed<In>) -> Step<In> {
        feed.poll()
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

    fn remake(&self, origin: &Origin, samples: &mut dyn Iterator<Item = In>) -> Result<In, Fault> {
        let sample = samples.next().filter(|_| matches!(origin, Origin::Sample(_)));
        sample.ok_or_else(|| Fault::new("there is no sample for it"))
    }

    fn len_of(&self, samples: u64) -> Result<Option<u64>> {
        Ok(Some(samples))
    }

    fn describe(&self, _: &mut Description) -> Result<()> {
        Ok(())
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
        reset(epoch: u64) -> Result<()>;
        restore(cursors: &mut dyn Iterator<Item = Cursor>, samples: u64) -> Result<u64>;
        take_back(
            cursors: &mut dyn Iterator<Item = Cursor>,
            samples: &mut dyn Iterator<Item = In>
        ) -> Result<()>;
    }

    forward! {
        tracks() -> bool;
        keeps_order() -> bool;
        origin(feed: &dyn Feed<In>) -> Result<Origin>;
        remake(origin: &Origin, samples: &mut dyn Iterator<Item = In>) -> Result<S::Out, Fault>;
        len_of(samples: u64) -> Result<Option<u64>>;
        describe(description: &mut Description) -> Result<()>;
        check() -> Result<()>;
        inputs() -> Result<u64>;
    }
}

/// An error of a state whose cursor of this op is wrong.
pub(super) fn wrong(op: &str, what: impl std::fmt::Display) -> Error {
    Error::State { why: format!("its cursor of {op} {what}") }
}
