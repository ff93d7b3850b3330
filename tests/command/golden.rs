//! Every golden document has its golden digest, whatever runs it and wherever it was interrupted.

use std::collections::BTreeMap;

use crate::{finish, folder, summary, text, windrow};

/// The backends that can be had here.
pub const BACKENDS: &[&str] = &["inline", "threads", "processes"];
const DIGESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/digests.json");

/// What is golden about a document.
#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Golden {
    digest: String,
    batches: u64,
    samples: u64,
    /// The checkpoint after three batches.
    state: windrow::State,
}

fn golden() -> BTreeMap<String, Golden> {
    serde_json::from_str(&std::fs::read_to_string(DIGESTS).unwrap()).unwrap()
}

/// Runs a document and gives its digest and how many batches this run had.
fn ran(spec: &str, more: &[&str]) -> (String, u64, u64) {
    let summary = summary(&[&["run", spec, "--root", ".", "--digest"], more].concat());
    let number = |name: &str| summary[name].as_u64().unwrap();
    (summary["digest"].as_str().unwrap().to_owned(), number("batches"), number("samples"))
}

/// Runs a document as a golden one is described.
fn described(spec: &str, more: &[&str]) -> Golden {
    let folder = folder();
    let path = folder.path().join("state.json");
    ran(spec, &[more, &["--state", text(&path), "--stop-after", "3"]].concat());
    let state = windrow::State::from_json(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let (digest, batches, samples) = ran(spec, more);
    Golden { digest, batches, samples, state }
}

/// `WINDROW_BLESS=1` writes the digests anew: a change of them is a new version of the stream.
#[test]
fn every_golden_document_has_its_digest_on_every_backend() {
    if std::env::var_os("WINDROW_BLESS").is_some() {
        let old: BTreeMap<String, serde_json::Value> =
            serde_json::from_str(&std::fs::read_to_string(DIGESTS).unwrap()).unwrap();
        let names = old.into_keys();
        let all: BTreeMap<_, _> = names.map(|spec| (spec.clone(), described(&spec, &[]))).collect();
        std::fs::write(DIGESTS, serde_json::to_string_pretty(&all).unwrap() + "\n").unwrap();
    }
    for (spec, expected) in golden() {
        for (backend, workers) in [
            ("inline", "1"),
            ("threads", "1"),
            ("threads", "5"),
            ("processes", "1"),
            ("processes", "5"),
        ] {
            let got = described(&spec, &["--backend", backend, "--workers", workers]);
            assert_eq!(got, expected, "{spec} with {workers} {backend}");
        }
    }
}

#[test]
fn every_document_of_the_golden_folder_is_golden() {
    let known = golden();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/specs");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = format!("tests/golden/specs/{name}");
        assert!(known.contains_key(&name), "{name} is not in digests.json");
    }
}

#[test]
fn a_seed_that_is_given_is_the_seed_of_the_document() {
    let folder = folder();
    let path = folder.path().join("spec.json");
    for seed in ["3", "4"] {
        let source = r#"{"kind":"range","end":90}"#;
        let text = format!(
            r#"{{"version":1,"seed":{seed},"source":{source},"ops":[{{"op":"shuffle"}}]}}"#
        );
        std::fs::write(&path, text).unwrap();
        assert_eq!(ran(crate::text(&path), &[]), ran(crate::text(&path), &["--seed", seed]));
        assert_ne!(ran(crate::text(&path), &[]), ran(crate::text(&path), &["--seed", "5"]));
    }
}

#[test]
fn a_run_in_pieces_on_different_backends_has_the_digest_of_one_run() {
    let folder = folder();
    for (number, (spec, expected)) in golden().into_iter().enumerate() {
        let state = folder.path().join(format!("{number}.json"));
        let pieces = BACKENDS.iter().cycle().zip([1, 7, 2, 13, 100_000]);
        let (mut last, mut batches) = (None, 0);
        for (backend, stop) in pieces {
            let (state, stop) = (text(&state), stop.to_string());
            let options = ["--backend", backend, "--workers", "3", "--state", state];
            let got = ran(&spec, &[&options[..], &["--stop-after", &stop]].concat());
            batches += got.1;
            last = Some(got.0);
            let bytes = std::fs::metadata(state).unwrap().len();
            assert!(bytes <= 501, "a state of {bytes} bytes");
        }
        assert_eq!((last.unwrap(), batches), (expected.digest, expected.batches), "{spec}");
        let explained = finish(&mut windrow(&["state", text(&state)]));
        assert_eq!(explained.code, 0);
        let words = format!("{batches} batches were received");
        assert!(explained.out.contains(&words), "{}", explained.out);
    }
}

#[test]
fn strict_mode_changes_nothing() {
    let (spec, expected) = golden().into_iter().next_back().unwrap();
    let mut command = windrow(&["run", &spec, "--root", ".", "--digest", "--json"]);
    let finished = finish(command.env("WINDROW_STRICT", "1"));
    assert_eq!(crate::last_object(&finished)["digest"], expected.digest);
}

#[test]
fn the_environment_forces_backend_and_workers() {
    let mut command = windrow(&["run", "www/data/digits.json", "--json", "--backend", "inline"]);
    let finished = finish(command.env("WINDROW_BACKEND", "threading").env("WINDROW_WORKERS", "3"));
    let summary = crate::last_object(&finished);
    assert_eq!((&summary["backend"], &summary["workers"]), (&"threads".into(), &3.into()));
}

#[test]
fn backends_are_listed_with_their_availability() {
    let finished = finish(&mut windrow(&["backends"]));
    assert_eq!(finished.code, 0);
    for name in ["inline", "threads", "processes"] {
        let line = finished.out.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line.contains("available"), "{line}");
    }
}

#[test]
fn the_doctor_tries_every_backend_and_recommends_one() {
    let arguments = ["doctor", "www/data/digits.json", "--seconds", "0.05"];
    let words = finish(&mut windrow(&arguments));
    assert_eq!(words.code, 0, "{words:?}");
    let finished = finish(windrow(&arguments).arg("--json"));
    let report = crate::last_object(&finished);
    for trial in report["trials"].as_array().unwrap() {
        let name = trial["backend"].as_str().unwrap();
        assert!(words.out.contains(name), "{}", words.out);
        let works = trial["failed"].is_null();
        assert_eq!(works, trial["positions_per_second"].as_f64().unwrap() > 0.0, "{trial}");
        assert!(works || name == "processes", "{trial}");
    }
    // Two tensors, 8 by 8 and 10, of 4 bytes an element, and what tells of them.
    assert!((296..400).contains(&report["sample"]["bytes"].as_u64().unwrap()), "{report}");
    assert_eq!(report["crosses"], serde_json::json!({"Ok": null}));
    assert!(words.out.contains("recommended: "), "{}", words.out);
}
