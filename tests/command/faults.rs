//! Samples that fail, and runs that are stopped from outside.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::system;
use crate::{document, finish, folder, last_object, summary, text, waited, windrow};

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn the_error_policy_means_the_same_on_every_backend() {
    let folder = folder();
    let ops = r#"{"op":"slice","end":100},{"op":"one_hot","field":"value","classes":95}"#;
    let spec = document(folder.path(), ops, r#"{"stage":"batch","size":8}"#);
    for backend in crate::golden::BACKENDS {
        let run = |policy: &str| {
            let options = ["run", text(&spec), "--json", "--digest", "--backend", backend];
            finish(windrow(&options).args(["--on-error", policy]))
        };
        let raised = run("raise");
        assert_eq!(raised.code, 1);
        assert!(raised.err.contains("position 95: one_hot of index 95"), "{}", raised.err);
        let counts = |finished: &crate::Finished| {
            let object = last_object(finished);
            ["batches", "samples", "skipped", "errors"].map(|name| object[name].as_u64().unwrap())
        };
        assert_eq!(counts(&raised), [11, 88, 0, 1]);
        let (skipped, reported) = (run("skip"), run("report"));
        assert_eq!((skipped.code, counts(&skipped)), (0, [12, 95, 5, 0]));
        assert_eq!(skipped.err.matches("skipped: ").count(), 5, "{}", skipped.err);
        assert!(skipped.err.contains("one_hot of index 95"), "{}", skipped.err);
        assert_eq!((reported.code, counts(&reported)), (1, [12, 95, 0, 5]));
        assert_eq!(last_object(&skipped)["digest"], last_object(&reported)["digest"]);
        assert_eq!(reported.err.matches("one_hot").count(), 5, "{}", reported.err);
    }
}

#[test]
fn a_checkpoint_stays_before_the_error_that_ended_the_run() {
    let folder = folder();
    let state = folder.path().join("state.json");
    let ops = r#"{"op":"slice","end":100},{"op":"one_hot","field":"value","classes":50}"#;
    let spec = document(folder.path(), ops, "");
    for _ in 0..2 {
        let finished = finish(&mut windrow(&["run", text(&spec), "--state", text(&state)]));
        assert_eq!(finished.code, 1);
        assert!(finished.err.contains("position 50"), "{}", finished.err);
    }
    let rest = summary(&["run", text(&spec), "--state", text(&state), "--on-error", "skip"]);
    assert_eq!((&rest["batches"], &rest["skipped"]), (&0.into(), &50.into()));
}

/// A run that takes long enough to be stopped.
fn long_run(spec: &Path, state: &Path) -> Command {
    let mut command = windrow(&["run", text(spec), "--digest", "--json", "--state", text(state)]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Waits until the checkpoint of a running command has more batches than these.
fn wait_for_progress(child: &mut Child, state: &Path, before: u64) {
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before it could be stopped");
        if batches_of(state) > before {
            return;
        }
        std::thread::yield_now();
    }
    panic!("no progress in {LIMIT:?}");
}

/// The batches of a checkpoint; none where there is no checkpoint yet.
fn batches_of(state: &Path) -> u64 {
    let json = std::fs::read_to_string(state).unwrap_or_default();
    if json.is_empty() { 0 } else { windrow::State::from_json(&json).unwrap().batches() }
}

#[test]
fn an_interrupted_run_saves_its_state_and_goes_on_to_the_same_digest() {
    let folder = folder();
    let state = folder.path().join("state.json");
    let spec = document(folder.path(), r#"{"op":"shuffle"}"#, r#"{"stage":"batch","size":64}"#);
    let expected = summary(&["run", text(&spec), "--digest", "--backend", "threads"]);
    for (name, end, code) in system::ENDS {
        if *name == "Ctrl-Break" && system::leave_to_windows("Ctrl-Break does not reach processes")
        {
            continue;
        }
        let before = batches_of(&state);
        let mut child = system::spawn_group(&mut long_run(&spec, &state));
        wait_for_progress(&mut child, &state, before);
        assert!(end(child.id()), "{name}");
        let output = waited(child);
        assert_eq!(output.status.code(), *code, "{}", String::from_utf8_lossy(&output.stderr));
        assert!(batches_of(&state) > before, "{name} cost the checkpoint");
    }
    let before = batches_of(&state);
    let output = waited(long_run(&spec, &state).spawn().unwrap());
    let last = String::from_utf8(output.stdout).unwrap();
    let rest: serde_json::Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert_eq!(rest["digest"], expected["digest"]);
    let [rest, all] = [&rest, &expected].map(|summary| summary["batches"].as_u64().unwrap());
    assert_eq!(rest, all - before, "the checkpoint had {before} batches");
}
