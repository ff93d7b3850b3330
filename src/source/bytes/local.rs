//! Files of this machine: the only place in this room that depends on the platform.
//!
//! On a platform without files, `LocalFile` and `Mapped` are absent and [`open`] returns an error.

#[cfg(any(unix, windows))]
#[path = "base.rs"]
mod base;
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

/// Opens a file, which samples then read piece by piece.
///
/// At most 64 of these files stay open at the same time. Every other file is opened for each read,
/// which returns an error if the length of the file has changed. So a process may read from more
/// files than it may have open.
///
/// # Errors
/// - [`Error::Io`](crate::Error::Io) if the file does not exist or may not be read.
/// - [`Error::Format`](crate::Error::Format) for a folder, a pipe or a device.
/// - [`Error::Unsupported`](crate::Error::Unsupported) in WebAssembly, which has no files.
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
    let again = path.to_owned();
    Ok(reopened::counted(LocalFile::open(path)?, move || LocalFile::open(&again)))
}

#[cfg(not(any(unix, windows)))]
fn open_here(path: &Path) -> Result<Arc<dyn ByteSource>> {
    Err(crate::error::Error::Unsupported {
        what: format!("opening the file {}", path.display()),
        why: "this platform has no files".into(),
        instead: "pass its bytes as `MemoryFiles` or as your own `ByteSource`".into(),
    })
}

/// The path of a folder, in a type that crosses to other processes with any bytes in it.
#[cfg(any(unix, windows))]
pub(super) type FolderPath = std::ffi::OsString;
#[cfg(not(any(unix, windows)))]
pub(super) type FolderPath = std::path::PathBuf;

#[cfg(any(unix, windows))]
pub(super) fn folder_path(path: std::path::PathBuf) -> FolderPath {
    path.into_os_string()
}

#[cfg(not(any(unix, windows)))]
pub(super) fn folder_path(path: std::path::PathBuf) -> FolderPath {
    path
}

/// Opens a file by its name in a folder; the name may not leave `root`.
#[cfg(any(unix, windows))]
pub(super) fn open_in(
    start: &Path,
    root: Option<&Path>,
    name: &str,
) -> Result<Arc<dyn ByteSource>> {
    let again = (start.to_owned(), root.map(Path::to_owned), name.to_owned());
    let file = base::Base::new(start, root)?.open(name)?;
    // The base is opened again too, since a confined base is an open folder.
    Ok(reopened::counted(file, move || {
        let (start, root, name) = &again;
        base::Base::new(start, root.as_deref())?.open(name)
    }))
}

#[cfg(not(any(unix, windows)))]
pub(super) fn open_in(start: &Path, _: Option<&Path>, name: &str) -> Result<Arc<dyn ByteSource>> {
    open_here(&start.join(name))
}

/// Returns all files below a folder, with their paths from there.
#[cfg(any(unix, windows))]
pub(super) fn list_in(start: &Path, root: Option<&Path>, folder: &str) -> Result<Vec<Listed>> {
    listing::list(base::Base::new(start, root)?, folder)
}

#[cfg(not(any(unix, windows)))]
pub(super) fn list_in(start: &Path, _: Option<&Path>, folder: &str) -> Result<Vec<Listed>> {
    Err(crate::error::Error::Unsupported {
        what: format!("listing the folder {}", start.join(folder).display()),
        why: "this platform has no files".into(),
        instead: "pass the files as `MemoryFiles` or as your own `Files`".into(),
    })
}

/// Returns the options that open a file without waiting for the writer of a pipe.
#[cfg(any(unix, windows))]
fn unblocked() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, UNBLOCKED);
    options
}

/// Returns the same options for a file below a folder.
#[cfg(any(unix, windows))]
fn unblocked_below() -> cap_std::fs::OpenOptions {
    let mut options = cap_std::fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::custom_flags(&mut options, UNBLOCKED);
    options
}

/// The flags that neither wait for a pipe nor make a terminal the one of this process.
#[cfg(unix)]
const UNBLOCKED: i32 =
    rustix::fs::OFlags::NONBLOCK.union(rustix::fs::OFlags::NOCTTY).bits().cast_signed();

/// Reads some bytes at an offset without moving a cursor that another thread may use.
#[cfg(unix)]
fn read_some(file: &std::fs::File, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

/// Reads some bytes at an offset; moves the cursor, which no code here uses.
#[cfg(windows)]
fn read_some(file: &std::fs::File, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}
