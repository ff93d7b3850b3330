//! A stage after other stages, and the data for a resume: the inputs held back, or the anchor.

mod polling;

use super::chain::wrong;
use super::guarded::Guarded;
use super::inputs::{Inputs, out_of_order};
use super::{Feed, Stage, Stages, Step};
use crate::dataset::{ElementSpec, PipelineTree};
use crate::error::{Error, Fault, Result};
use crate::order::{Cursor, Description, Mark, Op, Origin, inputs_and_numbers, made_together};

/// A stage after other stages.
#[derive(Debug)]
pub struct Then<B, S> {
    before: B,
    stage: Guarded<S>,
    /// The origins of the inputs, if the stage tracks its inputs.
    inputs: Option<Inputs>,
    /// The mark to resume from while the stage holds something back, and the results since.
    anchor: Option<(Mark, u64)>,
    /// The mark before the input that the stage waits for, kept so that waiting leaves no trace.
    waiting: Option<Mark>,
    /// The number of results to drop after a resume, because the caller already has them.
    skip: u64,
    /// The number of inputs held back when the stage was last told of the end of the inputs.
    finished: Option<u64>,
}

impl<B, S> Then<B, S> {
    pub(crate) fn new<In>(before: B, stage: S) -> Self
    where
        B: Stages<In>,
        S: Stage<B::Out>,
    {
        let inputs = (before.tracks() && stage.tracks()).then(Inputs::default);
        let (anchor, waiting) = (None, None);
        let stage = Guarded::new(stage);
        Self { before, stage, inputs, anchor, waiting, skip: 0, finished: None }
    }

    /// Replaces the stage by another.
    pub(super) fn map_stage(self, change: impl FnOnce(S) -> S) -> Self {
        Self { stage: self.stage.map(change), ..self }
    }

    /// Returns the spec of the results, given that of the stage's own inputs.
    fn element_spec_of<In>(&self, inputs: &ElementSpec) -> Result<ElementSpec>
    where
        B: Stages<In>,
        S: Stage<B::Out>,
    {
        let spec = self.stage.ask("element_spec", |stage| stage.element_spec(inputs))?;
        spec.map_err(|why| {
            let mut before = Description::default();
            if let Err(error) = self.before.describe(&mut before) {
                return error;
            }
            let path = format!("stage {}, {}", before.len(), self.stage.name());
            Error::Spec { path, why }
        })
    }

    /// Returns the mark of a stage that tracks its inputs, or holds nothing back.
    fn mark_now<In>(&mut self, feed: &dyn Feed<In>) -> Result<Mark>
    where
        B: Stages<In>,
        S: Stage<B::Out>,
    {
        let mut mark = self.before.mark(feed)?;
        let mut cursor = Cursor::default();
        if let Some(inputs) = &mut self.inputs {
            let held = inputs.held(self.stage.ask("held", |stage| stage.held())?);
            cursor.held = held.map_err(|why| self.stage.broken("held", Fault::new(why)))?;
        }
        cursor.counters = self.stage.ask("counters", |stage| stage.counters())?;
        mark.stages.push(cursor);
        Ok(mark)
    }
}

impl<In, B: Stages<In>, S: Stage<B::Out>> Stages<In> for Then<B, S> {
    type Out = S::Out;

    fn poll(&mut self, feed: &mut dyn Feed<In>) -> Step<S::Out> {
        self.next_new(feed).unwrap_or_else(Step::Broken)
    }

    fn mark(&mut self, feed: &dyn Feed<In>) -> Result<Mark> {
        let (mut mark, given) = match (&self.anchor, &self.waiting) {
            (Some((mark, given)), _) => (mark.clone(), *given),
            (None, Some(mark)) => (mark.clone(), 0),
            (None, None) => (self.mark_now(feed)?, 0),
        };
        // While a resumed stage is still catching up, the results yet to be dropped count as given.
        if let Some(cursor) = mark.stages.last_mut() {
            cursor.given = given + self.skip;
        }
        Ok(mark)
    }

    fn warning(&mut self) -> Result<Option<String>> {
        let before = self.before.warning()?;
        if before.is_some() {
            return Ok(before);
        }
        self.stage.tell("warning", |stage| stage.warning())
    }

    fn reset(&mut self, epoch: u64) -> Result<()> {
        self.before.reset(epoch)?;
        self.stage.tell("reset", |stage| stage.reset(epoch))?;
        self.inputs = self.inputs.take().map(|_| Inputs::default());
        (self.anchor, self.waiting) = (None, None);
        (self.skip, self.finished) = (0, None);
        Ok(())
    }

    fn restore(&mut self, cursors: &mut dyn Iterator<Item = Cursor>, samples: u64) -> Result<u64> {
        let inputs = self.before.restore(cursors, samples)?;
        let name = self.stage.name();
        let wrong = |what: &str| wrong(&name, what);
        let cursor = cursors.next().ok_or_else(|| wrong("is missing"))?;
        match (&self.inputs, cursor.held.len(), cursor.given) {
            (Some(_), _, 1..) => {
                return Err(wrong("drops results, but the stage tracks its inputs"));
            }
            (None, 1.., _) => {
                return Err(wrong(
                    "names inputs held back, but the stage does not track its inputs",
                ));
            }
            (_, held, _) if held > inputs => {
                return Err(wrong(&format!("holds {held} inputs, but only {inputs} went in")));
            }
            _ => self.skip = cursor.given,
        }
        if self.keeps_order()
            && let Some(position) = out_of_order(&cursor)
        {
            return Err(wrong(&format!("holds position {position} out of order")));
        }
        let restored = self.stage.tell("restore", |stage| stage.restore(&cursor.counters))?;
        restored.ok_or_else(|| wrong("has counters that the stage refuses"))?;
        let results = self
            .stage
            .ask("results_of", |stage| stage.results_of(inputs))?
            .ok_or_else(|| wrong(&format!("has counters that do not fit {inputs} inputs")))?;
        Ok(results.saturating_add(cursor.given))
    }

    fn take_back(
        &mut self,
        cursors: &mut dyn Iterator<Item = Cursor>,
        samples: &mut dyn Iterator<Item = In>,
    ) -> Result<()> {
        self.before.take_back(cursors, samples)?;
        let name = self.stage.name();
        let cursor = cursors.next().ok_or_else(|| wrong(&name, "is missing"))?;
        let Some(tracked) = &mut self.inputs else { return Ok(()) };
        let held = cursor.held.to_vec();
        let inputs = self.before.remake(&held, samples);
        let inputs =
            inputs.map_err(|fault| wrong(&name, format_args!("cannot be restored: {fault}")))?;
        *tracked = Inputs::taken_back(held);
        let taken = self.stage.tell("take_back", |stage| stage.take_back(inputs))?;
        taken.ok_or_else(|| wrong(&name, "holds inputs that do not fit the counters"))
    }

    fn tracks(&self) -> bool {
        self.inputs.is_some()
    }

    fn keeps_order(&self) -> bool {
        self.before.keeps_order()
            && self.stage.ask("keeps_order", |stage| stage.keeps_order()).unwrap_or(false)
    }

    fn origin(&self, _: &dyn Feed<In>) -> Result<Origin> {
        let Some(inputs) = &self.inputs else { return Ok(Origin::Result([].into(), 0)) };
        let (made_of, number) =
            self.stage.ask("made_of", |stage| (stage.made_of(), stage.number()))?;
        inputs.of(made_of, number).map_err(|why| self.stage.broken("made_of", Fault::new(why)))
    }

    fn remake(
        &self,
        origins: &[Origin],
        samples: &mut dyn Iterator<Item = In>,
    ) -> Result<Vec<S::Out>, Fault> {
        let mut results = Vec::with_capacity(origins.len());
        for group in made_together(origins) {
            let Some((inputs, numbers)) = inputs_and_numbers(group) else {
                return Err(Fault::new("the state names a sample where the stage holds a result"));
            };
            let inputs = self.before.remake(inputs, samples)?;
            results.extend(self.stage.remake(inputs, &numbers)?);
        }
        Ok(results)
    }

    fn inputs(&self) -> Result<u64> {
        let inputs = self.stage.ask("inputs", |stage| stage.inputs())?;
        Ok(self.before.inputs()?.saturating_mul(inputs.max(1)))
    }

    fn len_of(&self, samples: u64) -> Result<Option<u64>> {
        let Some(inputs) = self.before.len_of(samples)? else { return Ok(None) };
        self.stage.ask("len_of", |stage| stage.len_of(inputs))
    }

    fn describe(&self, description: &mut Description) -> Result<()> {
        self.before.describe(description)?;
        description.push(self.stage.ask("op", |stage| stage.op())?);
        Ok(())
    }

    fn element_spec(&self, samples: &ElementSpec) -> Result<ElementSpec> {
        self.element_spec_of::<In>(&self.before.element_spec(samples)?)
    }

    fn tree(
        &self,
        dataset: PipelineTree,
        ops: &mut dyn Iterator<Item = Op>,
    ) -> Result<PipelineTree> {
        let below = self.before.tree(dataset, ops)?;
        let spec = self.element_spec_of::<In>(below.element_spec())?;
        let results = |inputs| self.stage.ask("len_of", |stage| stage.len_of(inputs));
        let len = below.samples().map(results).transpose()?.flatten();
        Ok(PipelineTree::of_stage(ops.next(), len, spec, below))
    }

    fn check(&self) -> Result<()> {
        self.before.check()?;
        self.stage.ask("check", |stage| stage.check())?
    }
}
