//! The public surface of the library, as a text that a change shows in its diff.
//!
//! `WINDROW_BLESS=1` writes the text anew.

use std::path::Path;
use std::process::Command;

use rustdoc_json::Builder;

/// The surface without the functions that implementations of traits have: the traits tell these.
fn without_what_traits_say(surface: &str) -> String {
    let mut is_of_trait = false;
    let kept = surface.lines().filter(|line| {
        if line.starts_with("impl") {
            is_of_trait = line.contains(" for ");
        } else if !line.starts_with("pub fn ")
            && !line.starts_with("pub type ")
            && !line.starts_with("pub const ")
        {
            is_of_trait = false;
        }
        !(is_of_trait && line.starts_with("pub fn "))
    });
    kept.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn the_public_surface_is_the_one_that_is_written_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let nightly = std::fs::read_to_string(root.join("scripts/nightly")).unwrap();
    let nightly = nightly.trim();
    if !Command::new("rustc")
        .arg(format!("+{nightly}"))
        .arg("-V")
        .output()
        .is_ok_and(|it| it.status.success())
    {
        println!(
            "  skipped: {nightly} is not installed, and only nightlies describe a crate as JSON"
        );
        return;
    }
    let json = Builder::default()
        .toolchain(nightly)
        .manifest_path(root.join("Cargo.toml"))
        .features(["csv", "gz", "image", "jsonl", "mmap", "rand", "stream", "tar"])
        .quiet(true)
        .build()
        .unwrap();
    let surface = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .unwrap()
        .to_string();
    let surface = without_what_traits_say(&surface);
    let path = root.join("tests/golden/api.txt");
    if std::env::var_os("WINDROW_BLESS").is_some() {
        std::fs::write(&path, &surface).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (written, surface) = (lines(&written), lines(&surface));
    let gone: Vec<_> = written.iter().filter(|line| !surface.contains(line)).collect();
    let new: Vec<_> = surface.iter().filter(|line| !written.contains(line)).collect();
    assert!(
        gone.is_empty() && new.is_empty(),
        "the public surface changed; where that is meant, run this with WINDROW_BLESS=1.\ngone: {gone:#?}\nnew: {new:#?}"
    );
}
