//! The loader's end of a channel, and the place where the loader waits for news of all of them.
//!
//! Bytes to a worker travel in pieces, each behind a head of 12 bytes: its length (4 bytes) and, where
//! a handle comes with it, the number that the handle has in the worker (8 bytes), else 0. From the
//! worker come 4 bytes with the number of its process, and then bytes as they are.
#![expect(unsafe_code, reason = "pipes, and a port to wait for them")]

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::marker::PhantomData;
use std::os::windows::io::{AsRawHandle, OwnedHandle};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    DUPLICATE_SAME_ACCESS, DuplicateHandle, ERROR_BROKEN_PIPE, ERROR_PIPE_NOT_CONNECTED,
    GENERIC_READ, GENERIC_WRITE, INVALID_HANDLE_VALUE, WAIT_TIMEOUT,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateFileW, FILE_FLAG_FIRST_PIPE_INSTANCE, FILE_FLAG_OVERLAPPED, OPEN_EXISTING,
    PIPE_ACCESS_DUPLEX, SetFileCompletionNotificationModes,
};
use windows_sys::Win32::System::IO::{
    CreateIoCompletionPort, GetQueuedCompletionStatusEx, OVERLAPPED_ENTRY,
    PostQueuedCompletionStatus,
};
use windows_sys::Win32::System::Pipes::{
    CreateNamedPipeW, PIPE_REJECT_REMOTE_CLIENTS, PIPE_TYPE_BYTE,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcess, PROCESS_DUP_HANDLE};

use super::transfer::{MOST, Transfer};
use super::{Handle, HandleRef, done, millis, owned, raw, wide};

/// What a channel may hold that was sent and not received.
const BUFFER: u32 = 512 << 10;
/// What stands before each piece that goes to a worker.
pub(super) const HEAD: usize = 12;
/// Leaves no packet at the port for what was done at once.
const SKIP_WHEN_DONE: u8 = 1;

/// The loader's end, which never waits.
#[derive(Debug)]
pub(in crate::backend::process) struct Channel {
    pipe: OwnedHandle,
    reading: Transfer,
    writing: Transfer,
    /// What of the bytes that were read is not handed on.
    ready: std::ops::Range<usize>,
    greeting: Vec<u8>,
    /// The worker, to put handles into.
    worker: Option<OwnedHandle>,
}

impl Channel {
    /// The two ends. News of the loader's wakes the one who waits at the waker.
    pub(in crate::backend::process) fn pair(waker: Option<&Waker>) -> io::Result<(Self, Handle)> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let (own, random) = (std::process::id(), RandomState::new().hash_one(number));
        let name = wide(&format!(r"\\.\pipe\windrow-{own}-{number}-{random:016x}"));
        let open = PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE;
        let mode = PIPE_TYPE_BYTE | PIPE_REJECT_REMOTE_CLIENTS;
        // SAFETY: the name ends with a zero and outlives the call; the pipe is new.
        let pipe = unsafe {
            owned(CreateNamedPipeW(name.as_ptr(), open, mode, 1, BUFFER, BUFFER, 0, null()))
        }?;
        let access = GENERIC_READ | GENERIC_WRITE;
        // SAFETY: as above. There is one instance, so nobody else can have or get this end.
        let link = unsafe {
            owned(CreateFileW(name.as_ptr(), access, 0, null(), OPEN_EXISTING, 0, null_mut()))
        }?;
        if let Some(waker) = waker {
            // SAFETY: both are open; the port has no use for the key.
            let port = unsafe { CreateIoCompletionPort(raw(&pipe), raw(&waker.port), 0, 0) };
            done(i32::from(!port.is_null()))?;
            // Without it there are packets that nobody needs, and nothing else.
            // SAFETY: the pipe is open.
            unsafe { SetFileCompletionNotificationModes(raw(&pipe), SKIP_WHEN_DONE) };
        }
        let (reading, writing) = (Transfer::new()?, Transfer::new()?);
        let channel =
            Self { pipe, reading, writing, ready: 0..0, greeting: Vec::new(), worker: None };
        Ok((channel, link))
    }

    /// Sends what goes, with a handle to go with the first byte; `WouldBlock` when nothing does.
    pub(in crate::backend::process) fn send(
        &mut self,
        bytes: &[u8],
        passed: Option<HandleRef<'_>>,
    ) -> io::Result<usize> {
        if self.writing.is_under_way() {
            self.writing.finish(&self.pipe)?;
        }
        let passed = match (passed, &self.worker) {
            (None, _) => 0,
            (Some(passed), Some(worker)) => pass(passed, worker)?,
            // It has not greeted yet; its first words end the waiting.
            (Some(_), None) => return Err(io::ErrorKind::WouldBlock.into()),
        };
        let part = &bytes[..bytes.len().min(MOST - HEAD)];
        let head = [&(part.len() as u32).to_le_bytes()[..], &passed.to_le_bytes()].concat();
        self.writing.write(&self.pipe, &[&head, part])?;
        Ok(part.len())
    }

    /// Receives what is there: 0 at the end, `WouldBlock` when nothing is.
    pub(in crate::backend::process) fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let there = self.reading.moved(self.ready.clone());
            if self.worker.is_none() && !there.is_empty() {
                let missing = (4 - self.greeting.len()).min(there.len());
                self.greeting.extend_from_slice(&there[..missing]);
                self.ready.start += missing;
                if let Ok(number) = <[u8; 4]>::try_from(&*self.greeting) {
                    let number = u32::from_le_bytes(number);
                    // SAFETY: it opens a handle that is nobody else's.
                    let worker = unsafe { owned(OpenProcess(PROCESS_DUP_HANDLE, 0, number)) };
                    self.worker = Some(worker?);
                }
            } else if !there.is_empty() {
                let bytes = there.len().min(into.len());
                into[..bytes].copy_from_slice(&there[..bytes]);
                self.ready.start += bytes;
                return Ok(bytes);
            } else {
                self.ready = 0..0;
                let read = (|| {
                    if !self.reading.is_under_way() {
                        self.reading.read(&self.pipe)?;
                    }
                    self.reading.finish(&self.pipe)
                })();
                match read {
                    Ok(bytes) => self.ready = 0..bytes,
                    Err(error) if is_end(&error) => return Ok(0),
                    Err(error) => return Err(error),
                }
            }
        }
    }

    pub(in crate::backend::process) fn source(&self, _: bool) -> Source<'_> {
        PhantomData
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.reading.call_off(&self.pipe);
        self.writing.call_off(&self.pipe);
    }
}

/// Opens a handle of this process in the worker too; gives its number there.
fn pass(passed: HandleRef<'_>, worker: &OwnedHandle) -> io::Result<u64> {
    let mut there = INVALID_HANDLE_VALUE;
    // SAFETY: all three are open. The new handle is the worker's, which will own it.
    done(unsafe {
        let (own, passed) = (GetCurrentProcess(), passed.as_raw_handle());
        DuplicateHandle(own, passed, raw(worker), &mut there, 0, 0, DUPLICATE_SAME_ACCESS)
    })?;
    Ok(there.addr() as u64)
}

fn is_end(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(i32::cast_unsigned);
    code.is_some_and(|code| [ERROR_BROKEN_PIPE, ERROR_PIPE_NOT_CONNECTED].contains(&code))
}

/// Something to wait for. The waker knows what it is since it was made.
pub(in crate::backend::process) type Source<'a> = PhantomData<&'a ()>;

/// Where one thread waits for news of its channels and processes, and others end its waiting.
#[derive(Debug)]
pub(in crate::backend::process) struct Waker {
    pub(super) port: OwnedHandle,
}

impl Waker {
    pub(in crate::backend::process) fn new() -> io::Result<Self> {
        // SAFETY: a new port, which is nobody else's.
        let port = unsafe { CreateIoCompletionPort(INVALID_HANDLE_VALUE, null_mut(), 0, 1) };
        // SAFETY: as above.
        Ok(Self { port: unsafe { owned(port) }? })
    }

    pub(in crate::backend::process) fn ring(&self) {
        // SAFETY: the port is open; nobody looks at what is posted.
        unsafe { PostQueuedCompletionStatus(raw(&self.port), 0, 0, null()) };
    }

    /// Waits until it rings or one of those that were made with it has news.
    pub(in crate::backend::process) fn wait<'a>(
        &'a self,
        _: impl Iterator<Item = Source<'a>>,
        limit: Option<Duration>,
    ) -> io::Result<()> {
        let mut news = [OVERLAPPED_ENTRY::default(); 64];
        let (most, mut count) = (news.len() as u32, 0);
        // SAFETY: there is room for so many. The pointers in them are not followed, since what they
        // point to may be gone.
        let waited = done(unsafe {
            let (port, limit) = (raw(&self.port), millis(limit));
            GetQueuedCompletionStatusEx(port, news.as_mut_ptr(), most, &mut count, limit, 0)
        });
        match waited {
            Err(error) if error.raw_os_error() == Some(WAIT_TIMEOUT as i32) => Ok(()),
            other => other,
        }
    }
}
