//! One direction of a pipe: bytes that the system moves while this process does other things.
#![expect(unsafe_code, reason = "the system fills a buffer meanwhile")]

use std::io;
use std::ops::Range;
use std::os::windows::io::OwnedHandle;
use std::ptr::{NonNull, null, null_mut};
use std::time::Duration;

use windows_sys::Win32::Foundation::{ERROR_IO_INCOMPLETE, ERROR_IO_PENDING, WAIT_OBJECT_0};
use windows_sys::Win32::Storage::FileSystem::{ReadFile, WriteFile};
use windows_sys::Win32::System::IO::{CancelIoEx, GetOverlappedResult, OVERLAPPED};
use windows_sys::Win32::System::Threading::{CreateEventW, WaitForSingleObject};

use super::{done, millis, owned, raw};

/// The most bytes that are moved at a time.
pub(super) const MOST: usize = 64 << 10;
/// How long the system may take to let go of a transfer that is called off.
const CANCEL_LIMIT: Duration = Duration::from_secs(1);

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Transfer {
    /// Read and written by the system while a transfer is under way, so it is only ever seen through
    /// a pointer.
    inside: NonNull<Inside>,
    event: OwnedHandle,
    under_way: bool,
}

struct Inside {
    overlapped: OVERLAPPED,
    buffer: [u8; MOST],
}

// SAFETY: what is behind the pointer belongs to this value alone, and to the system.
unsafe impl Send for Transfer {}
// SAFETY: a shared reference reads the buffer only while no transfer is under way.
unsafe impl Sync for Transfer {}

impl Transfer {
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: an event without a name, which is nobody else's.
        let event = unsafe { owned(CreateEventW(null(), 1, 0, null())) }?;
        let inside = Box::new(Inside { overlapped: OVERLAPPED::default(), buffer: [0; MOST] });
        Ok(Self { inside: NonNull::from(Box::leak(inside)), event, under_way: false })
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.under_way
    }

    /// Begins to read.
    pub(super) fn read(&mut self, pipe: &OwnedHandle) -> io::Result<()> {
        let (buffer, overlapped) = self.begin();
        // SAFETY: buffer and block live until the transfer is over: `drop` sees to that.
        let began = unsafe { ReadFile(raw(pipe), buffer, MOST as u32, null_mut(), overlapped) };
        self.began(began)
    }

    /// Begins to write these parts, which must not be longer than [`MOST`] together.
    pub(super) fn write(&mut self, pipe: &OwnedHandle, parts: &[&[u8]]) -> io::Result<()> {
        let (buffer, overlapped) = self.begin();
        let mut bytes = 0;
        for part in parts {
            assert!(bytes + part.len() <= MOST, "more than a transfer takes");
            // SAFETY: no transfer is under way, so the buffer is this value's own; the part fits.
            unsafe { buffer.add(bytes).copy_from_nonoverlapping(part.as_ptr(), part.len()) };
            bytes += part.len();
        }
        // SAFETY: as in `read`.
        let began = unsafe { WriteFile(raw(pipe), buffer, bytes as u32, null_mut(), overlapped) };
        self.began(began)
    }

    /// How many bytes were moved by the transfer that was begun; `WouldBlock` while it is under way.
    pub(super) fn finish(&mut self, pipe: &OwnedHandle) -> io::Result<usize> {
        let mut bytes = 0;
        // SAFETY: the block is that of the transfer that was begun with this pipe.
        let ended = done(unsafe {
            GetOverlappedResult(
                raw(pipe),
                &raw const (*self.inside.as_ptr()).overlapped,
                &mut bytes,
                0,
            )
        });
        if let Err(error) = &ended
            && error.raw_os_error() == Some(ERROR_IO_INCOMPLETE as i32)
        {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.under_way = false;
        ended.map(|()| bytes as usize)
    }

    /// A part of what was moved last; nothing while a transfer is under way.
    pub(super) fn moved(&self, part: Range<usize>) -> &[u8] {
        if self.under_way {
            return &[];
        }
        // SAFETY: no transfer is under way, and none can begin while this is borrowed.
        unsafe { &(&(*self.inside.as_ptr()).buffer)[part] }
    }

    fn begin(&mut self) -> (*mut u8, *mut OVERLAPPED) {
        assert!(!self.under_way, "a transfer is under way");
        let inside = self.inside.as_ptr();
        let fresh = OVERLAPPED { hEvent: raw(&self.event), ..OVERLAPPED::default() };
        // SAFETY: no transfer is under way, so both are this value's own.
        unsafe {
            (*inside).overlapped = fresh;
            ((&raw mut (*inside).buffer).cast(), &raw mut (*inside).overlapped)
        }
    }

    fn began(&mut self, answer: windows_sys::core::BOOL) -> io::Result<()> {
        match done(answer) {
            Err(error) if error.raw_os_error() != Some(ERROR_IO_PENDING as i32) => Err(error),
            _ => {
                self.under_way = true;
                Ok(())
            }
        }
    }

    /// Calls off what is under way. The transfer is of no use afterwards.
    pub(super) fn call_off(&mut self, pipe: &OwnedHandle) {
        if self.under_way {
            // SAFETY: the block is that of the transfer that was begun with this pipe.
            unsafe { CancelIoEx(raw(pipe), &raw const (*self.inside.as_ptr()).overlapped) };
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        let limit = millis(Some(CANCEL_LIMIT));
        // SAFETY: the event is open.
        let over = || unsafe { WaitForSingleObject(raw(&self.event), limit) } == WAIT_OBJECT_0;
        // Memory that the system may still write to must not be used for anything else.
        if !self.under_way || over() {
            // SAFETY: it came from a box, and the system is done with it.
            drop(unsafe { Box::from_raw(self.inside.as_ptr()) });
        }
    }
}
