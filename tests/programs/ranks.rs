//! Ranks that `mpirun` starts: each makes its part of the same batches.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use windrow::order::Shard;
use windrow::{Backend, Dataset, Loader, Result, State, WorkerContext, range};

use crate::runs::{Test, Within as _, with};

pub const TESTS: &[Test] = &[
    ("ranks_of_open_mpi_make_the_batches_of_one", || {
        ranks_make_the_batches_of_one(
            "mpirun.openmpi",
            &["--allow-run-as-root", "--oversubscribe"],
        );
    }),
    ("ranks_of_mpich_make_the_batches_of_one", || {
        ranks_make_the_batches_of_one("mpirun.mpich", &[]);
    }),
];

/// The ranks of each launch, and the batches that they make.
const LAUNCHES: [(u64, usize); 4] = [(1, 3), (4, 2), (3, 4), (2, 1)];

fn part(
    (index, count): (u64, u64),
    _: &WorkerContext,
) -> Result<impl Dataset<Sample = Vec<u64>> + use<>> {
    Ok(range(0..40).shuffle(3).batch(8).split_across(Shard::new(index, count)?))
}

fn place(folder: &Path, batch: u64, index: u64) -> PathBuf {
    folder.join(format!("batch {batch} of rank {index}"))
}

/// The program: resumes the state that the launch names, makes some batches, and leaves its state.
pub fn play() {
    windrow::init();
    let variable = |name| std::env::var(name).unwrap();
    let (folder, launch) = (PathBuf::from(variable("FOLDER")), variable("LAUNCH"));
    let (launch, steps): (u64, usize) = serde_json::from_str(&launch).unwrap();
    let shard = Shard::from_env().unwrap().expect("a launcher");
    let state = |launch: u64| folder.join(format!("state {launch}"));
    let resumed = std::fs::read_to_string(state(launch)).ok();
    let resumed = resumed.map(|json| State::from_json(&json).unwrap());
    let loader = Loader::recipe(part, (shard.index(), shard.count()));
    let loader =
        loader.backend(Backend::Processes).workers(1).epochs(2).resume_if(resumed.as_ref());
    let mut loader = loader.build().unwrap();
    for batch in loader.by_ref().take(steps) {
        let batch = batch.unwrap();
        let path = place(&folder, batch.state().batches(), shard.index());
        std::fs::write(path, format!("{:?}", *batch)).unwrap();
    }
    if shard.index() == 0 {
        std::fs::write(state(launch + 1), loader.state().to_json()).unwrap();
    }
}

/// Launches other numbers of ranks one after another, each with the state of rank 0 before.
fn ranks_make_the_batches_of_one(mpirun: &str, options: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let mut launched = Vec::new();
    for (number, (ranks, steps)) in LAUNCHES.into_iter().enumerate() {
        let mut command = with(Command::new(mpirun), "ranks");
        command.args(options).args(["-n", &ranks.to_string()]);
        command.arg(std::env::current_exe().unwrap()).env("FOLDER", folder.path());
        command.env("LAUNCH", format!("[{number}, {steps}]"));
        let child = match command.spawn() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return println!("  skipped: {mpirun} is not installed");
            }
            child => child.unwrap(),
        };
        let output = child.wait_with_output_in(Duration::from_secs(60));
        assert!(output.status.success(), "{output:?}");
        launched.extend(std::iter::repeat_n(ranks, steps));
    }
    let whole = Loader::builder(range(0..40).shuffle(3).batch(8)).workers(0).epochs(2);
    let mut batches = 0;
    for (batch, ranks) in whole.build().unwrap().zip(launched) {
        batches += 1;
        let read = |rank| std::fs::read_to_string(place(folder.path(), batches, rank)).unwrap();
        let parts: Vec<String> = (0..ranks).map(read).collect();
        let joined = parts.join(", ").replace("], [", ", ");
        assert_eq!(joined, format!("{:?}", *batch.unwrap()), "batch {batches} of {ranks} ranks");
        assert!(!place(folder.path(), batches, ranks).exists());
    }
    assert_eq!(batches, 10);
}
