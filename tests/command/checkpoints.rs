//! The file of a checkpoint: what it is, and what becomes of it.

use std::fs;

use crate::bad_input::refused;
use crate::{finish, folder, summary, text, windrow};

const SPEC: &str = "www/data/digits.json";

/// What lies in a folder.
#[cfg(unix)]
fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

fn batches(state: &std::path::Path) -> u64 {
    windrow::State::from_json(&fs::read_to_string(state).unwrap()).unwrap().batches()
}

#[cfg(unix)]
#[test]
fn a_checkpoint_is_written_through_links_and_keeps_its_mode() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = folder();
    fs::create_dir(folder.path().join("real")).unwrap();
    let (state, real) = (folder.path().join("state.json"), folder.path().join("real/state.json"));
    symlink("second.json", &state).unwrap();
    symlink(&real, folder.path().join("second.json")).unwrap();
    let run = || summary(&["run", SPEC, "--state", text(&state), "--stop-after", "3"]);
    run();
    assert_eq!(batches(&real), 3, "a link that led to nothing yet");
    for mode in [0o640, 0o604] {
        fs::set_permissions(&real, fs::Permissions::from_mode(mode)).unwrap();
        run();
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o7777, mode);
    }
    assert_eq!(batches(&real), 9);
    assert!(fs::symlink_metadata(&state).unwrap().is_symlink());
    assert_eq!(names(folder.path()), ["real", "second.json", "state.json"]);
    assert_eq!(names(&folder.path().join("real")), ["state.json"]);

    symlink("circle.json", folder.path().join("circle.json")).unwrap();
    let circle = folder.path().join("circle.json");
    let message = refused(&["run", SPEC, "--state", text(&circle)], &[]);
    assert!(message.contains("links"), "{message}");
}

#[test]
fn a_new_checkpoint_has_the_mode_of_any_new_file() {
    let folder = folder();
    let (state, other) = (folder.path().join("state.json"), folder.path().join("other"));
    summary(&["run", SPEC, "--state", text(&state), "--stop-after", "1"]);
    fs::write(&other, "").unwrap();
    let permissions = |path| fs::metadata(path).unwrap().permissions();
    assert_eq!(permissions(&state), permissions(&other));
}

#[test]
fn a_read_only_checkpoint_is_read_and_not_replaced() {
    let folder = folder();
    let state = folder.path().join("state.json");
    summary(&["run", SPEC, "--state", text(&state), "--stop-after", "3"]);
    let before = fs::metadata(&state).unwrap().permissions();
    let mut read_only = before.clone();
    read_only.set_readonly(true);
    fs::set_permissions(&state, read_only).unwrap();
    let message = refused(&["run", SPEC, "--state", text(&state)], &[]);
    assert!(message.contains("state.json: it is read-only"), "{message}");
    assert_eq!(batches(&state), 3);
    assert_eq!(finish(&mut windrow(&["state", text(&state)])).code, 0);
    fs::set_permissions(&state, before).unwrap();
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_is_not_bad_input_and_costs_no_checkpoint() {
    let folder = folder();
    let state = folder.path().join("state.json");
    summary(&["run", SPEC, "--state", text(&state), "--stop-after", "3"]);
    // No file may be written to: what a full disk says, without filling one.
    let line = r#"trap "" XFSZ; ulimit -f 0; exec "$0" "$@""#;
    let mut command = std::process::Command::new("sh");
    command.args(["-c", line, env!("CARGO_BIN_EXE_windrow"), "run", SPEC, "--backend", "inline"]);
    command.args(["--state", text(&state)]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let finished = finish(&mut command);
    assert_eq!(finished.code, 3, "{finished:?}");
    assert!(finished.err.contains("write ") && finished.err.contains("state.json"), "{finished:?}");
    assert_eq!(batches(&state), 3);
    assert_eq!(names(folder.path()), ["state.json"]);
}

#[test]
fn a_checkpoint_may_be_as_long_as_a_state() {
    let folder = folder();
    let state = folder.path().join("state.json");
    summary(&["run", SPEC, "--state", text(&state), "--stop-after", "3"]);
    let json = fs::read_to_string(&state).unwrap();
    let fill = |length: u64| {
        let spaces = " ".repeat(length as usize - json.len());
        fs::write(&state, spaces + &json).unwrap();
    };
    fill(windrow::State::BYTES_MAX);
    let explained = finish(&mut windrow(&["state", text(&state)]));
    assert_eq!(explained.code, 0, "{explained:?}");
    assert!(
        explained.out.contains("continues at position 96, in epoch 0 (counted from 0)"),
        "{explained:?}"
    );
    fill(windrow::State::BYTES_MAX + 1);
    assert!(refused(&["state", text(&state)], &[]).contains("state.json: has "));
}

#[test]
fn a_run_of_one_epoch_goes_on_for_three() {
    let folder = folder();
    let (state, spec) = (folder.path().join("state.json"), folder.path().join("spec.json"));
    let document = r#"{"version": 1, "epochs": 3, "source": {"kind": "range", "end": 20},
        "ops": [{"op": "shuffle"}], "stages": [{"stage": "batch", "size": 8}]}"#;
    fs::write(&spec, document).unwrap();
    let whole = summary(&["run", text(&spec), "--digest"]);
    assert_eq!(whole["batches"], 9);
    let part = ["run", text(&spec), "--digest", "--state", text(&state)];
    let first = summary(&[&part[..], &["--epochs", "1"]].concat());
    assert_eq!(first["batches"], 3);
    let rest = summary(&part);
    assert_eq!((&rest["batches"], &rest["digest"]), (&6.into(), &whole["digest"]));
    let message = refused(&[&part[..], &["--epochs", "2"]].concat(), &[]);
    assert!(message.contains("epochs is 2; allowed: 3 or more"), "{message}");
    let forever = summary(&["run", text(&spec), "--epochs", "forever", "--stop-after", "100"]);
    assert_eq!(forever["batches"], 100);
}
