//! Runs whose indices and groups take more bytes than a frame.

use std::time::Duration;

use crate::common::{system, within};
use windrow::backend::StartMethod;
use windrow::run::{Indices, RunConfig, run_recipe};
use windrow::sink::{Partition, Sink, Writer};
use windrow::{Backend, BoxError, Dataset, Result, WorkerContext, range};

const LIMIT: Duration = Duration::from_secs(120);
const LEN: u64 = 1 << 60;

/// A sink with one group, which returns the samples.
struct Echo;

impl Sink<u64> for Echo {
    type Output = u64;
    type Writer<'a> = Self;

    fn describe(&self) -> String {
        "echo".into()
    }

    fn partition(&self, len: u64) -> Partition {
        len.try_into().map_or(Partition::Each, Partition::Blocks)
    }

    fn begin(&self, _: &[u64], _: u64) -> Result<Self> {
        Ok(Self)
    }
}

impl Writer<u64> for Echo {
    type Output = u64;

    fn write(&mut self, _: u64, sample: u64) -> Result<u64, BoxError> {
        Ok(sample)
    }

    fn finish(self) -> Result<(), BoxError> {
        Ok(())
    }
}

fn echo(
    end: u64,
    _: &WorkerContext,
) -> Result<(impl Dataset<Sample = u64> + Send + Sync + use<>, Echo)> {
    Ok((range(0..end), Echo))
}

/// Runs these indices in worker processes, and checks that each came back.
fn check(indices: Vec<u64>, config: RunConfig) {
    let config = config.backend(Backend::Processes).workers(1);
    let report = run_recipe(echo, LEN, config.indices(Indices::Some(indices.clone()))).unwrap();
    let done: Vec<u64> = report.results().map(|(_, sample)| *sample).collect();
    assert!(done == indices, "{} of {} results", done.len(), indices.len());
}

#[test]
fn scattered_indices_past_a_frame_reach_worker_processes() {
    // Each index takes 7 bytes: 6 for the distance, and 1 for the count.
    let indices: Vec<u64> = (0..170_000).map(|number| number << 42).collect();
    within(LIMIT, move || check(indices, RunConfig::new()));
}

#[test]
fn long_groups_of_the_source_reach_worker_processes_of_every_start_method() {
    // Each index takes 3 bytes in the list.
    let together = Partition::Groups(vec![(0..400_000).collect()]);
    within(LIMIT, move || {
        let methods = [StartMethod::Spawn, StartMethod::Forkserver];
        for method in &methods[..if system::SPLITS { 2 } else { 1 }] {
            let config = RunConfig::new().keep_together(together.clone()).start_method(*method);
            check(vec![0, 7, 1 << 20], config);
        }
    });
}
