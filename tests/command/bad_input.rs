//! Bad input ends in one readable message and exit code 2.

use crate::{finish, folder, text, windrow};

/// Runs a document with options and gives the message, after checking its form.
pub fn refused(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = windrow(arguments);
    command.envs(variables.iter().copied());
    let finished = finish(&mut command);
    assert_eq!(finished.code, 2, "{arguments:?}: {finished:?}");
    let message = finished.err.trim_end().to_owned();
    assert!(!message.contains("panicked") && !message.contains("backtrace"), "{message}");
    assert!(message.starts_with("windrow: ") && message.lines().count() == 1, "{message}");
    message
}

#[test]
fn bad_documents_and_data_are_named() {
    let folder = folder();
    let npy = |header: &str, data: &[u8]| {
        let length = u16::try_from(header.len() + 1).unwrap().to_le_bytes();
        [&b"\x93NUMPY\x01\x00"[..], &length, header.as_bytes(), b"\n", data].concat()
    };
    let source = |kind: &str, rest: &str| {
        format!(r#"{{"version":1,"source":{{"kind":"{kind}",{rest}}}}}"#).into_bytes()
    };
    let files: &[(&str, Vec<u8>)] = &[
        ("short.npy", npy("{'descr':'<f4','fortran_order':False,'shape':(9,9),}", &[0; 10])),
        (
            "huge.npy",
            npy("{'descr':'<f4','fortran_order':False,'shape':(9223372036854775807,99),}", &[]),
        ),
        ("ragged.csv", b"a,b\n1,2\n3\n".to_vec()),
        ("latin.csv", b"a,b\n1,\xe9\n".to_vec()),
    ];
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let csv = |file: &str| {
        let field = r#"[{"name":"a","columns":"a","dtype":"I64"}]"#;
        source("csv", &format!(r#""file":"{file}","fields":{field}"#))
    };
    let array = |file: &str| source("npy", &format!(r#""fields":{{"x":"{file}"}}"#));
    let cases: [(Vec<u8>, &[&str]); 11] = [
        (b"{".to_vec(), &["$", "JSON"]),
        (b"\xff\xfe".to_vec(), &["UTF-8"]),
        (vec![b' '; 100 << 20], &["104857600 bytes"]),
        (source("range", r#""end":3}, "ops":[{"op":"blur"}], "seed":{"a":1"#), &["$.seed"]),
        (source("parquet", r#""file":"x""#), &["$.source.kind", "parquet", "npy"]),
        (source("range", r#""end":3,"ops":[]"#), &["$.source.ops", "unknown field"]),
        (array("short.npy"), &["short.npy", "10", "324"]),
        (array("huge.npy"), &["huge.npy", "9223372036854775807"]),
        (array("absent.npy"), &["absent.npy"]),
        (csv("ragged.csv"), &["ragged.csv", "line 3"]),
        (csv("latin.csv"), &["latin.csv", "UTF-8"]),
    ];
    for (document, reasons) in cases {
        let path = folder.path().join("spec.json");
        std::fs::write(&path, &document).unwrap();
        let message = refused(&["run", text(&path)], &[]);
        for reason in reasons {
            assert!(message.contains(reason), "{message:?} lacks {reason:?}");
        }
    }
    let message = refused(&["run", "no/such/spec.json"], &[]);
    assert!(message.contains("no/such/spec.json"), "{message}");
}

#[test]
fn bad_checkpoints_are_named() {
    let folder = folder();
    let spec = "www/data/digits.json";
    let path = folder.path().join("state.json");
    let made = finish(&mut windrow(&["run", spec, "--state", text(&path), "--stop-after", "3"]));
    assert_eq!(made.code, 0);
    let good = std::fs::read_to_string(&path).unwrap();
    for (bad, reason) in [
        (good[..good.len() / 2].to_owned(), "JSON"),
        (good.replace("\"version\":1", "\"version\":9"), "version 9"),
        (good.replace("seed=7", "seed=8"), "shuffle.seed 8, this loader has 7"),
        (good.replace("size=32", "size=16"), "batch.size 16, this loader has 32"),
        (String::new(), "JSON"),
        ("x".repeat(100 << 20), "bytes"),
    ] {
        std::fs::write(&path, bad).unwrap();
        let message = refused(&["run", spec, "--state", text(&path)], &[]);
        assert!(message.contains(reason), "{message:?} lacks {reason:?}");
    }
    let message = refused(&["state", text(&folder.path().join("none.json"))], &[]);
    assert!(message.contains("none.json"), "{message}");
    let nowhere = folder.path().join("no/folder/state.json");
    let message = refused(&["run", spec, "--state", text(&nowhere)], &[]);
    assert!(message.contains("state.json"), "{message}");
}

#[test]
fn bad_settings_are_named() {
    let spec = ["run", "www/data/digits.json"];
    for (variable, value) in [
        ("WINDROW_BACKEND", "gpu"),
        ("WINDROW_WORKERS", "many"),
        ("WINDROW_STRICT", "2"),
        ("WINDROW_START_METHOD", "vfork"),
        ("WINDROW_LOG", "loud"),
    ] {
        let message = refused(&spec, &[(variable, value)]);
        assert!(message.contains(variable) && message.contains(value), "{message}");
    }
    for option in [["--workers", "0"], ["--workers", "5000"]] {
        let message = refused(&[&spec[..], &["--backend", "threads"], &option].concat(), &[]);
        assert!(message.contains("workers") && message.contains("1024"), "{message}");
    }
}
