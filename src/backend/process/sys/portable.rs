//! Every other unix, macOS first: named memory without its name, and the end of the channel alone
//! to tell that a loader is gone. Linux built with `--cfg windrow_portable` comes here too.
//!
//! Absent, because there is no portable way: what another process occupies, and who was killed for
//! want of memory. Pages are reserved before they are written where the system can do that; macOS
//! cannot, and has no bound on such memory but its swap space either.
#![expect(unsafe_code, reason = "the system is asked which image a function lies in")]

use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::Mode;
use rustix::shm::{self, OFlags};

/// Memory that nothing on disk or in the system's tables names any more.
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

/// Makes what is missing of a part, so that a full file system says so now.
pub(super) fn reserve(fd: &OwnedFd, part: Range<usize>) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    {
        use rustix::fs::{FallocateFlags, fallocate};
        use rustix::io::Errno;
        match fallocate(fd, FallocateFlags::empty(), part.start as u64, part.len() as u64) {
            // It cannot be done for memory of this kind.
            Err(Errno::OPNOTSUPP | Errno::NODEV | Errno::INVAL | Errno::NOSYS) => {}
            other => return Ok(other?),
        }
    }
    _ = (fd, part);
    Ok(())
}

/// What of this program is in memory.
#[derive(Debug)]
pub(in super::super) struct Image {
    /// Tells builds apart.
    pub(in super::super) build: String,
    base: usize,
}

impl Image {
    /// Finds out. `anchor` must lie in the program itself, not in a library it loaded.
    pub(in super::super) fn of_process(anchor: usize) -> Result<Self, String> {
        let (base, path) = image_of(anchor).ok_or("this program is in no image that is known")?;
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let same = std::fs::canonicalize(&path).ok() == std::fs::canonicalize(&program).ok();
        if !same {
            return Err(format!(
                "windrow is part of {}, loaded by {}; a worker can only be started from a program \
                 that windrow is part of",
                path.display(),
                program.display()
            ));
        }
        Ok(Self { build: super::build_id::of_program(&program)?, base })
    }

    /// Whether a function can be there.
    pub(in super::super) fn is_code(&self, address: usize) -> bool {
        image_of(address).is_some_and(|(base, _)| base == self.base)
    }

    /// The file whose code an address lies in.
    pub(in super::super) fn around(address: usize) -> Option<String> {
        Some(image_of(address)?.1.display().to_string())
    }
}

/// Where the image begins that an address lies in, and its file.
fn image_of(address: usize) -> Option<(usize, PathBuf)> {
    use std::os::unix::ffi::OsStrExt;
    let mut found = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: the address is only looked up, and `found` is written when the answer is not 0; its
    // fields are pointers, for which zeros are a value.
    let found = unsafe {
        if libc::dladdr(std::ptr::without_provenance(address), found.as_mut_ptr()) == 0 {
            return None;
        }
        found.assume_init()
    };
    if found.dli_fname.is_null() {
        return None;
    }
    // SAFETY: the name is a text of the loader's own, which lives as long as the image.
    let name = unsafe { std::ffi::CStr::from_ptr(found.dli_fname) };
    Some((found.dli_fbase.addr(), std::ffi::OsStr::from_bytes(name.to_bytes()).into()))
}

/// A path by which another program finds this one.
pub(in super::super) fn own_path() -> PathBuf {
    program_path()
}

/// The program.
pub(super) fn program_path() -> PathBuf {
    std::env::current_exe().unwrap_or_default()
}

/// What a process occupies now: not known here.
pub(in super::super) fn rss(_: u32) -> Option<u64> {
    None
}

/// How often the system killed a process for want of memory: not known here.
pub(in super::super) fn out_of_memory_kills() -> Option<u64> {
    None
}

/// How much memory can be had: not known here.
pub(in super::super) fn memory_available() -> Option<u64> {
    None
}
