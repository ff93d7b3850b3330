//! The header of an `.npy` file: a Python dict literal with exactly three keys.
//!
//! The parser is strict and reads only this dict. The parser evaluates nothing, and the header's
//! length bounds the memory that it allocates.

use crate::dataset::{Dtype, RANK_MAX};
use crate::error::{Error, Result};
use crate::source::array::Layout;
use crate::source::bytes::ByteSource;
use crate::source::refusal::shown;

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// The longest header, in bytes; NumPy itself reads at most 10,000.
const HEADER_BYTES_MAX: u64 = 64 << 10;

/// How much of the header an error shows, in characters.
const SHOWN: usize = 60;

/// Reads the header of a file.
pub(super) fn read(bytes: &dyn ByteSource) -> Result<Layout> {
    let wrong = |offset, why| Error::Format { name: bytes.name().into(), offset, why };
    let mut start = [0; 12];
    let known = (bytes.len().min(12)) as usize;
    bytes.read_at(0, &mut start[..known])?;
    if !start.starts_with(MAGIC) {
        let why = match start {
            [b'P', b'K', ..] => "is an archive (npz?), not an npy file; unpack it first",
            [0x1f, 0x8b, ..] => "is gzip, not an npy file; unpack it first",
            _ => "is not an npy file: it does not start with \\x93NUMPY",
        };
        return Err(wrong(Some(0), why.into()));
    }
    let [major, minor] = [start[6], start[7]];
    let (from, length) = match (major, minor) {
        (1, 0) => (10, u64::from(u16::from_le_bytes([start[8], start[9]]))),
        (2 | 3, 0) => {
            (12, u64::from(u32::from_le_bytes([start[8], start[9], start[10], start[11]])))
        }
        _ if known < 8 => return Err(wrong(Some(6), "ends before its version".into())),
        _ => {
            let why = format!("has version {major}.{minor}; 1.0, 2.0 and 3.0 can be read");
            return Err(wrong(Some(6), why));
        }
    };
    if bytes.len() < from {
        return Err(wrong(Some(8), "ends before the length of its header".into()));
    }
    if length > HEADER_BYTES_MAX {
        let why =
            format!("claims a header of {length} bytes; at most {HEADER_BYTES_MAX} are allowed");
        return Err(wrong(Some(8), why));
    }
    if bytes.len() - from < length {
        let there = bytes.len() - from;
        let why = format!("is cut short: its header takes {length} bytes, only {there} follow");
        return Err(wrong(Some(from), why));
    }
    let mut text = vec![0; length as usize];
    bytes.read_at(from, &mut text)?;
    if major == 3
        && let Err(error) = std::str::from_utf8(&text)
    {
        let offset = from + error.valid_up_to() as u64;
        return Err(wrong(Some(offset), "its header is not UTF-8".into()));
    }
    let mut parser = Parser { text: &text, at: 0 };
    parser.dict(from + length).map_err(|why| wrong(Some(from + parser.at as u64), why))
}

/// Returns the header of a file in C order, in version 1.0 of the format, or `None` for `BF16`, which
/// the format lacks.
pub(crate) fn npy_header(dtype: Dtype, shape: &[u64]) -> Option<Vec<u8>> {
    let descr = match dtype {
        Dtype::BOOL => "|b1",
        Dtype::U8 => "|u1",
        Dtype::I8 => "|i1",
        Dtype::U16 => "<u2",
        Dtype::I16 => "<i2",
        Dtype::U32 => "<u4",
        Dtype::I32 => "<i4",
        Dtype::U64 => "<u8",
        Dtype::I64 => "<i8",
        Dtype::F16 => "<f2",
        Dtype::F32 => "<f4",
        Dtype::F64 => "<f8",
        Dtype::BF16 => return None,
    };
    let axes: Vec<_> = shape.iter().map(u64::to_string).collect();
    let comma = if axes.len() == 1 { "," } else { "" };
    let axes = axes.join(", ");
    let text =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({axes}{comma}), }}");
    // The array begins at a multiple of 64 bytes, after a line break.
    let length = (11 + text.len()).next_multiple_of(64) - 10;
    let mut header = [&MAGIC[..], &[1, 0], &(length as u16).to_le_bytes()].concat();
    header.extend(text.as_bytes());
    header.resize(length + 9, b' ');
    header.push(b'\n');
    Some(header)
}

/// A parser of the header's text; an error is at `at`.
struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

/// A result whose error is the reason at the parser's place.
type Parsed<T> = std::result::Result<T, String>;

impl Parser<'_> {
    /// Reads the whole header; the array begins at `offset`.
    fn dict(&mut self, offset: u64) -> Parsed<Layout> {
        let (mut descr, mut order, mut shape) = (None, None, None);
        self.expect(b'{')?;
        while self.peek() != Some(b'}') {
            let at = self.at;
            let key = self.string()?;
            self.expect(b':')?;
            let fresh = match key.as_str() {
                "descr" => descr.replace(self.dtype()?).is_none(),
                "fortran_order" => order.replace(self.bool()?).is_none(),
                "shape" => shape.replace(self.shape()?).is_none(),
                _ => {
                    self.at = at;
                    return Err(format!("has the unknown key {key:?} in its header"));
                }
            };
            if !fresh {
                self.at = at;
                return Err(format!("has the key {key:?} twice in its header"));
            }
            if self.peek() != Some(b'}') {
                self.expect(b',')?;
            }
        }
        self.expect(b'}')?;
        if self.peek().is_some() {
            return Err(format!("has {} after its header", self.shown(self.at)));
        }
        let missing = |key| format!("has no {key:?} in its header");
        let (dtype, big_endian) = descr.ok_or_else(|| missing("descr"))?;
        let column_major = order.ok_or_else(|| missing("fortran_order"))?;
        let axes = shape.ok_or_else(|| missing("shape"))?;
        Ok(Layout { dtype, axes, offset, big_endian, column_major })
    }

    /// Reads the dtype, and whether it is big-endian.
    fn dtype(&mut self) -> Parsed<(Dtype, bool)> {
        let quoted = matches!(self.peek(), Some(b'\'' | b'"'));
        let at = self.at;
        if !quoted {
            let why = "is not a plain one; save each field of a structure as a separate array";
            return Err(format!("its dtype {} {why}", self.shown(at)));
        }
        let descr = self.string()?;
        let parsed = dtype_of(&descr);
        if parsed.is_err() {
            self.at = at;
        }
        parsed
    }

    fn bool(&mut self) -> Parsed<bool> {
        self.skip_space();
        for (word, value) in [("True", true), ("False", false)] {
            if self.text[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(format!("expected True or False in its header, found {}", self.shown(self.at)))
    }

    /// Reads a tuple of lengths: `()`, `(3,)`, `(3, 4)`, `(3, 4,)`.
    fn shape(&mut self) -> Parsed<Vec<u64>> {
        self.expect(b'(')?;
        let mut axes = Vec::new();
        let mut comma = true;
        while self.peek() != Some(b')') {
            if !comma {
                return Err(format!(
                    "expected , or ) in its header, found {}",
                    self.shown(self.at)
                ));
            }
            if axes.len() == RANK_MAX {
                return Err(format!("its shape has more than {RANK_MAX} axes"));
            }
            axes.push(self.length()?);
            comma = self.peek() == Some(b',');
            self.at += usize::from(comma);
        }
        self.expect(b')')?;
        if axes.len() == 1 && !comma {
            return Err("its shape is a number in brackets; a tuple of one is (3,)".into());
        }
        Ok(axes)
    }

    /// Reads a whole number as Python writes it.
    fn length(&mut self) -> Parsed<u64> {
        self.skip_space();
        let rest = &self.text[self.at..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let after = rest.get(digits).copied();
        if digits == 0 {
            let shown = self.shown(self.at);
            let sign = if after == Some(b'-') { ", which is never negative," } else { "" };
            return Err(format!("expected a length{sign} in its header, found {shown}"));
        }
        if matches!(after, Some(b'L' | b'l')) {
            return Err("was written by Python 2 (3L); load and save it with a newer NumPy".into());
        }
        if digits > 1 && rest[0] == b'0' {
            return Err(format!("has {}: a number does not start with 0", self.shown(self.at)));
        }
        let text = String::from_utf8_lossy(&rest[..digits]);
        let length = text.parse().map_err(|_| {
            let shown: String = text.chars().take(SHOWN).collect();
            format!("its shape has an axis of {shown}, which is beyond 2^64")
        })?;
        self.at += digits;
        Ok(length)
    }

    /// Reads a string without escapes, in quotes of either kind.
    fn string(&mut self) -> Parsed<String> {
        let Some(quote @ (b'\'' | b'"')) = self.peek() else {
            return Err(format!("expected a string in its header, found {}", self.shown(self.at)));
        };
        let rest = &self.text[self.at + 1..];
        let Some(length) = rest.iter().position(|&byte| byte == quote) else {
            return Err("has a string without an end in its header".into());
        };
        if rest[..length].iter().any(|&byte| byte == b'\\' || byte == b'\n') {
            return Err("has a string with an escape or a line break in its header".into());
        }
        self.at += length + 2;
        Ok(String::from_utf8_lossy(&rest[..length]).chars().take(SHOWN).collect())
    }

    fn expect(&mut self, byte: u8) -> Parsed<()> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        let wanted = char::from(byte);
        Err(format!("expected {wanted} in its header, found {}", self.shown(self.at)))
    }

    /// Returns the next byte that is not space.
    fn peek(&mut self) -> Option<u8> {
        self.skip_space();
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0c)) {
            self.at += 1;
        }
    }

    /// Returns the text from a place on, for an error.
    fn shown(&self, at: usize) -> String {
        let rest = String::from_utf8_lossy(&self.text[at..]);
        match rest.trim_end() {
            "" => "the end of its header".into(),
            rest => shown(rest, SHOWN),
        }
    }
}

/// Reads a type as NumPy writes it, such as `<f4`, and whether it is big-endian.
fn dtype_of(descr: &str) -> Parsed<(Dtype, bool)> {
    let name = descr.trim_start_matches(['<', '>', '=', '|']);
    let dtype = match name {
        _ if descr.len() > name.len() + 1 => None,
        "b1" => Some(Dtype::BOOL),
        "u1" => Some(Dtype::U8),
        "i1" => Some(Dtype::I8),
        "u2" => Some(Dtype::U16),
        "i2" => Some(Dtype::I16),
        "u4" => Some(Dtype::U32),
        "i4" => Some(Dtype::I32),
        "u8" => Some(Dtype::U64),
        "i8" => Some(Dtype::I64),
        "f2" => Some(Dtype::F16),
        "f4" => Some(Dtype::F32),
        "f8" => Some(Dtype::F64),
        _ => None,
    };
    if let Some(dtype) = dtype {
        return Ok((dtype, descr.starts_with('>')));
    }
    let why = match name.as_bytes() {
        [b'O', ..] => "is Python objects: those are pickles, which are never read",
        [b'c', ..] => "is complex numbers; save the real and the imaginary part as two arrays",
        [b'S' | b'a' | b'U', ..] => "is strings; save numbers, such as the index of each string",
        [b'M' | b'm', ..] => "is dates or durations; save them with .astype('i8')",
        [b'V', ..] => "is raw bytes, as bfloat16 is saved; save it with .astype('f4')",
        _ => "is not one of b1, i1, i2, i4, i8, u1, u2, u4, u8, f2, f4, f8",
    };
    Err(format!("its dtype {descr:?} {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::InMemory;

    #[test]
    fn a_written_header_is_read_as_the_same_layout() {
        for shape in [&[][..], &[3], &[2, 0], &[u64::MAX; 8]] {
            for dtype in Dtype::ALL {
                let Some(header) = npy_header(dtype, shape) else {
                    assert_eq!(dtype, Dtype::BF16);
                    continue;
                };
                assert_eq!((header.len() % 64, header.last()), (0, Some(&b'\n')));
                let offset = header.len() as u64;
                let layout = read(&InMemory::new("x.npy", header)).unwrap();
                assert_eq!((layout.dtype, &*layout.axes, layout.offset), (dtype, shape, offset));
                assert!(!layout.big_endian && !layout.column_major);
            }
        }
    }

    #[test]
    fn a_written_header_is_what_numpy_writes() {
        let mut numpy = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        numpy.extend(b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }");
        numpy.resize(127, b' ');
        numpy.push(b'\n');
        assert_eq!(npy_header(Dtype::F32, &[2, 3]), Some(numpy));
    }
}
