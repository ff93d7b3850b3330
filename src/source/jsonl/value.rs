//! Parsing the text of a JSON value into the shape and the little-endian bytes of its numbers.
//!
//! The caller has checked that the text is sound JSON. Absent on purpose: texts, objects.

use crate::dataset::{Dtype, RANK_MAX};
use crate::source::number;

/// How much of a value an error shows, in characters.
const SHOWN: usize = 40;

/// Reads a number or lists of numbers, or returns the wrong byte and the reason.
pub(super) fn read(dtype: Dtype, text: &str) -> Result<(Vec<u64>, Vec<u8>), (usize, String)> {
    let mut reader = Reader {
        dtype,
        shape: Vec::new(),
        known: 0,
        leaf: None,
        counts: Vec::new(),
        out: Vec::new(),
    };
    reader.all(text)?;
    Ok((reader.shape, reader.out))
}

struct Reader {
    dtype: Dtype,
    /// The length of each axis, as far as known, by the first list of each depth.
    shape: Vec<u64>,
    /// The number of axes after the end of the first list, and 0 before.
    known: usize,
    /// The number of lists around the first number.
    leaf: Option<usize>,
    /// The number of items so far in each open list.
    counts: Vec<u64>,
    out: Vec<u8>,
}

impl Reader {
    fn all(&mut self, text: &str) -> Result<(), (usize, String)> {
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let begun = at;
            at += 1;
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b',' => {}
                b'[' => self.open().map_err(|why| (begun, why))?,
                b']' => self.close().map_err(|why| (begun, why))?,
                b'{' | b'"' => return Err((begun, self.no_number(&text[begun..]))),
                _ => {
                    let ends =
                        |&byte: &u8| matches!(byte, b',' | b']' | b' ' | b'\t' | b'\r' | b'\n');
                    at = bytes[at..].iter().position(ends).map_or(bytes.len(), |end| at + end);
                    let depth = self.counts.len();
                    let known = self.known == 0 || self.known == depth;
                    if !known || *self.leaf.get_or_insert(depth) != depth {
                        return Err((begun, "expected a list as beside it, found a number".into()));
                    }
                    self.count();
                    let number = &text[begun..at];
                    if !number::push(self.dtype, number, &mut self.out) {
                        return Err((begun, self.no_number(number)));
                    }
                }
            }
        }
        Ok(())
    }

    /// Begins a list.
    fn open(&mut self) -> Result<(), String> {
        self.count();
        self.counts.push(0);
        let depth = self.counts.len();
        if depth > RANK_MAX {
            return Err(format!("nested lists may have at most {RANK_MAX} axes"));
        }
        let beyond = |axes| depth > axes;
        if self.leaf.is_some_and(beyond) || (self.known > 0 && beyond(self.known)) {
            return Err("expected a number as beside it, found a list".into());
        }
        Ok(())
    }

    /// Ends a list.
    fn close(&mut self) -> Result<(), String> {
        let depth = self.counts.len();
        let count = self.counts.pop().unwrap_or(0);
        if self.known == 0 {
            // This list is the innermost of the first lists, so the number of axes is known.
            self.shape = vec![u64::MAX; depth];
            self.known = depth;
        }
        let Some(axis) = self.shape.get_mut(depth.wrapping_sub(1)) else { return Ok(()) };
        if *axis == u64::MAX {
            *axis = count;
        }
        if *axis != count {
            return Err(format!("expected a list of {axis} as beside it, found one of {count}"));
        }
        Ok(())
    }

    /// Counts an item of the innermost open list.
    fn count(&mut self) {
        if let Some(count) = self.counts.last_mut() {
            *count += 1;
        }
    }

    #[cold]
    fn no_number(&self, text: &str) -> String {
        let shown: String = text.chars().take(SHOWN).collect();
        let more = if shown.len() < text.len() { "…" } else { "" };
        let dtype = self.dtype;
        match text.as_bytes()[0] {
            b'"' => format!("{shown}{more} is a text; use dtype U8, which takes its bytes"),
            b'{' => format!("{shown}{more} is an object; give a number or lists of numbers"),
            _ => format!("{shown}{more} is no {dtype}"),
        }
    }
}
