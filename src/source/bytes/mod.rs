//! Bytes: the one door from the formats to files.
//!
//! A format asks a [`ByteSource`] for bytes at an offset and knows nothing of paths, so the same
//! format reads a file, memory, and whatever else can answer for a range. Absent on purpose:
//! writing, file formats, caches.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the one door to files")]

pub(crate) mod files;
mod gzip;
mod identity;
mod joined;
mod listed;
mod local;
mod memory;

pub use files::{Files, Folder, MemoryFiles};
pub use identity::{Identity, identity};
pub use listed::Listed;
pub use local::*;
pub use memory::InMemory;

pub(super) use gzip::Stream;
pub(super) use identity::Content;
pub(super) use joined::Joined;

use std::fmt::Debug;

use crate::error::{Error, Result};

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

    /// Whether all bytes lie in this process's memory, where looking at each of them is cheap; not so
    /// for a file that is mapped.
    fn is_in_memory(&self) -> bool {
        false
    }

    /// Whether there is no byte.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
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
