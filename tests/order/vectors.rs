//! The vectors that every platform must reproduce.
//!
//! `golden/order.json` is a part of the stream's definition: a change of it is a breaking change.
//! `WINDROW_BLESS=1` writes it anew. `golden/grain.json` was taken from Grain and is never written.

use std::path::PathBuf;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use windrow::order::{Permutation, Rng, index_shuffle};

/// Lengths whose orders are listed whole.
const LISTED: [u64; 8] = [1, 2, 3, 5, 10, 16, 17, 100];
/// Lengths whose orders are given by their first entries and a hash: the last table, the first
/// network, and longer ones.
const HASHED: [u64; 7] = [128, 129, 256, 1000, 65_537, 1 << 40, 1 << 63];
/// The longest order that is hashed whole; of longer ones, the first 1,000 entries are.
const HASHED_WHOLE: u64 = 65_537;
const KEYS: [(u64, u64); 4] = [(0, 0), (42, 0), (42, 1), (u64::MAX, u64::MAX)];

#[test]
fn the_order_is_the_golden_one() {
    let path = golden("order.json");
    let current = document();
    if std::env::var_os("WINDROW_BLESS").is_some() {
        let text = lines(&current);
        std::fs::write(&path, text).unwrap();
    }
    let stored = read("order.json");
    for (section, vectors) in current.as_object().unwrap() {
        let Some(vectors) = vectors.as_array() else {
            assert_eq!(&stored[section], vectors, "{section}");
            continue;
        };
        assert_eq!(stored[section].as_array().map(Vec::len), Some(vectors.len()), "{section}");
        for (number, vector) in vectors.iter().enumerate() {
            assert_eq!(&stored[section][number], vector, "{section}[{number}] has changed");
        }
    }
    assert_eq!(stored, current, "there is more in the file than is made here");
}

#[test]
fn grains_orders_come_out() {
    let grain = read("grain.json");
    for vector in grain["permutations"].as_array().unwrap() {
        let (len, seed, rounds) = grain_key(vector);
        let order = |count| (0..count).map(move |i| index_shuffle(i, len - 1, seed, rounds));
        let listed = vector["entries"].as_array().unwrap();
        let got: Vec<Value> = order(listed.len() as u64).map(|x| x.to_string().into()).collect();
        assert_eq!(&got, listed, "length {len}, seed {seed}, {rounds} rounds");
        if let Some(hash) = vector["sha256"].as_str() {
            assert_eq!(joined_hash(order(len)), hash, "length {len}, seed {seed}");
        }
    }
    for vector in grain["not_bijections"].as_array().unwrap() {
        let (len, seed, rounds) = grain_key(vector);
        let missing = number(&vector["missing"]);
        let found = (0..len).any(|i| index_shuffle(i, len - 1, seed, rounds) == missing);
        assert!(!found, "{missing} comes out, unlike in Grain");
    }
}

fn document() -> Value {
    let mut permutations = Vec::new();
    for len in LISTED.into_iter().chain(HASHED) {
        for (seed, epoch) in KEYS {
            let order = Permutation::new(len, seed, epoch);
            let entries = |count: u64| (0..count).map(move |index| order.get(index));
            let shown = if LISTED.contains(&len) { len } else { 10 };
            let mut vector = json!({
                "len": len.to_string(), "seed": seed.to_string(), "epoch": epoch.to_string(),
                "entries": texts(entries(shown)),
            });
            if shown < len {
                let hashed = if len <= HASHED_WHOLE { len } else { 1000 };
                vector["hashed"] = hashed.to_string().into();
                vector["sha256"] = joined_hash(entries(hashed)).into();
            }
            permutations.push(vector);
        }
    }
    json!({
        "stream": 1,
        "permutations": permutations,
        "rng": rng_vectors(),
        "index_shuffle": grain_vectors(),
    })
}

/// The generator's words, and what is made of them, each from the start of the stream.
fn rng_vectors() -> Vec<Value> {
    const MAX: u64 = u64::MAX;
    let keys = [[0; 4], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [42, 3, 2, 41]];
    let vectors = keys.into_iter().chain([[MAX; 4]]).map(|[seed, epoch, op, index]| {
        let rng = || Rng::keyed(seed, epoch, op, index);
        let below = |bound| {
            let mut rng = rng();
            json!({
                "bound": format!("{bound}"),
                "values": texts((0..8).map(|_| rng.below(bound))),
            })
        };
        let (mut words, mut doubles, mut singles) = (rng(), rng(), rng());
        let mut shuffled: Vec<u64> = (0..20).collect();
        rng().shuffle(&mut shuffled);
        json!({
            "seed": seed.to_string(), "epoch": epoch.to_string(),
            "op": op.to_string(), "index": index.to_string(),
            "words": texts((0..8).map(|_| words.next_u64())),
            "below": [below(1), below(10), below(1 << 32), below((1 << 63) + 1), below(MAX)],
            "unit_f64_bits": (0..4).map(|_| format!("{:016x}", doubles.unit_f64().to_bits()))
                .collect::<Vec<_>>(),
            "unit_f32_bits": (0..4).map(|_| format!("{:08x}", singles.unit_f32().to_bits()))
                .collect::<Vec<_>>(),
            "shuffled_20": texts(shuffled),
        })
    });
    vectors.collect()
}

fn grain_vectors() -> Vec<Value> {
    let keys = [(1, 0, 4), (2, 9, 4), (5, 32, 4), (10, 42, 4), (17, 7, 6), (1000, u32::MAX, 8)];
    let keys = keys.into_iter().chain([(65_536, 42, 4), (1 << 40, 5, 4), (u64::MAX, 1, 20)]);
    let vectors = keys.map(|(len, seed, rounds)| {
        let entries = (0..len.min(20)).map(|index| index_shuffle(index, len - 1, seed, rounds));
        json!({
            "len": len.to_string(), "seed": seed, "rounds": rounds, "entries": texts(entries),
        })
    });
    vectors.collect()
}

/// Numbers as decimal strings, since JavaScript's numbers lose bits beyond 2^53.
fn texts(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(|number| number.to_string()).collect()
}

/// The SHA-256 of numbers as decimals with commas between them.
fn joined_hash(numbers: impl IntoIterator<Item = u64>) -> String {
    let hash = Sha256::digest(texts(numbers).join(","));
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn grain_key(vector: &Value) -> (u64, u32, u32) {
    let small = |field: &str| u32::try_from(vector[field].as_u64().unwrap()).unwrap();
    (number(&vector["len"]), small("seed"), small("rounds"))
}

fn number(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

fn golden(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "golden", name].iter().collect()
}

fn read(name: &str) -> Value {
    let text = std::fs::read_to_string(golden(name));
    serde_json::from_str(&text.unwrap_or_else(|error| panic!("{name}: {error}"))).unwrap()
}

/// A document with a line for each vector, so that a difference shows where it is.
fn lines(document: &Value) -> String {
    let sections = document.as_object().unwrap().iter().map(|(name, section)| {
        let Some(vectors) = section.as_array() else { return format!(" \"{name}\": {section}") };
        let vectors: Vec<String> = vectors.iter().map(|vector| format!("  {vector}")).collect();
        format!(" \"{name}\": [\n{}\n ]", vectors.join(",\n"))
    });
    format!("{{\n{}\n}}\n", sections.collect::<Vec<_>>().join(",\n"))
}
