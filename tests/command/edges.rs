//! What the command says, where it says it, and what it may not say.

use std::fs;
use std::process::Stdio;

use crate::{document, finish, folder, last_object, text, waited, windrow};

/// What steers a terminal, or turns the order of what is read.
fn steers(text: &str) -> bool {
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().any(|c| c != '\n' && (c.is_control() || turns(c)))
}

/// A name that would clear a terminal, set its title and turn the order of letters.
const NASTY: &str = "\x1b[2J\x1b]0;owned\x07\r\u{9b}31m\u{202e}\"x";

#[test]
fn nothing_that_is_repeated_steers_a_terminal() {
    let folder = folder();
    let state = folder.path().join("state.json");
    let spec = "www/data/digits.json";
    assert_eq!(
        finish(&mut windrow(&["run", spec, "--state", text(&state), "--stop-after", "3"])).code,
        0
    );
    let mut json: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&state).unwrap()).unwrap();
    json["pipeline"] = format!("range(start=0,end=3)|map(name={NASTY}\n)").into();
    fs::write(&state, json.to_string()).unwrap();
    let explained = finish(&mut windrow(&["state", text(&state)]));
    assert_eq!(explained.code, 0, "{explained:?}");
    assert!(explained.out.contains("\\u{1b}[2J") && !steers(&explained.out), "{explained:?}");

    let field = serde_json::json!({"op": "one_hot", "field": NASTY, "classes": 3}).to_string();
    let spec = document(folder.path(), &format!(r#"{{"op":"slice","end":9}},{field}"#), "");
    let other = folder.path().join("other.json");
    fs::write(&other, serde_json::json!({"version": 1, "source": {"kind": NASTY}}).to_string())
        .unwrap();
    // A field with this name exists here, so its samples fail.
    let failing = folder.path().join("failing.json");
    fs::write(folder.path().join("x.jsonl"), serde_json::json!({NASTY: 7}).to_string()).unwrap();
    let source = serde_json::json!({"kind": "jsonl", "file": "x.jsonl",
        "fields": [{"name": NASTY, "dtype": "U8", "shape": []}]});
    let failing_text = format!(r#"{{"version": 1, "source": {source}, "ops": [{field}]}}"#);
    fs::write(&failing, failing_text).unwrap();
    for more in [&[][..], &["--mermaid"]] {
        let described = finish(&mut windrow(&[&["describe", text(&failing)], more].concat()));
        assert!(described.code == 0 && !steers(&described.out), "{described:?}");
    }
    for arguments in [
        &["run", text(&state)][..],
        &["run", text(&spec), "--state", text(&state)],
        &["run", text(&spec)],
        &["run", text(&failing)],
        &["run", text(&failing), "--on-error", "report"],
        &["run", text(&other)],
        &["describe", text(&spec)],
        &["doctor", text(&spec), "--seconds", "0.01"],
        &["doctor", text(&failing), "--seconds", "0.01"],
        &["doctor", text(&failing), "--seconds", "0.01", "--json"],
    ] {
        let finished = finish(&mut windrow(arguments));
        assert_ne!(finished.code, 0, "{finished:?}");
        assert!(!steers(&finished.out) && !steers(&finished.err), "{finished:?}");
        if arguments.contains(&"--json") {
            let report = last_object(&finished);
            let error = report["errors"][0].as_str().unwrap();
            assert!(error.contains("\\u{1b}[2J"), "{report}");
        }
    }
}

#[test]
fn a_message_has_a_bound() {
    let folder = folder();
    let spec = folder.path().join("spec.json");
    let name = "x".repeat(900_000);
    fs::write(&spec, format!(r#"{{"version":1,"source":{{"kind":"range","end":1}},"{name}":1}}"#))
        .unwrap();
    let finished = finish(&mut windrow(&["run", text(&spec)]));
    assert_eq!(finished.code, 2);
    assert!(finished.err.len() < 5_000, "{} bytes", finished.err.len());
}

#[test]
fn a_reader_that_goes_away_changes_no_exit_code() {
    let folder = folder();
    let ops = r#"{"op":"slice","end":100},{"op":"one_hot","field":"value","classes":50}"#;
    let spec = document(folder.path(), ops, "");
    for (arguments, code) in [
        (&["backends"][..], 0),
        (&["run", "www/data/digits.json", "--digest"], 0),
        (&["run", "www/data/digits.json", "--json"], 0),
        (&["run", text(&spec), "--on-error", "report"], 1),
        (&["run", text(&spec), "--json"], 1),
        (&["run", "no/such.json"], 2),
        (&["state", "no/such.json"], 2),
    ] {
        let gone = || {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            Stdio::from(writer)
        };
        let both = waited(windrow(arguments).stdout(gone()).stderr(gone()).spawn().unwrap());
        assert_eq!(both.status.code(), Some(code), "{arguments:?}");
        let mut command = windrow(arguments);
        let output = waited(command.stdout(gone()).stderr(Stdio::piped()).spawn().unwrap());
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{err}");
        assert!(!err.contains("panicked") && !err.contains("pipe"), "{err}");
    }
}

#[test]
fn output_that_cannot_be_written_is_the_fault_of_the_system() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        println!("skipped: there is no /dev/full here");
        return;
    };
    for arguments in [&["backends"][..], &["run", "www/data/digits.json", "--json"]] {
        let mut command = windrow(arguments);
        command.stdout(full.try_clone().unwrap()).stderr(Stdio::piped());
        let output = waited(command.spawn().unwrap());
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{err}");
        assert!(err.starts_with("windrow: write to standard output: "), "{err}");
    }
}

#[test]
fn the_help_and_the_guide_have_every_exit_code() {
    let help = finish(&mut windrow(&["--help"]));
    assert_eq!(help.code, 0);
    let guide = include_str!("../../www/guide/command.md");
    for code in ["0", "1", "2", "3", "88", "130"] {
        assert!(help.out.contains(&format!("\n  {code:<4} ")), "{code} in {}", help.out);
        assert!(guide.contains(&format!("\n| {code} | ")), "{code} in command.md");
    }
    for command in ["run", "doctor"] {
        assert!(finish(&mut windrow(&[command, "--help"])).out.contains("--root"));
    }
    let finished = finish(windrow(&["backends"]).env("WINDROW_WORKER", "x"));
    assert_eq!(finished.code, 88, "{finished:?}");
}

#[test]
fn a_pipeline_without_samples_is_said_to_be_one() {
    let folder = folder();
    for (ops, warns) in [(r#"{"op":"slice","end":0}"#, true), (r#"{"op":"slice","end":1}"#, false)]
    {
        let spec = document(folder.path(), ops, "");
        let finished = finish(&mut windrow(&["run", text(&spec), "--epochs", "2"]));
        assert_eq!(finished.code, 0, "{finished:?}");
        let said =
            finished.err.contains("the pipeline has no samples, so the loader gives no batch");
        assert_eq!(said, warns, "{finished:?}");
    }
    let spec = document(folder.path(), r#"{"op":"slice","end":0}"#, "");
    let finished = finish(&mut windrow(&["run", text(&spec), "--epochs", "forever"]));
    assert!(finished.err.contains("because the pipeline has no samples"), "{finished:?}");
}
