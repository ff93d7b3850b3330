//! The work of a run in a worker: makes the samples of a group and gives them to the sink.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::groups::Layout;
use super::parts::{Key, Parts};
use crate::backend::Fill;
use crate::backend::encoding::Encoding;
use crate::backend::recipe::FillWire;
use crate::dataset::reduce::{Key as Reducing, Keys, gather};
use crate::dataset::wire::Wire;
use crate::dataset::{Dataset, SampleResult, caught, discard, fill};
use crate::error::{Fault, Result};
use crate::sink::{Partition, Sink, Writer};

/// What a worker names as its position while it finishes a group: no position.
const NO_POSITION: u64 = u64::MAX;

/// The order of a run, as worker processes receive it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    /// The indices of a run over a part of the pipeline.
    pub(super) some: Option<Runs>,
    pub(super) source: Partition,
    pub(super) retries: u32,
    /// The reducers whose values the run collects.
    pub(super) reducers: Vec<Reducing>,
    /// The positions that workers leave out, because their samples end workers.
    pub(super) left_out: BTreeSet<u64>,
}

/// What a worker returns for an index that did not fail.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Made<O> {
    /// The result of the sink; `None` for a gap.
    pub(super) output: Option<O>,
    /// The values that the sample added to reducers, encoded.
    pub(super) added: Vec<u8>,
}

/// Ascending indices as runs: the number of absent indices before each run, and its length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Runs(Vec<(u64, u64)>);

impl Runs {
    /// Packs ascending indices.
    pub(super) fn new(indices: &[u64]) -> Self {
        let (mut runs, mut next): (Vec<(u64, u64)>, u64) = (Vec::new(), 0);
        for &index in indices {
            match runs.last_mut() {
                Some((_, count)) if index == next => *count += 1,
                _ => runs.push((index - next, 1)),
            }
            next = index + 1;
        }
        Self(runs)
    }

    /// Returns the indices.
    pub(super) fn indices(&self) -> Vec<u64> {
        let mut next = 0;
        let run = |&(gap, count): &(u64, u64)| {
            let start = next + gap;
            next = start + count;
            start..next
        };
        self.0.iter().flat_map(run).collect()
    }
}

/// A pipeline's random-access part with a sink.
pub(super) struct GroupWork<D, K> {
    dataset: Arc<D>,
    sink: Arc<K>,
    /// The groups of the sink, whose writers take one group each.
    parts: Arc<Parts>,
    layout: Layout,
    reducers: Keys,
    order: Order,
}

/// The members of a sink's group in one task.
struct Members<W> {
    /// The indices with their places in the task.
    places: Vec<usize>,
    /// The number of indices still to come.
    left: usize,
    writer: Option<Result<W, Fault>>,
}

impl<D: Dataset, K: Sink<D::Sample>> GroupWork<D, K> {
    pub(super) fn new(dataset: Arc<D>, sink: Arc<K>, layout: Layout, order: Order) -> Result<Self> {
        let len = dataset.len();
        let parts = Arc::new(Parts::new(&sink.partition(len), len)?);
        let reducers = order.reducers.clone().into();
        Ok(Self { dataset, sink, parts, layout, reducers, order })
    }

    /// Returns the same work, which leaves out other positions.
    pub(super) fn leaving_out(&self, left_out: &BTreeSet<u64>) -> Self {
        Self {
            dataset: self.dataset.clone(),
            sink: self.sink.clone(),
            parts: self.parts.clone(),
            layout: self.layout.clone(),
            reducers: self.reducers.clone(),
            order: Order { left_out: left_out.clone(), ..self.order.clone() },
        }
    }

    /// Makes and writes the samples at these positions, which are one group. Calls `begin` before
    /// each position; returns `None` when `begin` returns false.
    ///
    /// Each result stands for an effect: the writers of all results have finished.
    fn write_group(
        &self,
        positions: Range<u64>,
        begin: &mut dyn FnMut(u64) -> bool,
    ) -> Option<Vec<SampleResult<Made<K::Output>>>> {
        let indices: Vec<u64> = positions.clone().map(|at| self.layout.index(at)).collect();
        let mut members: BTreeMap<Key, Members<K::Writer<'_>>> = BTreeMap::new();
        for (place, position) in positions.clone().enumerate() {
            if !self.order.left_out.contains(&position) {
                let empty = || Members { places: Vec::new(), left: 0, writer: None };
                let member = members.entry(self.parts.key(indices[place])).or_insert_with(empty);
                member.places.push(place);
                member.left += 1;
            }
        }
        let mut results: Vec<SampleResult<Made<K::Output>>> = Vec::with_capacity(indices.len());
        results.resize_with(indices.len(), || Err(Fault::new("its workers were lost")));
        for (place, position) in positions.enumerate() {
            if !begin(position) {
                // No writer finishes, so no effect shows.
                members.into_values().for_each(|member| discard(member.writer));
                results.into_iter().for_each(discard);
                return None;
            }
            let key = self.parts.key(indices[place]);
            let Some(member) = members.get_mut(&key) else { continue };
            if self.order.left_out.contains(&position) {
                continue;
            }
            let group = &member.places;
            let writer = member.writer.get_or_insert_with(|| self.open(group, &indices));
            results[place] = self.write(writer, indices[place]);
            member.left -= 1;
            if member.left == 0
                && let Some(member) = members.remove(&key)
            {
                // A worker that ends here is no fault of the last index. A stopped run finishes no
                // group.
                if !begin(NO_POSITION) {
                    discard(member.writer);
                    members.into_values().for_each(|member| discard(member.writer));
                    results.into_iter().for_each(discard);
                    return None;
                }
                finish(member, &mut results);
            }
        }
        Some(results)
    }

    /// Opens the writer of a sink's group.
    fn open(&self, places: &[usize], indices: &[u64]) -> Result<K::Writer<'_>, Fault> {
        let group: Vec<u64> = places.iter().map(|&place| indices[place]).collect();
        let opened = caught(|| self.sink.begin(&group, self.dataset.len()));
        opened.and_then(|opened| opened.map_err(Fault::other)).map_err(|fault| fault.by("the sink"))
    }

    /// Makes the sample of an index and writes it. What the sample adds to reducers counts if the
    /// write succeeds, and for a gap.
    fn write(
        &self,
        writer: &mut Result<K::Writer<'_>, Fault>,
        index: u64,
    ) -> SampleResult<Made<K::Output>> {
        let own = match writer {
            Ok(own) => own,
            Err(fault) => return Err(fault.clone()),
        };
        let make = || gather(&self.reducers, || fill(&*self.dataset, index));
        let (mut made, mut added) = make();
        for _ in 0..self.order.retries {
            if made.is_ok() {
                break;
            }
            (made, added) = make();
        }
        let Some(sample) = made? else { return Ok(Some(Made { output: None, added })) };
        match caught(|| own.write(index, sample)) {
            Ok(Ok(output)) => Ok(Some(Made { output: Some(output), added })),
            Ok(Err(error)) => Err(Fault::from(error).at("write", index)),
            Err(fault) => {
                // A panic may leave the writer half changed, so no result of the group counts.
                let fault = fault.at("write", index);
                discard(std::mem::replace(writer, Err(fault.clone())));
                Err(fault)
            }
        }
    }
}

/// Finishes a writer. If that fails, all results of its group do.
fn finish<S, W: Writer<S>>(member: Members<W>, results: &mut [SampleResult<Made<W::Output>>]) {
    let finished = match member.writer {
        Some(Ok(writer)) => caught(|| writer.finish()).and_then(|done| done.map_err(Fault::from)),
        Some(Err(fault)) => Err(fault),
        None => return,
    };
    let Err(fault) = finished else { return };
    let fault = fault.by("the sink");
    for place in member.places {
        if results[place].is_ok() {
            discard(std::mem::replace(&mut results[place], Err(fault.clone())));
        }
    }
}

impl<D, K> Fill<Made<K::Output>> for GroupWork<D, K>
where
    D: Dataset + Send + Sync,
    K: Sink<D::Sample> + Send + Sync,
{
    fn fill(&self, position: u64) -> SampleResult<Made<K::Output>> {
        let group = self.layout.group_of(self.layout.index(position));
        let is_alone = group.is_some_and(|group| {
            let positions = self.layout.positions(group);
            positions.end - positions.start == 1
        });
        if !is_alone {
            return Err(Fault::new("the backend does not run a task with windrow::backend::run"));
        }
        let results = self.write_group(position..position + 1, &mut |_| true);
        results.and_then(|mut results| results.pop()).unwrap_or(Ok(None))
    }

    fn is_together(&self) -> bool {
        true
    }

    fn fill_together(
        &self,
        positions: Range<u64>,
        begin: &mut dyn FnMut(u64) -> bool,
    ) -> Option<Vec<SampleResult<Made<K::Output>>>> {
        self.write_group(positions, begin)
    }
}

impl<D, K> FillWire for Encoding<GroupWork<D, K>>
where
    D: Dataset,
    K: Sink<D::Sample>,
    K::Output: Serialize + DeserializeOwned,
{
    fn fill(&self, _: u64, _: &Keys, _: &mut dyn FnMut()) -> (SampleResult<Wire>, Vec<u8>) {
        (Err(Fault::new("a run has groups only")), Vec::new())
    }

    fn is_together(&self) -> bool {
        true
    }

    fn fill_together(
        &self,
        positions: Range<u64>,
        begin: &mut dyn FnMut(u64) -> bool,
    ) -> Option<Vec<SampleResult<Wire>>> {
        let results = self.inner().write_group(positions, begin)?;
        let encoded = |result: SampleResult<Made<K::Output>>| match result? {
            Some(made) => self.encoded(made).map(Some).map_err(|fault| fault.by("the result")),
            None => Ok(None),
        };
        Some(results.into_iter().map(encoded).collect())
    }
}

#[cfg(test)]
mod tests;
