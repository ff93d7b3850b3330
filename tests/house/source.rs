//! Rust source as the tokens of `proc-macro2`, without comments and without items for tests only.

use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A name, a mark or a bracket, and its line. `::` and a lifetime are one token each; a literal is
/// `"`.
pub type Token = (String, usize);

/// One file of the tree.
pub struct File {
    /// The path from the root of [`rust_files`], with `/` between the parts.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// The tokens of the text.
    pub code: Vec<Token>,
    /// The tokens without the items for tests only.
    pub shipped: Vec<Token>,
}

impl File {
    /// Returns the module of the file, from the crate's root, such as `["order", "rng"]`.
    pub fn module(&self) -> Vec<String> {
        let inside = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let parts = inside.split('/').filter(|part| !["mod", "lib"].contains(part));
        parts.map(Into::into).collect()
    }

    /// Returns the room of the file, or an empty text for `lib.rs`.
    pub fn room(&self) -> String {
        self.module().first().cloned().unwrap_or_default()
    }
}

/// Returns all files of `root/src`, by path.
pub fn rust_files(root: &Path) -> Vec<File> {
    let mut files = Vec::new();
    walk(root, "src", &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut tests = Vec::new();
    for file in &mut files {
        let (shipped, declared) = without_tests(&file.code);
        tests.extend(declared.into_iter().map(|name| [file.module(), vec![name]].concat()));
        file.shipped = shipped;
    }
    for file in files.iter_mut().filter(|file| tests.iter().any(|m| file.module().starts_with(m))) {
        file.shipped.clear();
    }
    files
}

/// Returns whether a token is a name.
pub fn is_name((text, _): &Token) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Returns whether the first tokens have these texts.
pub fn begins(tokens: &[Token], texts: &[&str]) -> bool {
    tokens.len() >= texts.len() && tokens.iter().zip(texts).all(|((text, _), other)| text == other)
}

/// Returns whether the last tokens have these texts.
pub fn ends(tokens: &[Token], texts: &[&str]) -> bool {
    tokens.len().checked_sub(texts.len()).is_some_and(|from| begins(&tokens[from..], texts))
}

/// Counts the tokens up to the bracket that closes the one at the start.
pub fn enclosed(tokens: &[Token]) -> usize {
    let mut depth = 0;
    let closes = tokens.iter().position(|(text, _)| {
        depth += i32::from(["(", "[", "{"].contains(&&**text));
        depth -= i32::from([")", "]", "}"].contains(&&**text));
        depth == 0
    });
    closes.map_or(tokens.len(), |at| at + 1)
}

fn walk(root: &Path, dir: &str, files: &mut Vec<File>) {
    for entry in fs::read_dir(root.join(dir)).into_iter().flatten().flatten() {
        let path = format!("{dir}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            walk(root, &path, files);
        } else if path.ends_with(".rs") {
            let text = fs::read_to_string(entry.path()).unwrap();
            let mut code = Vec::new();
            flatten(text.parse().expect(&path), &mut code);
            files.push(File { path, text, code, shipped: Vec::new() });
        }
    }
}

fn flatten(trees: TokenStream, tokens: &mut Vec<Token>) {
    for tree in trees {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                tokens.push((open.into(), line));
                flatten(group.stream(), tokens);
                tokens.push((close.into(), group.span_close().start().line));
            }
            TokenTree::Literal(_) => tokens.push(("\"".into(), line)),
            tree => {
                let text = tree.to_string();
                match tokens.last_mut() {
                    Some((last, _)) if last == "'" || (last == ":" && text == ":") => {
                        *last += &text
                    }
                    _ => tokens.push((text, line)),
                }
            }
        }
    }
}

/// Returns the tokens without the items for tests only, and the modules among these items that are files.
fn without_tests(code: &[Token]) -> (Vec<Token>, Vec<String>) {
    let (mut shipped, mut modules) = (Vec::new(), Vec::new());
    let mut rest = code;
    while let Some(token) = rest.first() {
        if begins(rest, &["#", "[", "cfg", "(", "test", ")"])
            || begins(rest, &["#", "[", "cfg", "(", "all", "(", "test", ","])
        {
            let (item, after) = rest.split_at(item_end(rest));
            if let [.., (word, _), (name, _), (end, _)] = item
                && (&**word, &**end) == ("mod", ";")
            {
                modules.push(name.clone());
            }
            rest = after;
        } else {
            shipped.push(token.clone());
            rest = &rest[1..];
        }
    }
    (shipped, modules)
}

/// Returns the end of an item that starts with an attribute: its semicolon, or its closing brace.
fn item_end(tokens: &[Token]) -> usize {
    let mut at = 1;
    while at < tokens.len() {
        let end = at + enclosed(&tokens[at..]);
        match &*tokens[at].0 {
            ")" | "]" | "}" => return at,
            ";" => return end,
            // A semicolon follows the braces of a `use`.
            "{" => return end + usize::from(begins(&tokens[end..], &[";"])),
            _ => at = end,
        }
    }
    at
}
