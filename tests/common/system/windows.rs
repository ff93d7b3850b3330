//! Handles and exit codes.

use std::ptr::without_provenance_mut;
use std::time::Duration;

use windows_sys::Win32::Foundation::{CloseHandle, HANDLE, INVALID_HANDLE_VALUE, WAIT_TIMEOUT};
use windows_sys::Win32::Storage::FileSystem::{FILE_TYPE_PIPE, GetFileType, WriteFile};
use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, GenerateConsoleCtrlEvent};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32, Process32First, Process32Next, TH32CS_SNAPPROCESS,
};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::Pipes::GetNamedPipeInfo;
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetProcessHandleCount, GetProcessTimes, OpenProcess,
    PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, PROCESS_TERMINATE, TerminateProcess,
    WaitForSingleObject,
};

/// How the ends of workers are called: by [`end_self`] with 9, by `abort`, by a stray pointer, by a
/// stack that is too deep.
pub const KILLED: &str = "exited with code 9";
pub const ABORTED: &str = "ended by abort (0xC0000409)";
pub const STRAYED: &str = "ended by an access violation (0xC0000005)";
pub const OVERFLOWED: &str = "ended by a stack overflow (0xC00000FD)";
/// The ways to end a program from outside.
pub const ENDS: &[super::End] =
    &[("Ctrl-Break", interrupt, Some(130)), ("TerminateProcess", kill, Some(9))];
/// Whether processes can be split in two.
pub const SPLITS: bool = false;

pub fn is_wine() -> bool {
    // SAFETY: the names end with zeros, and the library is part of every process.
    unsafe {
        let ntdll = GetModuleHandleW("ntdll.dll\0".encode_utf16().collect::<Vec<_>>().as_ptr());
        GetProcAddress(ntdll, c"wine_get_version".as_ptr().cast()).is_some()
    }
}

/// Ends this process with a code, as another process would.
pub fn end_self(code: i32) {
    // SAFETY: it ends the process and runs nothing.
    unsafe { TerminateProcess(GetCurrentProcess(), code as u32) };
}

/// Stops this process for good, without ending it.
pub fn stop_self() -> ! {
    #[link(name = "ntdll", kind = "raw-dylib")]
    unsafe extern "system" {
        fn NtSuspendProcess(process: HANDLE) -> i32;
    }
    // SAFETY: it stops the threads of this process.
    unsafe { NtSuspendProcess(GetCurrentProcess()) };
    loop {
        std::thread::sleep(Duration::from_secs(600));
    }
}

/// Writes to the channel of this worker behind its back.
pub fn write_to_channel(bytes: &[u8]) {
    let (mut written, null) = (0, std::ptr::null_mut());
    // SAFETY: the handle is open, and nobody is surprised here by what is done to it.
    let done =
        unsafe { WriteFile(channel(), bytes.as_ptr(), bytes.len() as u32, &raw mut written, null) };
    assert_eq!((done, written as usize), (1, bytes.len()));
}

/// Closes the channel of this worker for writing, and where that cannot be done alone, altogether.
pub fn hush_channel() {
    close_channel();
}

/// Closes the channel of this worker behind its back.
pub fn close_channel() {
    // SAFETY: it is not; that is the point.
    unsafe { CloseHandle(channel()) };
}

/// The channel: of the pipes of this process, the one with a buffer like no other.
fn channel() -> HANDLE {
    let is_channel = |handle: &HANDLE| {
        let (null, mut buffer) = (std::ptr::null_mut(), 0);
        // SAFETY: handles that are not open or not a pipe are only refused.
        unsafe {
            GetFileType(*handle) == FILE_TYPE_PIPE
                && GetNamedPipeInfo(*handle, null, &raw mut buffer, null, null) != 0
                && buffer == 512 << 10
        }
    };
    let mut found = (1..5000).map(|number| without_provenance_mut(4 * number)).filter(is_channel);
    let channel = found.next().expect("a worker has a channel");
    assert_eq!(found.next(), None, "a worker has one channel");
    channel
}

/// Ends a process at once; whether there was one.
pub fn kill(pid: u32) -> bool {
    // SAFETY: the handle is closed again; a process that has ended is only refused.
    unsafe {
        let process = OpenProcess(PROCESS_TERMINATE, 0, pid);
        let killed = !process.is_null() && TerminateProcess(process, 9) != 0;
        CloseHandle(process);
        killed
    }
}

/// Whether a process has not ended.
pub fn is_running(pid: u32) -> bool {
    // SAFETY: the handle is closed again.
    unsafe {
        let process = OpenProcess(PROCESS_SYNCHRONIZE, 0, pid);
        let running = !process.is_null() && WaitForSingleObject(process, 0) == WAIT_TIMEOUT;
        CloseHandle(process);
        running
    }
}

/// Whether a process is this one's child, and has not ended: there is nothing to reap.
pub fn is_child(pid: u32) -> bool {
    children_of(std::process::id()).contains(&pid)
}

/// When a process started, where it can be asked; in ticks of 100 ns.
fn start_of(pid: u32) -> Option<u64> {
    let mut times = [windows_sys::Win32::Foundation::FILETIME::default(); 4];
    let [start, end, kernel, user] = &mut times;
    // SAFETY: the handle is closed again, and the times are written by the call.
    let known = unsafe {
        let process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, pid);
        let known = !process.is_null() && GetProcessTimes(process, start, end, kernel, user) != 0;
        CloseHandle(process);
        known
    };
    known.then(|| u64::from(start.dwHighDateTime) << 32 | u64::from(start.dwLowDateTime))
}

/// The processes that this one has started, and that have not ended. A snapshot may list others: those
/// that have ended, and those older than this one, whose parent was another process of its number.
pub fn children_of(pid: u32) -> Vec<u32> {
    let length = size_of::<PROCESSENTRY32>() as u32;
    let mut entry = PROCESSENTRY32 { dwSize: length, ..PROCESSENTRY32::default() };
    let mut children = Vec::new();
    // SAFETY: the entry is as long as it says, and the snapshot is closed again.
    unsafe {
        let snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
        assert_ne!(snapshot, INVALID_HANDLE_VALUE);
        let mut more = Process32First(snapshot, &raw mut entry);
        while more != 0 {
            children.extend((entry.th32ParentProcessID == pid).then_some(entry.th32ProcessID));
            more = Process32Next(snapshot, &raw mut entry);
        }
        CloseHandle(snapshot);
    }
    children.retain(|&child| is_running(child) && start_of(child) >= start_of(pid));
    children
}

/// How many handles this process has open.
pub fn open_files() -> usize {
    let mut count = 0;
    // SAFETY: the number is written by the call.
    assert_ne!(unsafe { GetProcessHandleCount(GetCurrentProcess(), &raw mut count) }, 0);
    count as usize
}

/// Does to a group of processes, such as a worker is one, what Ctrl-Break does; whether that can be
/// done here. Ctrl-C cannot be sent to one group alone.
pub fn interrupt(pid: u32) -> bool {
    // SAFETY: it concerns no other process.
    unsafe { GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, pid) != 0 }
}

/// Makes a pipe that has a name; no folder of Windows holds one.
pub fn make_pipe(_: &std::path::Path) -> bool {
    println!("skipped: pipes do not lie in folders");
    false
}

/// Starts a program that can be interrupted for itself.
pub fn spawn_group(command: &mut std::process::Command) -> std::process::Child {
    use std::os::windows::process::CommandExt;
    let group = windows_sys::Win32::System::Threading::CREATE_NEW_PROCESS_GROUP;
    command.creation_flags(group).spawn().unwrap()
}
