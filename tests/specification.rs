//! `tests/golden/check.py`, which knows ARCHITECTURE.md alone, makes the same order, encoding and
//! digests.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use serde::Serialize;
use serde_json::{Value, json};
use windrow::dataset::wire;

const CHECK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/check.py");

/// Runs the program on this input; none where there is no Python, which is said.
fn check(arguments: &[&str], input: &str) -> Option<(bool, String)> {
    let mut command = Command::new("python3");
    command.arg(CHECK).args(arguments).env("PYTHONUTF8", "1").stdin(Stdio::piped());
    let mut child = match command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(why) => {
            eprintln!("skipped: python3 cannot be started here: {why}");
            return None;
        }
    };
    // It may end before it has read everything.
    _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

/// A value with its type in the program's words, and the hash of its canonical bytes.
fn case<T: Serialize>(kind: Value, value: Value, own: &T) -> Value {
    let hash: String =
        wire::encode(own).unwrap().sha256().iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"type": kind, "value": value, "sha256": hash})
}

#[derive(Serialize)]
enum Part {
    Nothing,
    Pixels(Vec<u8>),
    Both { text: String, heights: Vec<f32> },
}

/// As serde's helpers for large arrays write them.
struct Array(Vec<i16>);

impl Serialize for Array {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeTuple;
        let mut elements = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|element| elements.serialize_element(element))?;
        elements.end()
    }
}

fn cases() -> Vec<Value> {
    let mut cases = Vec::new();
    macro_rules! numbers {
        ($($kind:ident: $($number:expr),*;)*) => {$(
            for number in [$($number),*] {
                let number: $kind = number;
                let shown = json!(number.to_string());
                cases.push(case(json!(stringify!($kind)), shown, &number));
            }
            let least = 1024 / size_of::<$kind>();
            for length in [0, 1, least - 1, least, 2 * least + 1] {
                let all: Vec<$kind> = [$($number),*].into_iter().cycle().take(length).collect();
                let shown: Vec<String> = all.iter().map(ToString::to_string).collect();
                cases.push(case(json!(["seq", stringify!($kind)]), json!(shown), &all));
            }
        )*};
    }
    numbers! {
        u16: 0, 127, 128, u16::MAX; u32: 0, 300, u32::MAX; u64: 0, 1 << 40, u64::MAX;
        u128: 0, 1 << 100, u128::MAX; i16: 0, -1, 1, i16::MIN, i16::MAX; i32: -1, i32::MIN, 64;
        i64: -65, i64::MIN, i64::MAX; i128: -1, i128::MIN, i128::MAX;
    }
    for byte in [0u8, 1, 127, 128, 255] {
        cases.push(case(json!("u8"), json!(byte.to_string()), &byte));
        cases.push(case(json!("i8"), json!((byte as i8).to_string()), &(byte as i8)));
    }
    for float in [0.0, -0.0, 0.1f32, f32::MAX] {
        cases.push(case(json!("f32"), json!(f64::from(float)), &float));
        cases.push(case(json!("f64"), json!(f64::from(float)), &f64::from(float)));
        let floats = vec![float; 300];
        cases.push(case(json!(["seq", "f32"]), json!(vec![f64::from(float); 300]), &floats));
    }
    for text in ["", "a", "é\u{10ffff}"] {
        for times in [1, 63, 64, 500, 1024, 3000] {
            let text = text.repeat(times);
            cases.push(case(json!("text"), json!(text), &text));
        }
    }
    cases.push(case(json!(["seq", "char"]), json!(vec!["ß"; 256]), &vec!['ß'; 256]));
    cases.push(case(json!(["seq", "char"]), json!(vec!["ß"; 255]), &vec!['ß'; 255]));
    cases.push(case(json!(["seq", "bool"]), json!(vec![true; 2000]), &vec![true; 2000]));
    for length in [0usize, 32, 33, 511, 512, 600] {
        let all: Vec<i16> = (0..length).map(|x| x as i16 - 256).collect();
        cases.push(case(json!(["array", "i16"]), json!(all), &Array(all.clone())));
    }
    let kind = json!([
        "struct",
        "u8",
        ["option", "text"],
        ["option", "text"],
        [
            "map",
            "u16",
            ["seq", ["enum", "nothing", ["seq", "u8"], ["struct", "text", ["seq", "f32"]]]]
        ],
        ["seq", ["array", "f32"]],
    ]);
    let own = (
        7u8,
        None::<String>,
        Some("some".repeat(400)),
        BTreeMap::from([
            (3u16, vec![Part::Nothing, Part::Pixels(vec![9; 5000])]),
            (1000, vec![Part::Both { text: "t".into(), heights: vec![0.5; 999] }]),
        ]),
        vec![[0.25f32; 3]; 500],
    );
    let value = json!([
        7,
        null,
        "some".repeat(400),
        [[3, [[0, null], [1, vec![9; 5000]]]], [1000, [[2, ["t", vec![0.5; 999]]]]],],
        vec![[0.25; 3]; 500],
    ]);
    cases.push(case(kind, value, &own));
    cases
}

#[test]
fn the_specification_gives_the_golden_order_and_digests() {
    if let Some((same, text)) = check(&[], "") {
        assert!(same, "{text}");
        assert!(text.contains("order.json: 7 generators"), "{text}");
    }
}

#[test]
fn the_specification_gives_the_encoding_of_every_kind_of_value() {
    let cases = cases();
    if let Some((same, text)) = check(&["--values"], &json!(cases).to_string()) {
        assert!(same, "{text}");
        assert!(text.contains(&format!("{} values, 0 of them", cases.len())), "{text}");
    }
}

#[test]
fn another_encoding_is_seen() {
    let mut wrong = case(json!(["seq", "u32"]), json!(vec![1; 256]), &vec![1u32; 256]);
    wrong["type"] = json!(["seq", "u64"]);
    if let Some((same, text)) = check(&["--values"], &json!([wrong]).to_string()) {
        assert!(!same && text.contains("1 of them encoded otherwise"), "{text}");
    }
}
