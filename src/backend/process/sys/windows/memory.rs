//! Memory that a loader and one worker share: an unnamed mapping that is backed by the paging file.
//!
//! All of it is promised by the system when it is made, so a lack of memory is an error then and
//! there. Who writes when is said at the same place of other systems: the table sees to it.
#![expect(unsafe_code, reason = "shared memory is mapped")]

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

/// A view of shared memory, with the mapping that another process can open, which a worker closes.
#[derive(Debug)]
pub(in crate::backend::process) struct Memory {
    mapping: Option<OwnedHandle>,
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the view is plain memory that belongs to this value alone within this process.
unsafe impl Send for Memory {}
// SAFETY: through a shared reference it is only read, or written to in parts that each have one owner
// (`region`), or as atomics (`page`).
unsafe impl Sync for Memory {}

impl Memory {
    /// New memory to write to, all of it there.
    pub(in crate::backend::process) fn new(bytes: usize) -> io::Result<Self> {
        Self::made(bytes, true)
    }

    /// New memory to read. All of it is promised already: a system that has no more says so now.
    pub(in crate::backend::process) fn empty(bytes: usize) -> io::Result<Self> {
        Self::made(bytes, false)
    }

    /// Sees to it that this part is there, which it is.
    pub(in crate::backend::process) fn reserve(&self, part: Range<usize>) -> io::Result<()> {
        debug_assert!(part.end <= self.bytes);
        Ok(())
    }

    /// Pages that were promised come when they are touched.
    pub(in crate::backend::process) fn populate(&self, part: Range<usize>) {
        debug_assert!(part.end <= self.bytes);
    }

    fn made(bytes: usize, writable: bool) -> io::Result<Self> {
        let (file, how, long) = (INVALID_HANDLE_VALUE, PAGE_READWRITE | SEC_COMMIT, bytes as u64);
        let (high, low) = ((long >> 32) as u32, long as u32);
        // SAFETY: a new mapping without a name and a file, which is nobody else's.
        let mapping = unsafe { owned(CreateFileMappingW(file, null(), how, high, low, null())) }?;
        let start = map(&mapping, bytes, writable)?;
        Ok(Self { mapping: Some(mapping), start, bytes })
    }

    /// Memory that came from the loader, to write to. A smaller one than that is an error.
    pub(in crate::backend::process) fn received(
        mapping: OwnedHandle,
        bytes: usize,
    ) -> io::Result<Self> {
        Ok(Self { mapping: None, start: map(&mapping, bytes, true)?, bytes })
    }

    /// A part of it, which must be nobody's to write to as long as it is lent.
    ///
    /// # Panics
    /// The part is not inside the view.
    pub(in crate::backend::process) fn part(&self, part: Range<usize>) -> &[u8] {
        assert!(part.start <= part.end && part.end <= self.bytes, "{part:?} of {}", self.bytes);
        // SAFETY: the part lies in the view, which lives as long as `self`; see the module for
        // writers.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(part.start), part.len()) }
    }

    /// What another process can map it from; nothing in a worker.
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
        // SAFETY: the view is this value's own, and nothing borrows from it any more.
        unsafe { UnmapViewOfFile(view) };
    }
}

/// Maps so many bytes of shared memory.
fn map(mapping: &OwnedHandle, bytes: usize, writable: bool) -> io::Result<NonNull<u8>> {
    let access = if writable { FILE_MAP_READ | FILE_MAP_WRITE } else { FILE_MAP_READ };
    // SAFETY: a new view at a place that the system chooses touches no memory in use.
    let view = unsafe { MapViewOfFile(raw(mapping), access, 0, 0, bytes) };
    NonNull::new(view.Value.cast()).ok_or_else(io::Error::last_os_error)
}

/// How much memory can be had, in bytes: what is free, and what the system may still promise.
pub(in crate::backend::process) fn memory_available() -> Option<u64> {
    let length = size_of::<MEMORYSTATUSEX>() as u32;
    let mut status = MEMORYSTATUSEX { dwLength: length, ..MEMORYSTATUSEX::default() };
    // SAFETY: the length is that of the structure, which the call fills.
    done(unsafe { GlobalMemoryStatusEx(&mut status) }).ok()?;
    Some(status.ullAvailPhys.min(status.ullAvailPageFile))
}
