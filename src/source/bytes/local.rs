//! Files of this machine: the one place of this room that asks which platform it is on.
//!
//! Where a platform has no files, `LocalFile` and `Mapped` are absent and [`open`] says so.

#[cfg(any(unix, windows))]
#[path = "file.rs"]
mod file;
#[cfg(any(unix, windows))]
#[path = "listing.rs"]
mod listing;
#[cfg(all(feature = "mmap", any(unix, windows)))]
#[path = "mmap.rs"]
mod mmap;
#[cfg(any(unix, windows))]
#[path = "reopened.rs"]
mod reopened;

#[cfg(any(unix, windows))]
pub use file::LocalFile;
#[cfg(all(feature = "mmap", any(unix, windows)))]
pub use mmap::Mapped;

use std::path::Path;
use std::sync::Arc;

use super::{ByteSource, Listed};
use crate::error::Result;

/// Opens a file, which is read piece by piece where it is asked for.
///
/// At most 64 of these files stay open at the same time. More of them are opened for each read, which
/// refuses a file whose length is another one by then, so that a process may read from more files than
/// it may have open.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) where there is no such file or it may not be read,
/// [`Error::Format`](crate::Error::Format) where it is a folder, a pipe or a device, and
/// [`Error::Unsupported`](crate::Error::Unsupported) in WebAssembly, which has no files.
///
/// ```
/// let error = windrow::source::open("no/such/file.npy").unwrap_err();
/// assert!(error.to_string().starts_with("opening no/such/file.npy: "), "{error}");
/// ```
pub fn open(path: impl AsRef<Path>) -> Result<Arc<dyn ByteSource>> {
    open_here(path.as_ref())
}

#[cfg(any(unix, windows))]
fn open_here(path: &Path) -> Result<Arc<dyn ByteSource>> {
    reopened::open(path)
}

#[cfg(not(any(unix, windows)))]
fn open_here(path: &Path) -> Result<Arc<dyn ByteSource>> {
    Err(crate::error::Error::Unsupported {
        what: format!("opening the file {}", path.display()),
        why: "this platform has no files".into(),
        instead: "hand its bytes in, with `MemoryFiles` or a `ByteSource` of your own".into(),
    })
}

/// All files below a folder, with their paths from there.
#[cfg(any(unix, windows))]
pub(super) fn list(folder: &Path) -> Result<Vec<Listed>> {
    listing::list(folder)
}

#[cfg(not(any(unix, windows)))]
pub(super) fn list(folder: &Path) -> Result<Vec<Listed>> {
    Err(crate::error::Error::Unsupported {
        what: format!("listing the folder {}", folder.display()),
        why: "this platform has no files".into(),
        instead: "hand the files in, with `MemoryFiles` or `Files` of your own".into(),
    })
}

/// Reads some bytes at an offset without moving a cursor that another thread may use.
#[cfg(unix)]
fn read_some(file: &std::fs::File, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

/// Reads some bytes at an offset; the cursor moves, and nothing here looks at it.
#[cfg(windows)]
fn read_some(file: &std::fs::File, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}
