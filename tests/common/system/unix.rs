//! Signals, and `/proc` where processes are counted.

use std::time::Duration;

use rustix::process::{Pid, Signal, getpid, kill_process};

/// How the ends of workers are called: by SIGKILL, by `abort`, by a stray pointer, by a stack that
/// is too deep.
pub const KILLED: &str = "killed by SIGKILL";
pub const ABORTED: &str = "killed by SIGABRT";
pub const STRAYED: &str = "killed by SIGSEGV";
pub const OVERFLOWED: &str = "killed by SIGABRT";
/// The ways to end a program from outside.
pub const ENDS: &[super::End] =
    &[("SIGINT", interrupt, Some(130)), ("SIGTERM", terminate, Some(130)), ("SIGKILL", kill, None)];
/// Whether processes can be split in two.
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
    // The signal may have gone to another thread, and this one stops a little later.
    loop {
        std::thread::sleep(Duration::from_secs(600));
    }
}

/// Writes to the channel of this worker behind its back.
pub fn write_to_channel(bytes: &[u8]) {
    assert_eq!(rustix::io::write(channel(), bytes).unwrap(), bytes.len());
}

/// Closes the channel of this worker for writing, and where that cannot be done alone, altogether.
pub fn hush_channel() {
    rustix::net::shutdown(channel(), rustix::net::Shutdown::Write).unwrap();
}

fn channel() -> std::os::fd::BorrowedFd<'static> {
    let channel = descriptors().into_iter().filter(|&number| number >= 64).min().unwrap();
    // SAFETY: the descriptor is open as long as this process, and nobody is surprised here by what is
    // done to it.
    unsafe { std::os::fd::BorrowedFd::borrow_raw(channel) }
}

/// Closes the channel of this worker behind its back, with all else that it has open.
pub fn close_channel() {
    for fd in descriptors().into_iter().filter(|&fd| fd > 2) {
        if std::fs::read_link(format!("/proc/self/fd/{fd}")).is_ok() {
            // SAFETY: it is not; that is the point.
            unsafe { rustix::io::close(fd) };
        }
    }
}

fn descriptors() -> Vec<i32> {
    let fds = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    fds.filter_map(|fd| fd.file_name().to_str()?.parse().ok()).collect()
}

/// Ends a process at once; whether there was one.
pub fn kill(pid: u32) -> bool {
    kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL).is_ok()
}

/// Whether a process has not ended.
pub fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// Whether a process is this one's child, and not reaped.
pub fn is_child(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    let own = std::process::id().to_string();
    stat.is_ok_and(|stat| stat.rsplit(") ").next().unwrap().split(' ').nth(1) == Some(&*own))
}

/// The processes that this one has started.
pub fn children_of(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let of = |task: std::fs::DirEntry| {
        std::fs::read_to_string(task.path().join("children")).unwrap_or_default()
    };
    let children: String = tasks.map(of).collect();
    children.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// How many descriptors this process has open.
pub fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Does to a process what Ctrl-C does; whether that can be done here.
pub fn interrupt(pid: u32) -> bool {
    kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::INT).is_ok()
}

/// Asks a process to end; whether that can be done here.
pub fn terminate(pid: u32) -> bool {
    kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::TERM).is_ok()
}

/// Makes a pipe that has a name; whether that can be done here.
pub fn make_pipe(path: &std::path::Path) -> bool {
    std::process::Command::new("mkfifo").arg(path).status().is_ok_and(|status| status.success())
}

/// Starts a program that can be interrupted for itself.
pub fn spawn_group(command: &mut std::process::Command) -> std::process::Child {
    command.spawn().unwrap()
}
