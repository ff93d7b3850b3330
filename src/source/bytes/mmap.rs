//! A file mapped into memory: the only place in this room with `unsafe`.

use std::path::Path;

use memmap2::Mmap;

use super::super::read_slice;
use super::LocalFile;
use crate::error::{Error, Result};
use crate::source::ByteSource;

/// A file that is mapped into memory, of which a read is a copy without a system call.
///
/// Only this type maps a file: [`open`](crate::source::open) and [`Folder`](crate::source::Folder)
/// read files piece by piece with any features. Replacing a mapped file by renaming a new one over
/// it is safe, since the mapping keeps the old file.
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
    /// Until the value is dropped, no process may change or cut the file, this one included.
    /// Otherwise slices of the file change while they are borrowed, which is undefined behaviour.
    /// On Unix, reading a part that was cut off kills the process with SIGBUS. If the caller cannot
    /// promise this, [`LocalFile`] returns an error for a file that was cut.
    ///
    /// # Errors
    /// Returns the errors of [`LocalFile::open`], and [`Error::Io`] if the file system cannot map
    /// the file or the file does not fit into the address space.
    #[expect(unsafe_code, reason = "mapping a file is unsafe")]
    pub unsafe fn open(path: impl AsRef<Path>) -> Result<Self> {
        let file = LocalFile::open(path)?;
        // SAFETY: the mapping is private to this type, read-only, and lives as long as the slices
        // lent from it. The caller promises that the file stays unchanged.
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
