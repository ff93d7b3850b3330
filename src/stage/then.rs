//! A stage after others, with what makes it resumable: the inputs it holds back, or its anchor.

use std::collections::VecDeque;

use super::chain::wrong;
use super::{Feed, Stage, Stages, Step};
use crate::dataset::caught;
use crate::error::{Error, Fault, Result};
use crate::order::{Cursor, Description, Mark, Origin};

/// A stage after others.
#[derive(Debug)]
pub struct Then<B, S> {
    before: B,
    stage: S,
    /// What the inputs were made of, where the stage tracks them.
    inputs: Option<Inputs>,
    /// The mark to go back to while the stage holds something back, and the results since.
    anchor: Option<(Mark, u64)>,
    /// The mark before the input that is waited for, kept so that waiting leaves no trace.
    waiting: Option<Mark>,
    /// Results that a resumed stream has to drop, because the caller already has them.
    skip: u64,
    finished: bool,
    /// The state told a number of results that the stage does not hold back.
    refused: bool,
}

/// The origins of the inputs that a stage may hold back, by the inputs' numbers.
#[derive(Debug, Default)]
struct Inputs {
    origins: VecDeque<(u64, Origin)>,
    pushed: u64,
    /// How many origins are kept before those are let go that the stage does not hold.
    bound: usize,
}

/// How many origins are kept at least.
const ORIGINS_MIN: usize = 64;

impl Inputs {
    fn push(&mut self, origin: Origin, stage: impl FnOnce() -> Vec<u64>) {
        if self.origins.len() >= self.bound.max(ORIGINS_MIN) {
            let mut held = stage();
            held.sort_unstable();
            self.origins.retain(|(number, _)| held.binary_search(number).is_ok());
            self.bound = 2 * self.origins.len();
        }
        self.origins.push_back((self.pushed, origin));
        self.pushed += 1;
    }

    /// The origins of these inputs. One that the stage did not name as held is told as nothing.
    fn of(&self, numbers: Vec<u64>) -> impl Iterator<Item = Origin> {
        numbers.into_iter().map(|number| {
            match self.origins.binary_search_by_key(&number, |(number, _)| *number) {
                Ok(place) => self.origins[place].1.clone(),
                Err(_) => Origin::Result([].into()),
            }
        })
    }
}

impl<B, S> Then<B, S> {
    pub(crate) fn new<In>(before: B, stage: S) -> Self
    where
        B: Stages<In>,
        S: Stage<B::Out>,
    {
        let inputs = (before.tracks() && stage.tracks()).then(Inputs::default);
        let (anchor, waiting) = (None, None);
        Self { before, stage, inputs, anchor, waiting, skip: 0, finished: false, refused: false }
    }

    /// The same with another stage.
    pub(super) fn map_stage(self, change: impl FnOnce(S) -> S) -> Self {
        Self { stage: change(self.stage), ..self }
    }

    /// Refuses a state that has results dropped while the stage holds nothing back: where that is so,
    /// a state has a later mark and nothing to drop.
    fn refuse<In, Out>(&mut self) -> Step<Out>
    where
        S: Stage<In>,
    {
        self.refused = true;
        let what = "drops results that the stage did not hold back";
        Step::StageError(wrong(self.stage.op().name(), what))
    }

    /// Counts a result, and tells whether it is new to the caller.
    fn counts_as_new(&mut self) -> bool {
        if let Some((_, given)) = &mut self.anchor {
            *given += 1;
        }
        let new = self.skip == 0;
        self.skip = self.skip.saturating_sub(1);
        new
    }

    /// The mark of a stage that tracks its inputs, or holds nothing back.
    fn mark_now<In>(&self, feed: &dyn Feed<In>) -> Mark
    where
        B: Stages<In>,
        S: Stage<B::Out>,
    {
        let mut mark = self.before.mark(feed);
        let held = self.inputs.as_ref().map(|inputs| inputs.of(self.stage.held()).collect());
        let (counters, held) = (self.stage.counters(), held.unwrap_or_default());
        mark.stages.push(Cursor { counters, held, given: 0 });
        mark
    }

    /// The next result, wanted or not.
    fn next<In>(&mut self, feed: &mut dyn Feed<In>) -> Step<S::Out>
    where
        B: Stages<In>,
        S: Stage<B::Out>,
    {
        loop {
            if let Some(result) = self.stage.pop() {
                return Step::Item(result);
            }
            let is_clean = self.stage.is_clean();
            if is_clean {
                self.anchor = None;
            }
            if self.finished || self.stage.is_done() {
                return Step::End;
            }
            let mark = match (&self.anchor, self.waiting.take()) {
                (Some(_), _) => None,
                (None, Some(mark)) => Some(mark),
                // Only an anchor needs one, and where inputs are tracked there is none.
                (None, None) => (self.inputs.is_none()).then(|| self.mark_now(feed)),
            };
            let pushed = match self.before.poll(feed) {
                Step::Item(input) => self.push(input, is_clean, feed),
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
                let position = feed.position().saturating_sub(1);
                let fault = fault.at(self.stage.op().name().to_owned(), position);
                return Step::StageError(Error::Sample { position, fault, attempts: 1 });
            }
            if self.skip > 0 && self.stage.is_clean() {
                return Step::End;
            }
        }
    }

    fn push<In>(&mut self, input: B::Out, is_clean: bool, feed: &dyn Feed<In>) -> Result<(), Fault>
    where
        B: Stages<In>,
        S: Stage<B::Out>,
    {
        if let Some(inputs) = &mut self.inputs {
            if is_clean {
                inputs.origins.clear();
            }
            inputs.push(self.before.origin(feed), || self.stage.held());
        }
        caught(|| self.stage.push(input)).unwrap_or_else(Err)
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
            (None, None) => (self.mark_now(feed), 0),
        };
        // While a resumed stage is still catching up, what it has yet to drop counts as given.
        if let Some(cursor) = mark.stages.last_mut() {
            cursor.given = given + self.skip;
        }
        mark
    }

    fn reset(&mut self) {
        self.before.reset();
        self.stage.reset();
        self.inputs = self.inputs.take().map(|_| Inputs::default());
        (self.anchor, self.waiting) = (None, None);
        (self.skip, self.finished, self.refused) = (0, false, false);
    }

    fn restore(&mut self, cursors: &mut dyn Iterator<Item = Cursor>, samples: u64) -> Result<u64> {
        let inputs = self.before.restore(cursors, samples)?;
        let op = self.stage.op();
        let wrong = |what: &str| wrong(op.name(), what);
        let cursor = cursors.next().ok_or_else(|| wrong("is missing"))?;
        match (&self.inputs, cursor.held.len(), cursor.given) {
            (Some(_), _, 1..) => return Err(wrong("drops results, which the stage never does")),
            (None, 1.., _) => return Err(wrong("has inputs held, which the stage cannot tell")),
            (_, held, _) if held as u64 > inputs => {
                return Err(wrong(&format!("has {held} of {inputs} inputs held")));
            }
            _ => self.skip = cursor.given,
        }
        self.stage.restore(&cursor.counters).ok_or_else(|| wrong("makes no sense"))?;
        let results = self.stage.results_of(inputs);
        let results = results
            .ok_or_else(|| wrong(&format!("cannot come of the {inputs} results before it")))?;
        Ok(results.saturating_add(cursor.given))
    }

    fn take_back(
        &mut self,
        cursors: &mut dyn Iterator<Item = Cursor>,
        samples: &mut dyn Iterator<Item = In>,
    ) -> Result<()> {
        self.before.take_back(cursors, samples)?;
        let op = self.stage.op();
        let cursor = cursors.next().ok_or_else(|| wrong(op.name(), "is missing"))?;
        let Some(tracked) = &mut self.inputs else { return Ok(()) };
        let inputs = cursor.held.iter().map(|origin| self.before.remake(origin, samples));
        let inputs = inputs.collect::<Result<Vec<_>, _>>();
        let inputs = inputs.map_err(|fault| wrong(op.name(), format_args!("says: {fault}")))?;
        tracked.origins = (0..).zip(cursor.held).collect();
        tracked.pushed = inputs.len() as u64;
        let taken = caught(|| self.stage.take_back(inputs)).ok().flatten();
        taken.ok_or_else(|| wrong(op.name(), "has inputs held that do not fit its counters"))
    }

    fn tracks(&self) -> bool {
        self.inputs.is_some()
    }

    fn origin(&self, _: &dyn Feed<In>) -> Origin {
        let made_of = self.inputs.iter().flat_map(|inputs| inputs.of(self.stage.made_of()));
        Origin::Result(made_of.collect())
    }

    fn remake(
        &self,
        origin: &Origin,
        samples: &mut dyn Iterator<Item = In>,
    ) -> Result<S::Out, Fault> {
        let Origin::Result(inputs) = origin else {
            return Err(Fault::new("a result is held, not a sample"));
        };
        let inputs = inputs.iter().map(|input| self.before.remake(input, samples));
        let inputs = inputs.collect::<Result<_, _>>()?;
        caught(|| self.stage.remake(inputs)).unwrap_or_else(Err)
    }

    fn inputs(&self) -> u64 {
        self.before.inputs().saturating_mul(self.stage.inputs().max(1))
    }

    fn len_of(&self, samples: u64) -> Option<u64> {
        self.stage.len_of(self.before.len_of(samples)?)
    }

    fn describe(&self, description: &mut Description) {
        self.before.describe(description);
        description.push(self.stage.op());
    }

    fn check(&self) -> Result<()> {
        self.before.check()?;
        self.stage.check()
    }
}
