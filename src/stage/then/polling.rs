//! The next result of a stage after other stages.

use super::super::chain::{polled, wrong};
use super::super::guarded::Guarded;
use super::super::{Feed, Stage, Stages, Step};
use super::Then;
use crate::error::{Error, Fault, Result};

impl<B, S> Then<B, S> {
    /// Counts a result, and returns `true` if the result is new to the caller.
    fn counts_as_new(&mut self) -> bool {
        if let Some((_, given)) = &mut self.anchor {
            *given += 1;
        }
        let new = self.skip == 0;
        self.skip = self.skip.saturating_sub(1);
        new
    }

    /// Returns `true` if the stage holds nothing back. The anchor is then cleared.
    fn is_clean<In>(&mut self) -> Result<bool>
    where
        S: Stage<In>,
    {
        let is_clean = self.stage.ask("is_clean", |stage| stage.is_clean())?;
        if is_clean {
            self.anchor = None;
        }
        Ok(is_clean)
    }

    /// Returns the result that the stage has ready, or the error of a result that it cannot make.
    fn ready<In>(&mut self, feed: &dyn Feed<In>) -> Result<Option<Step<S::Out>>>
    where
        B: Stages<In>,
        S: Stage<B::Out>,
    {
        let popped = self.stage.tell("pop", |stage| stage.try_pop())?;
        Ok(popped.map(|popped| match popped {
            Ok(result) => Step::Item(result),
            Err(fault) => self.stage_error(fault, feed),
        }))
    }

    /// Returns the stage's next input, or the end of the inputs.
    fn next_input<In>(&mut self, feed: &mut dyn Feed<In>) -> Step<B::Out>
    where
        B: Stages<In>,
    {
        if self.finished.is_some() { Step::End } else { polled(&mut self.before, feed) }
    }

    /// Returns the next result of a stage that tracks its inputs.
    fn next_tracked<In>(&mut self, feed: &mut dyn Feed<In>) -> Result<Step<S::Out>>
    where
        B: Stages<In>,
        S: Stage<B::Out>,
    {
        loop {
            if let Some(ready) = self.ready(feed)? {
                return Ok(ready);
            }
            if self.is_at_end()? {
                return Ok(Step::End);
            }
            let pushed = match self.next_input(feed) {
                Step::Item(input) => {
                    self.track(feed)?;
                    self.stage.attempt(|stage| stage.push(input))
                }
                Step::End => self.finish()?,
                other => return other.without_item(),
            };
            if let Err(fault) = pushed {
                return Ok(self.stage_error(fault, feed));
            }
        }
    }

    /// Returns the next result, wanted or not, of a stage that does not track its inputs.
    fn next<In>(&mut self, feed: &mut dyn Feed<In>) -> Result<Step<S::Out>>
    where
        B: Stages<In>,
        S: Stage<B::Out>,
    {
        loop {
            if let Some(ready) = self.ready(feed)? {
                return Ok(ready);
            }
            self.is_clean()?;
            if self.is_at_end()? {
                return Ok(Step::End);
            }
            let mark = match (&self.anchor, self.waiting.take()) {
                (Some(_), _) => None,
                (None, Some(mark)) => Some(mark),
                (None, None) => Some(self.mark_now(feed)?),
            };
            let pushed = match self.next_input(feed) {
                Step::Item(input) => self.stage.attempt(|stage| stage.push(input)),
                Step::End => self.finish()?,
                Step::Pending => {
                    self.waiting = mark;
                    return Ok(Step::Pending);
                }
                other => return other.without_item(),
            };
            if let Some(mark) = mark
                && !self.stage.ask("is_clean", |stage| stage.is_clean())?
            {
                self.anchor = Some((mark, 0));
            }
            if let Err(fault) = pushed {
                return Ok(self.stage_error(fault, feed));
            }
            if self.skip > 0 && self.is_clean()? {
                return Ok(Step::End);
            }
        }
    }

    /// Tells the stage that no more inputs come.
    fn finish<In>(&mut self) -> Result<Result<(), Fault>>
    where
        S: Stage<In>,
    {
        self.finished = Some(self.held_back()?);
        Ok(self.stage.attempt(Stage::finish))
    }

    /// Returns `true` if the stage has no more results in this epoch.
    ///
    /// After the end of the inputs, a stage that still holds inputs back, but fewer than before, has
    /// more results.
    fn is_at_end<In>(&self) -> Result<bool>
    where
        S: Stage<In>,
    {
        if let Some(before) = self.finished {
            let left = self.held_back()?;
            if left == 0 || left >= before {
                return Ok(true);
            }
        }
        self.stage.ask("is_done", |stage| stage.is_done())
    }

    fn held_back<In>(&self) -> Result<u64>
    where
        S: Stage<In>,
    {
        self.stage.ask("held", |stage| stage.held().len())
    }

    /// Returns the error for inputs that the stage refused.
    fn stage_error<In, Out>(&self, fault: Fault, feed: &dyn Feed<In>) -> Step<S::Out>
    where
        S: Stage<Out>,
    {
        let position = feed.position().saturating_sub(1);
        let fault = fault.at(self.stage.name(), position);
        Step::StageError(Error::Sample { position, fault, attempts: 1 })
    }

    /// Records the origin of the next input.
    fn track<In>(&mut self, feed: &dyn Feed<In>) -> Result<()>
    where
        B: Stages<In>,
        S: Stage<B::Out>,
    {
        let Some(inputs) = &mut self.inputs else { return Ok(()) };
        if inputs.are_many() {
            let kept = inputs.keep(self.stage.ask("held", |stage| stage.held())?);
            kept.map_err(|why| self.stage.broken("held", Fault::new(why)))?;
        }
        inputs.push(self.before.origin(feed)?);
        Ok(())
    }

    /// Returns the next result that is new to the caller.
    pub(super) fn next_new<In>(&mut self, feed: &mut dyn Feed<In>) -> Result<Step<S::Out>>
    where
        B: Stages<In>,
        S: Stage<B::Out>,
    {
        if self.inputs.is_some() {
            return self.next_tracked(feed);
        }
        // A valid state drops results only if the stage held something back.
        let refused = |stage: &Guarded<S>| {
            Err(wrong(&stage.name(), "drops results that the stage did not hold back"))
        };
        loop {
            let step = self.next(feed)?;
            let new = match step {
                Step::Item(_) | Step::StageError(_) => self.counts_as_new(),
                Step::End if self.skip > 0 => return refused(&self.stage),
                _ => true,
            };
            let is_clean = self.is_clean()?;
            if new {
                return Ok(step);
            }
            if is_clean {
                return refused(&self.stage);
            }
        }
    }
}
