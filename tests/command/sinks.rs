//! `windrow run --sink`: every sample in files, whatever ends the run on the way.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::bad_input::refused;
use crate::{finish, folder, summary, text, waited, windrow};

/// How long a run may take to finish the next file.
const LIMIT: Duration = Duration::from_secs(120);

/// Writes the document of the demo's 512 pictures, small and without batches, into a folder.
fn pictures(folder: &Path) -> String {
    fs::copy("www/data/emoji.tar", folder.join("emoji.tar")).unwrap();
    let document = r#"{"version": 1, "seed": 7,
        "source": {"kind": "tar", "files": ["emoji.tar"], "fields": ["png", "cls"]},
        "ops": [{"op": "shuffle"}, {"op": "decode_number", "field": "cls", "dtype": "U16"},
            {"op": "decode_image", "field": "png", "channels": 4},
            {"op": "resize", "field": "png", "height": 24, "width": 24}]}"#;
    let path = folder.join("pictures.json");
    fs::write(&path, document).unwrap();
    text(&path).into()
}

/// The finished files of a sink with their bytes.
fn shards(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeMap::new() };
    let named = entries.map(|entry| entry.unwrap()).filter_map(|entry| {
        let name = entry.file_name().into_string().unwrap();
        name.ends_with(".tar").then(|| (name, fs::read(entry.path()).unwrap()))
    });
    named.collect()
}

#[test]
fn a_run_that_is_killed_ten_times_writes_the_same_bytes() {
    let folder = folder();
    let document = pictures(folder.path());
    let (killed, whole) = (folder.path().join("killed"), folder.path().join("whole"));
    let arguments = |sink| ["run", &document, "--sink", text(sink), "--samples-per-file", "16"];
    let mut kills = 0;
    for round in 1..=10 {
        let mut run = windrow(&arguments(&killed));
        let run = run.args(["--backend", "processes", "--workers", "2"]);
        let mut child = run.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let begun = Instant::now();
        while shards(&killed).len() < 3 * round && child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < LIMIT, "no file was finished in {LIMIT:?}");
            std::thread::yield_now();
        }
        // A child that has ended and was waited for is not killed.
        _ = child.kill();
        let output = waited(child);
        kills += u32::from(!output.status.success());
    }
    assert!(kills >= 5, "only {kills} kills came before the end");
    let threads = ["--backend", "threads", "--workers", "3"];
    let rest = summary(&[&arguments(&killed)[..], &threads].concat());
    assert!(rest["before"].as_u64().unwrap() > 0, "{rest}");
    assert_eq!((&rest["written"], &rest["open"]), (&512.into(), &0.into()), "{rest}");
    assert_eq!(rest["workers"], 3, "{rest}");
    summary(&[&arguments(&whole)[..], &["--backend", "inline"]].concat());
    let (killed, whole) = (shards(&killed), shards(&whole));
    assert_eq!(whole.len(), 32);
    assert!(killed == whole, "the files differ");
}

#[test]
fn a_run_into_files_tells_what_failed_and_goes_on_with_what_is_open() {
    let folder = folder();
    let document = folder.path().join("lines.json");
    fs::write(folder.path().join("a.jsonl"), "{\"x\":1}\n{\"x\":300}\n{\"x\":3}\n").unwrap();
    let json = r#"{"version": 1, "source": {"kind": "jsonl", "file": "a.jsonl", "fields": [{"name": "x", "dtype": "U8"}]}}"#;
    fs::write(&document, json).unwrap();
    let out = folder.path().join("out");
    let base = ["run", text(&document), "--sink", text(&out), "--sink-kind", "jsonl", "--json"];
    let first = finish(&mut windrow(&[&base[..], &["--indices", "2"]].concat()));
    assert_eq!(first.code, 0, "{first:?}");
    assert!(first.out.contains("\"written\":1"), "{first:?}");
    for _ in 0..2 {
        let all = finish(&mut windrow(&base));
        assert_eq!(all.code, 1, "{all:?}");
        assert!(all.err.contains("index 1: "), "{all:?}");
        assert!(all.out.contains("\"failed\":1"), "{all:?}");
        let lines = fs::read_to_string(out.join("shard-00000.jsonl")).unwrap();
        assert_eq!(lines, "{\"x\":1}\n{\"x\":3}\n");
    }
}

#[test]
fn what_does_not_go_with_files_is_refused() {
    let folder = folder();
    let document = pictures(folder.path());
    let out = folder.path().join("out");
    let base = ["run", &document, "--sink", text(&out)];
    let with = |more: &[&str]| refused(&[&base[..], more].concat(), &[]);
    let misused = |arguments: &[&str]| {
        let finished = finish(&mut windrow(arguments));
        assert_eq!(finished.code, 2, "{finished:?}");
        finished.err
    };
    let misused_with = |more: &[&str]| misused(&[&base[..], more].concat());
    assert!(misused_with(&["--state", "s.json"]).contains("--state"));
    assert!(misused_with(&["--digest"]).contains("--digest"));
    assert!(misused_with(&["--sink-kind", "zip"]).contains("tar, npy, jsonl"));
    assert!(misused_with(&["--indices", "5-7"]).contains("\"5-7\" is not an index"));
    assert!(misused(&["run", &document, "--retry-failed"]).contains("--sink"));
    assert!(with(&["--indices", "512"]).contains("512"));
    let batched = refused(&["run", "www/data/emoji.json", "--sink", text(&out)], &[]);
    assert!(batched.contains("stages"), "{batched}");
    summary(&[&base[..], &["--indices", "0..16", "--samples-per-file", "16"]].concat());
    let other = with(&["--samples-per-file", "32"]);
    assert!(other.contains("windrow.record") && other.contains("16"), "{other}");
}
