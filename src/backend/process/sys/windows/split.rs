//! What other systems do to split a process in two, and with signals. Windows can do none of it, and
//! the start method that needs it is refused before anything here is asked.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

pub(super) use super::channel::Source;
use super::process::Process;
use crate::backend::process::sys::program::Ended;

/// Whether a process can be split in two.
pub(in crate::backend::process) const SPLITS: bool = false;

fn unsupported<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "Windows cannot split a process"))
}

impl Process {
    pub(in crate::backend::process) fn split_off(
        _: usize,
        _: impl FnOnce() -> Infallible,
    ) -> io::Result<Self> {
        unsupported()
    }

    pub(in crate::backend::process) fn foreign(
        _: u32,
        _: u32,
        _: Box<dyn Fn(bool) -> Option<Ended> + Send>,
    ) -> Option<Self> {
        None
    }
}

/// Waits for some of these and tells which.
pub(in crate::backend::process) fn wait_for(
    _: &[Source<'_>],
    _: Option<Duration>,
) -> io::Result<Vec<bool>> {
    unsupported()
}

/// How many threads this process has: nobody needs to know.
pub(in crate::backend::process) fn threads() -> Option<usize> {
    None
}

/// Writes what was printed and not written yet.
pub(in crate::backend::process) fn flush() {
    _ = io::Write::flush(&mut io::stdout());
}

/// Ctrl-C is kept from workers by the group that they are started in.
pub(in crate::backend::process) fn block_interrupts() {}

/// The process that started this one: not asked for, since a job tells who belongs to it.
pub(in crate::backend::process) fn parent() -> u32 {
    0
}
