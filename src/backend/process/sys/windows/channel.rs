//! The loader's end of a channel, and the completion port at which the loader waits for all events.
//!
//! Bytes to a worker travel in pieces, each behind a header of 12 bytes. The header holds the
//! piece's length (4 bytes) and the number of an accompanying handle in the worker, or 0 (8 bytes).
//! A worker first sends its process number (4 bytes), and then plain bytes.
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

/// The size of a channel's buffers, in bytes.
const BUFFER: u32 = 512 << 10;
/// The length of the header of each piece to a worker.
pub(super) const HEAD: usize = 12;
/// The flag that suppresses the port's packet for an operation that completes at once.
const SKIP_WHEN_DONE: u8 = 1;

/// The loader's end, which never blocks.
#[derive(Debug)]
pub(in crate::backend::process) struct Channel {
    pipe: OwnedHandle,
    reading: Transfer,
    writing: Transfer,
    /// The range of the bytes that were read and not passed on.
    ready: std::ops::Range<usize>,
    greeting: Vec<u8>,
    /// The worker's process, as the target for handles.
    worker: Option<OwnedHandle>,
}

impl Channel {
    /// Creates the two ends. Events of the loader's end wake the thread at the waker.
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
        // SAFETY: as above. The pipe has one instance, so no other code can have or get this end.
        let link = unsafe {
            owned(CreateFileW(name.as_ptr(), access, 0, null(), OPEN_EXISTING, 0, null_mut()))
        }?;
        if let Some(waker) = waker {
            // SAFETY: both handles are open; the port ignores the key.
            let port = unsafe { CreateIoCompletionPort(raw(&pipe), raw(&waker.port), 0, 0) };
            done(i32::from(!port.is_null()))?;
            // Without this mode, the port only receives superfluous packets.
            // SAFETY: the pipe is open.
            unsafe { SetFileCompletionNotificationModes(raw(&pipe), SKIP_WHEN_DONE) };
        }
        let (reading, writing) = (Transfer::new()?, Transfer::new()?);
        let channel =
            Self { pipe, reading, writing, ready: 0..0, greeting: Vec::new(), worker: None };
        Ok((channel, link))
    }

    /// Sends as many bytes as possible, with a handle beside the first byte; returns `WouldBlock`
    /// if the channel is full.
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
            // The worker has not greeted yet; its greeting ends the wait.
            (Some(_), None) => return Err(io::ErrorKind::WouldBlock.into()),
        };
        let part = &bytes[..bytes.len().min(MOST - HEAD)];
        let head = [&(part.len() as u32).to_le_bytes()[..], &passed.to_le_bytes()].concat();
        self.writing.write(&self.pipe, &[&head, part])?;
        Ok(part.len())
    }

    /// Receives available bytes: 0 at the end, `WouldBlock` if none are available.
    pub(in crate::backend::process) fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let there = self.reading.moved(self.ready.clone());
            if self.worker.is_none() && !there.is_empty() {
                let missing = (4 - self.greeting.len()).min(there.len());
                self.greeting.extend_from_slice(&there[..missing]);
                self.ready.start += missing;
                if let Ok(number) = <[u8; 4]>::try_from(&*self.greeting) {
                    let number = u32::from_le_bytes(number);
                    // SAFETY: the call opens a new handle without another owner.
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

/// Duplicates a handle of this process into the worker; returns its number there.
fn pass(passed: HandleRef<'_>, worker: &OwnedHandle) -> io::Result<u64> {
    let mut there = INVALID_HANDLE_VALUE;
    // SAFETY: all three handles are open. The worker will own the new handle.
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

/// A source of events. The waker already knows each source from its creation.
pub(in crate::backend::process) type Source<'a> = PhantomData<&'a ()>;

/// A port where one thread waits for events of its channels and processes; other threads can wake
/// it.
#[derive(Debug)]
pub(in crate::backend::process) struct Waker {
    pub(super) port: OwnedHandle,
}

impl Waker {
    pub(in crate::backend::process) fn new() -> io::Result<Self> {
        // SAFETY: a new port without another owner.
        let port = unsafe { CreateIoCompletionPort(INVALID_HANDLE_VALUE, null_mut(), 0, 1) };
        // SAFETY: as above.
        Ok(Self { port: unsafe { owned(port) }? })
    }

    pub(in crate::backend::process) fn ring(&self) {
        // SAFETY: the port is open; no code reads the posted packet.
        unsafe { PostQueuedCompletionStatus(raw(&self.port), 0, 0, null()) };
    }

    /// Waits until the waker rings, a source created with it is ready, or the limit passes.
    pub(in crate::backend::process) fn wait<'a>(
        &'a self,
        _: impl Iterator<Item = Source<'a>>,
        limit: Option<Duration>,
    ) -> io::Result<()> {
        let mut news = [OVERLAPPED_ENTRY::default(); 64];
        let (most, mut count) = (news.len() as u32, 0);
        // SAFETY: the buffer has room for `most` entries. No code follows the pointers in the
        // entries, because their targets may be gone.
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
