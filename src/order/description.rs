//! A pipeline's description: text that can be stored, compared and hashed.

use std::borrow::Cow;
use std::fmt::{self, Write};

use sha2::{Digest, Sha256};

/// The bytes of an op's hash in a shortened text. `HASH_LEN` is the number of characters with the
/// mark.
const HASH_BYTES: usize = 4;
const HASH_LEN: usize = 1 + 2 * HASH_BYTES;

/// A list of ops with their options: everything that the order depends on.
///
/// The text form is one line, such as `range(start=0,end=100)|shuffle(seed=7)|batch(size=10)`. A
/// state contains the whole or shortened text, and can therefore name the field in which another
/// pipeline differs.
///
/// ```
/// use windrow::order::{Description, Op};
/// let mut pipeline = Description::default();
/// pipeline.push(Op::new("range").with("end", 100));
/// pipeline.push(Op::new("shuffle").with("seed", 7));
/// assert_eq!(pipeline.to_string(), "range(end=100)|shuffle(seed=7)");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    ops: Vec<Op>,
}

/// One op of a pipeline, and the options that decide what the op does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    name: Cow<'static, str>,
    options: Vec<(Cow<'static, str>, String)>,
}

impl Op {
    /// Creates an op with the given name and no options.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), options: Vec::new() }
    }

    /// Adds an option.
    #[must_use]
    pub fn with(mut self, option: impl Into<Cow<'static, str>>, value: impl fmt::Display) -> Self {
        self.options.push((option.into(), value.to_string()));
        self
    }

    /// Returns the op's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Description {
    /// Appends an op.
    pub fn push(&mut self, op: Op) {
        self.ops.push(op);
    }

    /// Appends the ops of another description.
    pub fn append(&mut self, other: Self) {
        self.ops.extend(other.ops);
    }

    /// Returns the ops, source first.
    #[must_use]
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// Returns the number of ops.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Returns `true` if the description has no op.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Returns the 64-bit fingerprint as 16 hexadecimal digits: the start of the SHA-256 of the
    /// text form.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hash(&self.to_string(), 8)
    }

    /// Returns the first field in which a stored text form differs from this pipeline.
    ///
    /// The three values are the field's name, the stored value and the value in this pipeline.
    pub(super) fn difference(&self, saved: &str) -> Option<(String, String, String)> {
        const NOTHING: &str = "(nothing)";
        let saved: Vec<&str> = saved.split('|').filter(|part| !part.is_empty()).collect();
        for (number, op) in self.ops.iter().enumerate() {
            let Some(&part) = saved.get(number) else {
                return Some((format!("op {number}"), NOTHING.into(), op.to_string()));
            };
            if part == op.to_string() || part == hashed(&op.to_string()) {
                continue;
            }
            let (name, options) = part.split_once(['(', '#']).unwrap_or((part, ""));
            if name != escaped(&op.name) || part.contains('#') {
                return Some((format!("op {number}"), part.into(), op.to_string()));
            }
            let mut stored = options.trim_end_matches(')').split(',');
            for (option, value) in &op.options {
                let part = stored.next().unwrap_or_default();
                let (stored_option, stored_value) = part.split_once('=').unwrap_or((part, ""));
                if stored_option != escaped(option) || stored_value != escaped(value) {
                    let saved = if stored_option == escaped(option) { stored_value } else { part };
                    return Some((format!("{name}.{option}"), saved.into(), escaped(value)));
                }
            }
            return Some((name.into(), part.into(), op.to_string()));
        }
        let extra = saved.get(self.ops.len())?;
        Some((format!("op {}", self.ops.len()), (*extra).into(), NOTHING.into()))
    }
}

/// Returns a description's text form, shortened to at most `bytes` bytes.
///
/// The longest ops first lose their options to a hash. If the text is still too long, ops at the
/// end are left out.
pub(super) fn shorten(text: &str, bytes: usize) -> String {
    let mut parts: Vec<String> = text.split('|').map(String::from).collect();
    let length = |parts: &[String]| parts.iter().map(|part| part.len() + 1).sum::<usize>();
    while length(&parts) > bytes + 1 {
        let longest = parts
            .iter_mut()
            .filter(|part| part.contains('(') && part.len() > name(part).len() + HASH_LEN)
            .max_by_key(|part| part.len());
        match longest {
            Some(part) => *part = hashed(part),
            None => _ = parts.pop(),
        }
    }
    parts.join("|")
}

/// Replaces an op's options by a hash of the whole text.
fn hashed(op: &str) -> String {
    format!("{}#{}", name(op), hash(op, HASH_BYTES))
}

fn name(op: &str) -> &str {
    op.split('(').next().unwrap_or_default()
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped(&self.name))?;
        for (number, (option, value)) in self.options.iter().enumerate() {
            let before = if number == 0 { '(' } else { ',' };
            write!(f, "{before}{}={}", escaped(option), escaped(value))?;
        }
        if self.options.is_empty() { Ok(()) } else { f.write_char(')') }
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, op) in self.ops.iter().enumerate() {
            if number > 0 {
                f.write_char('|')?;
            }
            write!(f, "{op}")?;
        }
        Ok(())
    }
}

/// Escapes a text so that the text form splits without ambiguity and needs no escaping in JSON.
///
/// Keeps letters, digits and a few marks, and writes every other byte as `%` and two digits.
fn escaped(text: &str) -> String {
    let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:+ <>![];".contains(&byte);
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if is_kept(byte) {
            out.push(char::from(byte));
        } else {
            _ = write!(out, "%{byte:02x}");
        }
        out
    })
}

fn hash(text: &str, bytes: usize) -> String {
    hex(&Sha256::digest(text.as_bytes())[..bytes])
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::{Description, Op, shorten};

    fn pipeline(seed: u64, size: u64) -> Description {
        let mut pipeline = Description::default();
        pipeline.push(Op::new("range").with("start", 0).with("end", 100));
        pipeline.push(Op::new("shuffle").with("seed", seed));
        pipeline.push(Op::new("batch").with("size", size).with("drop_remainder", false));
        pipeline
    }

    #[test]
    fn the_differing_field_is_named_with_both_values() {
        let saved = pipeline(7, 32).to_string();
        assert_eq!(pipeline(7, 32).difference(&saved), None);
        let field =
            |field: &str, saved: &str, now: &str| Some((field.into(), saved.into(), now.into()));
        assert_eq!(pipeline(7, 64).difference(&saved), field("batch.size", "32", "64"));
        assert_eq!(pipeline(8, 32).difference(&saved), field("shuffle.seed", "7", "8"));
    }

    #[test]
    fn a_missing_or_extra_op_is_named() {
        let saved = pipeline(7, 32).to_string();
        let mut longer = pipeline(7, 32);
        longer.push(Op::new("map"));
        assert_eq!(longer.difference(&saved).unwrap().0, "op 3");
        let mut other = Description::default();
        other.push(Op::new("vec").with("len", 3));
        let (field, stored, now) = other.difference(&saved).unwrap();
        assert_eq!((&*field, &*stored, &*now), ("op 0", "range(start=0,end=100)", "vec(len=3)"));
        assert_eq!(pipeline(7, 32).difference("").unwrap().1, "(nothing)");
    }

    #[test]
    fn a_shortened_text_fits_and_still_tells_pipelines_apart() {
        let long = |value: char| {
            let mut pipeline = pipeline(7, 32);
            for _ in 0..5 {
                pipeline.push(Op::new("select").with("fields", value.to_string().repeat(60)));
            }
            pipeline
        };
        for bytes in [0, 10, 50, 100, 120, 300] {
            let text = shorten(&long('a').to_string(), bytes);
            assert!(text.len() <= bytes, "{} bytes for {bytes}", text.len());
        }
        let text = shorten(&long('a').to_string(), 160);
        assert_eq!(long('a').difference(&text), None);
        assert!(long('b').difference(&text).unwrap().1.starts_with("select#"));
    }

    #[test]
    fn odd_characters_cannot_forge_a_boundary() {
        let mut pipeline = Description::default();
        pipeline.push(Op::new("csv").with("path", "a|b(c=d),\"é"));
        assert_eq!(pipeline.to_string(), "csv(path=a%7cb%28c%3dd%29%2c%22%c3%a9)");
        assert_eq!(pipeline.difference(&pipeline.to_string()), None);
    }
}
