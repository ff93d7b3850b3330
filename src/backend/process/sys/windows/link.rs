//! The worker's end of a channel, and what a process does first to be a worker.
#![expect(unsafe_code, reason = "what a process does first to be a worker")]

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

/// The worker's end, which waits.
#[derive(Debug)]
pub(in crate::backend::process) struct Link {
    pipe: BufReader<File>,
    /// What is to come of the piece that has begun.
    rest: usize,
    passed: VecDeque<OwnedHandle>,
}

impl Link {
    pub(in crate::backend::process) fn new(pipe: Handle) -> Self {
        let pipe = BufReader::with_capacity(64 << 10, File::from(pipe));
        Self { pipe, rest: 0, passed: VecDeque::new() }
    }

    /// Sends all of it.
    pub(in crate::backend::process) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        self.pipe.get_ref().write_all(bytes)
    }

    /// Receives what is there, waiting for the first byte; 0 at the end.
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
                // SAFETY: the loader opened it in this process for whoever reads this.
                self.passed.push_back(unsafe { OwnedHandle::from_raw_handle(handle) });
            }
        }
        let most = self.rest.min(into.len());
        let bytes = self.pipe.read(&mut into[..most])?;
        self.rest -= bytes;
        Ok(bytes)
    }

    /// The next handle that came.
    pub(in crate::backend::process) fn passed(&mut self) -> Option<OwnedHandle> {
        self.passed.pop_front()
    }

    /// Waits until the process at the other end is gone, and reads nothing.
    ///
    /// The end of the channel itself is heard by whoever reads it: Windows lets nobody look at a pipe
    /// while another thread waits for its next byte.
    pub(in crate::backend::process) fn watcher(&self) -> io::Result<impl FnOnce() + Send + use<>> {
        let loader = loader_of(self.pipe.get_ref())?;
        // SAFETY: it opens a handle that is nobody else's.
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

/// Which process made the channel.
fn loader_of(pipe: &impl std::os::windows::io::AsRawHandle) -> io::Result<u32> {
    let mut number = 0;
    // SAFETY: the handle is open, and the number is written by the call.
    done(unsafe { GetNamedPipeServerProcessId(raw(pipe), &mut number) })?;
    Ok(number)
}

/// Takes a variable out of the environment, which may be changed here while other threads read it.
pub(in crate::backend::process) fn forget(variable: &str, _: usize) -> bool {
    // SAFETY: the system itself sees to it that threads do not meet there.
    unsafe { std::env::remove_var(variable) };
    true
}

/// What a process does first to be a worker; gives its end of the channel.
///
/// Call it at the start of `main`, before anything else can read the environment or open a file.
pub(in crate::backend::process) fn become_worker(parent: u32) -> io::Result<OwnedHandle> {
    let link = take_stdin()?;
    let loader = loader_of(&link)?;
    if parent != 0 && parent != loader {
        return Err(io::Error::other("its standard input is another's"));
    }
    // SAFETY: the handler is a function that is always there; the mode is this process's own, and a
    // worker that crashes is reported by its loader, not by a window that keeps it alive.
    unsafe {
        SetConsoleCtrlHandler(Some(leave_to_loader), 1);
        SetErrorMode(SEM_NOGPFAULTERRORBOX);
    }
    let link = File::from(link);
    (&link).write_all(&std::process::id().to_le_bytes())?;
    Ok(link.into())
}

/// Takes standard input away from this process and leaves nothing there, for C code too.
fn take_stdin() -> io::Result<OwnedHandle> {
    unsafe extern "C" {
        fn _open(path: *const c_char, flags: c_int, ...) -> c_int;
        fn _dup2(from: c_int, to: c_int) -> c_int;
        fn _close(file: c_int) -> c_int;
        fn _get_osfhandle(file: c_int) -> isize;
    }
    let mut link = null_mut();
    // SAFETY: standard input is open or the call fails; the new handle is nobody else's.
    let link = unsafe {
        let (own, stdin) = (GetCurrentProcess(), GetStdHandle(STD_INPUT_HANDLE));
        done(DuplicateHandle(own, stdin, own, &mut link, 0, 0, DUPLICATE_SAME_ACCESS))?;
        owned(link)?
    };
    loader_of(&link)?;
    // SAFETY: nothing else runs yet that could use descriptor 0, which is closed and opened again;
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

/// What Ctrl-C and Ctrl-Break mean is for the loader to decide.
unsafe extern "system" fn leave_to_loader(event: u32) -> BOOL {
    i32::from(event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT)
}
