//! Processes and their parents, to decide which processes this one may kill. The source is `/proc`
//! on Linux and `proc_pidinfo` on macOS.
//!
//! Other systems have no such source. There, windrow forks no process, and a launcher must itself
//! become the worker.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::wait_for;

/// Returns the number of threads of this process, if known.
#[cfg(target_os = "linux")]
pub(in super::super) fn threads() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/task").ok()?.count())
}

/// Returns the parent of another process that has not ended or is not reaped.
#[cfg(target_os = "linux")]
pub(super) fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The process name in front may contain any character, also brackets and spaces.
    stat.rsplit(") ").next()?.split(' ').nth(1)?.parse().ok()
}

#[cfg(target_vendor = "apple")]
pub(in super::super) fn threads() -> Option<usize> {
    let task: libc::proc_taskinfo = told_of(std::process::id(), libc::PROC_PIDTASKINFO)?;
    usize::try_from(task.pti_threadnum).ok()
}

#[cfg(target_vendor = "apple")]
pub(super) fn parent_of(pid: u32) -> Option<u32> {
    told_of::<libc::proc_bsdinfo>(pid, libc::PROC_PIDTBSDINFO).map(|process| process.pbi_ppid)
}

/// Returns the system's answer to a question about a process, as the matching structure.
#[cfg(target_vendor = "apple")]
#[expect(unsafe_code, reason = "calls the system for threads and parents")]
fn told_of<T: Copy>(pid: u32, question: libc::c_int) -> Option<T> {
    let pid = libc::c_int::try_from(pid).ok()?;
    let mut told = std::mem::MaybeUninit::<T>::zeroed();
    let bytes = size_of::<T>() as libc::c_int;
    // SAFETY: the call writes at most `bytes` bytes. Both structures consist of numbers, for which
    // zeros are valid.
    unsafe {
        let wrote = libc::proc_pidinfo(pid, question, 0, told.as_mut_ptr().cast(), bytes);
        (wrote == bytes).then(|| told.assume_init())
    }
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
pub(in super::super) fn threads() -> Option<usize> {
    None
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
pub(super) fn parent_of(_: u32) -> Option<u32> {
    None
}

/// Kills a child of this process, or of a parent that may have reaped it already.
pub(super) fn kill(pid: Pid, _pidfd: Option<&OwnedFd>, parent: Option<u32>) {
    #[cfg(target_os = "linux")]
    if let Some(pidfd) = _pidfd {
        _ = rustix::process::pidfd_send_signal(pidfd, Signal::KILL);
        return;
    }
    if parent.is_none() || parent_of(number(pid)) == parent {
        _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}

/// Returns a process by its number, if the process is a child of this parent.
pub(super) fn child_of(pid: u32, parent: u32) -> Option<(Pid, Option<OwnedFd>)> {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw)?;
    // Open the handle before the check, so that both refer to the same process.
    let held = end_of(raw);
    (parent_of(pid)? == parent).then_some((raw, held))
}

/// Returns a process number as the standard library's type.
pub(super) fn number(pid: Pid) -> u32 {
    pid.as_raw_nonzero().get().unsigned_abs()
}

/// Returns whether another process's child still runs; false if the system does not tell.
pub(super) fn is_running(pidfd: Option<&OwnedFd>) -> bool {
    let now = Some(Duration::ZERO);
    pidfd.is_some_and(|fd| !wait_for(&[(fd.as_fd(), false)], now).is_ok_and(|end| end[0]))
}

/// Returns a descriptor that becomes readable when the process ends, if the system has one.
#[cfg(all(target_os = "linux", not(windrow_portable)))]
pub(super) fn end_of(pid: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())
        .ok()
        .map(super::channel::high)
}

#[cfg(not(all(target_os = "linux", not(windrow_portable))))]
pub(super) fn end_of(_: Pid) -> Option<OwnedFd> {
    None
}
