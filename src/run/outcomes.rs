//! The outcomes of a run so far: in memory, and in the record.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::config::RunConfig;
use super::groups::Layout;
use super::parts::{Key, Parts};
use super::progress::Progress;
use super::record::{Group, Header, Record, Stored};
use super::report::{Outcome, Report};
use super::work::Made;
use crate::dataset::reduce::Key as Reducing;
use crate::dataset::{SampleResult, caught};
use crate::error::{Error, Fault, Result};

/// The bytes of memory that an index takes besides its result.
const ENTRY_BYTES: u64 = 64;

/// The outcomes so far.
#[derive(Debug)]
pub(super) struct Outcomes<O> {
    /// The outcome of each index, with its bytes.
    outcomes: BTreeMap<u64, (Outcome<O>, u64)>,
    /// The values that samples added to reducers, encoded; none for most samples.
    added: BTreeMap<u64, Vec<u8>>,
    record: Option<Record>,
    bytes: u64,
    bytes_max: u64,
    pub(super) progress: Progress,
}

impl<O: Serialize + DeserializeOwned> Outcomes<O> {
    /// Opens the record and returns the outcomes of earlier runs, with the groups that need no work.
    ///
    /// A group of the sink is written whole. So the record must have no result of a group that this
    /// run writes again without the result's index.
    pub(super) fn open(
        config: &RunConfig,
        header: &Header,
        layout: &Layout,
        sink: &Parts,
    ) -> Result<(Self, BTreeSet<u64>)> {
        let mut this = Self {
            outcomes: BTreeMap::new(),
            added: BTreeMap::new(),
            record: None,
            bytes: 0,
            bytes_max: config.result_bytes,
            progress: Progress { total: layout.len(), ..Progress::default() },
        };
        let Some(path) = &config.record else { return Ok((this, BTreeSet::new())) };
        let mut outside: BTreeMap<Key, BTreeSet<u64>> = BTreeMap::new();
        let record = Record::open(path, header, |group| {
            for (index, stored, added) in group {
                if layout.group_of(index).is_none() {
                    match (sink.key(index), stored) {
                        (Key::Alone(_), _) => {}
                        (key, Stored::Done(_)) => _ = outside.entry(key).or_default().insert(index),
                        (key, _) => {
                            outside.entry(key).and_modify(|indices| _ = indices.remove(&index));
                        }
                    }
                    continue;
                }
                let (outcome, bytes) = match stored {
                    Stored::Gap => (Outcome::Gap, 0),
                    Stored::Failed(fault) => {
                        let bytes = fault.to_string().len();
                        (Outcome::Failed(fault), bytes)
                    }
                    Stored::Open => {
                        this.forget(index);
                        continue;
                    }
                    Stored::Done(bytes) => {
                        (Outcome::Done(decoded(&bytes, path, index)?), bytes.len())
                    }
                };
                this.put(index, outcome, bytes as u64, added)?;
            }
            Ok(())
        })?;
        this.record = Some(record);
        let (settled, reopened) = this.settle(layout, config.retry_failed);
        outside.retain(|_, indices| !indices.is_empty());
        // Without an index outside, which is the rule, nothing is looked up.
        let groups = if outside.is_empty() { 0 } else { layout.groups() };
        let open = (0..groups).filter(|group| !settled.contains(group));
        let lost = |index: u64| Some((index, *outside.get(&sink.key(index))?.first()?));
        let mut open = open.flat_map(|group| layout.positions(group)).map(|at| layout.index(at));
        match open.find_map(lost) {
            None => {
                this.reopen(reopened)?;
                Ok((this, settled))
            }
            Some((index, lost)) => Err(Error::Setting {
                name: "indices".into(),
                value: format!("index {index} without index {lost}"),
                allowed:
                    "all indices of a group of the sink, since the record has a result of the \
                          group; add the missing indices, or name another record and folder"
                        .into(),
            }),
        }
    }

    /// Records, on the disk, that groups with these indices are written again. From now on, what an
    /// earlier run recorded of them may be replaced at any moment.
    fn reopen(&mut self, indices: Vec<u64>) -> Result<()> {
        let group: Group =
            indices.into_iter().map(|index| (index, Stored::Open, Vec::new())).collect();
        match &mut self.record {
            Some(record) if !group.is_empty() => {
                record.append(&group)?;
                record.sync()
            }
            _ => Ok(()),
        }
    }

    /// Forgets the outcome of an index.
    fn forget(&mut self, index: u64) {
        self.added.remove(&index);
        if let Some((_, bytes)) = self.outcomes.remove(&index) {
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    /// Returns the groups whose indices all have an outcome. Forgets and returns the recorded
    /// indices of other groups.
    fn settle(&mut self, layout: &Layout, retry_failed: bool) -> (BTreeSet<u64>, Vec<u64>) {
        let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
        for (&index, (outcome, _)) in &self.outcomes {
            let is_open = retry_failed && matches!(outcome, Outcome::Failed(_));
            if let Some(group) = layout.group_of(index).filter(|_| !is_open) {
                *counts.entry(group).or_default() += 1;
            }
        }
        counts.retain(|&group, count| {
            let positions = layout.positions(group);
            positions.end - positions.start == *count
        });
        let settled: BTreeSet<u64> = counts.into_keys().collect();
        let is_open =
            |index: &u64| !layout.group_of(*index).is_some_and(|group| settled.contains(&group));
        let reopened: Vec<u64> = self.outcomes.keys().copied().filter(is_open).collect();
        reopened.iter().for_each(|index| self.forget(*index));
        self.progress.done_before = self.outcomes.len() as u64;
        let failed = |(outcome, _): &&(Outcome<O>, u64)| matches!(outcome, Outcome::Failed(_));
        self.progress.failed_before = self.outcomes.values().filter(failed).count() as u64;
        (settled, reopened)
    }

    /// Records the outcomes of a group, whose effects are durable.
    pub(super) fn add(&mut self, group: Vec<(u64, SampleResult<Made<O>>)>) -> Result<()> {
        let mut stored: Group = Vec::with_capacity(group.len());
        for (index, result) in group {
            let (output, mut added) = match result {
                Ok(made) => {
                    made.map_or((Ok(None), Vec::new()), |made| (Ok(made.output), made.added))
                }
                Err(fault) => (Err(fault), Vec::new()),
            };
            let is_recorded = self.record.is_some();
            let done = output.and_then(|output| match output {
                Some(output) => encoded(&output, is_recorded).map(|bytes| Some((output, bytes))),
                None => Ok(None),
            });
            let (outcome, kept, bytes) = match done {
                Ok(None) => (Outcome::Gap, Stored::Gap, 0),
                Ok(Some((output, encoded))) => {
                    let bytes = encoded.len();
                    (Outcome::Done(output), Stored::Done(encoded), bytes)
                }
                Err(fault) => {
                    added.clear();
                    let bytes = fault.to_string().len();
                    (Outcome::Failed(fault.clone()), Stored::Failed(fault), bytes)
                }
            };
            self.progress.done += 1;
            self.progress.gaps += u64::from(matches!(outcome, Outcome::Gap));
            self.progress.failed += u64::from(matches!(outcome, Outcome::Failed(_)));
            if is_recorded {
                stored.push((index, kept, added.clone()));
            }
            self.put(index, outcome, bytes as u64, added)?;
        }
        self.record.as_mut().map_or(Ok(()), |record| record.append(&stored))
    }

    fn put(&mut self, index: u64, outcome: Outcome<O>, bytes: u64, added: Vec<u8>) -> Result<()> {
        self.forget(index);
        let mut bytes = bytes.saturating_add(ENTRY_BYTES);
        if !added.is_empty() {
            bytes = bytes.saturating_add(added.len() as u64).saturating_add(ENTRY_BYTES);
            self.added.insert(index, added);
        }
        self.outcomes.insert(index, (outcome, bytes));
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes <= self.bytes_max {
            return Ok(());
        }
        Err(Error::Setting {
            name: "max_result_bytes".into(),
            value: self.bytes_max.to_string(),
            allowed: format!(
                "at least {}, the bytes of the results up to index {index}; return shorter values \
                 from the sink, or raise the limit",
                self.bytes
            ),
        })
    }

    /// Waits until the disk has the record.
    pub(super) fn sync(&mut self) -> Result<()> {
        self.record.as_mut().map_or(Ok(()), Record::sync)
    }

    /// Lets the disk have outcomes that were recorded a second ago.
    pub(super) fn tick(&mut self) -> Result<()> {
        self.record.as_mut().map_or(Ok(()), Record::tick)
    }

    /// Returns the report of a run that collects these reducers.
    pub(super) fn report(self, reducers: Vec<Reducing>) -> Report<O> {
        let outcomes = self.outcomes.into_iter().map(|(index, (outcome, _))| (index, outcome));
        Report {
            outcomes: outcomes.collect(),
            added: self.added,
            reducers,
            progress: self.progress,
        }
    }
}

/// Returns the encoded result. With `is_read_back`, a result that cannot be decoded is a fault too.
fn encoded<O: Serialize + DeserializeOwned>(
    output: &O,
    is_read_back: bool,
) -> Result<Vec<u8>, Fault> {
    let wrong = |what: &str, why: String| Fault::new(format!("the result cannot be {what}: {why}"));
    let bytes =
        caught(|| postcard::to_stdvec(output))?.map_err(|why| wrong("encoded", why.to_string()))?;
    if is_read_back {
        let back = caught(|| postcard::from_bytes::<O>(&bytes))?;
        back.map_err(|why| wrong("decoded", why.to_string()))?;
    }
    Ok(bytes)
}

/// Decodes a result of the record.
fn decoded<O: DeserializeOwned>(bytes: &[u8], path: &std::path::Path, index: u64) -> Result<O> {
    let read =
        caught(|| postcard::from_bytes(bytes)).map(|read| read.map_err(|why| why.to_string()));
    let why = match read {
        Ok(Ok(output)) => return Ok(output),
        Ok(Err(why)) => why,
        Err(fault) => fault.to_string(),
    };
    Err(Error::Format {
        name: path.display().to_string(),
        offset: None,
        why: format!(
            "the recorded result of index {index} cannot be decoded: {why}; run the sink that wrote \
             the record, or name another record"
        ),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::sink::Partition;

    /// Opens the outcomes of a run over four indices in groups of two.
    fn open(record: &Path, config: RunConfig) -> (Outcomes<u64>, BTreeSet<u64>) {
        let pairs = Partition::Blocks(2.try_into().unwrap());
        let layout = Layout::new(4, None, &Partition::Each, &pairs, false).unwrap();
        let (pipeline, sink) = ("pipeline".into(), "sink".into());
        let header = Header { pipeline, sink, len: 4, reducers: vec!["sum".into()] };
        let parts = Parts::new(&pairs, 4).unwrap();
        Outcomes::open(&config.record(record), &header, &layout, &parts).unwrap()
    }

    fn done(index: u64, output: u64) -> (u64, SampleResult<Made<u64>>) {
        (index, Ok(Some(Made { output: Some(output), added: vec![0, 1, output as u8] })))
    }

    fn indices(outcomes: &Outcomes<u64>) -> Vec<u64> {
        outcomes.outcomes.keys().copied().collect()
    }

    #[test]
    fn a_run_that_is_killed_while_it_writes_a_group_again_claims_nothing_of_the_group() {
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("record");
        let (mut first, settled) = open(&record, RunConfig::new());
        assert!(settled.is_empty());
        first.add(vec![done(0, 5), (1, Err(Fault::new("no")))]).unwrap();
        first.add(vec![done(2, 6), done(3, 7)]).unwrap();
        drop(first);

        // The sink replaces the file of the first group, and the run is killed before it records
        // the group.
        let (retried, settled) = open(&record, RunConfig::new().retry_failed());
        assert_eq!((indices(&retried), settled), (vec![2, 3], [1].into()));
        drop(retried);

        let (mut last, settled) = open(&record, RunConfig::new());
        assert_eq!((indices(&last), settled), (vec![2, 3], [1].into()));
        assert_eq!(last.added.keys().copied().collect::<Vec<_>>(), [2, 3]);
        last.add(vec![done(0, 8), done(1, 9)]).unwrap();
        let before = last.bytes;
        drop(last);
        let (whole, settled) = open(&record, RunConfig::new());
        assert_eq!((whole.bytes, settled), (before, [0, 1].into()));
        assert_eq!(whole.added[&0], [0, 1, 8]);
        let report = whole.report(Vec::new());
        let results: Vec<u64> = report.results().map(|(_, result)| *result).collect();
        assert_eq!(results, [8, 9, 6, 7]);
    }
}
