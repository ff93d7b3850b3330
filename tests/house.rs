//! The structure of the house, read off its source.
//!
//! Each rule is a function from a tree to what breaks it, one line a place: file, line, rule. They
//! are run over this repository here, and over planted trees that break them in `planted.rs`. What
//! a rule lets through stands in a table with the reason; a line of a table that nothing needs any
//! more is a fault too.

#[path = "house/circles.rs"]
mod circles;
#[path = "house/imports.rs"]
mod imports;
#[path = "house/licence.rs"]
mod licence;
#[path = "house/planted.rs"]
mod planted;
#[path = "house/text.rs"]
mod text;

use std::collections::BTreeSet;
use std::path::Path;

use imports::{crate_paths, paths_from};
use text::{File, bracketed, files_of, line_of, rust_files, words};

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

/// The rooms without windows, and what must not be in them.
const ORDER_ROOMS: &[&str] = &["order", "engine", "stage"];
const WINDOWS: &[&str] = &["thread", "time", "fs", "net", "env", "process"];
const WINDOW_NAMES: &[&str] = &["Instant", "SystemTime", "thread_local"];

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

/// The files with `unsafe` in them, and what for.
const UNSAFE: &[(&str, &str)] = &[
    ("src/dataset/wire/block.rs", "a value of a type parameter that is known to be a `Vec`"),
    ("src/source/bytes/mmap.rs", "mapping a file is unsafe"),
    (
        "src/backend/process/identity/address.rs",
        "a function that crosses to a worker is its address",
    ),
    (
        "src/backend/process/shm/status_page.rs",
        "a page that two processes share is seen as atomics",
    ),
    ("src/backend/process/sys/kin.rs", "the system is asked for threads and parents"),
    ("src/backend/process/sys/memory.rs", "shared memory is mapped"),
    ("src/backend/process/sys/portable.rs", "which image a function lies in"),
    ("src/backend/process/shm/region.rs", "tensors are built in shared memory"),
    ("src/backend/process/sys/windows/channel.rs", "pipes, and a port to wait for them"),
    ("src/backend/process/sys/windows/image.rs", "the program's own image is read in memory"),
    ("src/backend/process/sys/windows/link.rs", "what a process does first to be a worker"),
    ("src/backend/process/sys/windows/memory.rs", "shared memory is mapped"),
    ("src/backend/process/sys/windows/mod.rs", "handles are taken over"),
    ("src/backend/process/sys/windows/process.rs", "processes, jobs and clocks"),
    ("src/backend/process/sys/windows/transfer.rs", "a buffer that the system fills meanwhile"),
    ("src/backend/process/sys/process.rs", "signals, and the environment of a process that begins"),
];

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

/// What is never left behind, in parts so that this file does not contain it.
const LEFT_BEHIND: &[&str] = &[
    concat!("to", "do!"),
    concat!("unimpl", "emented!"),
    concat!("db", "g!"),
    concat!("#[ig", "nore"),
    concat!("FIX", "ME"),
];

type Rule = fn(&Path) -> Vec<String>;

/// All rules over the source, by name.
const RULES: &[(&str, Rule)] = &[
    ("imports go downhill", imports_go_downhill),
    ("imports make no circle", imports_make_no_circle),
    ("the order rooms have no windows", order_rooms_have_no_windows),
    ("no usize decides an order", no_usize_decides_an_order),
    ("platforms are named in their places", platforms_are_named_in_their_places),
    ("files are short", files_are_short),
    ("unsafe is listed", unsafe_is_listed),
    ("every file says what it is for", every_file_says_what_it_is_for),
    ("nothing is left behind", nothing_is_left_behind),
];

#[test]
fn the_house_keeps_its_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let faults: Vec<String> = RULES
        .iter()
        .flat_map(|(rule, check)| check(root).into_iter().map(move |f| format!("{f} [{rule}]")))
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

fn imports_go_downhill(root: &Path) -> Vec<String> {
    let level = |room: &str| LEVELS.iter().find(|(name, _)| *name == room).map(|(_, level)| level);
    let mut faults = Vec::new();
    let mut needed = BTreeSet::new();
    for file in rust_files(root, "src") {
        let room = file.room();
        let Some(own) = level(room) else {
            if room != "lib" {
                faults.push(format!("{}:1: {room} is no room of the house: see LEVELS", file.path));
            }
            continue;
        };
        if room == "bin" {
            // A crate of its own: `crate` is the command there, and the library is `windrow`.
            continue;
        }
        for named in crate_paths(&file) {
            let path = named.parts.join("::");
            let place = format!("{}:{}", file.path, line_of(&file.shipped, named.at));
            let target = &*named.parts[0];
            let Some(level) = level(target) else {
                faults
                    .push(format!("{place}: {path} is imported from the hall, not from its room"));
                continue;
            };
            if target == room {
                continue;
            }
            if *level >= *own {
                match SIDEWAYS.iter().find(|(at, what, _)| (*at, *what) == (&file.path, &path)) {
                    Some((at, ..)) => _ = needed.insert(at.to_string()),
                    None => faults.push(format!("{place}: {room} imports {path}, which is uphill")),
                }
            }
            let closed = CLOSED.iter().find(|(from, to, _)| (*from, *to) == (room, target));
            if let Some((.., open)) = closed
                && !named.parts.get(1).is_some_and(|name| open.contains(&&**name))
            {
                faults.push(format!("{place}: {room} may import {open:?} of {target}, not {path}"));
            }
        }
    }
    let listed = SIDEWAYS.iter().map(|(file, what, _)| (*file, *what));
    faults.extend(stale(root, "SIDEWAYS", listed, &needed));
    faults
}

fn imports_make_no_circle(root: &Path) -> Vec<String> {
    let files: Vec<_> =
        rust_files(root, "src").into_iter().filter(|file| file.room() != "bin").collect();
    let mut faults = Vec::new();
    let mut needed = BTreeSet::new();
    for circle in circles::circles(&files) {
        let first = &circle[0];
        let may_be =
            |&&(file, most, _): &&(&str, usize, &str)| file == first && circle.len() <= most;
        if CIRCLES.iter().any(|known| may_be(&known)) {
            needed.insert(first.clone());
        } else {
            faults.push(format!("{first}:1: these files import each other: {}", circle.join(", ")));
        }
    }
    faults.extend(stale(
        root,
        "CIRCLES",
        CIRCLES.iter().map(|(file, _, why)| (*file, *why)),
        &needed,
    ));
    faults
}

fn order_rooms_have_no_windows(root: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    for file in order_rooms(root) {
        let mut fault = |at: usize, what: &str| {
            faults.push(format!(
                "{}:{}: {what} in an order room, which has no windows",
                file.path,
                line_of(&file.shipped, at)
            ));
        };
        for library in ["std", "core"] {
            for named in paths_from(&file, library) {
                if WINDOWS.contains(&&*named.parts[0]) {
                    fault(named.at, &format!("{library}::{}", named.parts.join("::")));
                }
            }
        }
        for name in WINDOW_NAMES {
            words(&file.shipped, name).for_each(|at| fault(at, name));
        }
        for (at, condition) in conditions(&file.shipped) {
            if ["target", "unix", "windows", "wasm"].iter().any(|name| condition.contains(name)) {
                fault(at, &format!("cfg({condition})"));
            }
        }
    }
    faults
}

fn no_usize_decides_an_order(root: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    let mut needed = BTreeSet::new();
    for file in order_rooms(root) {
        for (at, signature) in public_signatures(&file.shipped) {
            if words(signature, "usize").next().is_none() {
                continue;
            }
            let name = signature.trim_start_matches("fn ").split(['(', '<']).next().unwrap();
            if USIZE.iter().any(|(path, function, _)| (*path, *function) == (&file.path, name)) {
                needed.insert(file.path.clone());
            } else {
                let line = line_of(&file.shipped, at);
                faults.push(format!(
                    "{}:{line}: usize in the signature of {name}; it has 32 bits on wasm32, use u64",
                    file.path
                ));
            }
        }
    }
    faults.extend(stale(
        root,
        "USIZE",
        USIZE.iter().map(|(file, name, _)| (*file, *name)),
        &needed,
    ));
    faults
}

fn platforms_are_named_in_their_places(root: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    for file in rust_files(root, "src") {
        if PLATFORM_PLACES.iter().any(|place| file.inside().starts_with(place)) {
            continue;
        }
        for (at, condition) in conditions(&file.code) {
            if PLATFORM.iter().any(|name| words(condition, name).next().is_some()) {
                faults.push(format!(
                    "{}:{}: cfg({condition}) names a platform; that is for {PLATFORM_PLACES:?}",
                    file.path,
                    line_of(&file.code, at)
                ));
            }
        }
    }
    faults
}

fn files_are_short(root: &Path) -> Vec<String> {
    let long = rust_files(root, "src").into_iter().filter_map(|file| {
        let lines = file.text.lines().count();
        (lines > LINES_MAX)
            .then(|| format!("{}:{lines}: {lines} lines; at most {LINES_MAX}", file.path))
    });
    long.collect()
}

fn unsafe_is_listed(root: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    let mut needed = BTreeSet::new();
    for file in rust_files(root, "src") {
        for at in words(&file.code, "unsafe") {
            if UNSAFE.iter().any(|(path, _)| *path == file.path) {
                needed.insert(file.path.clone());
            } else {
                let line = line_of(&file.code, at);
                faults.push(format!("{}:{line}: unsafe in a file not in UNSAFE", file.path));
            }
        }
    }
    faults.extend(stale(root, "UNSAFE", UNSAFE.iter().map(|(file, why)| (*file, *why)), &needed));
    faults
}

fn every_file_says_what_it_is_for(root: &Path) -> Vec<String> {
    let silent = rust_files(root, "src").into_iter().filter(|file| !file.text.starts_with("//!"));
    silent.map(|file| format!("{}:1: the file does not begin with `//!`", file.path)).collect()
}

fn nothing_is_left_behind(root: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    for dir in ["src", "tests", "scripts"] {
        let rust = rust_files(root, dir);
        let other = files_of(root, dir).into_iter().filter(|path| !path.ends_with(".rs"));
        let other: Vec<(String, String)> = other
            .filter_map(|path| Some((path.clone(), std::fs::read_to_string(root.join(path)).ok()?)))
            .collect();
        // Macros and attributes count in code only; a word in a comment counts everywhere.
        let texts = rust.iter().flat_map(|file| {
            LEFT_BEHIND.iter().map(|word| {
                let code = word.ends_with('!') || word.starts_with('#');
                (&file.path, if code { &file.code } else { &file.text }, *word)
            })
        });
        let texts = texts.chain(
            other
                .iter()
                .flat_map(|(path, text)| LEFT_BEHIND.iter().map(move |word| (path, text, *word))),
        );
        for (path, text, word) in texts {
            for (at, _) in text.match_indices(word) {
                faults.push(format!("{path}:{}: {word} is left behind", line_of(text, at)));
            }
        }
    }
    faults
}

/// The lines of a table of exceptions for files that are there and need no exception any more.
fn stale<'a>(
    root: &Path,
    table: &str,
    listed: impl Iterator<Item = (&'a str, &'a str)>,
    needed: &BTreeSet<String>,
) -> Vec<String> {
    listed
        .filter(|(file, _)| root.join(file).exists() && !needed.contains(*file))
        .map(|(file, what)| {
            format!("{file}:1: {table} lists {what:?}, which is not there any more")
        })
        .collect()
}

fn order_rooms(root: &Path) -> Vec<File> {
    let files = rust_files(root, "src").into_iter();
    files.filter(|file| ORDER_ROOMS.contains(&file.room())).collect()
}

/// What each `cfg(…)`, `cfg!(…)` and `cfg_attr(…)` asks, and where.
fn conditions(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for name in ["cfg", "cfg_attr"] {
        for at in words(code, name) {
            let open = at + name.len() + usize::from(code[at + name.len()..].starts_with('!'));
            if code[open..].starts_with('(') {
                let asked = bracketed(code, open);
                let asked = if name == "cfg" { asked } else { first_argument(asked) };
                found.push((at, asked));
            }
        }
    }
    found
}

/// A list up to its first comma outside of brackets.
fn first_argument(list: &str) -> &str {
    let mut depth = 0;
    let end = list.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    &list[..end.unwrap_or(list.len())]
}

/// The signatures of public functions and of the functions of public traits, from `fn` on.
fn public_signatures(code: &str) -> Vec<(usize, &str)> {
    let traits: Vec<(usize, usize)> = code
        .match_indices("pub trait ")
        .filter_map(|(at, _)| {
            let open = at + code[at..].find('{')?;
            Some((open, open + bracketed(code, open).len()))
        })
        .collect();
    let in_trait = |at| traits.iter().any(|&(open, close)| open < at && at < close);
    let public = |at: usize| {
        let before = code[..at].trim_end();
        let before = before.trim_end_matches("const").trim_end_matches("async").trim_end();
        before.ends_with("pub") || before.ends_with("pub(crate)")
    };
    words(code, "fn")
        .filter(|&at| public(at) || in_trait(at))
        .map(|at| (at, &code[at..at + code[at..].find(['{', ';']).unwrap_or(code.len() - at)]))
        .collect()
}
