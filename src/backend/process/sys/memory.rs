//! Memory that a loader and one worker share.
//!
//! The worker writes to a slot while it has it, the loader reads it afterwards: the ledger sees to
//! that. Only a worker that runs unsafe code of its own could write at another time; then samples
//! are wrong, as with any other stray write, and nothing else.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::os;

/// A mapping of shared memory, with the descriptor it came from.
#[derive(Debug)]
pub(in super::super) struct Memory {
    fd: OwnedFd,
    start: NonNull<u8>,
    bytes: usize,
    writable: bool,
}

// SAFETY: the mapping is plain memory that belongs to this value alone within this process.
unsafe impl Send for Memory {}
// SAFETY: through a shared reference it is only read.
unsafe impl Sync for Memory {}

impl Memory {
    /// New memory, all of it there: a system that has no more says so now and not later.
    pub(in super::super) fn new(bytes: usize, writable: bool) -> io::Result<Self> {
        Self::map(os::shared_memory(bytes)?, bytes, writable)
    }

    /// Memory that came from the loader, to write to.
    pub(in super::super) fn received(fd: OwnedFd, bytes: usize) -> io::Result<Self> {
        if u64::try_from(rustix::fs::fstat(&fd)?.st_size).ok() < Some(bytes as u64) {
            return Err(io::Error::other("the shared memory is smaller than it should be"));
        }
        let memory = Self::map(fd, bytes, true)?;
        #[cfg(not(all(target_os = "linux", not(windrow_portable))))]
        let memory = {
            // Where pages cannot be reserved, a lack of them is this worker's end and not the loader's.
            let mut memory = memory;
            for byte in memory.bytes_mut().iter_mut().step_by(4096) {
                let byte: *mut u8 = byte;
                // SAFETY: a byte of this mapping becomes what it is already, since the caller may
                // still read what a worker before this one wrote.
                unsafe { byte.write_volatile(byte.read_volatile()) };
            }
            memory
        };
        #[cfg(target_os = "linux")]
        {
            let (start, advice) = (memory.start.as_ptr().cast(), rustix::mm::Advice::LinuxDontFork);
            // SAFETY: only children that user code forks are affected: they do not get the mapping.
            _ = unsafe { rustix::mm::madvise(start, bytes, advice) };
        }
        Ok(memory)
    }

    /// All of it.
    pub(in super::super) fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is that long and lives as long as `self`; see the module for writers.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.bytes) }
    }

    /// All of it, to write to; empty if it may only be read.
    pub(in super::super) fn bytes_mut(&mut self) -> &mut [u8] {
        let bytes = if self.writable { self.bytes } else { 0 };
        // SAFETY: as in `bytes`, and it is mapped for writing.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), bytes) }
    }

    /// What another process can map it from.
    pub(in super::super) fn handle(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    fn map(fd: OwnedFd, bytes: usize, writable: bool) -> io::Result<Self> {
        let read = ProtFlags::READ;
        let protection = if writable { read | ProtFlags::WRITE } else { read };
        #[cfg(target_os = "linux")]
        let flags = MapFlags::SHARED | MapFlags::POPULATE;
        #[cfg(not(target_os = "linux"))]
        let flags = MapFlags::SHARED;
        // SAFETY: a new mapping at a place that the system chooses touches no memory in use.
        let start = unsafe { mmap(std::ptr::null_mut(), bytes, protection, flags, &fd, 0) }?;
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped nothing"))?;
        Ok(Self { fd, start, bytes, writable })
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and nothing borrows from it any more.
        _ = unsafe { munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}
