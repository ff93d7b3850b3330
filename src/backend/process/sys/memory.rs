//! Memory shared by a loader and one worker.
//!
//! The worker writes to a slot while it holds the lease, and the loader reads the slot afterwards;
//! the slot table enforces the order. Only a worker with faulty unsafe code could write at another
//! time. That write corrupts samples, like any stray write, but has no other effect.
#![expect(unsafe_code, reason = "maps shared memory")]

use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;

#[cfg(target_os = "linux")]
use rustix::mm::{Advice, madvise};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::channel::high;
use super::os;

/// A mapping of shared memory, with a descriptor from which another process can map it.
///
/// The loader keeps the descriptor at a high number. A worker closes the descriptor, because user
/// code that writes to a wrong descriptor must not reach a sample.
#[derive(Debug)]
pub(in super::super) struct Memory {
    fd: Option<OwnedFd>,
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the mapping is plain memory, and within this process it belongs to this value alone.
unsafe impl Send for Memory {}
// SAFETY: through a shared reference, code only reads the mapping, writes to parts with one owner
// each (`region`), or accesses atomics (`page`).
unsafe impl Sync for Memory {}

impl Memory {
    /// Creates writable memory, with all pages allocated.
    pub(in super::super) fn new(bytes: usize) -> io::Result<Self> {
        let fd = high(os::shared_memory(bytes)?);
        os::reserve(&fd, 0..bytes)?;
        let start = map(&fd, bytes, true)?;
        Ok(Self { fd: Some(fd), start, bytes })
    }

    /// Creates read-only memory without allocated pages; [reserve](Self::reserve) each part before
    /// use.
    pub(in super::super) fn empty(bytes: usize) -> io::Result<Self> {
        let fd = high(os::shared_memory(bytes)?);
        let start = map(&fd, bytes, false)?;
        Ok(Self { fd: Some(fd), start, bytes })
    }

    /// Allocates the pages of a part. Without enough memory, this call fails now, instead of the
    /// first access killing the process. The part must begin and end at page boundaries.
    pub(in super::super) fn reserve(&self, part: Range<usize>) -> io::Result<()> {
        self.fd.as_ref().map_or(Ok(()), |fd| os::reserve(fd, part))
    }

    /// Maps memory from the loader, writable.
    pub(in super::super) fn received(fd: OwnedFd, bytes: usize) -> io::Result<Self> {
        if u64::try_from(rustix::fs::fstat(&fd)?.st_size).ok() < Some(bytes as u64) {
            return Err(io::Error::other("the shared memory is smaller than the loader announced"));
        }
        let start = map(&fd, bytes, true)?;
        #[cfg(target_os = "linux")]
        {
            // Without this, a child that user code forks could write to slots in use.
            // SAFETY: the call only removes the mapping from later forked children.
            _ = unsafe { madvise(start.as_ptr().cast(), bytes, Advice::LinuxDontFork) };
        }
        Ok(Self { fd: None, start, bytes })
    }

    /// Maps all allocated pages of a part at once, instead of one by one at the first access.
    pub(in super::super) fn populate(&self, part: Range<usize>) {
        debug_assert!(part.end <= self.bytes);
        #[cfg(target_os = "linux")]
        {
            // SAFETY: the part lies in the mapping, and its content stays unchanged.
            _ = unsafe {
                let start = self.start.as_ptr().add(part.start).cast();
                madvise(start, part.len(), Advice::LinuxPopulateWrite)
            };
        }
    }

    /// Returns a part of the memory; no process may write to the part during the borrow.
    ///
    /// # Panics
    /// Panics if the part is not inside the mapping.
    pub(in super::super) fn part(&self, part: Range<usize>) -> &[u8] {
        assert!(part.start <= part.end && part.end <= self.bytes, "{part:?} of {}", self.bytes);
        // SAFETY: the part lies in the mapping, which lives as long as `self`; see the module about
        // writers.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(part.start), part.len()) }
    }

    /// Returns the descriptor from which another process can map the memory; `None` in a worker.
    pub(in super::super) fn handle(&self) -> Option<BorrowedFd<'_>> {
        self.fd.as_ref().map(OwnedFd::as_fd)
    }

    pub(in super::super) fn start(&self) -> NonNull<u8> {
        self.start
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping belongs to this value, and no borrow of it is left.
        _ = unsafe { munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

/// Maps `bytes` bytes of shared memory.
fn map(fd: &OwnedFd, bytes: usize, writable: bool) -> io::Result<NonNull<u8>> {
    let read = ProtFlags::READ;
    let protection = if writable { read | ProtFlags::WRITE } else { read };
    // SAFETY: a new mapping at an address chosen by the system overlaps no memory in use.
    let start = unsafe { mmap(std::ptr::null_mut(), bytes, protection, MapFlags::SHARED, fd, 0) }?;
    NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mmap returned a null pointer"))
}
