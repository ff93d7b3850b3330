//! The paths that a file names: whole ones, out of `use` trees and out of expressions.

use super::text::{File, is_ident, words};

/// A path that a file names, and the byte of the file's code where it starts.
pub struct Named {
    /// Its parts after the root.
    pub parts: Vec<String>,
    /// Where.
    pub at: usize,
}

/// Every path of a file's shipped code that starts at this root: `crate`, `std`, `core`.
pub fn paths_from(file: &File, root: &str) -> Vec<Named> {
    let mut found = Vec::new();
    for at in words(&file.shipped, root) {
        if let Some(rest) = file.shipped[at + root.len()..].strip_prefix("::") {
            found.extend(tree(rest).into_iter().map(|parts| Named { parts, at }));
        }
    }
    found
}

/// Every path of a file's shipped code that leads to another place of this crate, from the crate's
/// root: `crate::…`, and `super::…` where it climbs as far as the root.
pub fn crate_paths(file: &File) -> Vec<Named> {
    let mut found = paths_from(file, "crate");
    let stem = file.inside().trim_end_matches(".rs").trim_end_matches("/mod");
    let depth = stem.split('/').count();
    for at in words(&file.shipped, "super") {
        if file.shipped[..at].ends_with("::") {
            continue;
        }
        let mut rest = &file.shipped[at..];
        let mut climbed = 0;
        while let Some(up) = rest.strip_prefix("super::") {
            (rest, climbed) = (up, climbed + 1);
        }
        if climbed >= depth {
            found.extend(tree(rest).into_iter().map(|parts| Named { parts, at }));
        }
    }
    found
}

/// The paths of a `use` tree, or the one path of an expression.
pub fn tree(text: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    branch(text, &mut Vec::new(), &mut paths);
    paths
}

/// Reads one branch and gives what follows it.
fn branch<'a>(text: &'a str, prefix: &mut Vec<String>, paths: &mut Vec<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start().trim_start_matches(',').trim_start();
            if rest.is_empty() || rest.starts_with('}') {
                return rest.strip_prefix('}').unwrap_or(rest);
            }
            let before = rest.len();
            rest = branch(rest, prefix, paths);
            rest = &rest[rest.find([',', '}']).unwrap_or(rest.len())..];
            assert!(rest.len() < before, "not a use tree: {text:.60}");
        }
    }
    let length = text.find(|c| !is_ident(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(if text.starts_with('*') { 1 } else { length });
    prefix.push(name.to_owned());
    let rest = match rest.trim_start().strip_prefix("::") {
        Some(deeper) if !deeper.trim_start().starts_with('<') => branch(deeper, prefix, paths),
        _ => {
            paths.push(prefix.clone());
            rest
        }
    };
    prefix.pop();
    rest
}

#[test]
fn use_trees_and_expressions_are_read_to_the_leaves() {
    let joined = |text| tree(text).iter().map(|path| path.join("::")).collect::<Vec<_>>();
    assert_eq!(joined("a::{b, c::{self, D as E}, *};"), ["a::b", "a::c::self", "a::c::D", "a::*"]);
    assert_eq!(joined("a::f::<T>(x, y)"), ["a::f"]);
    assert_eq!(joined("{\n    a::{\n        b,\n    },\n    c,\n}"), ["a::b", "c"]);
}
