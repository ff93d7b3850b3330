//! The output of the command. Text from files and names cannot control the terminal.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};

use serde::Serialize;
use windrow::{Error, Result};

/// The largest number of characters in a message.
const MESSAGE_MAX: usize = 4096;

/// Writes lines to standard output, and ignores a reader that has gone away.
pub(crate) fn print(text: &str) -> Result<()> {
    write(&harmless(text, |c| c != '\n', |c| c.escape_default().to_string()))
}

/// Writes a value to standard output as JSON on one line.
pub(crate) fn print_json(value: &impl Serialize) -> Result<()> {
    let json = serde_json::to_string(value)
        .map_err(|error| Error::io("write the result as JSON", std::io::Error::other(error)))?;
    // JSON has these characters only inside strings, where the escapes mean the same characters.
    write(&harmless(&json, |_| true, |c| format!("\\u{:04x}", u32::from(c))))
}

fn write(text: &str) -> Result<()> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::io("write to standard output", error))
        }
        _ => Ok(()),
    }
}

/// Writes a message of one line to standard error, if the stream still has a reader.
pub(crate) fn complain(message: impl std::fmt::Display) {
    note(format!("windrow: {message}"));
}

/// Writes a line to standard error, if the stream still has a reader.
pub(crate) fn note(line: impl std::fmt::Display) {
    let mut text = String::new();
    _ = write!(text, "{line}");
    if let Some((cut, _)) = text.char_indices().nth(MESSAGE_MAX) {
        text.truncate(cut);
        text.push_str("...");
    }
    let line = harmless(&text, |_| true, |c| c.escape_default().to_string());
    _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Escapes the characters of a text that control a terminal or change the direction of the text.
fn harmless(
    text: &str,
    unwanted: impl Fn(char) -> bool,
    escape: impl Fn(char) -> String,
) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2066}'..='\u{2069}')
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match steers(c) && unwanted(c) {
            true => out.push_str(&escape(c)),
            false => out.push(c),
        }
    }
    out
}
