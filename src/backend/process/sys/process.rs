//! Worker processes: their start, their end, and the first steps of a process that becomes one.
#![expect(unsafe_code, reason = "signals, forks, and the environment of a starting process")]

use std::convert::Infallible;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, WaitStatus};

use super::channel::copied_high;
use super::kin::{child_of, end_of, is_running, kill, number};
use super::program::{Ended, Program};
use super::{Source, Waker, kin, os, wait_for};
use crate::error::Result;

/// Whether this system can fork a process.
pub(in super::super) const SPLITS: bool = true;

/// A worker process that is not reaped yet.
pub(in super::super) struct Process {
    pid: Pid,
    /// A descriptor that becomes readable when the process has ended.
    ended: Option<OwnedFd>,
    /// The standard error of the process, if the loader forwards it.
    errors: Option<std::process::ChildStderr>,
    /// The source of the exit status, if another process is the parent.
    asked: Option<Asked>,
    /// The worker, if this process is a launcher that waits for the worker.
    inner: Option<(Pid, Option<OwnedFd>)>,
}

/// A function that returns how a process ended; its argument is whether the process has ended.
pub(in super::super) type Tell = Box<dyn Fn(bool) -> Option<Ended> + Send>;

/// Another process that is the parent of a worker.
struct Asked {
    parent: u32,
    tell: Tell,
    /// The time at which the worker was first seen to have ended.
    since: OnceLock<Instant>,
}

/// The time limit for the parent of an ended worker to report how it ended.
const TELL_LIMIT: Duration = Duration::from_millis(200);

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Process({})", self.pid())
    }
}

impl Process {
    /// Starts a process, with its end of a channel as its standard input.
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
        let pid = pid.ok_or_else(|| refused(io::Error::other("the process has no number")))?;
        let errors = child.stderr.take();
        Ok(Self { pid, ended: end_of(pid), errors, asked: None, inner: None })
    }

    /// Forks this process if it has at most `threads` threads, all others known to sleep. The child
    /// runs only the given function, even if the function panics.
    pub(in super::super) fn split_off(
        threads: usize,
        run: impl FnOnce() -> Infallible,
    ) -> io::Result<Self> {
        let parent = std::process::id();
        if kin::threads().is_none_or(|now| now > threads) {
            return Err(io::Error::other("a process with several threads cannot fork"));
        }
        // Without a flush, both processes would write the buffered output.
        flush();
        // SAFETY: no other thread is awake, so no thread holds a lock that the child would wait
        // for.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                // A panic must not unwind into the code of the parent.
                _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    end_with(parent);
                    run()
                }));
                exit_now(super::exit_code::MISLED)
            }
            pid => {
                let pid = Pid::from_raw(pid)
                    .ok_or_else(|| io::Error::other("the process has no number"))?;
                Ok(Self { pid, ended: end_of(pid), errors: None, asked: None, inner: None })
            }
        }
    }

    /// Returns a process with another parent, which reports the exit status. Returns `None` if the
    /// process is not, or no longer, a child of that parent.
    pub(in super::super) fn foreign(pid: u32, parent: u32, tell: Tell) -> Option<Self> {
        let (pid, ended) = child_of(pid, parent)?;
        let asked = Some(Asked { parent, tell, since: OnceLock::new() });
        Some(Self { pid, ended, errors: None, asked, inner: None })
    }

    /// Returns the worker's process number.
    pub(in super::super) fn pid(&self) -> u32 {
        number(self.inner.as_ref().map_or(self.pid, |(pid, _)| *pid))
    }

    /// Returns the source that becomes ready when the process ends, if the system has one.
    pub(in super::super) fn source(&self) -> Option<Source<'_>> {
        self.ended.as_ref().map(|ended| (ended.as_fd(), false))
    }

    /// Returns whether the process has ended; false if the system does not tell.
    pub(in super::super) fn has_ended(&self) -> bool {
        self.ends_within(Duration::ZERO)
    }

    /// Waits for the end of the process for about 10 ms at most.
    pub(in super::super) fn wait_for_end(&self) {
        let nap = Duration::from_millis(1);
        let ended = self.ends_within(10 * nap);
        // Sleep when the system does not report ends, or when the parent has yet to report the
        // status.
        if self.ended.is_none() || ended && self.asked.is_some() {
            std::thread::sleep(nap);
        }
    }

    fn ends_within(&self, limit: Duration) -> bool {
        let waited = self.source().map(|source| wait_for(&[source], Some(limit)));
        waited.is_some_and(|ended| ended.is_ok_and(|ended| ended[0]))
    }

    /// Takes the standard error of the process.
    pub(in super::super) fn take_errors(&mut self) -> Option<std::process::ChildStderr> {
        self.errors.take()
    }

    /// Checks a worker's greeting: the worker is this process, or this process is a launcher that
    /// started the worker. Windrow could neither kill nor await any other process.
    pub(in super::super) fn is_worker(&mut self, process: u32, parent: u32) -> Result<(), String> {
        if process == self.pid() {
            return Ok(());
        }
        // Verify the numbers, because the message could name any process.
        let alone = self.asked.is_none() && self.inner.is_none() && parent == self.pid();
        match child_of(process, parent).filter(|_| alone) {
            Some(inner) => {
                self.inner = Some(inner);
                Ok(())
            }
            None => Err(format!(
                "the worker is process {process}, started by process {parent}, but windrow started \
                 process {} for it; a launcher must become the worker, by exec, or be its parent",
                self.pid()
            )),
        }
    }

    /// Kills the process at once. The process must not be reaped yet, or another process could have
    /// its number.
    pub(in super::super) fn kill(&self) {
        let own = std::process::id();
        let parent = self.asked.as_ref().map_or(own, |asked| asked.parent);
        if let Some((pid, ended)) = &self.inner {
            kill(*pid, ended.as_ref(), Some(number(self.pid)));
        }
        kill(self.pid, self.ended.as_ref(), Some(parent).filter(|&parent| parent != own));
    }

    /// Returns how the process ended, if it has. The caller must not call this again after a
    /// result.
    pub(in super::super) fn reap(&self) -> Option<Ended> {
        if let Some(Asked { tell, since, .. }) = &self.asked {
            let knows = self.ended.is_some();
            let ended = !knows || self.has_ended();
            let late = || since.get_or_init(Instant::now).elapsed() >= TELL_LIMIT;
            return tell(ended).or_else(|| (knows && ended && late()).then_some(Ended::Untold));
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

fn ended(status: WaitStatus) -> Ended {
    let code = status.exit_status().map(Ended::Code);
    code.or_else(|| status.terminating_signal().map(Ended::Signal)).unwrap_or(Ended::Unknown)
}

/// Returns the process number of this process's parent; 0 if unknown.
pub(in super::super) fn parent() -> u32 {
    rustix::process::getppid().map_or(0, number)
}

/// Performs the first steps of a worker process, and returns its end of the channel.
///
/// Call this at the start of `main`, before any other code can read the environment or open a file.
pub(in super::super) fn become_worker(parent: u32) -> io::Result<OwnedFd> {
    let stdin = rustix::stdio::stdin();
    rustix::net::sockopt::socket_type(stdin)?;
    let link = copied_high(stdin)?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    end_with(parent);
    ignore_interrupts();
    Ok(link)
}

/// Removes a variable from the environment if this process has at most `threads` threads, all
/// others known to sleep; returns whether it did.
pub(in super::super) fn forget(variable: &str, threads: usize) -> bool {
    let is_alone = kin::threads().is_some_and(|now| now <= threads);
    if is_alone {
        // SAFETY: no other thread is awake that could read the environment meanwhile.
        unsafe { std::env::remove_var(variable) };
    }
    is_alone
}

/// Asks the system to end this process with its parent, where the system supports it. Otherwise,
/// only the channel shows that the loader is gone.
fn end_with(parent: u32) {
    #[cfg(all(target_os = "linux", not(windrow_portable)))]
    {
        let signal = Some(rustix::process::Signal::KILL);
        _ = rustix::process::set_parent_process_death_signal(signal);
    }
    if parent != 0 && self::parent() != parent {
        exit_now(super::exit_code::ORPHANED);
    }
}

/// Flushes buffered output, including that of C libraries.
pub(in super::super) fn flush() {
    _ = io::stdout().flush();
    // SAFETY: a null pointer flushes all streams.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

fn ignore_interrupts() {
    // SAFETY: ignoring a signal installs no code.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
    interrupts(libc::SIG_UNBLOCK);
}

/// Blocks Ctrl-C for this thread and the processes that it starts, until they install their own
/// handling.
pub(in super::super) fn block_interrupts() {
    interrupts(libc::SIG_BLOCK);
}

fn interrupts(how: libc::c_int) {
    // SAFETY: `sigemptyset` initialises the set, and only this thread's mask changes.
    unsafe {
        let mut set = std::mem::MaybeUninit::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGINT);
        libc::pthread_sigmask(how, set.as_ptr(), std::ptr::null_mut());
    }
}

/// Ends this process at once, even while other threads run.
pub(in super::super) fn exit_now(code: i32) -> ! {
    // SAFETY: the call ends the process and runs no other code.
    unsafe { libc::_exit(code) }
}

/// Returns the time of a clock that all processes of the machine share.
pub(in super::super) fn now_nanos() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // The C library's clock, because rustix's own reads memory that Valgrind does not show.
    // SAFETY: the call writes only to `now`.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    (now.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec as u64)
}
