//! A run with a record, killed at random moments.

use std::io::{ErrorKind, Write as _};
use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::system::PATIENCE;
use windrow::order::Rng;
use windrow::run::{Report, RunConfig, run_recipe};
use windrow::sink::{Partition, Sink, Writer};
use windrow::{Backend, BoxError, Dataset, Result, WorkerContext, range};

const LEN: u64 = 360;
const BLOCK: u64 = 3;
const KILLS: u64 = 10;
const LIMIT: Duration = Duration::from_secs(120);

struct Blocks(PathBuf);

struct Block {
    path: PathBuf,
    text: String,
}

impl Sink<u64> for Blocks {
    type Output = u64;
    type Writer<'a> = Block;

    fn describe(&self) -> String {
        "blocks".into()
    }

    fn partition(&self, _: u64) -> Partition {
        NonZeroU64::new(BLOCK).map_or(Partition::Each, Partition::Blocks)
    }

    fn begin(&self, group: &[u64], _: u64) -> Result<Block> {
        Ok(Block { path: self.0.join(format!("{:03}", group[0] / BLOCK)), text: String::new() })
    }
}

impl Writer<u64> for Block {
    type Output = u64;

    fn write(&mut self, index: u64, sample: u64) -> Result<u64, BoxError> {
        self.text += &format!("{index} {sample}\n");
        Ok(sample + 1)
    }

    fn finish(self) -> Result<(), BoxError> {
        // Two workers may write a group at once: one of a killed run, and one of the next run.
        let temporary = self.path.with_extension(std::process::id().to_string());
        let mut file = std::fs::File::create(&temporary)?;
        file.write_all(self.text.as_bytes())?;
        file.sync_all()?;
        // Windows does not replace a file that another process has open.
        let refused = |error: &std::io::Error| error.kind() == ErrorKind::PermissionDenied;
        let begun = Instant::now();
        while let Err(error) = std::fs::rename(&temporary, &self.path) {
            if !refused(&error) || begun.elapsed() > LIMIT {
                return Err(error.into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

fn blocks(
    folder: PathBuf,
    _: &WorkerContext,
) -> Result<(impl Dataset<Sample = u64> + Send + Sync + use<>, Blocks)> {
    let slow = |x| {
        std::thread::sleep(Duration::from_millis(8));
        x * x
    };
    Ok((range(0..LEN).shuffle(5).map(slow), Blocks(folder)))
}

fn go(folder: &Path, record: &Path, config: RunConfig) -> Report<u64> {
    run_recipe(blocks, folder.to_path_buf(), config.record(record)).unwrap()
}

/// The program: runs until the end, unless killed.
pub fn play() {
    windrow::init();
    let folder = PathBuf::from(std::env::var("MARK").unwrap());
    let config = RunConfig::new().backend(Backend::Processes).workers(2);
    let report = go(&folder, &folder.join("record"), config);
    println!("{} results", report.results().count());
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .env("ROLE", "effects")
        .env("MARK", folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Returns the bytes of each group that is there.
fn groups(folder: &Path) -> Vec<Option<Vec<u8>>> {
    (0..LEN / BLOCK).map(|group| std::fs::read(folder.join(format!("{group:03}"))).ok()).collect()
}

/// Kills the program ten times, and compares what it leaves behind with a whole run.
pub fn killed_runs_claim_no_missing_effect_and_end_in_the_same_bytes() {
    let (whole, cut) = (folder(), folder());
    go(whole.path(), &whole.path().join("record"), RunConfig::new().workers(0));
    let expected = groups(whole.path());
    assert!(expected.iter().all(Option::is_some));

    let begun = Instant::now();
    let mut rng = Rng::keyed(std::process::id().into(), 0, 0, 0);
    let mut claimed = 0;
    let record = cut.path().join("record");
    'kills: for kill in 0..KILLS {
        let before = groups(cut.path()).iter().flatten().count();
        let mut program = start(cut.path());
        while groups(cut.path()).iter().flatten().count() == before {
            if program.try_wait().unwrap().is_some() {
                break 'kills;
            }
            assert!(begun.elapsed() < LIMIT * PATIENCE, "{claimed} of {LEN} after {kill} kills");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(rng.below(80)));
        program.kill().unwrap();
        program.wait().unwrap();

        // What the record claims, with a sink that writes elsewhere, and that stops at once.
        let claims = folder();
        let copy = claims.path().join("record");
        std::fs::copy(&record, &copy).unwrap();
        let config = RunConfig::new().workers(0).on_progress(|_| ControlFlow::Break(()));
        let report = go(claims.path(), &copy, config);
        assert!(report.progress().done_before >= claimed, "kill {kill} took claims back");
        claimed = report.progress().done_before;
        let (there, own) = (groups(cut.path()), groups(claims.path()));
        for (index, result) in report.results() {
            let group = (index / BLOCK) as usize;
            assert!(there[group] == expected[group] || own[group].is_some(), "index {index}");
            assert!(result > &0);
        }
    }
    assert!(claimed > 0, "no group was recorded before a kill");
    let mut program = start(cut.path());
    while program.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < LIMIT * PATIENCE, "still running");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(program.wait().unwrap().success());
    assert_eq!(groups(cut.path()), expected);
    let report = go(cut.path(), &record, RunConfig::new().workers(0));
    assert_eq!(report.failures().collect::<Vec<_>>(), []);
    assert_eq!((report.progress().done_before, report.progress().done), (LEN, 0));
    let results: Vec<u64> = report.results().map(|(_, result)| *result).collect();
    let all = range(0..LEN).shuffle(5);
    let expected: Vec<u64> = (0..LEN).map(|x| all.get(x).unwrap().unwrap().pow(2) + 1).collect();
    assert_eq!(results, expected);
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}
