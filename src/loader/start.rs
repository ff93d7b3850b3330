//! The start of a stream: its plan, and the place that a state names.

use super::batch::Point;
use crate::backend::log;
use crate::dataset::{Dataset, PipelineTree};
use crate::error::{Error, Result};
use crate::order::{Cursor, Description, Epochs, Op, Plan, State};
use crate::stage::Stages;

/// Checks a pipeline and makes its plan.
pub(crate) fn plan<D: Dataset, S: Stages<D::Sample>>(dataset: &D, stages: &S) -> Result<Plan> {
    dataset.check()?;
    stages.check()?;
    stages.element_spec(&dataset.element_spec())?;
    let mut description = Description::default();
    dataset.describe(&mut description);
    let mut ordered = Description::default();
    stages.describe(&mut ordered)?;
    if !ordered.is_empty() {
        description.push(Op::new("ordered"));
        description.append(ordered);
    }
    Ok(Plan::new(dataset.len(), description))
}

/// Returns the tree of a pipeline that has been checked.
pub(super) fn tree<D: Dataset, S: Stages<D::Sample>>(
    dataset: &D,
    stages: &S,
    description: &Description,
) -> Result<PipelineTree> {
    let mut ops = description.ops().iter().cloned();
    let below = dataset.tree(&mut ops);
    ops.next(); // `ordered`, if there are stages
    stages.tree(below, &mut ops)
}

/// Returns the place that a state names, and moves the stages there.
pub(super) fn resume<T, S: Stages<T>>(
    plan: &Plan,
    stages: &mut S,
    state: &State,
    epochs: Epochs,
    digest: bool,
) -> Result<Point> {
    let wrong = |why: String| Err(Error::State { why });
    let mark = plan.resume(state, epochs)?;
    let an_epoch = stages.len_of(plan.len())?.unwrap_or(u64::MAX);
    let mut cursors = mark.stages.iter().cloned();
    let samples = mark.position - plan.start_of(mark.epoch);
    if mark.epoch > 0 {
        stages.reset(mark.epoch)?;
    }
    let results = stages.restore(&mut cursors, samples)?;
    if cursors.next().is_some() {
        return wrong(
            "it has cursors of more stages than the pipeline; resume the pipeline that saved it"
                .into(),
        );
    }
    let (batches, epoch_batches) = (state.batches(), state.epoch_batches());
    let most = an_epoch.saturating_mul(mark.epoch).saturating_add(epoch_batches);
    for (what, batches, results) in
        [("batches in its epoch", epoch_batches, results), ("batches", batches, most)]
    {
        if batches > results {
            let position = mark.position;
            return wrong(format!(
                "its {batches} {what} are more than the {results} possible before position {position}; resume from an undamaged state"
            ));
        }
    }
    let held = mark.stages.iter().flat_map(Cursor::positions);
    if let Some(first) = held.min().filter(|_| stages.keeps_order())
        && let Some(most) = stages.len_of(first - plan.start_of(mark.epoch))?
        && epoch_batches > most
    {
        return wrong(format!(
            "a stage holds position {first}, which one of its {epoch_batches} batches already contains; resume from an undamaged state"
        ));
    }
    if batches < epoch_batches {
        return wrong(format!(
            "its {batches} batches are fewer than the {epoch_batches} of its epoch; resume from an undamaged state"
        ));
    }
    if digest && state.digest().is_none() {
        return Err(Error::Mismatch {
            field: "digest".into(),
            saved: "off".into(),
            current: "on".into(),
        });
    }
    let digest = state.digest().filter(|_| digest);
    Ok(Point { mark, batches, epoch_batches, digest })
}

/// Warns if the loader gives no batch: the pipeline has no samples, or the resumed run has ended.
pub(super) fn warn_of_no_batch(plan: &Plan, resumed: bool, ended: bool, epochs: Epochs) {
    let why = if plan.is_empty() {
        "the pipeline has no samples, so the loader gives no batch; check the source and its slices"
            .into()
    } else if resumed && ended {
        format!(
            "the state is at the end of epoch {epochs} of {epochs}; set epochs to a larger number to continue"
        )
    } else {
        return;
    };
    log::warn("loader", || why);
}
