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

/// The names that errors give to the ends of workers: by [`end_self`] with 9, by `abort`, by a stray
/// pointer, by a stack overflow.
pub const KILLED: &str = "exited with code 9";
pub const ABORTED: &str = "ended by abort (0xC0000409)";
pub const STRAYED: &str = "ended by an access violation (0xC0000005)";
pub const OVERFLOWED: &str = "ended by a stack overflow (0xC00000FD)";
/// The ways to end a program from outside.
pub const ENDS: &[super::End] =
    &[("Ctrl-Break", interrupt, Some(130)), ("TerminateProcess", kill, Some(9))];
/// Whether the system can fork a process.
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

/// Writes to the channel of this worker without the worker's knowledge.
pub fn write_to_channel(bytes: &[u8]) {
    let (mut written, null) = (0, std::ptr::null_mut());
    // SAFETY: the handle is open, and the tests expect every use of it.
    let done =
        unsafe { WriteFile(channel(), bytes.as_ptr(), bytes.len() as u32, &raw mut written, null) };
    assert_eq!((done, written as usize), (1, bytes.len()));
}

/// Closes the channel of this worker for writing, or for both directions if the system cannot close one.
pub fn hush_channel() {
    close_channel();
}

/// Closes the channel of this worker without the worker's knowledge.
pub fn close_channel() {
    // SAFETY: none. The test checks what a worker does after this violation.
    unsafe { CloseHandle(channel()) };
}

/// Returns the channel, which is the one pipe of this process with a buffer of 512 KiB.
fn channel() -> HANDLE {
    let is_channel = |handle: &HANDLE| {
        let (null, mut buffer) = (std::ptr::null_mut(), 0);
        // SAFETY: the calls refuse handles that are not open or not a pipe.
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

/// Ends a process at once, and returns whether it existed.
pub fn kill(pid: u32) -> bool {
    // SAFETY: the handle is closed again, and the calls refuse a process that has ended.
    unsafe {
        let process = OpenProcess(PROCESS_TERMINATE, 0, pid);
        let killed = !process.is_null() && TerminateProcess(process, 9) != 0;
        CloseHandle(process);
        killed
    }
}

/// Returns whether a process has not ended.
pub fn is_running(pid: u32) -> bool {
    // SAFETY: the handle is closed again.
    unsafe {
        let process = OpenProcess(PROCESS_SYNCHRONIZE, 0, pid);
        let running = !process.is_null() && WaitForSingleObject(process, 0) == WAIT_TIMEOUT;
        CloseHandle(process);
        running
    }
}

/// Returns whether a process is a child of this process, and has not ended; Windows has nothing to reap.
pub fn is_child(pid: u32) -> bool {
    children_of(std::process::id()).contains(&pid)
}

/// Returns the time at which a process started, in ticks of 100 ns, if the system tells it.
fn start_of(pid: u32) -> Option<u64> {
    let mut times = [windows_sys::Win32::Foundation::FILETIME::default(); 4];
    let [start, end, kernel, user] = &mut times;
    // SAFETY: the handle is closed again, and the call writes the times.
    let known = unsafe {
        let process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, pid);
        let known = !process.is_null() && GetProcessTimes(process, start, end, kernel, user) != 0;
        CloseHandle(process);
        known
    };
    known.then(|| u64::from(start.dwHighDateTime) << 32 | u64::from(start.dwLowDateTime))
}

/// Returns the processes that a process has started, and that have not ended. A snapshot may list others:
/// ended processes, and processes older than this one, whose parent was another process with its number.
pub fn children_of(pid: u32) -> Vec<u32> {
    let length = size_of::<PROCESSENTRY32>() as u32;
    let mut entry = PROCESSENTRY32 { dwSize: length, ..PROCESSENTRY32::default() };
    let mut children = Vec::new();
    // SAFETY: `dwSize` is the length of the entry, and the snapshot is closed again.
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

/// Returns the number of open handles of this process.
pub fn open_files() -> usize {
    let mut count = 0;
    // SAFETY: the call writes the number.
    assert_ne!(unsafe { GetProcessHandleCount(GetCurrentProcess(), &raw mut count) }, 0);
    count as usize
}

/// Sends Ctrl-Break to a group of processes, such as a worker's, and returns whether the system could.
/// Windows cannot send Ctrl-C to one group alone.
pub fn interrupt(pid: u32) -> bool {
    // SAFETY: the call affects no other group of processes.
    unsafe { GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, pid) != 0 }
}

/// Makes no named pipe, since no folder of Windows holds one.
pub fn make_pipe(_: &std::path::Path) -> bool {
    println!("skipped: Windows has no pipes in folders");
    false
}

/// Starts a program that a test can interrupt alone.
pub fn spawn_group(command: &mut std::process::Command) -> std::process::Child {
    use std::os::windows::process::CommandExt;
    let group = windows_sys::Win32::System::Threading::CREATE_NEW_PROCESS_GROUP;
    command.creation_flags(group).spawn().unwrap()
}
