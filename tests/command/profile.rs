//! `--profile` and `--trace`.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{document, finish, folder, last_object, system, text, waited, windrow};

/// Reads a trace, and returns its complete events.
fn events(path: &Path) -> Vec<Value> {
    let trace: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let events = trace.as_array().unwrap().iter();
    events.filter(|event| event["ph"] == "X").cloned().collect()
}

#[test]
fn a_profile_names_each_op_and_the_bottleneck_and_changes_no_digest() {
    let folder = folder();
    let spec = document(
        folder.path(),
        r#"{"op":"slice","end":6000},{"op":"cast","field":"value","dtype":"F32"}"#,
        r#"{"stage":"batch","size":10}"#,
    );
    let plain = finish(&mut windrow(&["run", text(&spec), "--digest", "--json"]));
    for backend in ["inline", "threads", "processes"] {
        let trace = folder.path().join(format!("{backend}.json"));
        fs::write(&trace, "an old file that is much longer than the names of the workers").unwrap();
        let arguments = ["--digest", "--json", "--profile", "--workers", "2", "--backend", backend];
        let mut command = windrow(&["run", text(&spec), "--trace", text(&trace)]);
        let begun = Instant::now();
        let finished = finish(command.args(arguments));
        let wall = begun.elapsed().as_nanos() as f64 / 1e3;
        assert_eq!(finished.code, 0, "{finished:?}");
        let object = last_object(&finished);
        assert_eq!(object["digest"], last_object(&plain)["digest"]);
        let profile = &object["profile"];
        let ops: Vec<_> = profile["ops"].as_array().unwrap().iter().map(|op| &op["kind"]).collect();
        assert_eq!(ops, ["source", "op", "op", "stage"]);
        let samples = profile["workers"].as_array().unwrap().iter();
        assert_eq!(samples.map(|worker| worker["positions"].as_u64().unwrap()).sum::<u64>(), 6000);
        assert_eq!(profile["ops"][2]["bytes"], 4 * 6000);
        assert_eq!(profile["ops"][3]["samples"], 600);
        let sentence = profile["bottleneck"].as_str().unwrap();
        assert!(sentence.contains(" is the bottleneck: "), "{sentence}");
        assert!(
            finished.err.contains(sentence) && finished.err.contains("\ncast("),
            "{finished:?}"
        );

        let events = events(&trace);
        let tasks = events.iter().filter(|event| event["cat"] == "task");
        assert_eq!(tasks.map(|task| task["args"]["count"].as_u64().unwrap()).sum::<u64>(), 6000);
        for event in &events {
            let number = |key: &str| event[key].as_f64().unwrap();
            assert!(number("ts") >= 0.0 && number("ts") + number("dur") <= wall, "{event}");
            assert!(number("pid") <= 2.0 && number("tid") <= 2.0, "{event}");
        }
        assert!(events.iter().any(|event| event["cat"] == "op"), "{events:?}");
    }
    assert!(last_object(&plain).get("profile").is_none());
}

#[test]
fn a_trace_is_whole_after_an_interrupt_an_error_and_a_kill() {
    let folder = folder();
    let spec = document(folder.path(), "", "");
    let trace = folder.path().join("trace.json");
    for (name, end, _) in system::ENDS {
        if *name == "Ctrl-Break" && system::leave_to_windows("Ctrl-Break does not reach processes")
        {
            continue;
        }
        fs::write(&trace, "").unwrap();
        let mut command = windrow(&["run", text(&spec), "--trace", text(&trace)]);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = system::spawn_group(command);
        // More than the names of the workers.
        while fs::metadata(&trace).unwrap().len() < 20_000 {
            assert!(child.try_wait().unwrap().is_none(), "{name}: the run has ended");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(end(child.id()), "{name}");
        waited(child);
        assert!(!events(&trace).is_empty(), "{name}");
    }
    let failing = document(
        folder.path(),
        r#"{"op":"slice","end":9},{"op":"one_hot","field":"value","classes":3}"#,
        "",
    );
    let finished = finish(&mut windrow(&["run", text(&failing), "--trace", text(&trace)]));
    assert_eq!(finished.code, 1, "{finished:?}");
    assert!(!events(&trace).is_empty());
    let missing = folder.path().join("missing").join("trace.json");
    let finished = finish(&mut windrow(&["run", text(&failing), "--trace", text(&missing)]));
    assert!(finished.code == 2 && finished.err.contains("trace.json"), "{finished:?}");
}
