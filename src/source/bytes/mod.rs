//! Byte sources: the only way from the formats to files.
//!
//! A format asks a [`ByteSource`] for bytes at an offset and knows nothing of paths. So the same
//! format reads a file, memory, and any other store that returns the bytes of a range. Absent on
//! purpose: writing, file formats, caches.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the only room that opens files"
)]

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

/// A store of bytes that can be read at any offset, from any thread.
///
/// The bytes must stay unchanged while the source is open: a loader may read samples in any order
/// and more than once.
///
/// ```
/// use windrow::source::{ByteSource, InMemory};
/// let source = InMemory::new("greeting", *b"good morning");
/// let mut word = [0; 7];
/// source.read_at(5, &mut word)?;
/// assert_eq!(&word, b"morning");
///
/// let error = source.read_at(10, &mut word).unwrap_err();
/// let says = "greeting at byte 10: cannot read 7 bytes here, the source has 12 in all";
/// assert_eq!(error.to_string(), says);
/// # Ok::<(), windrow::Error>(())
/// ```
pub trait ByteSource: Send + Sync + Debug {
    /// Returns the name of this source in errors: a path, a URL, a name.
    fn name(&self) -> &str;

    /// Returns the number of bytes.
    fn len(&self) -> u64;

    /// Fills the whole `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// Returns [`Error::Format`] with the name and the offset if the source ends too early, and
    /// [`Error::Io`] if the system refuses.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()>;

    /// Returns all bytes if they lie in memory already, otherwise `None`.
    fn as_slice(&self) -> Option<&[u8]> {
        None
    }

    /// Returns true if all bytes lie in this process's memory, where reading each of them is cheap;
    /// false for a mapped file.
    fn is_in_memory(&self) -> bool {
        false
    }

    /// Returns true if the source has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Checks that the source has `wanted` bytes at `offset`.
pub(crate) fn in_bounds(source: &dyn ByteSource, offset: u64, wanted: usize) -> Result<()> {
    match offset.checked_add(wanted as u64) {
        Some(end) if end <= source.len() => Ok(()),
        _ => Err(Error::Format {
            name: source.name().into(),
            offset: Some(offset),
            why: format!("cannot read {wanted} bytes here, the source has {} in all", source.len()),
        }),
    }
}

/// Copies bytes at an offset from all the bytes of a source, for [`ByteSource::read_at`].
fn read_slice(source: &dyn ByteSource, bytes: &[u8], offset: u64, buffer: &mut [u8]) -> Result<()> {
    in_bounds(source, offset, buffer.len())?;
    let start = offset as usize;
    buffer.copy_from_slice(&bytes[start..start + buffer.len()]);
    Ok(())
}
