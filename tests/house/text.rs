//! Rust source as text: comments, strings and tests blanked out, lines kept.
//!
//! No parser: enough of the lexical rules to tell code from what only looks like it. Every blanked
//! character becomes one space, so a line number in the blanked text is a line number in the file.

use std::fs;
use std::path::{Path, PathBuf};

/// One file of the tree.
pub struct File {
    /// From the root given to [`rust_files`], with `/` between the parts.
    pub path: String,
    /// As it is.
    pub text: String,
    /// Without comments and strings.
    pub code: String,
    /// Without comments, strings and what is compiled for tests only.
    pub shipped: String,
}

impl File {
    /// The path below the directory that was read.
    pub fn inside(&self) -> &str {
        self.path.split_once('/').map_or(&*self.path, |(_, inside)| inside)
    }

    /// The first part of the path below the directory: the room, by its name.
    pub fn room(&self) -> &str {
        let inside = self.inside();
        inside.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }
}

/// All `.rs` files of `root/dir`, by path.
pub fn rust_files(root: &Path, dir: &str) -> Vec<File> {
    let mut files = Vec::new();
    for path in files_of(root, dir).into_iter().filter(|path| path.ends_with(".rs")) {
        let text = String::from_utf8_lossy(&fs::read(root.join(&path)).unwrap()).into_owned();
        let code = blank(&text);
        files.push(File { shipped: without_tests(&code), path, text, code });
    }
    let test_only: Vec<String> = files.iter().flat_map(test_modules).collect();
    for file in &mut files {
        let stem = file.path.trim_end_matches(".rs").trim_end_matches("/mod");
        if test_only.iter().any(|m| stem == m || stem.starts_with(&format!("{m}/"))) {
            file.shipped = erase(&file.shipped);
        }
    }
    files
}

/// All files of `root/dir` with text in them, by path from the root. None when there is no such
/// directory.
pub fn files_of(root: &Path, dir: &str) -> Vec<String> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    walk(&root.join(dir), &mut found);
    let relative = |path: PathBuf| {
        let path = path.strip_prefix(root).unwrap().to_owned();
        path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
    };
    let mut paths: Vec<String> = found.into_iter().map(relative).collect();
    paths.sort();
    paths
}

/// The number of the line on which a byte stands, from 1.
pub fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Every place where a word stands, not as a part of a longer one.
pub fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_ident) && !after.is_some_and(is_ident)
    })
}

/// Whether a character can be in a name.
pub fn is_ident(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What stands between the bracket at `open` and its counterpart, both left out.
pub fn bracketed(code: &str, open: usize) -> &str {
    &code[open + 1..(close_of(code, open).max(open + 2) - 1).min(code.len())]
}

/// The byte after the bracket that closes the one at `open`.
fn close_of(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, c) in code[open..].char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth -= 1;
                if depth == 0 {
                    return open + at + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// Source with every character of a comment, a string or a character literal made a space.
fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at).unwrap_or(at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        }
        while at < end.min(chars.len()) {
            out.push(if chars[at] == '\n' { '\n' } else { ' ' });
            at += 1;
        }
    }
    out
}

/// Where the comment, string or character literal that starts at `at` ends.
fn literal_end(chars: &[char], at: usize) -> Option<usize> {
    let next = |by: usize| chars.get(at + by).copied().unwrap_or('\0');
    match chars[at] {
        '/' if next(1) == '/' => {
            Some(chars[at..].iter().position(|&c| c == '\n').map_or(chars.len(), |by| at + by))
        }
        '/' if next(1) == '*' => Some(comment_end(chars, at)),
        '"' => Some(string_end(chars, at + 1)),
        '\'' if next(1) == '\\' => {
            let close = chars[at + 3..].iter().position(|&c| c == '\'')?;
            Some(at + 3 + close + 1)
        }
        '\'' if next(2) == '\'' => Some(at + 3),
        'r' if at == 0 || !is_ident(chars[at - 1]) || matches!(chars[at - 1], 'b' | 'c') => {
            let marks = chars[at + 1..].iter().take_while(|&&c| c == '#').count();
            if next(1 + marks) != '"' {
                return None;
            }
            let close: Vec<char> = std::iter::once('"').chain(vec!['#'; marks]).collect();
            let body = at + 2 + marks;
            let length = chars[body..].windows(close.len()).position(|w| *w == close[..]);
            Some(length.map_or(chars.len(), |length| body + length + close.len()))
        }
        _ => None,
    }
}

fn comment_end(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn string_end(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The attributes that make an item part of tests only.
const TEST_ONLY: &[&str] = &["#[cfg(test)]", "#[cfg(all(test,"];

/// Code with the items that are for tests only blanked.
fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    for (start, end) in test_items(code) {
        out.replace_range(start..end, &erase(&code[start..end]));
    }
    out
}

/// The modules in files of their own that a file declares for tests only, by path without `.rs`.
fn test_modules(file: &File) -> Vec<String> {
    let stem = file.path.trim_end_matches(".rs");
    let home = match stem.rsplit_once('/') {
        Some((home, "mod" | "lib" | "main")) => home,
        _ => stem,
    };
    let declared = test_items(&file.code).into_iter().filter_map(|(start, end)| {
        let item = file.code[start..end].strip_suffix(';')?;
        let (before, name) = item.rsplit_once(' ')?;
        before.ends_with("mod").then(|| format!("{home}/{name}"))
    });
    declared.collect()
}

/// From where to where the items for tests only reach, their attribute included.
fn test_items(code: &str) -> Vec<(usize, usize)> {
    let mut items = Vec::new();
    for attribute in TEST_ONLY {
        for (start, _) in code.match_indices(attribute) {
            items.push((start, item_end(code, close_of(code, start + 1))));
        }
    }
    items
}

/// The end of the item that starts at `from`: its semicolon, or its closing brace.
fn item_end(code: &str, from: usize) -> usize {
    let rest = &code[from..];
    let is_use = words(rest, "use").next().is_some_and(|at| rest[..at].trim().is_empty());
    let mut at = from;
    while let Some(c) = code[at..].chars().next() {
        at = match c {
            ';' => return at + 1,
            '{' if !is_use => return close_of(code, at),
            '(' | '[' | '{' => close_of(code, at),
            _ => at + c.len_utf8(),
        };
    }
    code.len()
}

fn erase(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect()
}

#[test]
fn comments_strings_and_tests_are_not_code() {
    let blanked =
        blank("a /* b /* c */ d */ 'e' '\\'' \"f\\\"g\" r#\"h\"i\"# 'j: k // l\nbr\"m\" n");
    let left: Vec<&str> = blanked.split_whitespace().collect();
    assert_eq!(left, ["a", "'j:", "k", "b", "n"]);
    let code = "a;\n#[cfg(test)]\n#[path(x)]\nmod t { b; { c } }\nd;\n#[cfg(test)] use {e}::f; g";
    let left = without_tests(code);
    assert_eq!(left.split_whitespace().collect::<Vec<_>>(), ["a;", "d;", "g"]);
    assert_eq!(line_of(&left, left.find('d').unwrap()), 5);
}

#[test]
fn the_code_of_this_repository_is_balanced_once_blanked() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["src", "tests"].into_iter().flat_map(|dir| rust_files(root, dir)) {
        for code in [&file.code, &file.shipped] {
            for (open, close) in [('(', ')'), ('[', ']'), ('{', '}')] {
                let count = |bracket| code.matches(bracket).count();
                assert_eq!(count(open), count(close), "{open} and {close} in {}", file.path);
            }
            assert_eq!(code.lines().count(), file.text.lines().count(), "lines of {}", file.path);
        }
    }
}
