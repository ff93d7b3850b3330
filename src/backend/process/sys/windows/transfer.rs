//! One direction of a pipe: a transfer that the system performs in the background.
#![expect(unsafe_code, reason = "the system fills a buffer in the background")]

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

/// The maximum number of bytes in one transfer.
pub(super) const MOST: usize = 64 << 10;
/// The time limit for the system to release a cancelled transfer.
const CANCEL_LIMIT: Duration = Duration::from_secs(1);

/// One direction of a pipe.
#[derive(Debug)]
pub(super) struct Transfer {
    /// The buffer and the control block. The system reads and writes both during a transfer, so the
    /// code accesses them only through a pointer.
    inside: NonNull<Inside>,
    event: OwnedHandle,
    under_way: bool,
}

struct Inside {
    overlapped: OVERLAPPED,
    buffer: [u8; MOST],
}

// SAFETY: the data behind the pointer belongs only to this value and to the system.
unsafe impl Send for Transfer {}
// SAFETY: a shared reference reads the buffer only when no transfer is under way.
unsafe impl Sync for Transfer {}

impl Transfer {
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: an event without a name and without another owner.
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
        // SAFETY: the buffer and the control block live until the transfer is over; `drop` ensures
        // it.
        let began = unsafe { ReadFile(raw(pipe), buffer, MOST as u32, null_mut(), overlapped) };
        self.began(began)
    }

    /// Begins to write these parts, whose total length must not exceed [`MOST`].
    pub(super) fn write(&mut self, pipe: &OwnedHandle, parts: &[&[u8]]) -> io::Result<()> {
        let (buffer, overlapped) = self.begin();
        let mut bytes = 0;
        for part in parts {
            assert!(bytes + part.len() <= MOST, "the parts exceed the size of a transfer");
            // SAFETY: no transfer is under way, so the buffer belongs to this value; the part fits.
            unsafe { buffer.add(bytes).copy_from_nonoverlapping(part.as_ptr(), part.len()) };
            bytes += part.len();
        }
        // SAFETY: as in `read`.
        let began = unsafe { WriteFile(raw(pipe), buffer, bytes as u32, null_mut(), overlapped) };
        self.began(began)
    }

    /// Returns how many bytes the transfer moved; `WouldBlock` while it is under way.
    pub(super) fn finish(&mut self, pipe: &OwnedHandle) -> io::Result<usize> {
        let mut bytes = 0;
        // SAFETY: the control block belongs to the transfer that was begun with this pipe.
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

    /// Returns a part of the last moved bytes; nothing while a transfer is under way.
    pub(super) fn moved(&self, part: Range<usize>) -> &[u8] {
        if self.under_way {
            return &[];
        }
        // SAFETY: no transfer is under way, and none can begin during this borrow.
        unsafe { &(&(*self.inside.as_ptr()).buffer)[part] }
    }

    fn begin(&mut self) -> (*mut u8, *mut OVERLAPPED) {
        assert!(!self.under_way, "a transfer is under way");
        let inside = self.inside.as_ptr();
        let fresh = OVERLAPPED { hEvent: raw(&self.event), ..OVERLAPPED::default() };
        // SAFETY: no transfer is under way, so both belong to this value.
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

    /// Cancels the current transfer. This value is unusable afterwards.
    pub(super) fn call_off(&mut self, pipe: &OwnedHandle) {
        if self.under_way {
            // SAFETY: the control block belongs to the transfer that was begun with this pipe.
            unsafe { CancelIoEx(raw(pipe), &raw const (*self.inside.as_ptr()).overlapped) };
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        let limit = millis(Some(CANCEL_LIMIT));
        // SAFETY: the event is open.
        let over = || unsafe { WaitForSingleObject(raw(&self.event), limit) } == WAIT_OBJECT_0;
        // Leak memory that the system may still write to.
        if !self.under_way || over() {
            // SAFETY: the pointer came from a box, and the system no longer uses it.
            drop(unsafe { Box::from_raw(self.inside.as_ptr()) });
        }
    }
}
