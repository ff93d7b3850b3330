//! The worker's end of a channel, and the first steps of a process that becomes a worker.
#![expect(unsafe_code, reason = "the first steps of a worker process")]

use std::collections::VecDeque;
use std::ffi::{c_char, c_int};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::windows::io::{FromRawHandle, OwnedHandle};
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::{DUPLICATE_SAME_ACCESS, DuplicateHandle};
use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, GetStdHandle, STD_INPUT_HANDLE, SetConsoleCtrlHandler,
    SetStdHandle,
};
use windows_sys::Win32::System::Diagnostics::Debug::{SEM_NOGPFAULTERRORBOX, SetErrorMode};
use windows_sys::Win32::System::Pipes::GetNamedPipeServerProcessId;
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, INFINITE, OpenProcess, PROCESS_SYNCHRONIZE, WaitForSingleObject,
};
use windows_sys::core::BOOL;

use super::channel::HEAD;
use super::process::exit_now;
use super::split::Source;
use super::{Handle, done, owned, raw};
use crate::backend::process::sys::exit_code::ORPHANED;

/// The worker's end, which blocks.
#[derive(Debug)]
pub(in crate::backend::process) struct Link {
    pipe: BufReader<File>,
    /// The missing number of bytes of the current piece.
    rest: usize,
    passed: VecDeque<OwnedHandle>,
}

impl Link {
    pub(in crate::backend::process) fn new(pipe: Handle) -> Self {
        let pipe = BufReader::with_capacity(64 << 10, File::from(pipe));
        Self { pipe, rest: 0, passed: VecDeque::new() }
    }

    /// Sends all bytes.
    pub(in crate::backend::process) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        self.pipe.get_ref().write_all(bytes)
    }

    /// Receives bytes, and waits for the first one; returns 0 at the end.
    pub(in crate::backend::process) fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.rest == 0 {
            if self.pipe.fill_buf()?.is_empty() {
                return Ok(0);
            }
            let mut head = [0; HEAD];
            self.pipe.read_exact(&mut head)?;
            let [a, b, c, d, number @ ..] = head;
            self.rest = u32::from_le_bytes([a, b, c, d]) as usize;
            let number = u64::from_le_bytes(number);
            if number != 0 {
                let handle = std::ptr::without_provenance_mut(number as usize);
                // SAFETY: the loader opened the handle in this process, and the reader of this
                // header owns it.
                self.passed.push_back(unsafe { OwnedHandle::from_raw_handle(handle) });
            }
        }
        let most = self.rest.min(into.len());
        let bytes = self.pipe.read(&mut into[..most])?;
        self.rest -= bytes;
        Ok(bytes)
    }

    /// Returns the next received handle.
    pub(in crate::backend::process) fn passed(&mut self) -> Option<OwnedHandle> {
        self.passed.pop_front()
    }

    /// Returns a function that waits until the process at the other end is gone, without reading.
    ///
    /// Only the reading thread detects the end of the channel itself. Windows blocks other access
    /// to a pipe while a thread waits for its next byte.
    pub(in crate::backend::process) fn watcher(&self) -> io::Result<impl FnOnce() + Send + use<>> {
        let loader = loader_of(self.pipe.get_ref())?;
        // SAFETY: the call opens a new handle without another owner.
        let Ok(loader) = (unsafe { owned(OpenProcess(PROCESS_SYNCHRONIZE, 0, loader)) }) else {
            exit_now(ORPHANED)
        };
        Ok(move || {
            // SAFETY: the handle is open.
            unsafe { WaitForSingleObject(raw(&loader), INFINITE) };
        })
    }

    pub(in crate::backend::process) fn close(&mut self) {
        if let Ok(nothing) = File::open("NUL") {
            self.pipe = BufReader::new(nothing);
        }
    }

    pub(in crate::backend::process) fn source(&self) -> Source<'_> {
        std::marker::PhantomData
    }
}

/// Returns the process that created the channel.
fn loader_of(pipe: &impl std::os::windows::io::AsRawHandle) -> io::Result<u32> {
    let mut number = 0;
    // SAFETY: the handle is open, and the call writes the number.
    done(unsafe { GetNamedPipeServerProcessId(raw(pipe), &mut number) })?;
    Ok(number)
}

/// Removes a variable from the environment, which Windows allows while other threads read it.
pub(in crate::backend::process) fn forget(variable: &str, _: usize) -> bool {
    // SAFETY: the system itself serializes the access of threads to the environment.
    unsafe { std::env::remove_var(variable) };
    true
}

/// Performs the first steps of a worker process, and returns its end of the channel.
///
/// Call this at the start of `main`, before any other code can read the environment or open a file.
pub(in crate::backend::process) fn become_worker(parent: u32) -> io::Result<OwnedHandle> {
    let link = take_stdin()?;
    let loader = loader_of(&link)?;
    if parent != 0 && parent != loader {
        return Err(io::Error::other("its standard input is not windrow's channel"));
    }
    // SAFETY: the handler is a function that always exists, and the error mode concerns only this
    // process. The loader reports a crashed worker; without this mode, an error window would keep
    // the worker alive.
    unsafe {
        SetConsoleCtrlHandler(Some(leave_to_loader), 1);
        SetErrorMode(SEM_NOGPFAULTERRORBOX);
    }
    let link = File::from(link);
    (&link).write_all(&std::process::id().to_le_bytes())?;
    Ok(link.into())
}

/// Takes the standard input from this process and leaves the null device there, for C code too.
fn take_stdin() -> io::Result<OwnedHandle> {
    unsafe extern "C" {
        fn _open(path: *const c_char, flags: c_int, ...) -> c_int;
        fn _dup2(from: c_int, to: c_int) -> c_int;
        fn _close(file: c_int) -> c_int;
        fn _get_osfhandle(file: c_int) -> isize;
    }
    let mut link = null_mut();
    // SAFETY: standard input is open or the call fails; the new handle has no other owner.
    let link = unsafe {
        let (own, stdin) = (GetCurrentProcess(), GetStdHandle(STD_INPUT_HANDLE));
        done(DuplicateHandle(own, stdin, own, &mut link, 0, 0, DUPLICATE_SAME_ACCESS))?;
        owned(link)?
    };
    loader_of(&link)?;
    // SAFETY: no other code runs yet that could use descriptor 0, which is closed and opened again;
    // the path ends with a zero.
    unsafe {
        let nothing = _open(c"NUL".as_ptr(), 0);
        if nothing < 0 || _dup2(nothing, 0) != 0 {
            return Err(io::Error::last_os_error());
        }
        if nothing != 0 {
            _close(nothing);
        }
        SetStdHandle(
            STD_INPUT_HANDLE,
            std::ptr::with_exposed_provenance_mut(_get_osfhandle(0) as usize),
        );
    }
    Ok(link)
}

/// Ignores Ctrl-C and Ctrl-Break, because the loader decides how to react.
unsafe extern "system" fn leave_to_loader(event: u32) -> BOOL {
    i32::from(event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT)
}
