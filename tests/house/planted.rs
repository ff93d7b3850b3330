//! Each rule finds the faults of a tree that breaks it, and no others.

use super::*;

/// Runs a rule over a tree with these files, and expects faults that begin with these texts.
fn planted(check: Rule, files: &[(&str, &str)], expected: &[&str]) {
    let tree = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = tree.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let faults = check(tree.path(), &rust_files(tree.path()));
    let as_expected = faults.len() == expected.len()
        && faults.iter().zip(expected).all(|(fault, start)| fault.starts_with(start));
    assert!(as_expected, "expected {expected:#?}, got {faults:#?}");
}

#[test]
fn an_import_from_a_higher_level_a_closed_room_or_the_root_is_found() {
    let good = "use crate::error::Result;\nuse crate::{order::{Op, Rng}, dataset::Dataset};\n\
                // crate::loader::Loader\nuse super::helper;\nconst NOTE: &str = \"crate::web::X\";\n\
                #[cfg(test)]\nmod tests {\n    use crate::loader::Loader;\n}\n";
    let bad = "use std::{\n    fmt,\n};\nuse crate::{error::Error, engine::{Task,\n loader}};\n\
               fn f() {\n    super::super::web::x(crate::order::y())\n}\nuse crate::Dataset;\n";
    planted(
        imports_go_to_lower_levels,
        &[
            ("src/lib.rs", "mod stage;\npub use stage::Stage;\nuse crate::web::X;"),
            ("src/stage/good.rs", good),
            ("src/stage/deep/mod.rs", "#[cfg(test)]\nmod proofs;\nuse super::super::order::Op;"),
            ("src/stage/deep/proofs.rs", "use crate::loader::Loader;"),
            ("src/stage/bad.rs", bad),
            ("src/attic.rs", "use crate::error::Error;"),
            ("src/backend/good.rs", "use crate::engine::{Task, Completion};\nuse crate::error::E;"),
            ("src/backend/bad.rs", "use crate::order::State;\nuse crate::engine::{Task, Engine};"),
            ("src/dataset/combinators.rs", "use crate::error::Error;"),
        ],
        &[
            "src/attic.rs:1: attic is no room: add it to LEVELS",
            "src/backend/bad.rs:1: backend may import only [] of order, not order::State",
            "src/backend/bad.rs:2: backend may import only [\"Task\", \"Completion\"] of engine, not engine::Engine",
            "src/stage/bad.rs:4: stage imports engine::Task, which is not on a lower level",
            "src/stage/bad.rs:4: stage imports engine::loader, which is not on a lower level",
            "src/stage/bad.rs:7: stage imports web::x, which is not on a lower level",
            "src/stage/bad.rs:9: Dataset is no room",
            "src/dataset/combinators.rs:1: UPWARD lists it",
        ],
    );
}

#[test]
fn a_cycle_of_imports_is_found_and_re_exports_form_none() {
    planted(
        imports_form_no_cycle,
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
fn a_usize_that_decides_an_order_is_found() {
    let bad = "pub fn get(\n    &self,\n    index: usize,\n) -> u64 { 0 }\nfn private(n: usize) {}\n\
               pub trait Feed {\n    fn at(&self) -> Option<usize>;\n}\nimpl X {\n    pub(crate) const fn n() -> usize { 1 }\n    pub fn m() { let x: usize = 1; }\n}";
    planted(
        no_usize_decides_an_order,
        &[
            ("src/stage/bad.rs", bad),
            ("src/source/free.rs", "pub fn f(n: usize) {}"),
            ("src/order/description.rs", "pub fn other(&self) -> u64 {}"),
        ],
        &[
            "src/stage/bad.rs:1: usize in the signature of get",
            "src/stage/bad.rs:7: usize in the signature of at",
            "src/stage/bad.rs:10: usize in the signature of n",
            "src/order/description.rs:1: USIZE lists it",
        ],
    );
}

#[test]
fn a_platform_named_in_another_place_is_found() {
    planted(
        platforms_are_named_in_their_places,
        &[
            ("src/backend/mod.rs", "#[cfg(windows)]\nmod w;"),
            (
                "src/dataset/wire.rs",
                "#[cfg(target_endian = \"big\")]\n#[cfg(feature = \"unix\")]\nmod w;",
            ),
            (
                "src/loader/mod.rs",
                "\n#[cfg(all(not(unix), x))]\nmod l;\nfn f() { cfg!(target_os = \"x\"); }",
            ),
            ("src/spec/mod.rs", "#[cfg_attr(windows, path(x))]\nmod s;"),
        ],
        &[
            "src/loader/mod.rs:2: a cfg names unix",
            "src/loader/mod.rs:4: a cfg names target_os",
            "src/spec/mod.rs:1: a cfg names windows",
        ],
    );
}

#[test]
fn a_file_that_is_long_or_without_a_comment_or_with_a_fixme_is_found() {
    planted(
        files_are_in_order,
        &[
            ("src/a.rs", &"//!\n".repeat(LINES_MAX)),
            ("src/b.rs", &"//!\n".repeat(LINES_MAX + 1)),
            ("src/c.rs", "// C.\n"),
            ("src/d.rs", "//! D.\n// FIXME"),
        ],
        &[
            "src/b.rs:401: 401 lines: split the file, at most 400",
            "src/c.rs:1: the file does",
            "src/d.rs:1: FIXME",
        ],
    );
}

#[test]
fn a_static_without_a_row_and_a_row_without_a_static_are_found() {
    let page =
        format!("# A\n\n## {SECTION}\n\n| `A` in `src/a.rs` | x |\n| `B` in `src/a.rs` | x |\n");
    let source = "thread_local! {\n    static A: Cell<u8> = Cell::new(0);\n}\n\
                  fn f(text: &'static str) { static C: AtomicU8 = AtomicU8::new(0); }\n\
                  static FIXED: u8 = 0;\n#[cfg(test)]\nstatic T: Mutex<()> = Mutex::new(());";
    planted(
        statics_are_in_the_table,
        &[("ARCHITECTURE.md", &page), ("src/a.rs", source)],
        &[
            "`C` in `src/a.rs` is not in the table of ARCHITECTURE.md",
            "`B` in `src/a.rs` is in the table of ARCHITECTURE.md, and",
        ],
    );
}
