//! A file mapped into memory: the one place of this room with `unsafe` in it.

use std::path::Path;

use memmap2::Mmap;

use super::super::read_slice;
use super::LocalFile;
use crate::error::{Error, Result};
use crate::source::ByteSource;

/// A file that is mapped into memory: a read is a copy, without a system call.
///
/// **The file must not be changed while it is mapped.** On Unix, reading a part that another
/// program has cut off meanwhile kills this process with SIGBUS (Windows refuses to cut a mapped
/// file), and a part that is written to meanwhile may read as anything. Replacing a file by
/// renaming a new one over it is safe: the mapping keeps the old one. Where others may write to
/// the files, use [`LocalFile`], which turns a cut file into an error.
#[derive(Debug)]
pub struct Mapped {
    name: String,
    map: Mmap,
}

impl Mapped {
    /// Maps a file.
    ///
    /// # Errors
    /// What [`LocalFile::open`] says, and [`Error::Io`] where the file system cannot map it or it
    /// does not fit into the address space.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let file = LocalFile::open(path)?;
        #[allow(unsafe_code)]
        // SAFETY: the mapping is private to this type, read-only, and lives as long as the slices
        // lent from it. What no program can rule out is another one that writes to the file or
        // cuts it: that is the caller's promise, said in the type's documentation, and the price
        // is a wrong read or SIGBUS. No code here relies on the bytes for its own soundness:
        // they are only ever copied out as `u8`.
        let map = unsafe { Mmap::map(file.file()) };
        let map = map.map_err(|error| Error::io(format!("mapping {}", file.name()), error))?;
        Ok(Self { name: file.name().into(), map })
    }
}

impl ByteSource for Mapped {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.map.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        read_slice(self, &self.map, offset, buffer)
    }

    fn as_slice(&self) -> Option<&[u8]> {
        Some(&self.map)
    }
}
