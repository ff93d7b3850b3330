//! The licences of dependencies, with which windrow can comply. The crate `spdx` judges the expressions,
//! as it does for `cargo-deny`.

use spdx::{Expression, Licensee, ParseMode};

/// The licences that a dependency may have.
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

/// Returns the faults of the packages of a `cargo metadata` document, one line each.
fn faults(metadata: &serde_json::Value) -> Vec<String> {
    let allowed: Vec<_> = ALLOWED.iter().map(|terms| Licensee::parse(terms).unwrap()).collect();
    let can_be_met = |terms: &str| {
        let expression = Expression::parse_mode(terms, ParseMode::LAX);
        expression
            .is_ok_and(|terms| terms.evaluate(|it| allowed.iter().any(|ours| ours.satisfies(it))))
    };
    let packages = metadata["packages"].as_array().expect("cargo metadata lists packages");
    let foreign =
        packages.iter().filter(|package| !package["license"].as_str().is_some_and(can_be_met));
    foreign.map(|p| format!("{} is under {}, see ALLOWED", p["name"], p["license"])).collect()
}

#[test]
fn dependencies_have_licences_we_can_keep() {
    let cargo = std::env::var("CARGO").expect("cargo sets CARGO for tests");
    let output = std::process::Command::new(cargo)
        // Lists the packages of all platforms; cargo downloads those that no build here has needed.
        .args(["metadata", "--format-version", "1", "--locked", "--all-features"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let faults = faults(&serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON"));
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn a_dependency_with_foreign_terms_or_none_is_found() {
    let faults = faults(&serde_json::json!({ "packages": [
        { "name": "good", "license": "MIT/Apache-2.0" },
        { "name": "foreign", "license": "MIT AND SSPL-1.0" },
        { "name": "silent", "license": null },
    ]}));
    assert_eq!(faults.len(), 2, "{faults:#?}");
}
