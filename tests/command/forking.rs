//! The start method `fork`, which copies the command while it has one thread.

use std::process::Command;

use crate::{document, finish, folder, last_object, summary, system, text, windrow};

const DIGITS: &str = "www/data/digits.json";
/// What makes the command fork its workers.
pub const FORKED: [(&str, &str); 2] =
    [("WINDROW_BACKEND", "processes"), ("WINDROW_START_METHOD", "fork")];

/// Whether this process can be split in two here; says so where not.
pub fn splits() -> bool {
    let splits = system::SPLITS && std::path::Path::new("/proc/self/task").exists();
    if !splits {
        println!("skipped: this system cannot tell that a process has one thread");
    }
    splits
}

#[test]
fn forked_workers_give_the_same_digest_in_one_run_and_in_two() {
    if !splits() {
        return;
    }
    let expected = summary(&["run", DIGITS, "--digest", "--backend", "inline"]);
    let run = |more: &[&str]| {
        let all = [&["run", DIGITS, "--digest", "--json", "--workers", "2"], more].concat();
        let finished = finish(windrow(&all).envs(FORKED));
        assert_eq!(finished.code, 0, "{finished:?}");
        let summary = last_object(&finished);
        assert_eq!(summary["backend"], "processes");
        summary
    };
    assert_eq!(run(&[])["digest"], expected["digest"]);
    let folder = folder();
    let state = folder.path().join("state.json");
    run(&["--state", text(&state), "--stop-after", "70"]);
    let rest = run(&["--state", text(&state)]);
    assert_eq!(rest["digest"], expected["digest"]);
    assert!(rest["batches"].as_u64() < expected["batches"].as_u64());
}

#[test]
fn forked_workers_run_beside_a_progress_bar() {
    if !splits() {
        return;
    }
    // It runs a command on a terminal of its own.
    let has_script = Command::new("script").arg("--version").output().is_ok();
    if !has_script {
        println!("skipped: there is no `script` here");
        return;
    }
    let folder = folder();
    let ops = r#"{"op":"slice","end":50000}"#;
    let spec = document(folder.path(), ops, r#"{"stage":"batch","size":64}"#);
    let line = format!("exec {} run {} --digest", env!("CARGO_BIN_EXE_windrow"), spec.display());
    let mut on_terminal = Command::new("script");
    on_terminal.args(["-qec", &line, "/dev/null"]).stdin(std::process::Stdio::null());
    let finished = finish(on_terminal.env("TERM", "xterm").envs(FORKED));
    assert_eq!(finished.code, 0, "{finished:?}");
    assert!(finished.out.contains("% "), "no progress bar: {finished:?}");
    let expected = summary(&["run", text(&spec), "--digest"]);
    let digest = format!("digest {}", expected["digest"].as_str().unwrap());
    assert!(finished.out.contains(&digest), "{finished:?} lacks {digest}");
}
