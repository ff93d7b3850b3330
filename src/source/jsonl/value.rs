//! From the text of a JSON value to the shape and the little-endian bytes of its numbers.
//!
//! The text is sound JSON already. Absent on purpose: texts, objects.

use crate::dataset::{Dtype, RANK_MAX};
use crate::source::number;

/// How much of a value an error shows, in characters.
const SHOWN: usize = 40;

/// Reads a number or lists of numbers, or says what is wrong at which byte.
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
    /// The length of each axis, as far as known: those of the first list of each depth.
    shape: Vec<u64>,
    /// How many axes there are, once the first list has ended, and 0 before.
    known: usize,
    /// In how many lists the first number was.
    leaf: Option<usize>,
    /// The items so far of each list that is open.
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
                        return Err((begun, "a number where lists are beside it".into()));
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

    /// A list begins.
    fn open(&mut self) -> Result<(), String> {
        self.count();
        self.counts.push(0);
        let depth = self.counts.len();
        if depth > RANK_MAX {
            return Err(format!("lists inside each other make at most {RANK_MAX} axes"));
        }
        let beyond = |axes| depth > axes;
        if self.leaf.is_some_and(beyond) || (self.known > 0 && beyond(self.known)) {
            return Err("a list where numbers are beside it".into());
        }
        Ok(())
    }

    /// A list ends.
    fn close(&mut self) -> Result<(), String> {
        let depth = self.counts.len();
        let count = self.counts.pop().unwrap_or(0);
        if self.known == 0 {
            // The innermost of the first lists: the number of axes is known.
            self.shape = vec![u64::MAX; depth];
            self.known = depth;
        }
        let Some(axis) = self.shape.get_mut(depth.wrapping_sub(1)) else { return Ok(()) };
        if *axis == u64::MAX {
            *axis = count;
        }
        if *axis != count {
            return Err(format!("a list of {count}, others beside it have {axis}"));
        }
        Ok(())
    }

    /// Counts an item of the list at hand.
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
            b'"' => format!("{shown}{more} is a text; only U8 is made of one, as its bytes"),
            b'{' => format!("{shown}{more} is an object, where numbers are wanted"),
            _ => format!("{shown}{more} is no {dtype}"),
        }
    }
}
