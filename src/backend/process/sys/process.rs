//! Worker processes: starting, ending, and what a process does first to be one.
#![expect(unsafe_code, reason = "signals, and the environment of a process that begins")]

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
pub(in super::super) type Tell = Box<dyn Fn(bool) -> Option<Ended> + Send>;

/// Another process, which is the parent of a worker.
struct Asked {
    parent: u32,
    tell: Tell,
    /// When the worker was first seen to have ended.
    since: OnceLock<Instant>,
}

/// How long the parent of a worker that has ended may take to tell how.
const TELL_LIMIT: Duration = Duration::from_millis(200);

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
        Ok(Self { pid, ended: end_of(pid), errors, asked: None, inner: None })
    }

    /// Splits this process in two, if it has no more than so many threads, all but this one known
    /// to sleep. The new one runs this and nothing else of the program, whatever happens in it.
    pub(in super::super) fn split_off(
        threads: usize,
        run: impl FnOnce() -> Infallible,
    ) -> io::Result<Self> {
        let parent = std::process::id();
        if kin::threads().is_none_or(|now| now > threads) {
            return Err(io::Error::other("a process with several threads cannot be split"));
        }
        // What waits to be written would be written by both.
        flush();
        // SAFETY: no other thread is awake, so no lock is held that the new process would wait for.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                // A panic must not unwind into what the process was split in.
                _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    end_with(parent);
                    run()
                }));
                exit_now(super::exit_code::MISLED)
            }
            pid => {
                let pid = Pid::from_raw(pid)
                    .ok_or_else(|| io::Error::other("a process without a number"))?;
                Ok(Self { pid, ended: end_of(pid), errors: None, asked: None, inner: None })
            }
        }
    }

    /// A process whose parent is another, which can be asked how it ended; `None` if it is no child
    /// of that process, or not any more.
    pub(in super::super) fn foreign(pid: u32, parent: u32, tell: Tell) -> Option<Self> {
        let (pid, ended) = child_of(pid, parent)?;
        let asked = Some(Asked { parent, tell, since: OnceLock::new() });
        Some(Self { pid, ended, errors: None, asked, inner: None })
    }

    /// The worker's number.
    pub(in super::super) fn pid(&self) -> u32 {
        number(self.inner.as_ref().map_or(self.pid, |(pid, _)| *pid))
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
        // What it says is looked up: any other process could be named.
        let alone = self.asked.is_none() && self.inner.is_none() && parent == self.pid();
        match child_of(process, parent).filter(|_| alone) {
            Some(inner) => {
                self.inner = Some(inner);
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
        let own = std::process::id();
        let parent = self.asked.as_ref().map_or(own, |asked| asked.parent);
        if let Some((pid, ended)) = &self.inner {
            kill(*pid, ended.as_ref(), Some(number(self.pid)));
        }
        kill(self.pid, self.ended.as_ref(), Some(parent).filter(|&parent| parent != own));
    }

    /// How it ended, if it has; then it must not be asked again.
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

/// The process that started this one; 0 where that is not known.
pub(in super::super) fn parent() -> u32 {
    rustix::process::getppid().map_or(0, number)
}

/// What a process does first to be a worker; gives its end of the channel.
///
/// Call it at the start of `main`, before anything else can read the environment or open a file.
pub(in super::super) fn become_worker(parent: u32) -> io::Result<OwnedFd> {
    let stdin = rustix::stdio::stdin();
    rustix::net::sockopt::socket_type(stdin)?;
    let link = copied_high(stdin)?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    end_with(parent);
    ignore_interrupts();
    Ok(link)
}

/// Takes a variable out of the environment, if this process has no more than so many threads, all
/// but this one known to sleep; whether it did.
pub(in super::super) fn forget(variable: &str, threads: usize) -> bool {
    let is_alone = kin::threads().is_some_and(|now| now <= threads);
    if is_alone {
        // SAFETY: no other thread is awake that could read the environment meanwhile.
        unsafe { std::env::remove_var(variable) };
    }
    is_alone
}

/// Has this process end with its parent, where the system can do that and lets it. Without, the
/// channel alone tells that the loader is gone.
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

/// Writes what was printed and not written yet, by C libraries too.
pub(in super::super) fn flush() {
    _ = io::stdout().flush();
    // SAFETY: nothing stands for all streams.
    unsafe { libc::fflush(std::ptr::null_mut()) };
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
