//! The structure of the house, as far as no lint of Cargo.toml and clippy.toml holds it.
//!
//! Each rule is a function from a tree to what breaks it, one line a place: file, line, rule. They
//! are run over this repository here, and over planted trees that break them in `planted.rs`. What
//! a rule lets through stands in a table with the reason; a line of a table that nothing needs any
//! more is a fault too.

#[path = "house/imports.rs"]
mod imports;
#[path = "house/licence.rs"]
mod licence;
#[path = "house/planted.rs"]
mod planted;
#[path = "house/source.rs"]
mod source;

use std::collections::BTreeSet;
use std::path::Path;

use imports::Imports;
use source::{File, Token, begins, enclosed, ends, rust_files};

/// The rooms and how high they lie: a room imports from lower ones only.
const LEVELS: &[(&str, u32)] = &[
    ("error", 0),
    ("order", 1),
    ("dataset", 2),
    ("source", 3),
    ("stage", 3),
    ("engine", 3),
    ("backend", 4),
    ("spec", 4),
    ("loader", 5),
    ("bin", 6),
    ("guide", 6),
    ("web", 6),
];

/// Imports that do not go downhill, and why they may be: file, what it imports, reason.
const SIDEWAYS: &[(&str, &str, &str)] = &[(
    "src/dataset/combinators.rs",
    "stage::Ordered",
    "`.ordered()` is a method of every dataset, and what it gives is the start of the stages",
)];

/// Downhill imports that are closed all the same: room, room imported from, the names that may be.
const CLOSED: &[(&str, &str, &[&str])] = &[
    // A backend sees tasks, never the plan or the state, so it cannot influence the order.
    ("backend", "order", &[]),
    ("backend", "stage", &[]),
    ("backend", "engine", &["Task", "Completion"]),
];

/// The rooms in which no number is a `usize` that another platform could cut off.
const ORDER_ROOMS: &[&str] = &["order", "engine", "stage"];

/// Public functions of the order rooms with `usize` in their signature: file, function, reason.
const USIZE: &[(&str, &str, &str)] =
    &[("src/order/description.rs", "len", "counts the ops of a description; `Vec`'s own length")];

/// What a `cfg` may ask only in the places of `PLATFORM_PLACES`.
const PLATFORM: &[&str] = &[
    "target_arch",
    "target_os",
    "target_family",
    "target_env",
    "target_vendor",
    "target_feature",
    "target_pointer_width",
    "unix",
    "windows",
    "wasm",
];
const PLATFORM_PLACES: &[&str] = &["backend/", "source/bytes", "web/", "web.rs", "lib.rs"];

/// The longest file.
const LINES_MAX: usize = 400;

/// The section of ARCHITECTURE.md about what outlives a call, and what makes a static one of these.
const KEPT: &str = "What threads and the process keep";
const CHANGES: &[&str] = &["Atomic", "Cell", "Lock", "Mutex", "Once"];

/// Circles of imports that stay: the first file, how many there are at most, and why.
const CIRCLES: &[(&str, usize, &str)] = &[
    (
        "src/backend/process/mod.rs",
        6,
        "the list of backends names each, and each is found in the list",
    ),
    ("src/backend/process/sys/mod.rs", 3, "each system has the names of its signals"),
    (
        "src/dataset/mod.rs",
        16,
        "combinators are datasets and methods of all datasets, as with `Iterator`",
    ),
    ("src/dataset/wire.rs", 8, "serde's readers and writers call each other, level by level"),
];

type Rule = fn(&Path, &[File]) -> Vec<String>;

/// All rules over the source, by name.
const RULES: &[(&str, Rule)] = &[
    ("imports go downhill", imports_go_downhill),
    ("imports make no circle", imports_make_no_circle),
    ("no usize decides an order", no_usize_decides_an_order),
    ("platforms are named in their places", platforms_are_named_in_their_places),
    ("files are short, say what they are for and leave nothing behind", files_are_in_order),
    ("what threads and the process keep is told", what_is_kept_is_told),
];

#[test]
fn the_house_keeps_its_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = rust_files(root);
    let faults: Vec<String> = RULES
        .iter()
        .flat_map(|(rule, check)| {
            check(root, &files).into_iter().map(move |f| format!("{f} [{rule}]"))
        })
        .collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_data_is_what_its_page_says() {
    use sha2::{Digest, Sha256};
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("www/data");
    let page = std::fs::read_to_string(data.join("README.md")).unwrap();
    for file in ["digits.csv.gz", "emoji.tar", "emoji.names.json"] {
        let hash = Sha256::digest(std::fs::read(data.join(file)).unwrap());
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(page.contains(&hash), "README.md does not state {hash} for {file}");
    }
}

fn imports_go_downhill(root: &Path, files: &[File]) -> Vec<String> {
    let level = |room: &str| LEVELS.iter().find(|(name, _)| *name == room).map(|(_, level)| level);
    let imports = Imports::of(files);
    let (mut faults, mut needed) = (Vec::new(), BTreeSet::new());
    for file in files.iter().filter(|file| !["", "bin"].contains(&&*file.room())) {
        let room = file.room();
        let Some(own) = level(&room) else {
            faults.push(format!("{}:1: {room} is no room of the house: see LEVELS", file.path));
            continue;
        };
        for import in imports.by(file).iter().filter(|import| import.path.first() != Some(&room)) {
            let path = import.path.join("::");
            let place = format!("{}:{}", file.path, import.line);
            let target = import.path.first().map_or("", |name| name);
            match level(target) {
                None => faults.push(format!("{place}: {path} is imported from the hall")),
                Some(other) if other < own => {}
                _ if SIDEWAYS.iter().any(|row| (row.0, row.1) == (&*file.path, &*path)) => {
                    needed.insert(file.path.clone());
                }
                _ => faults.push(format!("{place}: {room} imports {path}, which is uphill")),
            }
            let closed = CLOSED.iter().find(|(from, to, _)| (*from, *to) == (&*room, target));
            if let Some((.., open)) = closed
                && !import.path.get(1).is_some_and(|name| open.contains(&&**name))
            {
                faults.push(format!("{place}: {room} may import {open:?} of {target}, not {path}"));
            }
        }
    }
    faults.extend(stale(root, "SIDEWAYS", SIDEWAYS.iter().map(|row| row.0), &needed));
    faults
}

fn imports_make_no_circle(root: &Path, files: &[File]) -> Vec<String> {
    let (mut faults, mut needed) = (Vec::new(), BTreeSet::new());
    for circle in Imports::of(files).circles() {
        let first = &circle[0];
        if CIRCLES.iter().any(|(file, most, _)| file == first && circle.len() <= *most) {
            needed.insert(first.clone());
        } else {
            faults.push(format!("{first}:1: these files import each other: {}", circle.join(", ")));
        }
    }
    faults.extend(stale(root, "CIRCLES", CIRCLES.iter().map(|row| row.0), &needed));
    faults
}

fn no_usize_decides_an_order(root: &Path, files: &[File]) -> Vec<String> {
    let (mut faults, mut needed) = (Vec::new(), BTreeSet::new());
    let public = |before| ends(before, &["pub"]) || ends(before, &["pub", "(", "crate", ")"]);
    for file in files.iter().filter(|file| ORDER_ROOMS.contains(&&*file.room())) {
        let mut trait_end = 0;
        for (i, (text, line)) in file.shipped.iter().enumerate() {
            let code = &file.shipped[i..];
            if text == "trait" && public(&file.shipped[..i]) {
                let open = code.iter().position(|(text, _)| text == "{").unwrap_or(0);
                trait_end = i + open + enclosed(&code[open..]);
            }
            let before = if ends(&file.shipped[..i], &["const"]) { i - 1 } else { i };
            if text != "fn" || (i >= trait_end && !public(&file.shipped[..before])) {
                continue;
            }
            let name = &code[1].0;
            let mut signature = code.iter().take_while(|(text, _)| text != "{" && text != ";");
            if signature.all(|(text, _)| text != "usize") {
                continue;
            }
            if USIZE.iter().any(|row| (row.0, row.1) == (&*file.path, &**name)) {
                needed.insert(file.path.clone());
            } else {
                faults.push(format!(
                    "{}:{line}: usize in the signature of {name}; it has 32 bits on wasm32, use u64",
                    file.path
                ));
            }
        }
    }
    faults.extend(stale(root, "USIZE", USIZE.iter().map(|row| row.0), &needed));
    faults
}

fn platforms_are_named_in_their_places(_: &Path, files: &[File]) -> Vec<String> {
    let mut faults = Vec::new();
    for file in files {
        let inside = file.path.trim_start_matches("src/");
        if PLATFORM_PLACES.iter().any(|place| inside.starts_with(place)) {
            continue;
        }
        for (i, (_, line)) in file.code.iter().enumerate() {
            let asked = condition(&file.code[i..]);
            if let Some((name, _)) = asked.iter().find(|(text, _)| PLATFORM.contains(&&**text)) {
                faults.push(format!(
                    "{}:{line}: a cfg names {name}; that is for {PLATFORM_PLACES:?}",
                    file.path
                ));
            }
        }
    }
    faults
}

fn files_are_in_order(_: &Path, files: &[File]) -> Vec<String> {
    let mut faults = Vec::new();
    for File { path, text, .. } in files {
        let lines = text.lines().count();
        if lines > LINES_MAX {
            faults.push(format!("{path}:{lines}: {lines} lines; at most {LINES_MAX}"));
        }
        if !text.starts_with("//!") {
            faults.push(format!("{path}:1: the file does not begin with `//!`"));
        }
        if text.contains("FIXME") {
            faults.push(format!("{path}:1: FIXME is left behind"));
        }
    }
    faults
}

/// The table of ARCHITECTURE.md has a row for each thread-local and each static that can change.
fn what_is_kept_is_told(root: &Path, files: &[File]) -> Vec<String> {
    let page = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap_or_default();
    let section = page.split("\n## ").find(|section| section.starts_with(KEPT)).unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let told: BTreeSet<String> = rows.map(|row| format!("`{row}")).collect();
    let mut there = BTreeSet::new();
    for file in files {
        for (i, _) in file.shipped.iter().enumerate() {
            let code = &file.shipped[i..];
            let kind = code.iter().take_while(|(text, _)| text != "=" && text != ";");
            let changes =
                kind.skip(3).any(|(text, _)| CHANGES.iter().any(|part| text.contains(part)));
            if begins(code, &["static"]) && begins(&code[2..], &[":"]) && changes {
                there.insert(format!("`{}` in `{}`", code[1].0, file.path));
            }
        }
    }
    let untold = there.difference(&told).map(|kept| format!("{kept} is not in the table"));
    let gone =
        told.difference(&there).map(|kept| format!("{kept} is in the table and nowhere else"));
    untold.chain(gone).collect()
}

/// The files of a table of exceptions that are there and need no exception any more.
fn stale<'a>(
    root: &Path,
    table: &str,
    listed: impl Iterator<Item = &'a str>,
    needed: &BTreeSet<String>,
) -> Vec<String> {
    listed
        .filter(|file| root.join(file).exists() && !needed.contains(*file))
        .map(|file| format!("{file}:1: {table} lists it, and it needs no exception any more"))
        .collect()
}

/// What a `cfg(…)`, `cfg!(…)` or `cfg_attr(…)` at the start asks.
fn condition(code: &[Token]) -> &[Token] {
    let open = 1 + usize::from(begins(code, &["cfg", "!"]));
    if !["cfg", "cfg_attr"].contains(&&*code[0].0) || !begins(&code[open..], &["("]) {
        return &[];
    }
    &code[open..open + enclosed(&code[open..])]
}
