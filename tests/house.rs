//! Rules for the structure of the source that no lint of Cargo.toml and clippy.toml checks.
//!
//! A rule is a function from a tree to its faults. Each fault is one line: file, line, rule. This
//! file runs the rules over this repository, and `planted.rs` runs them over trees that break them.
//! The exceptions of a rule stand in a table with their reasons. A row that no file needs any more
//! is a fault too.

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

/// The rooms, which are the folders right below `src`, and their levels. A room imports only from rooms
/// on lower levels.
const LEVELS: &[(&str, u32)] = &[
    ("error", 0),
    ("order", 1),
    ("dataset", 2),
    ("source", 3),
    ("stage", 3),
    ("engine", 3),
    ("backend", 4),
    ("spec", 4),
    ("sink", 4),
    ("iterable", 4),
    ("loader", 5),
    ("run", 6),
    ("bin", 7),
    ("guide", 7),
    ("web", 7),
];

/// Allowed imports that do not go to a lower level: file, import, reason.
const UPWARD: &[(&str, &str, &str)] = &[(
    "src/dataset/combinators.rs",
    "stage::Ordered",
    "`.ordered()` is a method of every dataset, and returns the start of the stages",
)];

/// Imports that are closed although they go to a lower level: room, imported room, allowed names.
const CLOSED: &[(&str, &str, &[&str])] = &[
    // A backend sees tasks, never the plan or the state, so it cannot influence the order.
    ("backend", "order", &[]),
    ("backend", "stage", &[]),
    ("backend", "engine", &["Task", "Completion"]),
];

/// The rooms whose public functions have no `usize`, which has fewer bits on some platforms.
const ORDER_ROOMS: &[&str] = &["order", "engine", "stage"];

/// Public functions of the order rooms with `usize` in their signature: file, function, reason.
const USIZE: &[(&str, &str, &str)] =
    &[("src/order/description.rs", "len", "counts the ops of a description, as `Vec::len` does")];

/// The names that a `cfg` may have only in `PLATFORM_PLACES`.
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
const PLATFORM_PLACES: &[&str] =
    &["backend/", "sink/atomic", "source/bytes", "web/", "web.rs", "lib.rs"];

/// The lines of the longest file.
const LINES_MAX: usize = 400;

/// Longer files, with their lines and the reason.
const LONGER: &[(&str, usize, &str)] = &[(
    "src/dataset/combinators.rs",
    720,
    "every combinator is a method of one trait, as with `Iterator`; half of the lines are examples",
)];

/// The section of ARCHITECTURE.md that lists the statics, and the parts of a type that can change.
const SECTION: &str = "What threads and the process keep";
const CHANGES: &[&str] = &["Atomic", "Cell", "Lock", "Mutex", "Once"];

/// Allowed cycles of imports: the first file, the largest number of files, and the reason.
const CYCLES: &[(&str, usize, &str)] = &[
    (
        "src/dataset/mod.rs",
        37,
        "a combinator is a dataset, and a method of every dataset, as with `Iterator`",
    ),
    ("src/dataset/wire/access.rs", 2, "a reader reads a list by a reader of its elements"),
    ("src/dataset/wire/runs.rs", 2, "a writer writes a list by a writer of its elements"),
];

type Rule = fn(&Path, &[File]) -> Vec<String>;

/// The rules, by name.
const RULES: &[(&str, Rule)] = &[
    ("imports go to lower levels", imports_go_to_lower_levels),
    ("imports form no cycle", imports_form_no_cycle),
    ("no usize decides an order", no_usize_decides_an_order),
    ("only certain files name platforms", platforms_are_named_in_their_places),
    ("files are short, begin with a comment and have no FIXME", files_are_in_order),
    ("the table of statics is complete", statics_are_in_the_table),
];

#[test]
fn the_source_keeps_its_rules() {
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
        assert!(
            page.contains(&hash),
            "www/data/README.md does not have the SHA-256 {hash} of {file}"
        );
    }
}

fn imports_go_to_lower_levels(root: &Path, files: &[File]) -> Vec<String> {
    let level = |room: &str| LEVELS.iter().find(|(name, _)| *name == room).map(|(_, level)| level);
    let imports = Imports::of(files);
    let (mut faults, mut needed) = (Vec::new(), BTreeSet::new());
    for file in files.iter().filter(|file| !["", "bin"].contains(&&*file.room())) {
        let room = file.room();
        let Some(own) = level(&room) else {
            faults.push(format!("{}:1: {room} is no room: add it to LEVELS", file.path));
            continue;
        };
        for import in imports.by(file).iter().filter(|import| import.path.first() != Some(&room)) {
            let path = import.path.join("::");
            let place = format!("{}:{}", file.path, import.line);
            let target = import.path.first().map_or("", |name| name);
            match level(target) {
                None => faults
                    .push(format!("{place}: {path} is no room: import the item from its room")),
                Some(other) if other < own => {}
                _ if UPWARD.iter().any(|row| (row.0, row.1) == (&*file.path, &*path)) => {
                    needed.insert(file.path.clone());
                }
                _ => faults
                    .push(format!("{place}: {room} imports {path}, which is not on a lower level")),
            }
            let closed = CLOSED.iter().find(|(from, to, _)| (*from, *to) == (&*room, target));
            if let Some((.., open)) = closed
                && !import.path.get(1).is_some_and(|name| open.contains(&&**name))
            {
                faults.push(format!(
                    "{place}: {room} may import only {open:?} of {target}, not {path}"
                ));
            }
        }
    }
    faults.extend(stale(root, "UPWARD", UPWARD.iter().map(|row| row.0), &needed));
    faults
}

fn imports_form_no_cycle(root: &Path, files: &[File]) -> Vec<String> {
    let (mut faults, mut needed) = (Vec::new(), BTreeSet::new());
    for cycle in Imports::of(files).cycles() {
        let first = &cycle[0];
        if CYCLES.iter().any(|(file, most, _)| file == first && cycle.len() <= *most) {
            needed.insert(first.clone());
        } else {
            faults.push(format!("{first}:1: these files import each other: {}", cycle.join(", ")));
        }
    }
    faults.extend(stale(root, "CYCLES", CYCLES.iter().map(|row| row.0), &needed));
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
                    "{}:{line}: usize in the signature of {name} has 32 bits on wasm32: use u64",
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
                    "{}:{line}: a cfg names {name}: move it to one of {PLATFORM_PLACES:?}",
                    file.path
                ));
            }
        }
    }
    faults
}

fn files_are_in_order(root: &Path, files: &[File]) -> Vec<String> {
    let (mut faults, mut needed) = (Vec::new(), BTreeSet::new());
    for File { path, text, .. } in files {
        let lines = text.lines().count();
        let longer = LONGER.iter().find(|(file, ..)| file == path && lines > LINES_MAX);
        needed.extend(longer.map(|(file, ..)| (*file).to_owned()));
        let most = longer.map_or(LINES_MAX, |(_, most, _)| *most);
        if lines > most {
            faults.push(format!(
                "{path}:{lines}: {lines} lines: split the file, at most {most} are allowed"
            ));
        }
        if !text.starts_with("//!") {
            faults.push(format!("{path}:1: the file does not begin with `//!`"));
        }
        if text.contains("FIXME") {
            faults.push(format!("{path}:1: FIXME: fix it, or remove the note"));
        }
    }
    faults.extend(stale(root, "LONGER", LONGER.iter().map(|row| row.0), &needed));
    faults
}

/// Compares the table of ARCHITECTURE.md with the thread-locals and the statics that can change.
fn statics_are_in_the_table(root: &Path, files: &[File]) -> Vec<String> {
    let page = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap_or_default();
    let section =
        page.split("\n## ").find(|section| section.starts_with(SECTION)).unwrap_or_default();
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
    let untold = there
        .difference(&told)
        .map(|kept| format!("{kept} is not in the table of ARCHITECTURE.md"));
    let gone = told
        .difference(&there)
        .map(|kept| format!("{kept} is in the table of ARCHITECTURE.md, and not in the source"));
    untold.chain(gone).collect()
}

/// Finds the existing files in a table of exceptions that need no exception any more.
fn stale<'a>(
    root: &Path,
    table: &str,
    listed: impl Iterator<Item = &'a str>,
    needed: &BTreeSet<String>,
) -> Vec<String> {
    listed
        .filter(|file| root.join(file).exists() && !needed.contains(*file))
        .map(|file| format!("{file}:1: {table} lists it without need: remove the row"))
        .collect()
}

/// Returns the condition of a `cfg(…)`, `cfg!(…)` or `cfg_attr(…)` at the start.
fn condition(code: &[Token]) -> &[Token] {
    let open = 1 + usize::from(begins(code, &["cfg", "!"]));
    if !["cfg", "cfg_attr"].contains(&&*code[0].0) || !begins(&code[open..], &["("]) {
        return &[];
    }
    &code[open..open + enclosed(&code[open..])]
}
