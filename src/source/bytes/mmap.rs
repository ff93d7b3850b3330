//! A file mapped into memory: the one place of this room with `unsafe` in it.

use std::path::Path;

use memmap2::Mmap;

use super::super::read_slice;
use super::LocalFile;
use crate::error::{Error, Result};
use crate::source::ByteSource;

/// A file that is mapped into memory: a read is a copy, without a system call.
///
/// Nothing maps a file unless it is asked to here: [`open`](crate::source::open) and
/// [`Folder`](crate::source::Folder) read files piece by piece whatever the features are. Replacing a
/// mapped file by renaming a new one over it is safe, since the mapping keeps the old one.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("x.npy");
/// # let header = b"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }  \n";
/// # let start = [&b"\x93NUMPY\x01\x00\x3e\x00"[..], header].concat();
/// # std::fs::write(&path, [&start[..], &[1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]].concat())?;
/// use std::sync::Arc;
/// use windrow::source::{ByteSource, Identity, Mapped, Npy};
/// use windrow::{Dataset, from_source};
///
/// // SAFETY: this program wrote the file, and nothing changes it.
/// let mapped: Arc<dyn ByteSource> = Arc::new(unsafe { Mapped::open(&path)? });
/// let npy = from_source(Npy::new(vec![("x".into(), mapped)], Identity::Blocks)?);
/// assert_eq!(npy.get(1)?.unwrap()["x"].to_vec::<i16>()?, [4, 5, 6]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Mapped {
    name: String,
    map: Mmap,
}

impl Mapped {
    /// Maps a file.
    ///
    /// # Safety
    /// Until the value is dropped, nobody changes or cuts the file: not this process, not another one.
    /// Otherwise slices of it change while they are borrowed, which is undefined behaviour, and on
    /// Unix, reading a part that was cut off kills the process with SIGBUS. Where that cannot be
    /// promised, [`LocalFile`] makes an error of a file that was cut.
    ///
    /// # Errors
    /// What [`LocalFile::open`] says, and [`Error::Io`] where the file system cannot map it or it
    /// does not fit into the address space.
    #[expect(unsafe_code, reason = "mapping a file is unsafe")]
    pub unsafe fn open(path: impl AsRef<Path>) -> Result<Self> {
        let file = LocalFile::open(path)?;
        // SAFETY: the mapping is private to this type, read-only, and lives as long as the slices
        // lent from it; that the file stays as it is, is the caller's promise.
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
