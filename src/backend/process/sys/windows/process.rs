//! Worker processes: their start and end, each in its own job.
//!
//! The job ends with its last handle, and all processes in the job end with it. Therefore, when the
//! loader ends for any reason, its workers and their children end too.
#![expect(unsafe_code, reason = "processes, jobs and clocks")]

use std::io;
use std::marker::PhantomData;
use std::os::windows::io::OwnedHandle;
use std::os::windows::process::CommandExt;
use std::process::ChildStderr;
use std::ptr::null;
use std::sync::OnceLock;
use std::time::Duration;

use windows_sys::Win32::Foundation::WAIT_OBJECT_0;
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, IsProcessInJob, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_ASSOCIATE_COMPLETION_PORT, JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JOBOBJECTINFOCLASS,
    JobObjectAssociateCompletionPortInformation, JobObjectExtendedLimitInformation,
    SetInformationJobObject, TerminateJobObject,
};
use windows_sys::Win32::System::Performance::{QueryPerformanceCounter, QueryPerformanceFrequency};
use windows_sys::Win32::System::ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
use windows_sys::Win32::System::Threading::{
    CREATE_NEW_PROCESS_GROUP, CREATE_SUSPENDED, GetCurrentProcess, GetExitCodeProcess, OpenProcess,
    OpenThread, PROCESS_QUERY_INFORMATION, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE,
    ResumeThread, THREAD_SUSPEND_RESUME, TerminateProcess, WaitForSingleObject,
};

use super::channel::{Source, Waker};
use super::image::own_path;
use super::{Handle, done, millis, owned, raw};
use crate::backend::process::sys::program::{Ended, Program};
use crate::error::Result;

/// The exit code of a process that windrow kills.
const KILLED: u32 = 1;

/// A worker process. No other process has its number while this value lives.
#[derive(Debug)]
pub(in crate::backend::process) struct Process {
    number: u32,
    process: OwnedHandle,
    job: OwnedHandle,
    /// The standard error of the process, if the loader forwards it.
    errors: Option<ChildStderr>,
    /// The worker, if this process is a launcher that waits for the worker.
    inner: Option<(u32, OwnedHandle)>,
}

impl Process {
    /// Starts a process, with its end of a channel as its standard input. The end of the process
    /// wakes the thread at the waker.
    pub(in crate::backend::process) fn start(
        program: &Program,
        link: Handle,
        waker: Option<&Waker>,
    ) -> Result<Self> {
        let mut command = program.command(own_path());
        let refused = Program::refused(&command);
        let job = job(waker).map_err(&refused)?;
        // In its own group, the process gets no Ctrl-C before it installs its handler. While
        // suspended, a launcher cannot start the worker before both belong to the job.
        let how = CREATE_NEW_PROCESS_GROUP | CREATE_SUSPENDED;
        let mut child = command.stdin(link).creation_flags(how).spawn().map_err(&refused)?;
        let (number, errors) = (child.id(), child.stderr.take());
        let process = OwnedHandle::from(child);
        // If an outer job forbids nesting, a worker still ends with its loader, because the worker
        // watches the loader.
        // SAFETY: both handles are open.
        unsafe { AssignProcessToJobObject(raw(&job), raw(&process)) };
        let this = Self { number, process, job, errors, inner: None };
        if let Err(error) = resume(number) {
            this.kill();
            return Err(refused(error));
        }
        Ok(this)
    }

    /// Returns the worker's process number.
    pub(in crate::backend::process) fn pid(&self) -> u32 {
        self.inner.as_ref().map_or(self.number, |(number, _)| *number)
    }

    /// Checks a worker's greeting: the worker is this process, or this process is a launcher that
    /// started the worker in the job. Windrow could neither kill nor await any other process.
    pub(in crate::backend::process) fn is_worker(
        &mut self,
        number: u32,
        _: u32,
    ) -> Result<(), String> {
        if number == self.number {
            return Ok(());
        }
        let access = PROCESS_SYNCHRONIZE | PROCESS_QUERY_INFORMATION;
        let mut member = 0;
        // SAFETY: the new handle has no other owner, and the call writes the answer.
        let inner = unsafe { owned(OpenProcess(access, 0, number)) };
        let inner = inner.and_then(|inner| {
            // SAFETY: both handles are open, and the call writes the answer.
            done(unsafe { IsProcessInJob(raw(&inner), raw(&self.job), &raw mut member) })?;
            Ok(inner)
        });
        match inner {
            Ok(inner) if member != 0 => {
                self.inner = Some((number, inner));
                Ok(())
            }
            _ => Err(format!(
                "the worker is process {number}, but windrow started process {} for it; a launcher \
                 must start the worker itself",
                self.number
            )),
        }
    }

    /// Returns the source that becomes ready when the process ends.
    pub(in crate::backend::process) fn source(&self) -> Option<Source<'_>> {
        Some(PhantomData)
    }

    /// Returns whether the process and the worker that it launched have ended.
    pub(in crate::backend::process) fn has_ended(&self) -> bool {
        self.end_within(Duration::ZERO)
    }

    /// Waits for the end of the process for 10 ms at most.
    pub(in crate::backend::process) fn wait_for_end(&self) {
        self.end_within(Duration::from_millis(10));
    }

    fn end_within(&self, limit: Duration) -> bool {
        let ends = |process: &OwnedHandle| {
            // SAFETY: the handle is open.
            unsafe { WaitForSingleObject(raw(process), millis(Some(limit))) == WAIT_OBJECT_0 }
        };
        ends(&self.process) && self.inner.as_ref().is_none_or(|(_, inner)| ends(inner))
    }

    /// Takes the standard error of the process.
    pub(in crate::backend::process) fn take_errors(&mut self) -> Option<ChildStderr> {
        self.errors.take()
    }

    /// Kills the process at once, with all its children.
    pub(in crate::backend::process) fn kill(&self) {
        // SAFETY: both handles are open. The calls do not affect a process that has already ended.
        unsafe {
            TerminateProcess(raw(&self.process), KILLED);
            TerminateJobObject(raw(&self.job), KILLED);
        }
    }

    /// Returns how the process ended, if it has.
    pub(in crate::backend::process) fn reap(&self) -> Option<Ended> {
        let mut code = 0;
        // SAFETY: the handle is open, and the call writes the code.
        let known = || done(unsafe { GetExitCodeProcess(raw(&self.process), &mut code) });
        let known = self.has_ended().then(known)?;
        Some(known.map_or(Ended::Unknown, |()| Ended::Code(code.cast_signed())))
    }
}

/// Resumes the one thread of a process that was started suspended.
fn resume(process: u32) -> io::Result<()> {
    let mut entry =
        THREADENTRY32 { dwSize: size_of::<THREADENTRY32>() as u32, ..Default::default() };
    // SAFETY: the new handle has no other owner.
    let threads = unsafe { owned(CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0)) }?;
    // SAFETY: the handle is open, and the entry states its size.
    let mut next = done(unsafe { Thread32First(raw(&threads), &raw mut entry) });
    while next.is_ok() && entry.th32OwnerProcessID != process {
        // SAFETY: as above.
        next = done(unsafe { Thread32Next(raw(&threads), &raw mut entry) });
    }
    next?;
    // SAFETY: the new handle has no other owner, and stays open during the resume.
    let before = unsafe {
        let thread = owned(OpenThread(THREAD_SUSPEND_RESUME, 0, entry.th32ThreadID))?;
        ResumeThread(raw(&thread))
    };
    if before == u32::MAX { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Creates a job that ends with its last handle, and that reports its processes to the thread at
/// the waker.
fn job(waker: Option<&Waker>) -> io::Result<OwnedHandle> {
    // SAFETY: a new job without a name and without another owner.
    let job = unsafe { owned(CreateJobObjectW(null(), null())) }?;
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    set(&job, JobObjectExtendedLimitInformation, &limits)?;
    if let Some(waker) = waker {
        let news = JOBOBJECT_ASSOCIATE_COMPLETION_PORT {
            CompletionKey: std::ptr::null_mut(),
            CompletionPort: raw(&waker.port),
        };
        set(&job, JobObjectAssociateCompletionPortInformation, &news)?;
    }
    Ok(job)
}

fn set<T>(job: &OwnedHandle, what: JOBOBJECTINFOCLASS, value: &T) -> io::Result<()> {
    let (value, bytes) = (std::ptr::from_ref(value), size_of::<T>() as u32);
    // SAFETY: the job is open, and the value has the stated length.
    done(unsafe { SetInformationJobObject(raw(job), what, value.cast(), bytes) })
}

/// Returns the memory of a process in bytes; `None` after its end.
pub(in crate::backend::process) fn rss(number: u32) -> Option<u64> {
    let mut counters = PROCESS_MEMORY_COUNTERS::default();
    let bytes = size_of::<PROCESS_MEMORY_COUNTERS>() as u32;
    // SAFETY: the new handle has no other owner; the counters have the stated length.
    unsafe {
        let process = owned(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, number)).ok()?;
        done(K32GetProcessMemoryInfo(raw(&process), &mut counters, bytes)).ok()?;
    }
    Some(counters.WorkingSetSize as u64).filter(|bytes| *bytes > 0)
}

/// Ends this process at once, even while other threads run.
pub(in crate::backend::process) fn exit_now(code: i32) -> ! {
    // SAFETY: the call ends the process and runs no other code.
    unsafe { TerminateProcess(GetCurrentProcess(), code.cast_unsigned()) };
    std::process::abort()
}

/// Returns the time of a clock that all processes of the machine share.
pub(in crate::backend::process) fn now_nanos() -> u64 {
    static PER_SECOND: OnceLock<u64> = OnceLock::new();
    let read = |clock: unsafe extern "system" fn(*mut i64) -> windows_sys::core::BOOL| {
        let mut ticks = 0;
        // SAFETY: the call writes the number, and cannot fail on a system that Rust supports.
        unsafe { clock(&mut ticks) };
        ticks.cast_unsigned()
    };
    let per_second = *PER_SECOND.get_or_init(|| read(QueryPerformanceFrequency).max(1));
    let ticks = u128::from(read(QueryPerformanceCounter));
    (ticks * 1_000_000_000 / u128::from(per_second)) as u64
}
