//! The imports between files: whole paths, from `use` trees and from expressions.
//!
//! A path to a re-export counts as an import of the file that defines the item. So a room's `mod.rs`
//! may re-export the items of the room.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{File, Token, begins, ends, is_name};

type Path = Vec<String>;

/// A path to another place of the crate that a file's shipped code names.
pub struct Import {
    /// The path from the crate's root.
    pub path: Path,
    /// The line of the import.
    pub line: usize,
    /// Whether the path stands in a `pub use`.
    passed_on: bool,
}

/// The imports of some files.
pub struct Imports<'a> {
    files: BTreeMap<Path, &'a File>,
    imports: BTreeMap<Path, Vec<Import>>,
}

impl<'a> Imports<'a> {
    /// Reads the imports of files.
    pub fn of(files: &'a [File]) -> Self {
        // The command is a separate crate.
        let files = files.iter().filter(|file| file.room() != "bin");
        let files = files.map(|file| (file.module(), file)).collect();
        let mut this = Self { files, imports: BTreeMap::new() };
        for (at, file) in &this.files {
            this.imports.insert(at.clone(), this.named_in(at, &file.shipped));
        }
        this
    }

    /// Returns the imports of one file.
    pub fn by(&self, file: &File) -> &[Import] {
        &self.imports[&file.module()]
    }

    /// Returns the cycles of files that import each other, also through other files, each in order.
    pub fn cycles(&self) -> BTreeSet<Vec<String>> {
        let next = |at: &Path| -> BTreeSet<Path> {
            let own = self.imports[at].iter().filter(|import| !import.passed_on);
            own.filter_map(|import| self.file_of(&import.path)).filter(|to| to != at).collect()
        };
        let next: BTreeMap<&Path, _> = self.files.keys().map(|at| (at, next(at))).collect();
        let reached = |from: &Path| {
            let (mut seen, mut todo) = (BTreeSet::new(), vec![from.clone()]);
            while let Some(at) = todo.pop() {
                todo.extend(next[&at].iter().filter(|to| seen.insert((*to).clone())).cloned());
            }
            seen
        };
        let reached: BTreeMap<&Path, _> = self.files.keys().map(|at| (at, reached(at))).collect();
        let cycle = |at: &Path| -> Vec<String> {
            let back = reached[at].iter().filter(|other| reached[other].contains(at));
            back.map(|other| self.files[other].path.clone()).collect()
        };
        self.files.keys().map(cycle).filter(|cycle| !cycle.is_empty()).collect()
    }

    /// Returns the file in which a path ends.
    fn file_of(&self, path: &[String]) -> Option<Path> {
        let is_file = |length: &usize| self.files.contains_key(&path[..*length]);
        let (file, rest) = path.split_at((0..=path.len()).rev().find(is_file)?);
        let passed = rest.first().and_then(|name| {
            let passes = |import: &&Import| import.passed_on && import.path.last() == Some(name);
            self.imports[file].iter().find(passes)
        });
        match passed.filter(|import| import.path != path) {
            Some(import) => self.file_of(&[&import.path, &rest[1..]].concat()),
            None => Some(file.to_vec()),
        }
    }

    /// Returns the paths in the code of a module that lead to places of the crate.
    fn named_in(&self, at: &Path, code: &[Token]) -> Vec<Import> {
        let (mut found, mut passing) = (Vec::new(), 0);
        for (i, token) in code.iter().enumerate() {
            if token.0 == "use" && is_public(&code[..i]) {
                passing = i + code[i..].iter().position(|(text, _)| text == ";").unwrap_or(0);
            }
            let is_first = !ends(&code[..i], &["::"]) && !ends(&code[..i], &["(", "in"]);
            if is_first && is_name(token) && begins(&code[i + 1..], &["::"]) {
                let mut paths = Vec::new();
                branch(&code[i..], &mut Vec::new(), &mut paths);
                let paths = paths.iter().filter_map(|path| self.rooted(at, path));
                let import = |path| Import { path, line: token.1, passed_on: i < passing };
                found.extend(paths.map(import));
            }
        }
        found
    }

    /// Returns a path that a module names, from the crate's root, or `None` if it leaves the crate.
    fn rooted(&self, at: &Path, path: &[String]) -> Option<Path> {
        let ups = path.iter().take_while(|part| *part == "super").count();
        let (base, rest) = match &*path[0] {
            "crate" => (&at[..0], &path[1..]),
            "self" => (&at[..], &path[1..]),
            "super" => (&at[..at.len().saturating_sub(ups)], &path[ups..]),
            child if self.files.contains_key(&[&at[..], &[child.into()]].concat()) => {
                (&at[..], path)
            }
            _ => return None,
        };
        Some([base, rest].concat())
    }
}

/// Returns whether the code before an item ends with `pub` or `pub(…)`.
fn is_public(before: &[Token]) -> bool {
    let scope = before.iter().rposition(|(text, _)| text == "(").unwrap_or(0);
    ends(before, &["pub"]) || (ends(before, &[")"]) && ends(&before[..scope], &["pub"]))
}

/// Reads one branch of a `use` tree, or the path of an expression, and returns the code after it.
fn branch<'a>(tokens: &'a [Token], prefix: &mut Path, paths: &mut Vec<Path>) -> &'a [Token] {
    if begins(tokens, &["{"]) {
        let mut rest = &tokens[1..];
        while !rest.is_empty() && !begins(rest, &["}"]) {
            rest = branch(rest, prefix, paths);
            let end = rest.iter().position(|(text, _)| text == "," || text == "}");
            rest = &rest[end.unwrap_or(rest.len())..];
            rest = if begins(rest, &[","]) { &rest[1..] } else { rest };
        }
        return rest.get(1..).unwrap_or_default();
    }
    let Some(((name, _), mut rest)) = tokens.split_first() else { return tokens };
    prefix.push(name.clone());
    if begins(rest, &["::"]) && !begins(&rest[1..], &["<"]) {
        rest = branch(&rest[1..], prefix, paths);
    } else {
        paths.push(prefix.clone());
    }
    prefix.pop();
    rest
}
