//! Exit codes of worker processes.

/// Exit code of a worker whose loader is gone.
pub(in super::super) const ORPHANED: i32 = 70;
/// Exit code of a worker that could not go on, and said why.
pub(in super::super) const MISLED: i32 = 71;
/// Exit code of a worker that ran the program instead of `init`.
pub(in super::super) const RAN_MAIN: i32 = 86;
/// Exit code of a process that was told to be a worker by someone else.
pub(in super::super) const NO_WORKER: i32 = 88;
