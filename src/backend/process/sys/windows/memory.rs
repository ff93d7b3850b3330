//! Memory shared by a loader and one worker: an unnamed mapping backed by the paging file.
//!
//! The system commits the whole mapping at creation, so a lack of memory is an error at that time.
//! The order of writes and reads is the same as on other systems: the slot table enforces it.
#![expect(unsafe_code, reason = "maps shared memory")]

use std::io;
use std::ops::Range;
use std::os::windows::io::{AsHandle, OwnedHandle};
use std::ptr::{NonNull, null};

use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::System::Memory::{
    CreateFileMappingW, FILE_MAP_READ, FILE_MAP_WRITE, MEMORY_MAPPED_VIEW_ADDRESS, MapViewOfFile,
    PAGE_READWRITE, SEC_COMMIT, UnmapViewOfFile,
};
use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX};

use super::{HandleRef, done, owned, raw};

/// A view of shared memory, with its mapping, which another process can open. A worker closes the
/// mapping.
#[derive(Debug)]
pub(in crate::backend::process) struct Memory {
    mapping: Option<OwnedHandle>,
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the view is plain memory, and within this process it belongs to this value alone.
unsafe impl Send for Memory {}
// SAFETY: through a shared reference, code only reads the view, writes to parts with one owner each
// (`region`), or accesses atomics (`page`).
unsafe impl Sync for Memory {}

impl Memory {
    /// Creates writable memory, fully committed.
    pub(in crate::backend::process) fn new(bytes: usize) -> io::Result<Self> {
        Self::made(bytes, true)
    }

    /// Creates read-only memory, fully committed: without enough memory, this call fails.
    pub(in crate::backend::process) fn empty(bytes: usize) -> io::Result<Self> {
        Self::made(bytes, false)
    }

    /// Does nothing, because the memory is already committed.
    pub(in crate::backend::process) fn reserve(&self, part: Range<usize>) -> io::Result<()> {
        debug_assert!(part.end <= self.bytes);
        Ok(())
    }

    /// Does nothing: Windows maps committed pages at the first access.
    pub(in crate::backend::process) fn populate(&self, part: Range<usize>) {
        debug_assert!(part.end <= self.bytes);
    }

    fn made(bytes: usize, writable: bool) -> io::Result<Self> {
        let (file, how, long) = (INVALID_HANDLE_VALUE, PAGE_READWRITE | SEC_COMMIT, bytes as u64);
        let (high, low) = ((long >> 32) as u32, long as u32);
        // SAFETY: a new mapping without a name and a file, and without another owner.
        let mapping = unsafe { owned(CreateFileMappingW(file, null(), how, high, low, null())) }?;
        let start = map(&mapping, bytes, writable)?;
        Ok(Self { mapping: Some(mapping), start, bytes })
    }

    /// Maps memory from the loader, writable. Fails if the memory is smaller than `bytes`.
    pub(in crate::backend::process) fn received(
        mapping: OwnedHandle,
        bytes: usize,
    ) -> io::Result<Self> {
        Ok(Self { mapping: None, start: map(&mapping, bytes, true)?, bytes })
    }

    /// Returns a part of the memory; no process may write to the part during the borrow.
    ///
    /// # Panics
    /// Panics if the part is not inside the view.
    pub(in crate::backend::process) fn part(&self, part: Range<usize>) -> &[u8] {
        assert!(part.start <= part.end && part.end <= self.bytes, "{part:?} of {}", self.bytes);
        // SAFETY: the part lies in the view, which lives as long as `self`; see the module about
        // writers.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(part.start), part.len()) }
    }

    /// Returns the handle from which another process can map the memory; `None` in a worker.
    pub(in crate::backend::process) fn handle(&self) -> Option<HandleRef<'_>> {
        self.mapping.as_ref().map(OwnedHandle::as_handle)
    }

    pub(in crate::backend::process) fn start(&self) -> NonNull<u8> {
        self.start
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let view = MEMORY_MAPPED_VIEW_ADDRESS { Value: self.start.as_ptr().cast() };
        // SAFETY: the view belongs to this value, and no borrow of it is left.
        unsafe { UnmapViewOfFile(view) };
    }
}

/// Maps `bytes` bytes of shared memory.
fn map(mapping: &OwnedHandle, bytes: usize, writable: bool) -> io::Result<NonNull<u8>> {
    let access = if writable { FILE_MAP_READ | FILE_MAP_WRITE } else { FILE_MAP_READ };
    // SAFETY: a new view at an address chosen by the system overlaps no memory in use.
    let view = unsafe { MapViewOfFile(raw(mapping), access, 0, 0, bytes) };
    NonNull::new(view.Value.cast()).ok_or_else(io::Error::last_os_error)
}

/// Returns the available memory in bytes: the smaller of free memory and memory that the system can
/// still commit.
pub(in crate::backend::process) fn memory_available() -> Option<u64> {
    let length = size_of::<MEMORYSTATUSEX>() as u32;
    let mut status = MEMORYSTATUSEX { dwLength: length, ..MEMORYSTATUSEX::default() };
    // SAFETY: the length field holds the size of the structure, which the call fills.
    done(unsafe { GlobalMemoryStatusEx(&mut status) }).ok()?;
    Some(status.ullAvailPhys.min(status.ullAvailPageFile))
}
