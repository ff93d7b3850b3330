//! Stand-ins for forks and signals, which Windows does not have. The loader refuses the start
//! method that needs them before it calls any of these functions.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

pub(super) use super::channel::Source;
use super::process::Process;
use crate::backend::process::sys::program::Ended;

/// Whether this system can fork a process.
pub(in crate::backend::process) const SPLITS: bool = false;

fn unsupported<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "Windows cannot fork a process"))
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

/// Waits for one of these sources and returns which ones are ready.
pub(in crate::backend::process) fn wait_for(
    _: &[Source<'_>],
    _: Option<Duration>,
) -> io::Result<Vec<bool>> {
    unsupported()
}

/// Returns `None`: no caller needs the number of threads on Windows.
pub(in crate::backend::process) fn threads() -> Option<usize> {
    None
}

/// Flushes buffered output.
pub(in crate::backend::process) fn flush() {
    _ = io::Write::flush(&mut io::stdout());
}

/// Does nothing: workers start in their own group, which gets no Ctrl-C.
pub(in crate::backend::process) fn block_interrupts() {}

/// Returns 0: the job shows which processes belong to a worker.
pub(in crate::backend::process) fn parent() -> u32 {
    0
}
