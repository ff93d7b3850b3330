//! Windows: a named pipe for a channel, a completion port to wait at, unnamed mappings for memory,
//! and a job for each worker, so that it ends with its loader.
//!
//! Absent, because Windows cannot split a process: `forkserver` and `fork`.
#![expect(unsafe_code, reason = "handles are taken over")]

mod channel;
mod image;
mod link;
mod memory;
mod pe;
mod process;
mod split;
mod transfer;

use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::time::Duration;

use windows_sys::Win32::Foundation::{HANDLE, INVALID_HANDLE_VALUE, NTSTATUS};
use windows_sys::Win32::Foundation::{
    STATUS_ACCESS_VIOLATION, STATUS_CONTROL_C_EXIT, STATUS_DLL_INIT_FAILED, STATUS_DLL_NOT_FOUND,
    STATUS_HEAP_CORRUPTION, STATUS_ILLEGAL_INSTRUCTION, STATUS_IN_PAGE_ERROR,
    STATUS_INTEGER_DIVIDE_BY_ZERO, STATUS_NO_MEMORY, STATUS_STACK_BUFFER_OVERRUN,
    STATUS_STACK_OVERFLOW,
};

pub(in crate::backend::process) use channel::{Channel, Source, Waker};
pub(in crate::backend::process) use image::{Image, own_path};
pub(in crate::backend::process) use link::{Link, become_worker, forget};
pub(in crate::backend::process) use memory::{Memory, memory_available};
pub(in crate::backend::process) use process::{Process, exit_now, now_nanos, rss};
pub(in crate::backend::process) use split::{
    SPLITS, block_interrupts, flush, parent, threads, wait_for,
};

/// What a channel or shared memory is kept by.
pub(in crate::backend::process) type Handle = OwnedHandle;
/// See [`Handle`].
pub(in crate::backend::process) type HandleRef<'a> = BorrowedHandle<'a>;

/// Signals that processes are ended by: there are none.
pub(super) const SIGNALS: &[(i32, &str)] = &[];
/// Exit codes that say more than their number.
pub(super) const CODES: &[(u32, &str)] = &[
    code(STATUS_ACCESS_VIOLATION, "an access violation"),
    code(STATUS_IN_PAGE_ERROR, "memory that could not be read from its file"),
    // What `abort` ends with, and the checks of the C runtime.
    code(STATUS_STACK_BUFFER_OVERRUN, "abort"),
    code(STATUS_STACK_OVERFLOW, "a stack overflow"),
    code(STATUS_HEAP_CORRUPTION, "a corrupt heap"),
    code(STATUS_ILLEGAL_INSTRUCTION, "an illegal instruction"),
    code(STATUS_INTEGER_DIVIDE_BY_ZERO, "a division by zero"),
    code(STATUS_NO_MEMORY, "a lack of memory"),
    code(STATUS_CONTROL_C_EXIT, "Ctrl-C"),
    code(STATUS_DLL_NOT_FOUND, "a missing DLL"),
    code(STATUS_DLL_INIT_FAILED, "a DLL that could not begin"),
];

const fn code(status: NTSTATUS, name: &'static str) -> (u32, &'static str) {
    (status.cast_unsigned(), name)
}

/// A handle, lent.
pub(in crate::backend::process) fn borrowed(handle: &Handle) -> HandleRef<'_> {
    handle.as_handle()
}

/// How often the system killed a process for want of memory: it never does.
pub(in crate::backend::process) fn out_of_memory_kills() -> Option<u64> {
    None
}

/// A new handle that a call gave, or why it gave none.
///
/// # Safety
/// A handle that is neither null nor invalid must be open and nobody else's.
unsafe fn owned(handle: HANDLE) -> io::Result<OwnedHandle> {
    if handle.is_null() || handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: as promised by the caller.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// What a call says that gives 0 when it fails.
fn done(answer: windows_sys::core::BOOL) -> io::Result<()> {
    if answer == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// A time limit in milliseconds, not shorter than it is.
fn millis(limit: Option<Duration>) -> u32 {
    let Some(limit) = limit else { return windows_sys::Win32::System::Threading::INFINITE };
    let millis = limit.as_nanos().div_ceil(1_000_000).min(3_600_000);
    millis as u32
}

fn raw(handle: &impl AsRawHandle) -> HANDLE {
    handle.as_raw_handle()
}

/// A text for the system.
fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}
