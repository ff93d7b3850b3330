//! Runs for an effect: on every backend, with workers that die, after a resume.

use std::io::Write as _;
use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::common::within;
use windrow::iterable::{from_iter, from_iterable};
use windrow::run::{Indices, Outcome, Report, RunConfig, run_recipe};
use windrow::sink::{Partition, Sink, Writer};
use windrow::{
    Backend, BoxError, Dataset, Error, Fault, Reducer, Result, WorkerContext, range, run,
};

const LIMIT: Duration = Duration::from_secs(120);
pub const LEN: u64 = 40;

/// The indices without a sample.
pub const GAPS: Reducer<Vec<u64>> = Reducer::new("gaps");
/// The sum of a tenth of each index.
pub const SUM: Reducer<f64> = Reducer::new("sum");

/// A sink that writes the samples of a block to a file.
pub struct Lines {
    folder: PathBuf,
    block: u64,
}

pub struct File {
    path: PathBuf,
    text: String,
    is_killer: bool,
    is_hanging: bool,
}

impl Sink<u64> for Lines {
    type Output = String;
    type Writer<'a> = File;

    fn describe(&self) -> String {
        format!("lines in blocks of {}", self.block)
    }

    fn partition(&self, _: u64) -> Partition {
        NonZeroU64::new(self.block).map_or(Partition::Each, Partition::Blocks)
    }

    fn begin(&self, group: &[u64], len: u64) -> Result<File> {
        assert_eq!(len, LEN);
        let path = self.folder.join(format!("{:03}", group[0]));
        let is = |word| self.folder.join(word).exists();
        if group[0] == 7 && is("finish kills") {
            let begun =
                std::fs::File::options().append(true).open(self.folder.join("finish kills"));
            writeln!(begun?, "begun")?;
        }
        let (is_killer, is_hanging) = (is("killer"), is("hanging"));
        Ok(File { path, text: String::new(), is_killer, is_hanging })
    }
}

impl Writer<u64> for File {
    type Output = String;

    fn write(&mut self, index: u64, sample: u64) -> Result<String, BoxError> {
        if self.is_killer && (index == 7 || index == 9) {
            std::process::abort();
        }
        if index == 9 && std::fs::remove_file(self.path.with_file_name("kills once")).is_ok() {
            std::process::abort();
        }
        if self.is_hanging && index == 11 {
            std::thread::sleep(Duration::from_secs(600));
        }
        self.text += &format!("{index} {sample}\n");
        Ok(format!("line of {index}"))
    }

    fn finish(self) -> Result<(), BoxError> {
        if self.path.ends_with("007") && self.path.with_file_name("finish kills").exists() {
            std::process::abort();
        }
        let mut file = std::fs::File::create(self.path.with_extension("new"))?;
        file.write_all(self.text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(self.path.with_extension("new"), &self.path)?;
        Ok(())
    }
}

fn lines(
    (folder, block): (PathBuf, u64),
    _: &WorkerContext,
) -> Result<(impl Dataset<Sample = u64> + Send + Sync + use<>, Lines)> {
    let broken = folder.join("broken");
    let has_sample = |x: &u64| {
        if x % 10 == 4 {
            GAPS.add(vec![*x]);
        }
        x % 10 != 4
    };
    let dataset = range(0..LEN).filter(has_sample).try_map(move |x| {
        SUM.add(x as f64 * 0.1);
        match x {
            5 if broken.exists() => Err(Fault::new("five")),
            x => Ok(x * x),
        }
    });
    Ok((dataset, Lines { folder, block }))
}

/// What each group leaves behind, name by name.
fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    let text = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, std::fs::read_to_string(entry.path()).unwrap())
    };
    let mut files: Vec<_> =
        entries.filter(|entry| entry.file_name() != "record").map(text).collect();
    files.sort();
    files
}

fn outcomes(report: &Report<String>) -> Vec<(u64, Outcome<String>)> {
    report.outcomes().map(|(index, outcome)| (index, outcome.clone())).collect()
}

pub fn go(folder: &Path, block: u64, config: RunConfig) -> Result<Report<String>> {
    run_recipe(lines, (folder.to_path_buf(), block), config)
}

pub fn configs() -> [RunConfig; 4] {
    [(Backend::Inline, 1), (Backend::Threads, 3), (Backend::Processes, 1), (Backend::Processes, 3)]
        .map(|(backend, workers)| RunConfig::new().backend(backend).workers(workers))
}

#[test]
fn every_backend_writes_the_same_files_and_returns_results_in_order() {
    within(LIMIT, || {
        for block in [1, 7] {
            let mut all = Vec::new();
            for config in configs() {
                let folder = tempfile::tempdir().unwrap();
                std::fs::write(folder.path().join("broken"), "").unwrap();
                let report = go(folder.path(), block, config.max_samples_per_worker(15)).unwrap();
                let progress = report.progress();
                assert_eq!((progress.total, progress.done, progress.open()), (LEN, LEN, 0));
                assert_eq!((progress.gaps, progress.failed), (4, 1));
                all.push((files(folder.path()), outcomes(&report)));
            }
            assert!(all.iter().all(|one| *one == all[0]));
            let (files, outcomes) = &all[0];
            assert_eq!(outcomes.len() as u64, LEN);
            assert!(outcomes.is_sorted_by_key(|(index, _)| *index));
            assert_eq!(outcomes[4].1, Outcome::Gap);
            assert_eq!(outcomes[6].1, Outcome::Done("line of 6".into()));
            let Outcome::Failed(fault) = &outcomes[5].1 else { panic!() };
            assert_eq!(fault.to_string(), "try_map of index 5: five");
            // Besides the file that breaks index 5.
            assert_eq!(files.len() as u64 - 1, LEN.div_ceil(block));
        }
    });
}

#[test]
fn an_index_that_kills_its_workers_fails_and_its_group_is_written_without_it() {
    within(LIMIT, || {
        for (block, others) in [(1, None), (7, Some("8 64\n10 100\n11 121\n12 144\n13 169\n"))] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("killer"), "").unwrap();
            let config = RunConfig::new().backend(Backend::Processes).workers(2);
            let report = go(folder.path(), block, config).unwrap();
            let failed: Vec<u64> = report.failures().map(|(index, _)| index).collect();
            assert_eq!(failed, [7, 9]);
            for (_, fault) in report.failures() {
                assert!(fault.message().starts_with("lost its worker 2 time(s): "), "{fault}");
            }
            assert_eq!(report.progress().done, LEN);
            if let Some(others) = others {
                let text = std::fs::read_to_string(folder.path().join("008")).unwrap();
                assert_eq!(text, others);
            }
        }
    });
}

#[test]
fn a_finish_that_kills_its_workers_fails_its_group_at_once() {
    within(LIMIT, || {
        for (block, group) in [(1, 7..8), (7, 7..14)] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("finish kills"), "").unwrap();
            let config = RunConfig::new().backend(Backend::Processes).workers(2);
            let report = go(folder.path(), block, config).unwrap();
            let failed: Vec<u64> = report.failures().map(|(index, _)| index).collect();
            assert_eq!(failed, group.collect::<Vec<_>>());
            for (_, fault) in report.failures() {
                assert!(fault.message().starts_with("lost its worker 2 time(s): "), "{fault}");
            }
            assert_eq!(report.progress().done, LEN);
            // No index of the group is blamed, and left out, one after another.
            let begun = std::fs::read_to_string(folder.path().join("finish kills")).unwrap();
            assert_eq!(begun, "begun\nbegun\n");
        }
    });
}

#[test]
fn a_stopped_run_goes_on_and_failures_are_retried_when_asked() {
    within(LIMIT, || {
        for config in configs() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().to_path_buf();
            std::fs::write(path.join("broken"), "").unwrap();
            let record = path.join("record");
            let first = config.record(&record).on_progress(|progress| match progress.done {
                0..6 => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            });
            let report = go(&path, 3, first).unwrap();
            let before = report.progress().clone();
            assert!((6..LEN).contains(&before.done), "{before:?}");
            assert_eq!(report.outcomes().count() as u64, before.done);

            let rest = || RunConfig::new().backend(Backend::Threads).workers(2).record(&record);
            let report = go(&path, 3, rest()).unwrap();
            assert_eq!(report.progress().done_before, before.done);
            assert_eq!(report.progress().done, LEN - before.done);
            assert_eq!(report.outcomes().count() as u64, LEN);
            assert_eq!(report.get(0), Some(&Outcome::Done("line of 0".into())));
            assert_eq!(report.failures().map(|(index, _)| index).collect::<Vec<_>>(), [5]);

            std::fs::remove_file(path.join("broken")).unwrap();
            let again = go(&path, 3, rest()).unwrap();
            assert_eq!((again.progress().done, again.failures().count()), (0, 1));
            let again = go(&path, 3, rest().retry_failed()).unwrap();
            assert_eq!((again.progress().done, again.failures().count()), (3, 0));

            let whole = tempfile::tempdir().unwrap();
            go(whole.path(), 3, RunConfig::new().workers(0)).unwrap();
            assert_eq!(files(&path), files(whole.path()));

            let other = go(&path, 4, rest()).unwrap_err().to_string();
            assert!(other.contains("\"lines in blocks of 3\""), "{other}");
            assert!(other.contains("\"lines in blocks of 4\""), "{other}");
        }
    });
}

#[test]
fn a_subset_writes_its_own_indices_of_each_group() {
    within(LIMIT, || {
        for config in configs() {
            let folder = tempfile::tempdir().unwrap();
            let some = Indices::Some(vec![12, 3, 30, 4, 13, 3]);
            let report = go(folder.path(), 7, config.indices(some)).unwrap();
            let done: Vec<u64> = report.outcomes().map(|(index, _)| index).collect();
            assert_eq!(done, [3, 4, 12, 13, 30]);
            let expected = [("003", "3 9\n"), ("012", "12 144\n13 169\n"), ("030", "30 900\n")];
            let expected: Vec<_> =
                expected.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
            assert_eq!(files(folder.path()), expected);
        }
    });
}

#[test]
fn a_record_of_a_part_serves_the_whole_which_writes_the_groups_of_the_part_again() {
    within(LIMIT, || {
        let folder = tempfile::tempdir().unwrap();
        let config = || RunConfig::new().workers(0).record(folder.path().join("record"));
        let some = |indices: &[u64]| config().indices(Indices::Some(indices.to_vec()));
        // Index 3 is in another group than the block of 35 to 39, which is whole.
        let part = go(folder.path(), 7, some(&[3, 35, 36, 37, 38, 39])).unwrap();
        assert_eq!(part.progress().done, 6);
        let whole = go(folder.path(), 7, config()).unwrap();
        assert_eq!((whole.progress().done_before, whole.progress().done), (5, LEN - 5));
        assert_eq!(whole.outcomes().count() as u64, LEN);
        let part = go(folder.path(), 7, some(&[3, 8])).unwrap();
        assert_eq!((part.progress().done_before, part.progress().done), (2, 0));
    });
}

#[test]
fn a_part_of_a_group_never_replaces_the_part_that_a_record_has() {
    within(LIMIT, || {
        let folder = tempfile::tempdir().unwrap();
        let config = || RunConfig::new().workers(0).record(folder.path().join("record"));
        let some = |indices: &[u64]| config().indices(Indices::Some(indices.to_vec()));
        go(folder.path(), 7, some(&[3, 9])).unwrap();
        let before = files(folder.path());
        let refused = go(folder.path(), 7, some(&[4, 5, 20])).unwrap_err().to_string();
        assert!(refused.contains("index 4 without index 3"), "{refused}");
        assert_eq!(files(folder.path()), before);
        assert_eq!(go(folder.path(), 7, some(&[20, 21])).unwrap().progress().done, 2);
        go(folder.path(), 7, some(&[0, 1, 2, 3, 4, 5, 6])).unwrap();
    });
}

#[test]
fn an_index_past_its_time_limit_fails_and_says_what_to_do() {
    within(LIMIT, || {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("hanging"), "").unwrap();
        let config = RunConfig::new().backend(Backend::Processes).workers(2);
        let limit = Duration::from_millis(200);
        let report = go(folder.path(), 1, config.sample_timeout(limit).max_losses(1)).unwrap();
        let failed: Vec<String> =
            report.failures().map(|(index, fault)| format!("{index}: {fault}")).collect();
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert!(failed[0].starts_with("11: lost its worker 1 time(s): killed by windrow after"));
        assert!(failed[0].ends_with("raise sample_timeout if this index is only slow"));
    });
}

#[test]
fn the_progress_is_told_until_the_end() {
    within(LIMIT, || {
        for config in configs() {
            let folder = tempfile::tempdir().unwrap();
            let (sender, calls) = std::sync::mpsc::channel();
            let told = move |progress: &windrow::run::Progress| {
                assert_eq!(progress.total, LEN);
                sender.send(progress.clone()).unwrap();
                ControlFlow::Continue(())
            };
            let report = go(folder.path(), 1, config.on_progress(told)).unwrap();
            let calls: Vec<windrow::run::Progress> = calls.iter().collect();
            assert!(calls.is_sorted_by_key(|progress| progress.done));
            assert_eq!(calls.last(), Some(report.progress()));
            assert!(report.progress().rate().is_some_and(|rate| rate > 0.0));
            assert_eq!(report.progress().remaining(), Some(Duration::ZERO));
        }
    });
}

#[test]
fn what_cannot_run_is_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let sink = || Lines { folder: folder.path().into(), block: 1 };
    let text = |result: Result<Report<String>>| match result {
        Err(error @ (Error::Unsupported { .. } | Error::Setting { .. })) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let staged = range(0..LEN).ordered().limit(3);
    assert!(text(run(staged, sink(), RunConfig::new())).contains("pipeline with stages"));
    let endless = from_iterable(from_iter(|| 0..5u64));
    assert!(text(run(endless, sink(), RunConfig::new())).contains("source without a length"));
    let processes = RunConfig::new().backend(Backend::Processes);
    assert!(text(run(range(0..LEN), sink(), processes)).contains("call run_recipe"));
    let some = RunConfig::new().indices(Indices::Some(vec![1, 40]));
    assert!(text(run(range(0..LEN), sink(), some)).contains("indices below 40"));
    let small = RunConfig::new().max_result_bytes(500);
    assert!(text(run(range(0..LEN), sink(), small)).contains("max_result_bytes is 500"));
    let crossing =
        RunConfig::new().keep_together(Partition::Blocks(NonZeroU64::new(2).unwrap())).strict();
    let crossed = run(range(0..LEN), Lines { folder: folder.path().into(), block: 3 }, crossing);
    assert!(text(crossed).contains("a group of 6 indices from index 0 on"));
}
