//! Processes and their parents: who is whose child, and so who may be killed. `/proc` tells it on
//! Linux, a call of its own on macOS.
//!
//! Elsewhere nobody tells. There no process is split, and only a launcher that becomes the worker
//! will do.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::wait_for;

/// How many threads this process has, where that is known.
#[cfg(target_os = "linux")]
pub(in super::super) fn threads() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/task").ok()?.count())
}

/// The process that started another one, which has not ended or is not reaped.
#[cfg(target_os = "linux")]
pub(super) fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may hold anything, brackets and spaces too.
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

/// What the system tells of a process, as the structure that belongs to the question.
#[cfg(target_vendor = "apple")]
#[expect(unsafe_code, reason = "the system is asked for threads and parents")]
fn told_of<T: Copy>(pid: u32, question: libc::c_int) -> Option<T> {
    let pid = libc::c_int::try_from(pid).ok()?;
    let mut told = std::mem::MaybeUninit::<T>::zeroed();
    let bytes = size_of::<T>() as libc::c_int;
    // SAFETY: no more is written than there is room for, and both structures are made of numbers, for
    // which zeros are a value too.
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

/// Kills a process of this one, or of a parent that may have reaped it already.
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

/// A process by its number, if that process is a child of this parent.
pub(super) fn child_of(pid: u32, parent: u32) -> Option<(Pid, Option<OwnedFd>)> {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw)?;
    // What is held first and looked at then is the same process.
    let held = end_of(raw);
    (parent_of(pid)? == parent).then_some((raw, held))
}

/// A process number as the standard library has it.
pub(super) fn number(pid: Pid) -> u32 {
    pid.as_raw_nonzero().get().unsigned_abs()
}

/// Whether a process that is another's child has not ended, where the system tells.
pub(super) fn is_running(pidfd: Option<&OwnedFd>) -> bool {
    let now = Some(Duration::ZERO);
    pidfd.is_some_and(|fd| !wait_for(&[(fd.as_fd(), false)], now).is_ok_and(|end| end[0]))
}

/// What can be read when a process has ended, where the system has such a thing.
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
