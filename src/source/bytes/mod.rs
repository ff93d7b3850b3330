//! Bytes: the one door from the formats to files.
//!
//! A format asks a [`ByteSource`] for bytes at an offset and knows nothing of paths, so the same
//! format reads a file, memory, and whatever else can answer for a range. Absent on purpose:
//! writing, file formats, caches.

pub(crate) mod files;
mod gzip;
mod local;
mod memory;

pub use files::{Files, Folder, Listed, MemoryFiles};
pub use local::*;
pub use memory::InMemory;

pub(super) use gzip::Stream;

use std::fmt::Debug;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// How much of the start and of the end of a source [`identity`] reads, in bytes.
const IDENTITY_BYTES: u64 = 64 << 10;

/// Bytes that can be read at any offset, from any thread.
///
/// The bytes must stay as they are while the source is open: samples may be read in any order and
/// more than once.
///
/// ```
/// use windrow::source::{ByteSource, InMemory};
/// let source = InMemory::new("greeting", *b"good morning");
/// let mut word = [0; 7];
/// source.read_at(5, &mut word)?;
/// assert_eq!(&word, b"morning");
///
/// let error = source.read_at(10, &mut word).unwrap_err();
/// assert_eq!(error.to_string(), "greeting at byte 10: 7 bytes wanted here, it has 12 in all");
/// # Ok::<(), windrow::Error>(())
/// ```
pub trait ByteSource: Send + Sync + Debug {
    /// What errors call this source: a path, a URL, a name.
    fn name(&self) -> &str;

    /// The number of bytes.
    fn len(&self) -> u64;

    /// Fills `buffer` with the bytes from `offset` on, all of it.
    ///
    /// # Errors
    /// [`Error::Format`] with the name and the offset where the source ends too early, and
    /// [`Error::Io`] where the system refuses.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()>;

    /// All bytes at once, where they lie in memory already.
    fn as_slice(&self) -> Option<&[u8]> {
        None
    }

    /// Whether there is no byte.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What tells one source's content from another's: 16 hexadecimal digits.
///
/// The first 8 bytes of a SHA-256 over the length (u64, little-endian), the first 64 KiB and the
/// last 64 KiB; these overlap where the source is short. The name is not in it, so a URL and its
/// local copy are the same source. A change in the middle of a long file that keeps its length is
/// not noticed.
///
/// # Errors
/// What [`ByteSource::read_at`] says.
///
/// ```
/// use windrow::source::{InMemory, identity};
/// let here = InMemory::new("/data/a.npy", *b"the same bytes");
/// let there = InMemory::new("https://example.org/b.npy", *b"the same bytes");
/// assert_eq!(identity(&here)?, identity(&there)?);
/// assert_eq!(identity(&here)?, "c278a7edd2bc887d");
/// # Ok::<(), windrow::Error>(())
/// ```
pub fn identity(source: &dyn ByteSource) -> Result<String> {
    let part = source.len().min(IDENTITY_BYTES);
    let mut bytes = vec![0; part as usize];
    let mut hash = Sha256::new();
    hash.update(source.len().to_le_bytes());
    for start in [0, source.len() - part] {
        source.read_at(start, &mut bytes)?;
        hash.update(&bytes);
    }
    Ok(hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whether the source has `wanted` bytes at `offset`, or the error that it has not.
pub(crate) fn in_bounds(source: &dyn ByteSource, offset: u64, wanted: usize) -> Result<()> {
    match offset.checked_add(wanted as u64) {
        Some(end) if end <= source.len() => Ok(()),
        _ => Err(Error::Format {
            name: source.name().into(),
            offset: Some(offset),
            why: format!("{wanted} bytes wanted here, it has {} in all", source.len()),
        }),
    }
}

/// Copies from all the bytes of a source, for [`ByteSource::read_at`].
fn read_slice(source: &dyn ByteSource, bytes: &[u8], offset: u64, buffer: &mut [u8]) -> Result<()> {
    in_bounds(source, offset, buffer.len())?;
    let start = offset as usize;
    buffer.copy_from_slice(&bytes[start..start + buffer.len()]);
    Ok(())
}
