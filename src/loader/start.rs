//! Where a stream starts: its plan, and what a state says.

use super::batch::Point;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::order::{Description, Op, Plan, State};
use crate::stage::Stages;

/// Checks a pipeline and makes its plan.
pub(super) fn plan<D: Dataset, S: Stages<D::Sample>>(dataset: &D, stages: &S) -> Result<Plan> {
    dataset.check()?;
    stages.check()?;
    let mut description = Description::default();
    dataset.describe(&mut description);
    let mut ordered = Description::default();
    stages.describe(&mut ordered);
    if !ordered.is_empty() {
        description.push(Op::new("ordered"));
        description.append(ordered);
    }
    Ok(Plan::new(dataset.len(), description))
}

/// Where a state says to go on, with the stages put there.
pub(super) fn resume<T, S: Stages<T>>(
    plan: &Plan,
    stages: &mut S,
    state: &State,
    digest: bool,
) -> Result<Point> {
    let mark = plan.resume(state)?;
    let mut cursors = mark.cursors.iter().cloned();
    let results = stages.restore(&mut cursors, mark.position)?;
    if cursors.next().is_some() {
        return Err(Error::State { why: "it has cursors of more stages than the pipeline".into() });
    }
    if state.batches() > results {
        let (batches, position) = (state.batches(), mark.position);
        let why = format!(
            "its {batches} batches are more than the {results} that can come of {position} positions"
        );
        return Err(Error::State { why });
    }
    if digest && state.digest().is_none() {
        return Err(Error::Mismatch {
            field: "digest".into(),
            saved: "off".into(),
            current: "on".into(),
        });
    }
    Ok(Point { mark, batches: state.batches(), digest: state.digest().filter(|_| digest) })
}
