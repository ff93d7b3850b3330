//! Reducers of runs: the same values on every backend, after kills, and after a resume.

use std::ops::ControlFlow;
use std::time::Duration;

use super::runs::{GAPS, LEN, SUM, configs, go};
use crate::common::within;
use windrow::run::{Report, RunConfig};
use windrow::{Backend, Reducer};

const LIMIT: Duration = Duration::from_secs(120);

/// Returns the bits of the sum, and the gaps.
fn values(report: &Report<String>) -> (u64, Vec<u64>) {
    (report.reduced(SUM).unwrap().to_bits(), report.reduced(GAPS).unwrap())
}

/// Returns the values of a run in which these indices fail.
fn expected(failed: &[u64]) -> (u64, Vec<u64>) {
    let (gaps, made): (Vec<u64>, Vec<u64>) = (0..LEN).partition(|x| x % 10 == 4);
    let made = made.into_iter().filter(|x| !failed.contains(x));
    (made.fold(0.0, |sum, x| sum + x as f64 * 0.1).to_bits(), gaps)
}

fn collecting(config: RunConfig) -> RunConfig {
    config.reduce(SUM).reduce(GAPS)
}

#[test]
fn every_backend_has_the_same_values_to_the_bit() {
    within(LIMIT, || {
        for block in [1, 7] {
            for config in configs() {
                let folder = tempfile::tempdir().unwrap();
                std::fs::write(folder.path().join("broken"), "").unwrap();
                let report = go(folder.path(), block, collecting(config).retries(1)).unwrap();
                assert_eq!(values(&report), expected(&[5]));
            }
        }
    });
}

#[test]
fn a_group_that_lost_its_worker_counts_once_and_an_index_that_kills_does_not() {
    within(LIMIT, || {
        for (kill, failed) in [("kills once", &[][..]), ("killer", &[7, 9])] {
            for block in [1, 7] {
                let folder = tempfile::tempdir().unwrap();
                std::fs::write(folder.path().join(kill), "").unwrap();
                let config = RunConfig::new().backend(Backend::Processes).workers(2);
                let report = go(folder.path(), block, collecting(config)).unwrap();
                assert_eq!(report.failures().map(|(index, _)| index).collect::<Vec<_>>(), failed);
                assert_eq!(values(&report), expected(failed));
                assert!(!folder.path().join("kills once").exists());
            }
        }
    });
}

#[test]
fn a_run_that_goes_on_has_the_values_of_the_record_and_a_retry_replaces_them() {
    within(LIMIT, || {
        for config in configs() {
            let folder = tempfile::tempdir().unwrap();
            let (path, record) = (folder.path(), folder.path().join("record"));
            std::fs::write(path.join("broken"), "").unwrap();
            let stop = |progress: &windrow::run::Progress| match progress.done {
                0..6 => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            };
            let stopped = collecting(config).record(&record).on_progress(stop);
            let report = go(path, 3, stopped).unwrap();
            assert!(report.progress().open() > 0);
            assert!(report.reduced(SUM).unwrap() < f64::from_bits(expected(&[5]).0));

            // The order of the settings is another one.
            let rest = || {
                let config = RunConfig::new().backend(Backend::Threads).workers(2);
                config.reduce(GAPS).reduce(SUM).record(&record)
            };
            assert_eq!(values(&go(path, 3, rest()).unwrap()), expected(&[5]));
            std::fs::remove_file(path.join("broken")).unwrap();
            let report = go(path, 3, rest().retry_failed()).unwrap();
            assert_eq!((report.progress().done, values(&report)), (3, expected(&[])));
            let report = go(path, 3, rest()).unwrap();
            assert_eq!((report.progress().done, values(&report)), (0, expected(&[])));

            let other = RunConfig::new().workers(0).reduce(SUM).record(&record);
            let text = go(path, 3, other).unwrap_err().to_string();
            assert!(text.contains(r#"["gaps", "sum"], this run collects ["sum"]"#), "{text}");
        }
    });
}

#[test]
fn what_is_not_collected_or_named_twice_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = || RunConfig::new().workers(0);
    let twice = go(folder.path(), 7, config().reduce(SUM).reduce(SUM)).unwrap_err().to_string();
    assert!(twice.contains("reduce is \"sum\" twice"), "{twice}");
    let report = go(folder.path(), 7, config().reduce(SUM)).unwrap();
    let absent = report.reduced(GAPS).unwrap_err().to_string();
    assert!(absent.contains("\"gaps\"") && absent.contains("RunConfig::reduce"), "{absent}");
    let other = report.reduced(Reducer::<u64>::new("sum")).unwrap_err().to_string();
    assert!(other.contains("\"sum\", a u64"), "{other}");
}
