//! The test of the training examples: a run that is killed and resumed prints the losses of a whole run.

use std::path::Path;
use std::process::{Command, ExitStatus};

/// A backend and its number of workers, as `WINDROW_BACKEND` and `WINDROW_WORKERS` say them.
pub type Workers = (&'static str, u32);

/// Runs a training program whole, and then killed after each of these steps and resumed; each run has
/// the backend and the workers that stand beside it. Compares all lines that the runs print.
pub fn check(program: &str, whole: Workers, killed: &[(u64, Workers)], last: Workers) {
    let folder = tempfile::tempdir().expect("a folder for checkpoints");
    let (status, expected) = run(program, &folder.path().join("whole"), None, whole);
    assert!(status.success(), "the whole run: {status}");
    assert!(expected.len() > 50, "the run is too short to tell: {expected:#?}");

    let folder = folder.path().join("killed");
    let mut printed = 0;
    for (step, workers) in killed {
        let (status, lines) = run(program, &folder, Some(*step), *workers);
        assert_killed(status);
        printed = printed.max(goes_on(&expected, printed, &lines));
        let last = &expected[printed - 1];
        assert!(last.starts_with(&format!("step {step}:")), "killed after {last}");
    }
    let (status, lines) = run(program, &folder, None, last);
    assert!(status.success(), "the resumed run: {status}");
    assert!(lines.len() < expected.len(), "the last run began anew");
    assert_eq!(goes_on(&expected, printed, &lines), expected.len());
}

/// Checks that lines are a part of the expected ones that begins at line `printed` or before, and
/// returns where the part ends.
fn goes_on(expected: &[String], printed: usize, lines: &[String]) -> usize {
    let first = lines.first().expect("a run prints at least one line");
    let start = expected.iter().position(|line| line == first);
    let start = start.unwrap_or_else(|| panic!("no line of the whole run is {first:?}"));
    assert!(start <= printed, "lines {printed} to {start} were never printed");
    assert_eq!(lines, &expected[start..(start + lines.len()).min(expected.len())]);
    start + lines.len()
}

fn run(
    program: &str,
    folder: &Path,
    kill_after: Option<u64>,
    (backend, workers): Workers,
) -> (ExitStatus, Vec<String>) {
    let mut command = Command::new(program);
    command.arg(folder).env("WINDROW_BACKEND", backend);
    command.env("WINDROW_WORKERS", workers.to_string());
    if let Some(step) = kill_after {
        command.args(["--kill-after", &step.to_string()]);
    }
    let output = command.output().expect("the program starts");
    let text = String::from_utf8(output.stdout).expect("the program prints text");
    print!("{}", String::from_utf8_lossy(&output.stderr));
    (output.status, text.lines().map(str::to_owned).collect())
}

fn assert_killed(status: ExitStatus) {
    assert!(!status.success(), "the run was not killed");
    #[cfg(unix)]
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status}");
}
