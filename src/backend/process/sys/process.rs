//! Worker processes: starting, ending, and what a process does first to be one.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use super::channel::{copied_high, high};
use super::program::{Ended, Program};
use super::{Source, Waker, os, wait_for};
use crate::error::Result;

/// Whether a process can be split in two.
pub(in super::super) const SPLITS: bool = true;

/// The signals that processes are ended by, by name.
pub(super) const SIGNALS: &[(i32, &str)] = &[
    (libc::SIGKILL, "SIGKILL"),
    (libc::SIGSEGV, "SIGSEGV"),
    (libc::SIGABRT, "SIGABRT"),
    (libc::SIGBUS, "SIGBUS"),
    (libc::SIGILL, "SIGILL"),
    (libc::SIGFPE, "SIGFPE"),
    (libc::SIGTERM, "SIGTERM"),
    (libc::SIGINT, "SIGINT"),
    (libc::SIGPIPE, "SIGPIPE"),
    (libc::SIGTRAP, "SIGTRAP"),
    (libc::SIGHUP, "SIGHUP"),
];
/// Exit codes that say more than their number: none here.
pub(super) const CODES: &[(u32, &str)] = &[];

/// A worker process that is not reaped yet.
pub(in super::super) struct Process {
    pid: Pid,
    /// Ready to be read when the process has ended.
    ended: Option<OwnedFd>,
    /// Its standard error, where the loader wants it.
    errors: Option<std::process::ChildStderr>,
    /// Tells how it ended, where another process is its parent.
    asked: Option<Asked>,
    /// The worker, where this process is a launcher that waits for it.
    inner: Option<(Pid, Option<OwnedFd>)>,
}

/// Tells how a process ended, and is told whether it has.
type Asked = Box<dyn Fn(bool) -> Option<Ended> + Send>;

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Process({})", self.pid())
    }
}

impl Process {
    /// Starts one, with its end of a channel as its standard input.
    pub(in super::super) fn start(
        program: &Program,
        link: OwnedFd,
        _: Option<&Waker>,
    ) -> Result<Self> {
        let mut command = program.command(os::program_path());
        if let (None, Some(name)) = (&program.launcher, std::env::args_os().next()) {
            command.arg0(name);
        }
        let refused = Program::refused(&command);
        let mut child = command.stdin(link).spawn().map_err(&refused)?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| refused(io::Error::other("a process without a number")))?;
        let errors = child.stderr.take();
        Ok(Self { pid, ended: os_pidfd(pid), errors, asked: None, inner: None })
    }

    /// Splits this process in two, if it has no more than so many threads, all but this one known
    /// to sleep; `None` in the new one.
    pub(in super::super) fn split_off(threads: usize) -> io::Result<Option<Self>> {
        let parent = std::process::id();
        if super::threads().is_none_or(|now| now > threads) {
            return Err(io::Error::other("a process with several threads cannot be split"));
        }
        // SAFETY: no other thread is awake, so no lock is held that the new process would wait for.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                #[cfg(all(target_os = "linux", not(windrow_portable)))]
                {
                    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
                    let now = rustix::process::getppid();
                    if now.is_none_or(|pid| pid.as_raw_nonzero().get().unsigned_abs() != parent) {
                        exit_now(super::super::init::ORPHANED);
                    }
                }
                _ = parent;
                Ok(None)
            }
            pid => {
                let pid = Pid::from_raw(pid)
                    .ok_or_else(|| io::Error::other("a process without a number"))?;
                let ended = os_pidfd(pid);
                Ok(Some(Self { pid, ended, errors: None, asked: None, inner: None }))
            }
        }
    }

    /// A process whose parent is another, which can be asked how it ended.
    pub(in super::super) fn foreign(pid: u32, asked: Asked) -> io::Result<Self> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("a process without a number"))?;
        Ok(Self { pid, ended: os_pidfd(pid), errors: None, asked: Some(asked), inner: None })
    }

    /// The worker's number.
    pub(in super::super) fn pid(&self) -> u32 {
        self.inner.as_ref().map_or(self.pid, |(pid, _)| *pid).as_raw_nonzero().get().unsigned_abs()
    }

    /// Has news when the process has ended, where the system has such a thing.
    pub(in super::super) fn source(&self) -> Option<Source<'_>> {
        self.ended.as_ref().map(|ended| (ended.as_fd(), false))
    }

    /// Whether it has ended; false where the system does not say.
    pub(in super::super) fn has_ended(&self) -> bool {
        self.ends_within(Duration::ZERO)
    }

    /// Waits a little for its end.
    pub(in super::super) fn wait_for_end(&self) {
        let nap = Duration::from_millis(1);
        let ended = self.ends_within(10 * nap);
        // Where the system does not say, and where its parent has yet to say how.
        if self.ended.is_none() || ended && self.asked.is_some() {
            std::thread::sleep(nap);
        }
    }

    fn ends_within(&self, limit: Duration) -> bool {
        let waited = self.source().map(|source| wait_for(&[source], Some(limit)));
        waited.is_some_and(|ended| ended.is_ok_and(|ended| ended[0]))
    }

    /// Its standard error, once.
    pub(in super::super) fn take_errors(&mut self) -> Option<std::process::ChildStderr> {
        self.errors.take()
    }

    /// Takes what a worker says of itself: it is this process, or this one is a launcher that
    /// started it. Any other process could not be killed or waited for.
    pub(in super::super) fn is_worker(&mut self, process: u32, parent: u32) -> Result<(), String> {
        if process == self.pid() {
            return Ok(());
        }
        let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
        match pid.filter(|_| parent == self.pid() && self.asked.is_none()) {
            Some(pid) => {
                self.inner = Some((pid, os_pidfd(pid)));
                Ok(())
            }
            None => Err(format!(
                "the worker is process {process}, started by process {parent}, where process {} was \
                 started for it; a launcher must become the worker, by exec, or be its parent",
                self.pid()
            )),
        }
    }

    /// Ends it at once. It must not be reaped yet, or its number could be another's.
    pub(in super::super) fn kill(&self) {
        if let Some((pid, ended)) = &self.inner {
            kill(*pid, ended.as_ref());
        }
        kill(self.pid, self.ended.as_ref());
    }

    /// How it ended, if it has; then it must not be asked again.
    pub(in super::super) fn reap(&self) -> Option<Ended> {
        if let Some(asked) = &self.asked {
            return asked(self.ended.is_none() || self.has_ended());
        }
        if self.inner.as_ref().is_some_and(|(_, ended)| is_running(ended.as_ref())) {
            return None;
        }
        loop {
            match rustix::process::waitpid(Some(self.pid), WaitOptions::NOHANG) {
                Ok(None) => return None,
                Ok(Some((_, status))) => return Some(ended(status)),
                Err(Errno::INTR) => {}
                Err(_) => return Some(Ended::Unknown),
            }
        }
    }
}

fn kill(pid: Pid, _pidfd: Option<&OwnedFd>) {
    #[cfg(target_os = "linux")]
    if let Some(pidfd) = _pidfd {
        _ = rustix::process::pidfd_send_signal(pidfd, Signal::KILL);
        return;
    }
    _ = rustix::process::kill_process(pid, Signal::KILL);
}

/// Whether a process that is another's child has not ended, where the system tells.
fn is_running(pidfd: Option<&OwnedFd>) -> bool {
    let now = Some(Duration::ZERO);
    pidfd.is_some_and(|fd| !wait_for(&[(fd.as_fd(), false)], now).is_ok_and(|end| end[0]))
}

fn ended(status: WaitStatus) -> Ended {
    let code = status.exit_status().map(Ended::Code);
    code.or_else(|| status.terminating_signal().map(Ended::Signal)).unwrap_or(Ended::Unknown)
}

#[cfg(all(target_os = "linux", not(windrow_portable)))]
fn os_pidfd(pid: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok().map(high)
}

#[cfg(not(all(target_os = "linux", not(windrow_portable))))]
fn os_pidfd(_: Pid) -> Option<OwnedFd> {
    None
}

/// The process that started this one; 0 where that is not known.
pub(in super::super) fn parent() -> u32 {
    rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get().unsigned_abs())
}

/// How many threads this process has, where that is known.
pub(in super::super) fn threads() -> Option<usize> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    Some(tasks.count())
}

/// What a process does first to be a worker; gives its end of the channel.
///
/// Call it at the start of `main`, before anything else can read the environment or open a file.
pub(in super::super) fn become_worker(variable: &str, parent: u32) -> io::Result<OwnedFd> {
    let stdin = rustix::stdio::stdin();
    rustix::net::sockopt::socket_type(stdin)?;
    let link = copied_high(stdin)?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    #[cfg(all(target_os = "linux", not(windrow_portable)))]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if parent != 0 && super::parent() != parent {
        exit_now(super::super::init::ORPHANED);
    }
    // SAFETY: user programs call this first. Only a test harness, or a program that has loaded
    // windrow as a library, can have started a thread before, and those do not touch the environment.
    unsafe { std::env::remove_var(variable) };
    ignore_interrupts();
    Ok(link)
}

/// Leaves standard input and Ctrl-C to the program that this process is a copy of.
pub(in super::super) fn leave_terminal() {
    if let Ok(nothing) = std::fs::File::open("/dev/null") {
        _ = rustix::stdio::dup2_stdin(nothing);
    }
    ignore_interrupts();
}

fn ignore_interrupts() {
    // SAFETY: ignoring a signal installs no code.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
    interrupts(libc::SIG_UNBLOCK);
}

/// Keeps Ctrl-C from this thread and from processes that it starts, until they know what to do.
pub(in super::super) fn block_interrupts() {
    interrupts(libc::SIG_BLOCK);
}

fn interrupts(how: libc::c_int) {
    // SAFETY: the set is initialised by `sigemptyset`, and only this thread's mask is changed.
    unsafe {
        let mut set = std::mem::MaybeUninit::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGINT);
        libc::pthread_sigmask(how, set.as_ptr(), std::ptr::null_mut());
    }
}

/// Ends this process at once, whatever its other threads are doing.
pub(in super::super) fn exit_now(code: i32) -> ! {
    // SAFETY: it ends the process and runs nothing.
    unsafe { libc::_exit(code) }
}

/// A clock that all processes of the machine share.
pub(in super::super) fn now_nanos() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // The C library's, since rustix's own reads memory that Valgrind does not show.
    // SAFETY: it writes to `now`.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    (now.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec as u64)
}
