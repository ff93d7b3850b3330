//! A lock on an open file, which ends with the process.

use std::fs::File;

/// Whether this platform has locks.
#[cfg(test)]
pub(crate) const LOCKS: bool = cfg!(unix);

/// Locks a file, unless another open file has the lock; then returns false.
///
/// Returns true without a lock on platforms and file systems that have none.
#[cfg(unix)]
pub(crate) fn lock(file: &File) -> bool {
    let locked = rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive);
    locked != Err(rustix::io::Errno::WOULDBLOCK)
}

#[cfg(not(unix))]
pub(crate) fn lock(_: &File) -> bool {
    true
}

/// Gives up the lock of a file at once. Closing the file is not enough: a process that another thread
/// is just starting has the file open too, until that process begins its program.
#[cfg(unix)]
pub(crate) fn unlock(file: &File) {
    _ = rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingUnlock);
}

#[cfg(not(unix))]
pub(crate) fn unlock(_: &File) {}
