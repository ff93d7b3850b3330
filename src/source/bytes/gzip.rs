//! A stream of the bytes of a source from start to end, unpacked if they are gzip.

use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;

use super::{ByteSource, Content};
use crate::error::{Error, Result};

/// The first bytes of every gzip file, and of no idx file and no UTF-8 text.
const MAGIC: [u8; 2] = [0x1f, 0x8b];
/// How much unpacked data the caller may always keep, in bytes, whatever the size of the gzip file.
const UNPACKED_FREE: u64 = 16 << 20;
/// How many times the size of the gzip file the caller may keep beyond that.
const UNPACKED_RATIO_MAX: u64 = 200;

/// The bytes of a source one after another, unpacked if they are gzip.
///
/// The stream needs memory for fixed buffers only. The caller decides how many bytes to read.
pub(in crate::source) struct Stream<'a> {
    source: &'a dyn ByteSource,
    reader: Box<dyn Read + 'a>,
    packed: bool,
    passed: Rc<RefCell<Passed>>,
}

/// The bytes read so far of a source.
struct Passed {
    offset: u64,
    content: Content,
}

impl<'a> Stream<'a> {
    /// Creates a stream that starts at the first byte.
    pub(in crate::source) fn open(source: &'a dyn ByteSource) -> Result<Self> {
        let mut start = [0; 2];
        if source.len() >= 2 {
            source.read_at(0, &mut start)?;
        }
        let packed = start == MAGIC;
        let passed = Passed { offset: 0, content: Content::new(source.len()) };
        let passed = Rc::new(RefCell::new(passed));
        let plain = Plain { source, passed: passed.clone() };
        let reader = if packed { unpack(plain)? } else { Box::new(plain) };
        Ok(Self { source, reader, packed, passed })
    }

    /// Returns true if the stream unpacks the bytes.
    pub(in crate::source) fn packed(&self) -> bool {
        self.packed
    }

    /// Returns how many bytes the caller may keep in memory, unpacked or as tensors.
    pub(in crate::source) fn kept_max(&self) -> u64 {
        match self.packed {
            true => self.source.len().saturating_mul(UNPACKED_RATIO_MAX).max(UNPACKED_FREE),
            false => u64::MAX,
        }
    }

    /// Fills `buffer` and returns the number of bytes, which is less than its length only at the
    /// end.
    pub(in crate::source) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match self.reader.read(&mut buffer[done..]) {
                Ok(0) => break,
                Ok(some) => done += some,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.error(error)),
            }
        }
        Ok(done)
    }

    /// Returns the identity of the source by all of its bytes; reads those that the caller did not
    /// need.
    pub(in crate::source) fn identity(&mut self) -> Result<String> {
        let len = self.source.len();
        let none = Passed { offset: 0, content: Content::new(len) };
        let Passed { offset, mut content } = self.passed.replace(none);
        content.read(self.source, offset, len - offset)?;
        Ok(content.finish())
    }

    /// Returns the error of the source below, or an error of the gzip format.
    fn error(&self, error: io::Error) -> Error {
        match error.downcast::<Error>() {
            Ok(error) => error,
            Err(error) => Error::Format {
                name: self.source.name().into(),
                offset: None,
                why: format!("is not a sound gzip file: {error}"),
            },
        }
    }
}

#[cfg(feature = "gz")]
fn unpack(plain: Plain<'_>) -> Result<Box<dyn Read + '_>> {
    Ok(Box::new(flate2::read::MultiGzDecoder::new(plain)))
}

#[cfg(not(feature = "gz"))]
fn unpack(plain: Plain<'_>) -> Result<Box<dyn Read + '_>> {
    Err(Error::Unsupported {
        what: format!("reading {}, which is gzip", plain.source.name()),
        why: "this build of windrow lacks the feature `gz`".into(),
        instead: "build windrow with it, or unpack the file first".into(),
    })
}

/// A reader of the packed bytes of a source.
struct Plain<'a> {
    source: &'a dyn ByteSource,
    passed: Rc<RefCell<Passed>>,
}

impl Read for Plain<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut passed = self.passed.borrow_mut();
        let left = self.source.len() - passed.offset;
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        self.source.read_at(passed.offset, &mut buffer[..count]).map_err(io::Error::other)?;
        passed.content.add(&buffer[..count]);
        passed.offset += count as u64;
        Ok(count)
    }
}
