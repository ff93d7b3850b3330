//! What both training programs need to be killed: `--kill-after STEP`, and the end of the process.

use std::path::PathBuf;

use crate::Result;

/// Returns the folder for checkpoints, and the step after which the program kills itself.
pub fn arguments() -> Result<(PathBuf, Option<u64>)> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [folder] => Ok((folder.into(), None)),
        [folder, "--kill-after", step] => Ok((folder.into(), Some(step.parse()?))),
        _ => Err(format!("usage: {} FOLDER [--kill-after STEP]", env!("CARGO_PKG_NAME")).into()),
    }
}

/// Ends this process at once, as an operator, a scheduler or the system's out-of-memory killer does.
#[cfg(unix)]
pub fn kill_this_process() {
    use rustix::process::{Signal, getpid, kill_process};
    kill_process(getpid(), Signal::KILL).expect("a process may kill itself");
}

/// Ends this process at once, without any cleaning up.
#[cfg(not(unix))]
pub fn kill_this_process() {
    std::process::abort();
}
