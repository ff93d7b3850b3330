//! Windows: a named pipe as channel, a completion port for waits, unnamed mappings for memory. Each
//! worker runs in a job, so that it ends with its loader.
//!
//! Not available, because Windows cannot fork a process: `forkserver` and `fork`.
#![expect(unsafe_code, reason = "takes ownership of handles")]

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

use windows_sys::Win32::Foundation::{HANDLE, INVALID_HANDLE_VALUE};

pub(in crate::backend::process) use channel::{Channel, Source, Waker};
pub(in crate::backend::process) use image::{Image, own_path};
pub(in crate::backend::process) use link::{Link, become_worker, forget};
pub(in crate::backend::process) use memory::{Memory, memory_available};
pub(in crate::backend::process) use process::{Process, exit_now, now_nanos, rss};
pub(in crate::backend::process) use split::{
    SPLITS, block_interrupts, flush, parent, threads, wait_for,
};

/// A handle of a channel or of shared memory.
pub(in crate::backend::process) type Handle = OwnedHandle;
/// A borrowed [`Handle`].
pub(in crate::backend::process) type HandleRef<'a> = BorrowedHandle<'a>;

/// Borrows a handle.
pub(in crate::backend::process) fn borrowed(handle: &Handle) -> HandleRef<'_> {
    handle.as_handle()
}

/// Returns `None`: Windows never kills a process for lack of memory.
pub(in crate::backend::process) fn out_of_memory_kills() -> Option<u64> {
    None
}

/// Takes a new handle from a call's result; fails with the system's error without one.
///
/// # Safety
/// A handle that is neither null nor invalid must be open and have no other owner.
unsafe fn owned(handle: HANDLE) -> io::Result<OwnedHandle> {
    if handle.is_null() || handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: as promised by the caller.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// Converts the result of a call that returns 0 on failure.
fn done(answer: windows_sys::core::BOOL) -> io::Result<()> {
    if answer == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Returns a time limit in milliseconds, rounded up.
fn millis(limit: Option<Duration>) -> u32 {
    let Some(limit) = limit else { return windows_sys::Win32::System::Threading::INFINITE };
    let millis = limit.as_nanos().div_ceil(1_000_000).min(3_600_000);
    millis as u32
}

fn raw(handle: &impl AsRawHandle) -> HANDLE {
    handle.as_raw_handle()
}

/// Encodes a text for the system.
fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}
