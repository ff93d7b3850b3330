//! A source of the lines of a text, with the byte offset as the cursor.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Error, ErrorKind, Seek, SeekFrom};
use std::path::Path;

use super::IterableSource;
use crate::order::Op;

/// The longest line, in bytes.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// A reader of bytes.
type Bytes = Box<dyn BufRead + Send>;

/// A source of the lines of a text, without their ends.
///
/// A line ends with `\n` or `\r\n`, and the last line may have no end. A line that is not UTF-8, or
/// that has more than 16 MiB, is an error in its place, and the next line follows.
pub struct Lines {
    open: Box<dyn Fn(u64) -> io::Result<Bytes> + Send + Sync>,
    seeks: bool,
    name: Option<String>,
}

/// Creates a source of the lines of a file.
///
/// The cursor is the byte offset of the next line, so a resume reads no line again. The fingerprint
/// has neither the path nor the content: a file may grow between two runs, or lie at another place.
/// If the file no longer has a line that begins at the cursor, the resumed loader returns an error.
///
/// ```
/// use windrow::iterable::{from_iterable, lines};
/// use windrow::Loader;
/// let words = || from_iterable(lines("Cargo.toml")).filter(|line| line.starts_with('[')).ordered();
/// let mut loader = Loader::builder(words().batch(1)).workers(2).build()?;
/// assert_eq!(*loader.next().unwrap()?, ["[package]"]);
/// let mut again = Loader::builder(words().batch(1)).resume(&loader.state()).build()?;
/// assert_eq!(*again.next().unwrap()?, *loader.next().unwrap()?);
/// # Ok::<(), windrow::Error>(())
/// ```
pub fn lines(path: impl AsRef<Path>) -> Lines {
    let path = path.as_ref().to_owned();
    Lines::seekable(move |offset| {
        let mut file = File::open(&path)?;
        if offset > 0 {
            file.seek(SeekFrom::Start(offset))?;
        }
        Ok(BufReader::new(file))
    })
}

impl Lines {
    /// Creates a source of the lines of a reader, which a function opens at a byte offset.
    ///
    /// ```
    /// use windrow::iterable::{Lines, from_iterable};
    /// use windrow::Loader;
    /// let text = "one\ntwo\n";
    /// let lines = Lines::seekable(|offset| Ok(&text.as_bytes()[offset as usize..]));
    /// let lines = Loader::builder(from_iterable(lines)).build()?.map(|line| Ok(line?.into_inner()));
    /// assert_eq!(lines.collect::<windrow::Result<Vec<_>>>()?, ["one", "two"]);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    pub fn seekable<R, F>(open: F) -> Self
    where
        R: BufRead + Send + 'static,
        F: Fn(u64) -> io::Result<R> + Send + Sync + 'static,
    {
        let open = move |offset| Ok(Box::new(open(offset)?) as Bytes);
        Self { open: Box::new(open), seeks: true, name: None }
    }

    /// Creates a source of the lines of a reader that a function opens at its start only, such as a
    /// decompressor.
    ///
    /// The source has no cursor, so a resumed loader reads the lines before the state again.
    ///
    /// ```
    /// use windrow::iterable::{Lines, from_iterable};
    /// use windrow::Loader;
    /// let lines = from_iterable(Lines::sequential(|| Ok(&b"a\nb"[..])));
    /// assert_eq!(Loader::builder(lines).build()?.count(), 2);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    pub fn sequential<R, F>(open: F) -> Self
    where
        R: BufRead + Send + 'static,
        F: Fn() -> io::Result<R> + Send + Sync + 'static,
    {
        let open = move |_| Ok(Box::new(open()?) as Bytes);
        Self { open: Box::new(open), seeks: false, name: None }
    }

    /// Sets a name that goes into the fingerprint, such as the version of the data.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("seeks", &self.seeks).finish_non_exhaustive()
    }
}

impl IterableSource for Lines {
    type Sample = String;
    type Cursor = u64;
    type Error = Error;
    type Iter = LineIter;

    fn open(&self, _: u64, cursor: Option<u64>) -> io::Result<LineIter> {
        let offset = cursor.unwrap_or(0);
        // The byte before the line shows whether a line begins there.
        let mut reader = (self.open)(offset.saturating_sub(1))?;
        if offset > 0 {
            let mut before = [0];
            let found = reader.read_exact(&mut before);
            let moved = || {
                let why =
                    format!("no line begins at byte {offset}; the text is not that of the state");
                Error::new(ErrorKind::InvalidData, why)
            };
            found.map_err(|_| moved())?;
            if before != *b"\n" {
                return Err(moved());
            }
        }
        Ok(LineIter { reader, offset, seeks: self.seeks, begun: Default::default() })
    }

    fn op(&self) -> Op {
        let op = Op::new(if self.seeks { "lines" } else { "sequential_lines" });
        match &self.name {
            Some(name) => op.with("name", name),
            None => op,
        }
    }
}

/// The lines of a reader, with the byte offset after each line that has an end.
pub struct LineIter {
    reader: Bytes,
    offset: u64,
    seeks: bool,
    /// The start of a line and its length, if the reader failed within the line.
    begun: (Vec<u8>, u64),
}

impl LineIter {
    /// Reads up to the next line end. Returns the bytes without it, and whether there was an end.
    fn line(&mut self) -> io::Result<Option<(Vec<u8>, bool)>> {
        let (mut line, mut len) = std::mem::take(&mut self.begun);
        let ends = loop {
            let bytes = match self.reader.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.begun = (line, len);
                    return Err(error);
                }
            };
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let count = end.unwrap_or(bytes.len());
            len += count as u64;
            // The rest of a line that is too long is passed over.
            if len <= LINE_BYTES_MAX {
                line.extend_from_slice(&bytes[..count]);
            }
            let (passed, is_last) = (count + usize::from(end.is_some()), bytes.is_empty());
            self.reader.consume(passed);
            self.offset += passed as u64;
            if end.is_some() || is_last {
                break end.is_some();
            }
        };
        if len > LINE_BYTES_MAX {
            let why = format!("the line has {len} bytes; at most {LINE_BYTES_MAX} are allowed");
            return Err(Error::new(ErrorKind::InvalidData, why));
        }
        if ends && line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok((len > 0 || ends).then_some((line, ends)))
    }
}

impl Iterator for LineIter {
    type Item = io::Result<(String, Option<u64>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.offset - self.begun.1;
        let (line, ends) = match self.line() {
            Ok(line) => line?,
            Err(error) => return Some(Err(error)),
        };
        let wrong = |_| {
            let why = format!("the line at byte {start} is not UTF-8");
            Error::new(ErrorKind::InvalidData, why)
        };
        // A cursor inside of a line that still grows would split the line.
        let cursor = (ends && self.seeks).then_some(self.offset);
        Some(String::from_utf8(line).map(|line| (line, cursor)).map_err(wrong))
    }
}

impl fmt::Debug for LineIter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineIter").field("offset", &self.offset).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        text: &'static [u8],
        cursor: Option<u64>,
    ) -> Vec<Result<(String, Option<u64>), String>> {
        let lines = Lines::seekable(move |offset| Ok(&text[(offset as usize).min(text.len())..]));
        match lines.open(0, cursor) {
            Ok(lines) => lines.map(|line| line.map_err(|error| error.to_string())).collect(),
            Err(error) => vec![Err(error.to_string())],
        }
    }

    fn line(text: &str, cursor: u64) -> Result<(String, Option<u64>), String> {
        Ok((text.into(), Some(cursor)))
    }

    #[test]
    fn lines_end_with_either_end_and_the_last_one_with_none() {
        let text = b"a\n\nb\r\nc\rd\ne";
        let all =
            [line("a", 2), line("", 3), line("b", 6), line("c\rd", 10), Ok(("e".into(), None))];
        assert_eq!(read(text, None), all);
        assert_eq!(read(text, Some(3)), all[2..]);
        assert_eq!(read(text, Some(10)), all[4..]);
        assert_eq!(read(b"", None), []);
        assert_eq!(read(b"a\n", Some(2)), []);
    }

    #[test]
    fn a_cursor_that_no_line_begins_at_is_refused() {
        for cursor in [1, 3, u64::MAX] {
            let told = read(b"a\nb\n", Some(cursor));
            let error = told[0].as_ref().unwrap_err();
            assert!(error.contains(&format!("no line begins at byte {cursor}")), "{error}");
        }
    }

    #[test]
    fn a_bad_line_is_an_error_and_the_next_line_follows() {
        let told = read(b"a\n\xff\nb\n", None);
        assert_eq!(told[0], line("a", 2));
        assert!(told[1].as_ref().unwrap_err().contains("byte 2 is not UTF-8"));
        assert_eq!(told[2], line("b", 6));
    }

    #[test]
    fn a_line_of_too_many_bytes_is_passed_over_without_keeping_it() {
        let long = std::io::Read::take(std::io::repeat(b'x'), LINE_BYTES_MAX + 1);
        let text = std::io::Read::chain(long, &b"\nb\n"[..]);
        let reader: Bytes = Box::new(BufReader::new(text));
        let mut lines = LineIter { reader, offset: 0, seeks: true, begun: Default::default() };
        let error = lines.next().unwrap().unwrap_err().to_string();
        assert!(error.contains("has 16777217 bytes"), "{error}");
        assert_eq!(lines.next().unwrap().unwrap(), ("b".into(), Some(LINE_BYTES_MAX + 4)));
        assert!(lines.next().is_none());
    }
}
