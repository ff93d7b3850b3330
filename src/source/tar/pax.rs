//! The attributes of a pax header, which are lines of a length, a name and a value.

use super::header::SPARSE;

/// The attributes of the next file.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Attributes {
    pub(super) path: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
}

/// Reads attributes, or returns the wrong byte and the reason.
pub(super) fn read(text: &[u8]) -> Result<Attributes, (u64, String)> {
    let mut found = Attributes::default();
    let mut at = 0;
    while at < text.len() {
        let wrong = |why: String| (at as u64, why);
        let PaxRecord { name, value, length } = line(&text[at..]).ok_or_else(|| {
            wrong("has broken pax attributes: expected a length, a name and a value".into())
        })?;
        match name {
            b"path" => found.path = Some(value.to_vec()).filter(|path| !path.is_empty()),
            b"size" if value.is_empty() => found.size = None,
            b"size" => {
                let digits = value.iter().all(u8::is_ascii_digit);
                let size = std::str::from_utf8(value).ok().filter(|_| digits);
                let size = size.and_then(|size| size.parse().ok());
                found.size = Some(size.ok_or_else(|| {
                    wrong(format!(
                        "has a size of \"{}\", which is no whole number below 2^64",
                        value[..value.len().min(40)].escape_ascii()
                    ))
                })?);
            }
            _ if name.starts_with(b"GNU.sparse.") => return Err(wrong(SPARSE.into())),
            _ => {}
        }
        at += length;
    }
    Ok(found)
}

/// Appends the line of an attribute. The line begins with its length, whose digits count too.
pub(super) fn push(text: &mut Vec<u8>, name: &str, value: &str) {
    let rest = name.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    text.extend(format!("{length} {name}={value}\n").into_bytes());
}

/// A line with one attribute.
struct PaxRecord<'a> {
    name: &'a [u8],
    value: &'a [u8],
    /// The length of the whole line, in bytes.
    length: usize,
}

/// Returns the first line of a text.
fn line(text: &[u8]) -> Option<PaxRecord<'_>> {
    let space = text.iter().take(20).position(|&byte| byte == b' ')?;
    let digits = text[..space].iter().all(u8::is_ascii_digit);
    let length = std::str::from_utf8(&text[..space]).ok().filter(|_| digits)?.parse().ok()?;
    let (&end, line) = text.get(space + 1..length)?.split_last()?;
    let equals = line.iter().position(|&byte| byte == b'=').filter(|_| end == b'\n')?;
    Some(PaxRecord { name: &line[..equals], value: &line[equals + 1..], length })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_counts_and_an_empty_one_takes_back() {
        let text = b"12 path=abc\n13 path=a=\nd\n11 size=77\n11 mtime=1\n";
        let read = read(text).unwrap();
        assert_eq!(read, Attributes { path: Some(b"a=\nd".to_vec()), size: Some(77) });
        let back = super::read(b"12 path=abc\n8 path=\n11 size=77\n8 size=\n").unwrap();
        assert_eq!(back, Attributes::default());
    }

    #[test]
    fn a_written_line_counts_its_own_digits() {
        for length in [1, 2, 3, 80, 88, 89, 90, 91, 92, 93, 980, 989, 990, 991, 992] {
            let value = "x".repeat(length);
            let mut text = Vec::new();
            push(&mut text, "path", &value);
            push(&mut text, "size", "7");
            assert_eq!(read(&text), Ok(Attributes { path: Some(value.into()), size: Some(7) }));
        }
    }

    #[test]
    fn what_is_broken_is_named_by_its_byte() {
        for (text, at, says) in [
            (&b"12 path=abc\n9 "[..], 12, "broken"),
            (b"12 path=abcd\n", 0, "broken"),
            (b"+2 path=abc\n", 0, "broken"),
            (b"0 a=\n", 0, "broken"),
            (b"99999999999999999999 a=\n", 0, "broken"),
            (b"18446744073709551615 a=\n", 0, "broken"),
            (b"11 size=-1\n", 0, "size of \"-1\""),
            (b"29 size=99999999999999999999\n", 0, "size of \"9999"),
            (b"22 GNU.sparse.major=1\n", 0, "sparse"),
        ] {
            let (offset, why) = read(text).unwrap_err();
            assert!(offset == at && why.contains(says), "{offset}: {why}");
        }
    }
}
