//! All other unix systems, macOS first: shared memory with a name that is removed at once. A worker
//! notices the end of its loader only by the end of the channel. Linux built with
//! `--cfg windrow_portable` also uses this file.
//!
//! Not available, because no portable interface exists: the memory of another process, and the
//! processes killed for lack of memory. Where the system supports it, pages are allocated before
//! they are written. macOS does not, and limits such memory only by its swap space.
#![expect(unsafe_code, reason = "calls the system to find the image of a function")]

use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::Mode;
use rustix::shm::{self, OFlags};

/// Creates memory without a name on disk or in the system's tables.
pub(super) fn shared_memory(bytes: usize) -> io::Result<OwnedFd> {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    // macOS allows 31 bytes.
    let name = format!("/wr{:x}-{number:x}", std::process::id());
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR;
    let fd = shm::open(&*name, flags, Mode::RUSR | Mode::WUSR)?;
    shm::unlink(&*name)?;
    rustix::fs::ftruncate(&fd, bytes as u64)?;
    Ok(fd)
}

/// Allocates the missing pages of a part, so that a full file system fails now.
pub(super) fn reserve(fd: &OwnedFd, part: Range<usize>) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    {
        use rustix::fs::{FallocateFlags, fallocate};
        use rustix::io::Errno;
        match fallocate(fd, FallocateFlags::empty(), part.start as u64, part.len() as u64) {
            // The system does not support allocation for this kind of memory.
            Err(Errno::OPNOTSUPP | Errno::NODEV | Errno::INVAL | Errno::NOSYS) => {}
            other => return Ok(other?),
        }
    }
    _ = (fd, part);
    Ok(())
}

/// This program's image in memory.
#[derive(Debug)]
pub(in super::super) struct Image {
    /// The id that distinguishes builds.
    pub(in super::super) build: String,
    base: usize,
}

impl Image {
    /// Finds the image of this program. `anchor` must lie in the program itself, not in a library
    /// that it loaded.
    pub(in super::super) fn of_process(anchor: usize) -> Result<Self, String> {
        let (base, path) =
            image_of(anchor).ok_or("the system knows no image that contains this program")?;
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let same = std::fs::canonicalize(&path).ok() == std::fs::canonicalize(&program).ok();
        if !same {
            return Err(format!(
                "windrow is part of {}, loaded by {}; workers start only from a program \
                 that itself contains windrow",
                path.display(),
                program.display()
            ));
        }
        Ok(Self { build: super::build_id::of_program(&program)?, base })
    }

    /// Returns whether an address lies in the program's code.
    pub(in super::super) fn is_code(&self, address: usize) -> bool {
        image_of(address).is_some_and(|(base, _)| base == self.base)
    }

    /// Returns the file whose code contains an address.
    pub(in super::super) fn around(address: usize) -> Option<String> {
        Some(image_of(address)?.1.display().to_string())
    }
}

/// Returns the start of the image that contains an address, and its file.
fn image_of(address: usize) -> Option<(usize, PathBuf)> {
    use std::os::unix::ffi::OsStrExt;
    let mut found = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: the call only looks up the address, and writes `found` if it returns non-zero. The
    // fields of `found` are pointers, for which zeros are valid.
    let found = unsafe {
        if libc::dladdr(std::ptr::without_provenance(address), found.as_mut_ptr()) == 0 {
            return None;
        }
        found.assume_init()
    };
    if found.dli_fname.is_null() {
        return None;
    }
    // SAFETY: the name is a string of the dynamic loader, which lives as long as the image.
    let name = unsafe { std::ffi::CStr::from_ptr(found.dli_fname) };
    Some((found.dli_fbase.addr(), std::ffi::OsStr::from_bytes(name.to_bytes()).into()))
}

/// Returns a path by which another program finds this one.
pub(in super::super) fn own_path() -> PathBuf {
    program_path()
}

/// Returns the path of this program.
pub(super) fn program_path() -> PathBuf {
    std::env::current_exe().unwrap_or_default()
}

/// Returns `None`: the memory of another process is unknown on this system.
pub(in super::super) fn rss(_: u32) -> Option<u64> {
    None
}

/// Returns `None`: the number of processes killed for lack of memory is unknown on this system.
pub(in super::super) fn out_of_memory_kills() -> Option<u64> {
    None
}

/// Returns `None`: the available memory is unknown on this system.
pub(in super::super) fn memory_available() -> Option<u64> {
    None
}
