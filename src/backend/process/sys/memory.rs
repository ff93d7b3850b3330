//! Memory that a loader and one worker share.
//!
//! The worker writes to a slot while it has it, the loader reads it afterwards: the table sees to
//! that. Only a worker that runs unsafe code of its own could write at another time; then samples
//! are wrong, as with any other stray write, and nothing else.
#![expect(unsafe_code, reason = "shared memory is mapped")]

use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;

#[cfg(target_os = "linux")]
use rustix::mm::{Advice, madvise};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::channel::high;
use super::os;

/// A mapping of shared memory, with the descriptor that another process can map it from.
///
/// The loader keeps the descriptor, out of the way. A worker closes it, so that what user code
/// writes to a wrong descriptor reaches no sample.
#[derive(Debug)]
pub(in super::super) struct Memory {
    fd: Option<OwnedFd>,
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the mapping is plain memory that belongs to this value alone within this process.
unsafe impl Send for Memory {}
// SAFETY: through a shared reference it is only read, or written to in parts that each have one owner
// (`region`), or as atomics (`page`).
unsafe impl Sync for Memory {}

impl Memory {
    /// New memory to write to, all of it there.
    pub(in super::super) fn new(bytes: usize) -> io::Result<Self> {
        let fd = high(os::shared_memory(bytes)?);
        os::reserve(&fd, 0..bytes)?;
        let start = map(&fd, bytes, true)?;
        Ok(Self { fd: Some(fd), start, bytes })
    }

    /// New memory to read, none of it there: it must be [reserved](Self::reserve) first.
    pub(in super::super) fn empty(bytes: usize) -> io::Result<Self> {
        let fd = high(os::shared_memory(bytes)?);
        let start = map(&fd, bytes, false)?;
        Ok(Self { fd: Some(fd), start, bytes })
    }

    /// Sees to it that this part is there: a system that has no more memory says so now, and does
    /// not end whoever touches it first. The part must begin and end at whole pages.
    pub(in super::super) fn reserve(&self, part: Range<usize>) -> io::Result<()> {
        self.fd.as_ref().map_or(Ok(()), |fd| os::reserve(fd, part))
    }

    /// Memory that came from the loader, to write to.
    pub(in super::super) fn received(fd: OwnedFd, bytes: usize) -> io::Result<Self> {
        if u64::try_from(rustix::fs::fstat(&fd)?.st_size).ok() < Some(bytes as u64) {
            return Err(io::Error::other("the shared memory is smaller than it should be"));
        }
        let start = map(&fd, bytes, true)?;
        #[cfg(target_os = "linux")]
        {
            // A child that user code forks could write to slots that are in use.
            // SAFETY: only such children are affected: they do not get the mapping.
            _ = unsafe { madvise(start.as_ptr().cast(), bytes, Advice::LinuxDontFork) };
        }
        Ok(Self { fd: None, start, bytes })
    }

    /// Maps pages that are there before they are touched one by one.
    pub(in super::super) fn populate(&self, part: Range<usize>) {
        debug_assert!(part.end <= self.bytes);
        #[cfg(target_os = "linux")]
        {
            // SAFETY: the part is in the mapping, whose content stays as it is.
            _ = unsafe {
                let start = self.start.as_ptr().add(part.start).cast();
                madvise(start, part.len(), Advice::LinuxPopulateWrite)
            };
        }
    }

    /// A part of it, which must be nobody's to write to as long as it is lent.
    ///
    /// # Panics
    /// The part is not inside the mapping.
    pub(in super::super) fn part(&self, part: Range<usize>) -> &[u8] {
        assert!(part.start <= part.end && part.end <= self.bytes, "{part:?} of {}", self.bytes);
        // SAFETY: the part lies in the mapping, which lives as long as `self`; see the module for
        // writers.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(part.start), part.len()) }
    }

    /// What another process can map it from; nothing in a worker.
    pub(in super::super) fn handle(&self) -> Option<BorrowedFd<'_>> {
        self.fd.as_ref().map(OwnedFd::as_fd)
    }

    pub(in super::super) fn start(&self) -> NonNull<u8> {
        self.start
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and nothing borrows from it any more.
        _ = unsafe { munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

/// Maps so many bytes of shared memory.
fn map(fd: &OwnedFd, bytes: usize, writable: bool) -> io::Result<NonNull<u8>> {
    let read = ProtFlags::READ;
    let protection = if writable { read | ProtFlags::WRITE } else { read };
    // SAFETY: a new mapping at a place that the system chooses touches no memory in use.
    let start = unsafe { mmap(std::ptr::null_mut(), bytes, protection, MapFlags::SHARED, fd, 0) }?;
    NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped nothing"))
}
