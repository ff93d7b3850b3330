//! What a document may read, and what is no file.

use std::fs;
use std::path::Path;
#[cfg(unix)]
use std::process::Stdio;

use crate::bad_input::refused;
use crate::golden::BACKENDS;
use crate::{finish, folder, last_object, summary, system, text, windrow};

/// Writes a document of a table of one column without a header.
fn table(at: &Path, file: &str) {
    let field = r#"[{"name":"a","columns":0,"dtype":"I64"}]"#;
    let source = serde_json::json!({"kind": "csv", "file": file, "header": false});
    let source = source.to_string().replace('}', &format!(r#","fields":{field}}}"#));
    fs::write(at, format!(r#"{{"version":1,"source":{source}}}"#)).unwrap();
}

#[test]
fn a_document_reads_nothing_outside_of_its_folder() {
    let tree = folder();
    let inside = tree.path().join("in");
    fs::create_dir(&inside).unwrap();
    fs::write(tree.path().join("secret.csv"), "secret\n").unwrap();
    let spec = inside.join("spec.json");
    let absolute = tree.path().join("secret.csv");
    let up = "../".repeat(40) + "etc/passwd";
    for file in ["../secret.csv", text(&absolute), "/etc/passwd", &up] {
        table(&spec, file);
        for backend in BACKENDS {
            let message = refused(&["run", text(&spec), "--backend", backend], &[]);
            assert!(message.contains("lies outside of the folder"), "{message}");
            assert!(!message.contains("root:") && !message.contains("\"secret\""), "{message}");
        }
        let message = refused(&["doctor", text(&spec)], &[]);
        assert!(message.contains("lies outside of the folder"), "{message}");
    }
}

#[test]
fn a_root_opens_what_lies_below_it_to_every_backend() {
    let tree = folder();
    let inside = tree.path().join("in");
    fs::create_dir(&inside).unwrap();
    fs::write(tree.path().join("numbers.csv"), "1\n2\n3\n").unwrap();
    let (spec, absolute) = (inside.join("spec.json"), tree.path().join("numbers.csv"));
    for file in ["../numbers.csv", text(&absolute)] {
        table(&spec, file);
        for backend in BACKENDS {
            let root = ["--root", text(tree.path())];
            let run = summary(&[&["run", text(&spec), "--backend", backend], &root[..]].concat());
            assert_eq!((&run["batches"], &run["errors"]), (&3.into(), &0.into()), "{backend}");
            // The folder that the command was started in is another one than the document's.
            let mut there = windrow(&["run", "spec.json", "--root", "..", "--json"]);
            let finished = finish(there.args(["--backend", backend]).current_dir(&inside));
            assert_eq!(last_object(&finished)["batches"], 3, "{finished:?}");
        }
    }
    let message = refused(&["run", text(&spec), "--root", text(&inside)], &[]);
    assert!(message.contains("lies outside of the folder"), "{message}");
    let message = refused(&["run", text(&spec), "--root", "no/such"], &[]);
    assert!(message.contains("no/such"), "{message}");
}

#[test]
fn a_document_comes_from_standard_input_too() {
    let folder = folder();
    let spec = folder.path().join("spec.json");
    table(&spec, "numbers.csv");
    fs::write(folder.path().join("numbers.csv"), "1\n2\n").unwrap();
    for backend in BACKENDS {
        let mut command = windrow(&["run", "-", "--json", "--backend", backend]);
        command.stdin(fs::File::open(&spec).unwrap()).current_dir(folder.path());
        assert_eq!(last_object(&finish(&mut command))["batches"], 2, "{backend}");
    }
    let endless = Path::new("/dev/zero");
    if endless.exists() {
        let mut command = windrow(&["run", "-"]);
        let finished = finish(command.stdin(fs::File::open(endless).unwrap()));
        assert_eq!(finished.code, 2, "{finished:?}");
        assert!(
            finished.err.contains("1048577 bytes; give one of at most 1048576"),
            "{}",
            finished.err
        );
    } else {
        println!("skipped: there is no input without an end here");
    }
}

#[test]
fn a_document_that_is_too_long_is_not_read() {
    let folder = folder();
    let spec = folder.path().join("spec.json");
    fs::File::create(&spec).unwrap().set_len(3 << 40).unwrap_or_else(|error| {
        println!("a shorter file, since this system makes none of 3 TiB: {error}");
        fs::File::create(&spec).unwrap().set_len(3 << 30).unwrap();
    });
    for command in ["run", "state"] {
        let message = refused(&[command, text(&spec)], &[]);
        assert!(message.contains("bytes; give a file of at most"), "{message}");
    }
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let folder = folder();
    let (pipe, spec) = (folder.path().join("pipe"), folder.path().join("spec.json"));
    let mut others = vec![(folder.path().to_owned(), "a folder")];
    if system::make_pipe(&pipe) {
        others.push((pipe, "a pipe"));
    }
    for device in ["/dev/zero", "/dev/tty"] {
        match Path::new(device).exists() {
            true => others.push((device.into(), "a device")),
            false => println!("skipped: there is no {device} here"),
        }
    }
    let digits = "www/data/digits.json";
    for (other, what) in others {
        table(&spec, text(&other));
        let other = text(&other);
        for arguments in [
            &["run", other][..],
            &["doctor", other],
            &["state", other],
            &["run", digits, "--state", other],
            &["run", text(&spec), "--root", "/"],
        ] {
            let message = refused(arguments, &[]);
            assert!(message.contains(what) && message.contains("not a file"), "{message}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_utf_8_is_a_path() {
    use std::os::unix::ffi::OsStrExt;
    let folder = folder();
    let inside = folder.path().join(std::ffi::OsStr::from_bytes(b"\xff\x1b[31m"));
    if let Err(error) = fs::create_dir(&inside) {
        println!("skipped: this file system has UTF-8 names only: {error}");
        return;
    }
    let (spec, state) = (inside.join("spec.json"), inside.join("state.json"));
    table(&spec, "numbers.csv");
    fs::write(inside.join("numbers.csv"), "1\n2\n").unwrap();
    for backend in BACKENDS {
        let mut command = windrow(&["run", "--json", "--backend", backend]);
        let finished = finish(command.arg(&spec).arg("--state").arg(&state));
        assert_eq!(finished.code, 0, "{finished:?}");
        assert_eq!(last_object(&finished)["batches"], 2, "{backend}");
        fs::remove_file(&state).unwrap();
    }
    fs::remove_file(inside.join("numbers.csv")).unwrap();
    let finished = finish(windrow(&["run", "--json"]).arg(&spec).stdout(Stdio::piped()));
    assert_eq!(finished.code, 2, "{finished:?}");
    assert!(finished.err.contains("\\u{1b}[31m") && !finished.err.contains('\x1b'), "{finished:?}");
}
