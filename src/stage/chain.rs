//! Stages one after another, with the anchor that makes each resumable.

use super::{Feed, Stage, Step};
use crate::dataset::caught;
use crate::error::{Error, Result};
use crate::order::{Description, Mark};

/// Stages one after another: what turns samples in order into batches.
pub trait Stages<In> {
    /// What the last stage gives.
    type Out;

    /// The next result, drawing samples from the feed as needed.
    fn poll(&mut self, feed: &mut dyn Feed<In>) -> Step<Self::Out>;

    /// The point right after the last result that `poll` gave.
    fn mark(&self, feed: &dyn Feed<In>) -> Mark;

    /// Takes up the cursors of a state, one a stage, in new stages, to which so many samples can
    /// have gone at most; gives how many results can have come out at most.
    ///
    /// # Errors
    /// [`Error::State`] when there are too few cursors or one makes no sense.
    fn restore(&mut self, cursors: &mut dyn Iterator<Item = Vec<u64>>, samples: u64)
    -> Result<u64>;

    /// Adds the stages to a description.
    fn describe(&self, description: &mut Description);

    /// Finds what is wrong with the options before anything runs.
    ///
    /// # Errors
    /// What [`Stage::check`] says.
    fn check(&self) -> Result<()>;

    /// About how many samples make a result of the last stage, at least 1: see [`Stage::inputs`].
    fn inputs(&self) -> u64 {
        1
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

    fn mark(&self, feed: &dyn Feed<In>) -> Mark {
        feed.mark()
    }

    fn restore(&mut self, _: &mut dyn Iterator<Item = Vec<u64>>, samples: u64) -> Result<u64> {
        Ok(samples)
    }

    fn describe(&self, _: &mut Description) {}

    fn check(&self) -> Result<()> {
        Ok(())
    }
}

impl<In, S: Stages<In> + ?Sized> Stages<In> for Box<S> {
    type Out = S::Out;

    fn poll(&mut self, feed: &mut dyn Feed<In>) -> Step<S::Out> {
        (**self).poll(feed)
    }

    fn mark(&self, feed: &dyn Feed<In>) -> Mark {
        (**self).mark(feed)
    }

    fn restore(
        &mut self,
        cursors: &mut dyn Iterator<Item = Vec<u64>>,
        samples: u64,
    ) -> Result<u64> {
        (**self).restore(cursors, samples)
    }

    fn describe(&self, description: &mut Description) {
        (**self).describe(description);
    }

    fn check(&self) -> Result<()> {
        (**self).check()
    }

    fn inputs(&self) -> u64 {
        (**self).inputs()
    }
}

/// A stage after others.
#[derive(Debug)]
pub struct Then<B, S> {
    before: B,
    stage: S,
    /// The mark to go back to while the stage holds something back, and the outputs since.
    anchor: Option<(Mark, u64)>,
    /// The mark before the input that is waited for, kept so that waiting leaves no trace.
    waiting: Option<Mark>,
    /// Outputs that a resumed stream has to drop, because the caller already has them.
    skip: u64,
    finished: bool,
    /// The state told a number of outputs that the stage does not hold back.
    refused: bool,
}

impl<B, S> Then<B, S> {
    pub(crate) fn new(before: B, stage: S) -> Self {
        let (anchor, waiting) = (None, None);
        Self { before, stage, anchor, waiting, skip: 0, finished: false, refused: false }
    }

    /// Says what is wrong with the stage's cursor.
    fn wrong<In>(&self, what: impl std::fmt::Display) -> Error
    where
        S: Stage<In>,
    {
        Error::State { why: format!("its cursor of {} {what}", self.stage.op().name()) }
    }

    /// Refuses a state that has outputs dropped while the stage holds nothing back: where that is so,
    /// a state has a later mark and nothing to drop.
    fn refuse<In, Out>(&mut self) -> Step<Out>
    where
        S: Stage<In>,
    {
        self.refused = true;
        Step::StageError(self.wrong("drops results that the stage did not hold back"))
    }

    /// Counts an output, and tells whether it is new to the caller.
    fn counts_as_new(&mut self) -> bool {
        if let Some((_, given)) = &mut self.anchor {
            *given += 1;
        }
        let new = self.skip == 0;
        self.skip = self.skip.saturating_sub(1);
        new
    }

    /// The mark of a stage that holds nothing back.
    fn clean_mark<In>(&self, feed: &dyn Feed<In>) -> Mark
    where
        B: Stages<In>,
        S: Stage<B::Out>,
    {
        let mut mark = self.before.mark(feed);
        mark.cursors.push(std::iter::once(0).chain(self.stage.counters()).collect());
        mark
    }

    /// The next output, wanted or not.
    fn next<In>(&mut self, feed: &mut dyn Feed<In>) -> Step<S::Out>
    where
        B: Stages<In>,
        S: Stage<B::Out>,
    {
        loop {
            if let Some(out) = self.stage.pop() {
                return Step::Item(out);
            }
            if self.stage.is_clean() {
                self.anchor = None;
            }
            if self.finished || self.stage.is_done() {
                return Step::End;
            }
            let mark = match (&self.anchor, self.waiting.take()) {
                (Some(_), _) => None,
                (None, Some(mark)) => Some(mark),
                (None, None) => Some(self.clean_mark(feed)),
            };
            let pushed = match self.before.poll(feed) {
                Step::Item(sample) => caught(|| self.stage.push(sample)).unwrap_or_else(Err),
                Step::SampleError(error) => return Step::SampleError(error),
                Step::StageError(error) => return Step::StageError(error),
                Step::Pending => {
                    self.waiting = mark;
                    return Step::Pending;
                }
                Step::End => {
                    self.finished = true;
                    caught(|| self.stage.finish()).unwrap_or_else(Err)
                }
            };
            if let Some(mark) = mark
                && !self.stage.is_clean()
            {
                self.anchor = Some((mark, 0));
            }
            if let Err(fault) = pushed {
                let position = feed.mark().position.saturating_sub(1);
                let fault = fault.at(self.stage.op().name().to_owned(), position);
                return Step::StageError(Error::Sample { position, fault, attempts: 1 });
            }
            if self.skip > 0 && self.stage.is_clean() {
                return Step::End;
            }
        }
    }
}

impl<In, B: Stages<In>, S: Stage<B::Out>> Stages<In> for Then<B, S> {
    type Out = S::Out;

    fn poll(&mut self, feed: &mut dyn Feed<In>) -> Step<S::Out> {
        if self.refused {
            return Step::End;
        }
        loop {
            let step = self.next(feed);
            let new = match step {
                Step::Item(_) | Step::StageError(_) => self.counts_as_new(),
                Step::End if self.skip > 0 => return self.refuse(),
                Step::SampleError(_) | Step::Pending | Step::End => true,
            };
            let is_clean = self.stage.is_clean();
            if is_clean {
                self.anchor = None;
            }
            if new {
                return step;
            }
            if is_clean {
                return self.refuse();
            }
        }
    }

    fn mark(&self, feed: &dyn Feed<In>) -> Mark {
        let (mut mark, given) = match (&self.anchor, &self.waiting) {
            (Some((mark, given)), _) => (mark.clone(), *given),
            (None, Some(mark)) => (mark.clone(), 0),
            (None, None) => (self.clean_mark(feed), 0),
        };
        // While a resumed stage is still catching up, what it has yet to drop counts as given.
        if let Some(skip) = mark.cursors.last_mut().and_then(|cursor| cursor.first_mut()) {
            *skip = given + self.skip;
        }
        mark
    }

    fn restore(
        &mut self,
        cursors: &mut dyn Iterator<Item = Vec<u64>>,
        samples: u64,
    ) -> Result<u64> {
        let inputs = self.before.restore(cursors, samples)?;
        let cursor = cursors.next().ok_or_else(|| self.wrong("is missing"))?;
        let (skip, counters) = cursor.split_first().ok_or_else(|| self.wrong("is empty"))?;
        self.skip = *skip;
        self.stage.restore(counters).ok_or_else(|| self.wrong("makes no sense"))?;
        let results = self.stage.results_of(inputs);
        let results = results
            .ok_or_else(|| self.wrong(format!("cannot come of the {inputs} results before it")))?;
        Ok(results.saturating_add(*skip))
    }

    fn describe(&self, description: &mut Description) {
        self.before.describe(description);
        description.push(self.stage.op());
    }

    fn check(&self) -> Result<()> {
        self.before.check()?;
        self.stage.check()
    }

    fn inputs(&self) -> u64 {
        self.before.inputs().saturating_mul(self.stage.inputs().max(1))
    }
}
