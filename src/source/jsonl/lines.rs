//! The places of the lines of a file.

use crate::error::{Error, Result};
use crate::source::bytes::{ByteSource, Content};

/// The longest line, in bytes, without its end.
const LINE_BYTES_MAX: u64 = 16 << 20;
/// How much the indexer reads at once, in bytes.
const BUFFER: u64 = 256 << 10;

/// The places of the lines that are not blank.
#[derive(Debug)]
pub(super) struct Lines {
    /// The offset of each line's text, in bytes.
    starts: Vec<u64>,
    /// The places of blank lines: pairs of a line's index and the number of all blank lines before
    /// it.
    blanks: Vec<(u64, u64)>,
    end: u64,
    /// The identity of the file, by all of its bytes.
    identity: String,
}

impl Lines {
    /// Reads the whole file, in order, and finds its lines.
    pub(super) fn find(bytes: &dyn ByteSource) -> Result<Self> {
        let wrong = |offset, why| Error::Format { name: bytes.name().into(), offset, why };
        let (end, identity) = (bytes.len(), String::new());
        let mut lines = Self { starts: Vec::new(), blanks: Vec::new(), end, identity };
        let mut content = Content::new(end);
        let mut buffer = Vec::new();
        // The offset of the first byte in the current line that is no space.
        let mut text = None;
        let (mut at, mut blank) = (0, 0);
        while at < lines.end {
            buffer.resize(BUFFER.min(lines.end - at) as usize, 0);
            bytes.read_at(at, &mut buffer)?;
            content.add(&buffer);
            let mut rest = &buffer[..];
            if at == 0 {
                if rest.starts_with(&[0x1f, 0x8b]) {
                    let why = "is gzip, which cannot be read in any order; unpack the file first";
                    return Err(wrong(Some(0), why.into()));
                }
                rest = rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest);
            }
            let from = at + (buffer.len() - rest.len()) as u64;
            for (place, &byte) in (from..).zip(rest) {
                match text {
                    _ if byte == b'\n' => match text.take() {
                        Some(start) => {
                            lines.add(start, &mut blank).map_err(|why| wrong(None, why))?
                        }
                        None => blank += 1,
                    },
                    None if matches!(byte, b' ' | b'\t' | b'\r') => {}
                    None => text = Some(place),
                    Some(start) if place - start >= LINE_BYTES_MAX => {
                        let why = format!("a line of more than {LINE_BYTES_MAX} bytes begins here");
                        return Err(wrong(Some(start), why));
                    }
                    Some(_) => {}
                }
            }
            at += buffer.len() as u64;
        }
        if let Some(start) = text {
            lines.add(start, &mut blank).map_err(|why| wrong(None, why))?;
        }
        if lines.starts.is_empty() {
            return Err(wrong(None, "is empty: it has no line".into()));
        }
        lines.starts.shrink_to_fit();
        lines.identity = content.finish();
        Ok(lines)
    }

    fn add(&mut self, start: u64, blank: &mut u64) -> std::result::Result<(), String> {
        let count = self.len();
        if self.starts.try_reserve(1).is_err() {
            return Err(format!("has more than {count} lines, too many for the memory"));
        }
        self.starts.push(start);
        if *blank > 0 {
            let before = self.blanks.last().map_or(0, |&(_, blank)| blank);
            self.blanks.push((count, before + std::mem::take(blank)));
        }
        Ok(())
    }

    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    pub(super) fn len(&self) -> u64 {
        self.starts.len() as u64
    }

    /// Reads the text of a line; `None` past the last line.
    pub(super) fn read(&self, bytes: &dyn ByteSource, index: u64) -> Result<Option<Vec<u8>>> {
        let place = usize::try_from(index).ok();
        let Some((place, &start)) = place.and_then(|at| Some((at, self.starts.get(at)?))) else {
            return Ok(None);
        };
        let end = self.starts.get(place + 1).copied().unwrap_or(self.end);
        let mut text = vec![0; (end - start).min(LINE_BYTES_MAX) as usize];
        bytes.read_at(start, &mut text)?;
        if let Some(length) = text.iter().position(|&byte| byte == b'\n') {
            text.truncate(length);
        }
        Ok(Some(text))
    }

    /// Returns the number of a line in the file, from 1, and the offset of its text.
    pub(super) fn place(&self, index: u64) -> (u64, u64) {
        let before = self.blanks.partition_point(|&(line, _)| line <= index);
        let blank = before.checked_sub(1).map_or(0, |last| self.blanks[last].1);
        (index + 1 + blank, self.starts[index as usize])
    }
}
