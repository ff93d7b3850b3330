//! Signals, and `/proc`, in which the tests count processes.

use std::time::Duration;

use rustix::process::{Pid, Signal, getpid, kill_process};

/// The names that errors give to the ends of workers: by SIGKILL, by `abort`, by a stray pointer, by a
/// stack overflow.
pub const KILLED: &str = "killed by SIGKILL";
pub const ABORTED: &str = "killed by SIGABRT";
pub const STRAYED: &str = "killed by SIGSEGV";
pub const OVERFLOWED: &str = "killed by SIGABRT";
/// The ways to end a program from outside.
pub const ENDS: &[super::End] =
    &[("SIGINT", interrupt, Some(130)), ("SIGTERM", terminate, Some(130)), ("SIGKILL", kill, None)];
/// Whether the system can fork a process.
pub const SPLITS: bool = true;

pub fn is_wine() -> bool {
    false
}

/// Ends this process by a signal.
pub fn end_self(signal: i32) {
    kill_process(getpid(), Signal::from_named_raw(signal).unwrap()).unwrap();
}

/// Stops this process for good, without ending it.
pub fn stop_self() -> ! {
    kill_process(getpid(), Signal::STOP).unwrap();
    // The signal may have gone to another thread; then this thread stops a little later.
    loop {
        std::thread::sleep(Duration::from_secs(600));
    }
}

/// Writes to the channel of this worker without the worker's knowledge.
pub fn write_to_channel(bytes: &[u8]) {
    assert_eq!(rustix::io::write(channel(), bytes).unwrap(), bytes.len());
}

/// Closes the channel of this worker for writing, or for both directions if the system cannot close one.
pub fn hush_channel() {
    rustix::net::shutdown(channel(), rustix::net::Shutdown::Write).unwrap();
}

fn channel() -> std::os::fd::BorrowedFd<'static> {
    let channel = descriptors().into_iter().filter(|&number| number >= 64).min().unwrap();
    // SAFETY: the descriptor is open as long as this process, and the tests expect every use of it.
    unsafe { std::os::fd::BorrowedFd::borrow_raw(channel) }
}

/// Closes the channel of this worker, and all its other descriptors, without the worker's knowledge.
pub fn close_channel() {
    for fd in descriptors().into_iter().filter(|&fd| fd > 2) {
        if std::fs::read_link(format!("/proc/self/fd/{fd}")).is_ok() {
            // SAFETY: none. The test checks what a worker does after this violation.
            unsafe { rustix::io::close(fd) };
        }
    }
}

fn descriptors() -> Vec<i32> {
    let fds = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    fds.filter_map(|fd| fd.file_name().to_str()?.parse().ok()).collect()
}

/// Ends a process at once, and returns whether it existed.
pub fn kill(pid: u32) -> bool {
    kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL).is_ok()
}

/// Returns whether a process has not ended.
pub fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// Returns whether a process is a child of this process, and not reaped.
pub fn is_child(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    let own = std::process::id().to_string();
    stat.is_ok_and(|stat| stat.rsplit(") ").next().unwrap().split(' ').nth(1) == Some(&*own))
}

/// Returns the processes that a process has started.
pub fn children_of(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let of = |task: std::fs::DirEntry| {
        std::fs::read_to_string(task.path().join("children")).unwrap_or_default()
    };
    let children: String = tasks.map(of).collect();
    children.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// Returns the number of open descriptors of this process.
pub fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Sends a process the signal of Ctrl-C, and returns whether the system could.
pub fn interrupt(pid: u32) -> bool {
    kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::INT).is_ok()
}

/// Asks a process to end, and returns whether the system could.
pub fn terminate(pid: u32) -> bool {
    kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::TERM).is_ok()
}

/// Makes a named pipe, and returns whether the system could.
pub fn make_pipe(path: &std::path::Path) -> bool {
    std::process::Command::new("mkfifo").arg(path).status().is_ok_and(|status| status.success())
}

/// Starts a program that a test can interrupt alone.
pub fn spawn_group(command: &mut std::process::Command) -> std::process::Child {
    command.spawn().unwrap()
}
