//! The words of JSON for the errors that `serde` words in Rust's terms.

use serde::de::{Expected, Unexpected};

/// How much of a document's text an error shows, in characters.
const SHOWN: usize = 40;

/// Returns the error of a value of the wrong type or range.
pub(super) fn instead(found: Unexpected<'_>, belongs: &dyn Expected) -> String {
    // A number that a type cannot hold is too large, unless it is negative.
    let large = matches!(found, Unexpected::Unsigned(_));
    let found = match found {
        Unexpected::Bool(yes) => yes.to_string(),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Float(number) => format!("{number:?}"),
        Unexpected::Str(text) => shown(text),
        Unexpected::Unit | Unexpected::Option => "null".into(),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "an object".into(),
        other => other.to_string(),
    };
    format!("expected {}, found {found}", of(belongs, large))
}

/// Returns the error of a value that is no name, where one of these belongs.
pub(super) fn no_name(found: Unexpected<'_>, known: &[&str]) -> String {
    instead(found, &&*format!("one of {}", known.join(", ")))
}

/// Returns the error of a list of the wrong length.
pub(super) fn length(len: usize, belongs: &dyn Expected) -> String {
    format!("expected {}, found a list of {len}", of(belongs, false))
}

/// Returns the error of an unknown name.
pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let instead = match known {
        [] => "remove it".to_owned(),
        known => format!("use one of {}", known.join(", ")),
    };
    format!("unknown {what} {}; {instead}", shown(name))
}

/// Returns a text in quotes, cut after [`SHOWN`] characters.
fn shown(text: &str) -> String {
    match text.chars().nth(SHOWN) {
        None => format!("{text:?}"),
        Some(_) => format!("{:?}...", text.chars().take(SHOWN).collect::<String>()),
    }
}

/// Returns the JSON words for a type that `serde` expects. The range of an integer type is not the
/// range of the option, so the words name no range.
fn of(belongs: &dyn Expected, large: bool) -> String {
    let name = belongs.to_string();
    let (first, rest) = name.split_once(' ').unwrap_or((&name, ""));
    let bits = |kind: &str| name.strip_prefix(kind)?.parse::<u32>().ok();
    match (first, rest) {
        ("struct", _) | (_, "map") => "an object".into(),
        ("enum", _) | (_, "identifier") => "the name of a choice".into(),
        (_, "string") => "a text".into(),
        (_, "boolean") => "true or false".into(),
        (_, "sequence") => "a list".into(),
        ("f32" | "f64", _) => "a number".into(),
        _ if name.contains("tuple") || name.contains("array of length") => {
            let count = name.split(' ').find(|word| word.parse::<u64>().is_ok());
            count.map_or("a list".into(), |count| format!("a list of {count}"))
        }
        _ => match (bits("u"), bits("i")) {
            (None, None) => name,
            _ if large => "a smaller whole number".into(),
            (Some(_), _) => "a whole number of 0 or more".into(),
            _ => "a whole number".into(),
        },
    }
}
