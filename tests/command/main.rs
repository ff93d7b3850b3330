//! The `windrow` command, run as a user runs it.

mod bad_input;
mod checkpoints;
mod describe;
mod edges;
mod faults;
mod golden;
mod paths;
mod profile;
mod schema;
mod sinks;
#[path = "../common/system/mod.rs"]
mod system;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// What a finished command left behind.
#[derive(Debug)]
pub struct Finished {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// The command with arguments, from the project's folder, with a clean environment.
pub fn windrow(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windrow"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    for variable in ["BACKEND", "WORKERS", "STRICT", "LOG", "START_METHOD"] {
        command.env_remove(format!("WINDROW_{variable}"));
    }
    command
}

/// How long a command may take: far longer than any does.
const LIMIT: Duration = Duration::from_secs(300);

/// Runs a command to its end.
pub fn finish(command: &mut Command) -> Finished {
    let output = waited(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap_or(-1);
    Finished { code, out: text(output.stdout), err: text(output.stderr) }
}

/// Waits for the end of a command, which must come.
pub fn waited(child: Child) -> Output {
    let (pid, (ended, end)) = (child.id(), mpsc::channel::<()>());
    let guard = std::thread::spawn(move || {
        end.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) && system::kill(pid)
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    assert!(!guard.join().unwrap(), "it was killed after {LIMIT:?}: {output:?}");
    output
}

/// Runs the command and gives the object on its last line.
pub fn summary(arguments: &[&str]) -> serde_json::Value {
    let finished = finish(windrow(arguments).arg("--json"));
    assert_eq!(finished.code, 0, "{finished:?}");
    last_object(&finished)
}

pub fn last_object(finished: &Finished) -> serde_json::Value {
    let last = finished.out.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error} in {finished:?}"))
}

/// A folder that goes away with the test.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// The length of a document's range: it takes a few seconds, so that a run can be stopped.
const END: u64 = if cfg!(debug_assertions) { 1_000_000 } else { 15_000_000 };

/// Writes a pipeline document of a range into a folder.
pub fn document(folder: &Path, ops: &str, stages: &str) -> PathBuf {
    let path = folder.join("spec.json");
    let text = format!(
        r#"{{"version":1,"seed":7,"source":{{"kind":"range","end":{END}}},"ops":[{ops}],"stages":[{stages}]}}"#
    );
    std::fs::write(&path, text).unwrap();
    path
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
