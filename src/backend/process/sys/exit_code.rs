//! Exit codes of worker processes.

/// The exit code of a worker whose loader is gone.
pub(in super::super) const ORPHANED: i32 = 70;
/// The exit code of a worker that could not continue and reported why.
pub(in super::super) const MISLED: i32 = 71;
/// The exit code of a worker that ran the program instead of `init`.
pub(in super::super) const RAN_MAIN: i32 = 86;
/// The exit code of a process marked as a worker that no loader started.
pub(in super::super) const NO_WORKER: i32 = 88;
