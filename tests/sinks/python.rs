//! Python reads what the sinks write.

use std::process::Command;

use serde_json::{Value, json};

use super::{alike, kinds, run, sample};

const READ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sinks/read.py");

/// Lets Python read the files of every kind; none where there is no Python, which is said.
fn read() -> Option<Value> {
    let folder = tempfile::tempdir().unwrap();
    for (spec, sample) in kinds(folder.path()) {
        run(&spec, sample);
    }
    let mut command = Command::new("python3");
    let output = match command.arg(READ).arg(folder.path()).env("PYTHONUTF8", "1").output() {
        Ok(output) => output,
        Err(why) => {
            eprintln!("skipped: python3 cannot be started here: {why}");
            return None;
        }
    };
    let told = String::from_utf8_lossy(&output.stderr);
    eprint!("{told}");
    assert!(output.status.success(), "{told}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn python_reads_the_files_of_every_kind() {
    let Some(found) = read() else { return };
    let third = -1.0f32 / 3.0;
    assert_eq!(
        found["tar"][0],
        json!({
            "00000.größe.npy": [[2, 1], [0.0, -0.0]],
            "00000.half.npy": [[], [0.0]],
            "00000.label.npy": [[], [-3]],
            "00000.ok.npy": [[1], [true]],
            "00000.png": 0,
            "00001.größe.npy": [[2, 1], [1.0, third]],
            "00001.half.npy": [[], [1.0]],
            "00001.label.npy": [[], [-2]],
            "00001.ok.npy": [[1], [false]],
            "00001.png": 600,
        })
    );
    assert_eq!(found["npy"]["shard-00001.label.npy"], json!([[3], [0, 1, 2]]));
    assert_eq!(found["npy"]["shard-00000.größe.npy"], json!([[2, 2, 1], [0.0, -0.0, 1.0, third]]));
    assert_eq!(found["npy"]["shard-00002.half.npy"], json!([[1], [6.0]]));
    assert_eq!(found["jsonl"].as_array().unwrap().len(), 6);
    assert_eq!(found["jsonl"][1]["label"], -2);
    assert_eq!(found["jsonl"][1]["png"].as_array().unwrap().len(), 600);
    let third = &found["safetensors"][2];
    for (name, tensor) in alike(6).unwrap().iter() {
        let shape = [&[1], tensor.shape()].concat();
        assert_eq!(third[name], json!([tensor.dtype(), shape, tensor.bytes()]), "{name}");
    }
    assert!(sample(2).is_none());
}
