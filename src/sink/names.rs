//! The names of files: numbers of a fixed width, and fields.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use crate::error::Fault;

/// The least number of digits.
const DIGITS_MIN: usize = 5;
/// The longest name of a field in the name of a file, in bytes.
const FIELD_BYTES_MAX: usize = 200;
/// The characters that some file system refuses in names, or reads as something else.
const REFUSED: &[char] = &['/', '\\', ':', '*', '?', '"', '<', '>', '|'];

/// Returns a number with as many digits as the last of `count` numbers has, at least five. So the
/// order of the names is the order of the numbers.
pub(super) fn numbered(number: u64, count: u64) -> String {
    let digits = count.saturating_sub(1).to_string().len().max(DIGITS_MIN);
    format!("{number:0digits$}")
}

/// Returns the beginning of the name of a block's file, in a run over `len` indices.
pub(super) fn stem(block: u64, per_file: NonZeroU64, len: u64) -> String {
    format!("shard-{}", numbered(block, len.div_ceil(per_file.get())))
}

/// Checks that a field's name can be a part of a file's name on every system.
pub(super) fn check_field(name: &str) -> Result<(), Fault> {
    let refused = |c: &char| REFUSED.contains(c) || c.is_control();
    let why = if name.is_empty() {
        "is empty".into()
    } else if name.len() > FIELD_BYTES_MAX {
        format!("has {} bytes, more than {FIELD_BYTES_MAX}", name.len())
    } else if let Some(c) = name.chars().find(refused) {
        format!("has the character {c:?}, which not every file system takes")
    } else if name.starts_with('.') || name.ends_with(['.', ' ']) {
        "begins with a dot, or ends with a dot or a space".into()
    } else if name.starts_with("__") {
        "begins with `__`, as names of formats themselves do".into()
    } else {
        return Ok(());
    };
    Err(Fault::new(format!(
        "the field {name:.40?} cannot be part of a file's name: the name {why}; rename the field, or drop it with `select`"
    )))
}

/// Returns the fault of a record without fields.
pub(super) fn no_field() -> Fault {
    Fault::new("the sample has no field; filter samples without fields")
}

/// Checks that no two names differ in upper and lower case alone, since WebDataset and some file
/// systems take them for one.
pub(super) fn check_distinct<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), Fault> {
    let mut seen = BTreeMap::new();
    for name in names {
        if let Some(other) = seen.insert(name.to_lowercase(), name) {
            return Err(Fault::new(format!(
                "two fields would be the files {other:?} and {name:?}, which some systems take for one; rename one field"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_wide_as_the_last() {
        assert_eq!(numbered(7, 0), "00007");
        assert_eq!(numbered(7, 100_000), "00007");
        assert_eq!(numbered(7, 100_001), "000007");
        assert_eq!(numbered(u64::MAX, u64::MAX), u64::MAX.to_string());
    }

    #[test]
    fn a_field_that_no_file_can_have_is_refused_by_name() {
        for name in ["x", "seg.png", "größe", "a b", "x".repeat(200).as_str(), "_x"] {
            check_field(name).unwrap();
        }
        for (name, why) in [
            ("", "is empty"),
            ("a/b", "the character '/'"),
            ("..", "begins with a dot"),
            ("../../etc", "the character '/'"),
            (".hidden", "begins with a dot"),
            ("x.", "ends with a dot"),
            ("a\0b", "the character '\\0'"),
            ("__key__", "begins with `__`"),
            ("é".repeat(101).as_str(), "has 202 bytes"),
        ] {
            let message = check_field(name).unwrap_err().to_string();
            assert!(message.contains(why) && message.contains("rename the field"), "{message}");
        }
    }

    #[test]
    fn names_that_differ_in_case_alone_are_refused() {
        check_distinct(["a", "b"]).unwrap();
        let message = check_distinct(["É.npy", "x", "é.npy"]).unwrap_err().to_string();
        assert!(message.contains("\"É.npy\" and \"é.npy\""), "{message}");
    }
}
