//! What somebody else's program can have, and what it is told where it cannot.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const HOST: &str = env!("CARGO_BIN_EXE_host");
const WORKER: &str = env!("CARGO_BIN_EXE_worker");
/// Loads the library in Python and calls a function of it.
const PYTHON: &str = "import ctypes, os; getattr(ctypes.CDLL(os.environ['LIBRARY']), ";

/// The library, where cargo puts it for tests.
fn library() -> PathBuf {
    let name = format!("{}recipes{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    Path::new(HOST).with_file_name("deps").join(name)
}

fn play(mut program: Command, role: &str, worker: &str) -> String {
    program.env("LIBRARY", library()).env("ROLE", role).env("WORKER", worker);
    let output = program.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{role}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn host(role: &str, worker: &str) -> String {
    play(Command::new(HOST), role, worker)
}

fn contains(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in {said:?}");
    }
}

#[test]
fn a_recipe_in_a_loaded_library_is_refused_with_its_name_and_what_works() {
    let library = library().canonicalize().unwrap();
    let library = library.to_str().unwrap();
    for role in ["by place", "by name here"] {
        let what =
            [library, "loaded by", HOST, ".worker_program(", "windrow::register!", "threads"];
        contains(&host(role, ""), &what);
    }
    let borrowed = ["the recipe is a function of ", library, ".worker_program("];
    contains(&host("borrow", ""), &borrowed);
}

#[test]
fn auto_is_threads_in_a_loaded_library() {
    contains(&host("auto", ""), &["threads: ["]);
}

#[test]
fn a_loaded_library_has_workers_by_name_with_the_samples_of_the_inline_loop() {
    let expected = host("inline", "");
    let got = host("by name", WORKER);
    assert!(got.starts_with("processes: ["), "{got}");
    assert_eq!(got.split_once(": "), Some(("processes", expected.split_once(": ").unwrap().1)));
}

#[test]
fn hooks_that_are_registered_run_in_every_worker() {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    let mut program = Command::new(HOST);
    program.env("NOTES", &notes);
    contains(&play(program, "noted", WORKER), &["processes: [0, 1, 2, 3, 4, 5, 6, 7, 8]"]);
    let notes = std::fs::read_to_string(notes).unwrap();
    let count = |word| notes.lines().filter(|line| *line == word).count();
    assert!(count("start") >= 3, "{notes}");
    assert_eq!(count("exit"), count("start"), "{notes}");
}

#[test]
fn python_is_a_host_and_can_be_the_worker_too() {
    let python = |function: &str| format!("{PYTHON}'{function}')()");
    if !Command::new("python3").args(["-c", "import ctypes"]).status().is_ok_and(|s| s.success()) {
        return println!("skipped: there is no python3 with ctypes");
    }
    let host = || {
        let mut program = Command::new("python3");
        program.args(["-c", &python("play")]);
        program
    };
    contains(&play(host(), "by place", ""), &["loaded by", "python3", ".worker_program("]);
    let expected = play(host(), "inline", "").replace("inline", "processes");
    assert_eq!(play(host(), "by name", WORKER), expected);
    let worker = format!("python3\n-c\n{}", python("serve"));
    assert_eq!(play(host(), "by name", &worker), expected);
}

#[test]
fn a_worker_program_that_nobody_asks_to_work_goes_on_with_its_main() {
    let output = Command::new(WORKER).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.stdout, b"this is no worker\n");
}
