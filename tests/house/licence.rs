//! What the dependencies ask for: licences that we can keep, and no newer Rust than ours.

use serde_json::Value;

/// The licences that a dependency may be under.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// What is wrong with the packages of a `cargo metadata` document: one line each.
pub fn faults(metadata: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let packages = metadata["packages"].as_array().expect("cargo metadata lists packages");
    let ours = packages.iter().find(|package| package["name"] == "windrow");
    let ours = ours.expect("cargo metadata lists windrow")["rust_version"].as_str().unwrap();
    for package in packages.iter().filter(|package| package["name"] != "windrow") {
        let text = |field: &str| package[field].as_str();
        let name = format!("{} {}", text("name").unwrap(), text("version").unwrap());
        match text("license") {
            None => faults.push(format!("{name}: it states no licence expression")),
            Some(terms) if !satisfiable(terms) => faults.push(format!(
                "{name}: its licence {terms:?} cannot be met with the allowed ones ({})",
                ALLOWED.join(", ")
            )),
            Some(_) => {}
        }
        if let Some(needs) = text("rust_version")
            && version(needs) > version(ours)
        {
            faults.push(format!("{name}: it needs Rust {needs}, and we promise {ours}"));
        }
    }
    faults
}

/// A Rust version as numbers; `1.88` and `1.88.0` are the same.
fn version(text: &str) -> [u64; 3] {
    let mut numbers = text.split('.').map(|part| part.parse().expect("a version is numbers"));
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

/// Whether an SPDX expression holds with allowed licences; `/` is the old way to write `OR`.
fn satisfiable(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    any(&mut words) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>) -> bool {
    let mut holds = all(words);
    while words.next_if_eq(&"OR").is_some() {
        holds |= all(words);
    }
    holds
}

fn all(words: &mut Words<'_>) -> bool {
    let mut holds = one(words);
    while words.next_if_eq(&"AND").is_some() {
        holds &= one(words);
    }
    holds
}

fn one(words: &mut Words<'_>) -> bool {
    let Some(word) = words.next() else { return false };
    if word == "(" {
        return any(words) & words.next_if_eq(&")").is_some();
    }
    match words.next_if_eq(&"WITH").and_then(|_| words.next()) {
        Some(exception) => ALLOWED.contains(&&*format!("{word} WITH {exception}")),
        None => ALLOWED.contains(&word),
    }
}

#[test]
fn licence_expressions_are_judged_by_their_logic() {
    for good in [
        "MIT",
        "MIT/Apache-2.0",
        "Unlicense OR MIT",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR GPL-3.0-only",
        "MIT OR (GPL-2.0-only AND ISC)",
    ] {
        assert!(satisfiable(good), "{good} is refused");
    }
    for bad in [
        "",
        "GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "(MIT OR ISC",
        "MIT ISC",
        "ISC WITH LLVM-exception",
        "(MIT OR ISC) AND (Unlicense OR MPL-2.0)",
    ] {
        assert!(!satisfiable(bad), "{bad} is allowed");
    }
}
