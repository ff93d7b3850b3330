//! Each rule breaks on a tree that breaks it, and at the right places only.

use super::*;

/// Runs a rule over a tree with these files, and expects these faults, by how they begin.
fn planted(check: Rule, files: &[(&str, &str)], expected: &[&str]) {
    let tree = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = tree.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let faults = check(tree.path());
    let as_expected = faults.len() == expected.len()
        && faults.iter().zip(expected).all(|(fault, start)| fault.starts_with(start));
    assert!(as_expected, "expected {expected:#?}, got {faults:#?}");
}

#[test]
fn an_import_uphill_sideways_or_from_the_hall_is_found() {
    let good = "use crate::error::Result;\nuse crate::{order::{Op, Rng}, dataset::Dataset};\n\
                // crate::loader::Loader\nuse super::helper;\nconst NOTE: &str = \"crate::web::X\";\n\
                #[cfg(test)]\nmod tests {\n    use crate::loader::Loader;\n}\n";
    let bad = "use std::{\n    fmt,\n};\nuse crate::{error::Error, engine::{Task,\n loader}};\n\
               fn f() {\n    super::super::web::x(crate::order::y())\n}\nuse crate::Dataset;\n";
    planted(
        imports_go_downhill,
        &[
            ("src/lib.rs", "mod stage;\npub use stage::Stage;\nuse crate::web::X;"),
            ("src/stage/good.rs", good),
            ("src/stage/deep/mod.rs", "#[cfg(test)]\nmod proofs;\nuse super::super::order::Op;"),
            ("src/stage/deep/proofs.rs", "use crate::loader::Loader;"),
            ("src/stage/bad.rs", bad),
            ("src/attic.rs", "use crate::error::Error;"),
        ],
        &[
            "src/attic.rs:1: attic is no room of the house",
            "src/stage/bad.rs:4: stage imports engine::Task, which is uphill",
            "src/stage/bad.rs:4: stage imports engine::loader, which is uphill",
            "src/stage/bad.rs:9: Dataset is imported from the hall",
            "src/stage/bad.rs:7: stage imports web::x, which is uphill",
        ],
    );
}

#[test]
fn a_circle_of_imports_is_found_by_whatever_way_and_what_is_passed_on_makes_none() {
    planted(
        imports_make_no_circle,
        &[
            ("src/stage/mod.rs", "mod a;\nmod b;\nmod c;\npub use a::A;\npub use b::{B, Both};"),
            ("src/stage/a.rs", "use super::B;\npub(in super::super) struct A;"),
            ("src/stage/b.rs", "use super::c::C;\npub struct B;"),
            ("src/stage/c.rs", "fn c() { crate::stage::A }\npub struct C;"),
            (
                "src/stage/d.rs",
                "use super::{A, B};\n#[cfg(test)]\nmod tests {\n    use super::e;\n}",
            ),
            ("src/stage/e.rs", "use super::d;"),
        ],
        &[
            "src/stage/a.rs:1: these files import each other: src/stage/a.rs, src/stage/b.rs, src/stage/c.rs",
        ],
    );
}

#[test]
fn a_backend_that_looks_at_the_order_is_found() {
    planted(
        imports_go_downhill,
        &[
            ("src/backend/good.rs", "use crate::engine::{Task, Completion};\nuse crate::error::E;"),
            ("src/backend/bad.rs", "use crate::order::State;\nuse crate::engine::{Task, Engine};"),
        ],
        &[
            "src/backend/bad.rs:1: backend may import [] of order, not order::State",
            "src/backend/bad.rs:2: backend may import [\"Task\", \"Completion\"] of engine, not engine::Engine",
        ],
    );
}

#[test]
fn an_exception_that_nothing_needs_is_found() {
    planted(
        imports_go_downhill,
        &[("src/dataset/combinators.rs", "use crate::error::Error;")],
        &[
            "src/dataset/combinators.rs:1: SIDEWAYS lists \"stage::Ordered\", which is not there any more",
        ],
    );
    planted(
        unsafe_is_listed,
        &[("src/source/bytes/mmap.rs", "// unsafe")],
        &["src/source/bytes/mmap.rs:1: UNSAFE lists"],
    );
    planted(
        no_usize_decides_an_order,
        &[("src/order/description.rs", "pub fn other(&self) -> u64 {}")],
        &["src/order/description.rs:1: USIZE lists \"len\""],
    );
}

#[test]
fn a_window_in_an_order_room_is_found() {
    let bad = "use std::{fmt, time::Duration};\nfn f() { std::thread::spawn(g) }\n\
               struct S(Instant);\n#[cfg(target_arch = \"wasm32\")]\nfn h() {}\n\
               // std::fs\n#[cfg(test)]\nmod tests { use std::fs; }\nuse core::time::Duration;";
    planted(
        order_rooms_have_no_windows,
        &[("src/engine/bad.rs", bad), ("src/loader/free.rs", "use std::thread;")],
        &[
            "src/engine/bad.rs:1: std::time::Duration in an order room",
            "src/engine/bad.rs:2: std::thread::spawn in an order room",
            "src/engine/bad.rs:9: core::time::Duration in an order room",
            "src/engine/bad.rs:3: Instant in an order room",
            "src/engine/bad.rs:4: cfg(target_arch",
        ],
    );
}

#[test]
fn a_usize_that_decides_an_order_is_found() {
    let bad = "pub fn get(\n    &self,\n    index: usize,\n) -> u64 { 0 }\nfn private(n: usize) {}\n\
               pub trait Feed {\n    fn at(&self) -> Option<usize>;\n}\nimpl X {\n    pub const fn n() -> usize { 1 }\n    pub fn m() { let x: usize = 1; }\n}";
    planted(
        no_usize_decides_an_order,
        &[("src/stage/bad.rs", bad), ("src/source/free.rs", "pub fn f(n: usize) {}")],
        &[
            "src/stage/bad.rs:1: usize in the signature of get",
            "src/stage/bad.rs:7: usize in the signature of at",
            "src/stage/bad.rs:10: usize in the signature of n",
        ],
    );
}

#[test]
fn a_platform_named_elsewhere_is_found() {
    planted(
        platforms_are_named_in_their_places,
        &[
            ("src/backend/mod.rs", "#[cfg(windows)]\nmod w;"),
            ("src/source/bytes/local.rs", "#[cfg(unix)]\nmod u;"),
            (
                "src/dataset/wire.rs",
                "#[cfg(target_endian = \"big\")]\n#[cfg(feature = \"unix\")]\nmod w;",
            ),
            (
                "src/loader/mod.rs",
                "\n#[cfg(all(not(unix), x))]\nmod l;\nfn f() { cfg!(target_os = \"x\"); }",
            ),
            ("src/spec/mod.rs", "#[cfg_attr(windows, path(x))]\n#[cfg_attr(x, windows)]\nmod s;"),
        ],
        &[
            "src/loader/mod.rs:2: cfg(all(not(unix), x)) names a platform",
            "src/loader/mod.rs:4: cfg(target_os",
            "src/spec/mod.rs:1: cfg(windows)",
        ],
    );
}

#[test]
fn a_long_file_is_found() {
    planted(
        files_are_short,
        &[("src/a.rs", &"//\n".repeat(LINES_MAX)), ("src/b.rs", &"//\n".repeat(LINES_MAX + 1))],
        &["src/b.rs:401: 401 lines; at most 400"],
    );
}

#[test]
fn an_unlisted_unsafe_is_found() {
    planted(
        unsafe_is_listed,
        &[
            ("src/source/bytes/mmap.rs", "unsafe { }"),
            ("src/a.rs", "// unsafe\n#![deny(unsafe_code)]\nunsafe impl Send for X {}"),
        ],
        &["src/a.rs:3: unsafe in a file not in UNSAFE"],
    );
}

#[test]
fn a_file_that_says_nothing_is_found() {
    planted(
        every_file_says_what_it_is_for,
        &[("src/a.rs", "//! A."), ("src/b.rs", "// B.\n"), ("src/c.rs", "")],
        &["src/b.rs:1: the file", "src/c.rs:1: the file"],
    );
}

#[test]
fn what_is_left_behind_is_found() {
    let [unwritten, _, print, skipped, note] = LEFT_BEHIND else { panic!("five words") };
    let source = format!("fn f() {{ {unwritten}() }}\n// {print}(x)\n// {note} later\n");
    let test = format!("{skipped} = \"slow\"]\nconst S: &str = \"{print}\";\n");
    planted(
        nothing_is_left_behind,
        &[("src/a.rs", &source), ("tests/b.rs", &test), ("scripts/c", &format!("# {note}\n"))],
        &[
            &format!("src/a.rs:1: {unwritten}"),
            &format!("src/a.rs:3: {note}"),
            &format!("tests/b.rs:1: {skipped}"),
            &format!("scripts/c:1: {note}"),
        ],
    );
}
