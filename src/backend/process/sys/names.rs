//! The names of the signals and exit codes that end processes.

#[cfg(windows)]
use windows_sys::Win32::Foundation::{
    NTSTATUS, STATUS_ACCESS_VIOLATION, STATUS_CONTROL_C_EXIT, STATUS_DLL_INIT_FAILED,
    STATUS_DLL_NOT_FOUND, STATUS_HEAP_CORRUPTION, STATUS_ILLEGAL_INSTRUCTION, STATUS_IN_PAGE_ERROR,
    STATUS_INTEGER_DIVIDE_BY_ZERO, STATUS_NO_MEMORY, STATUS_STACK_BUFFER_OVERRUN,
    STATUS_STACK_OVERFLOW,
};

/// The signals of this system.
#[cfg(unix)]
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
/// The signals of this system: none on Windows.
#[cfg(windows)]
pub(super) const SIGNALS: &[(i32, &str)] = &[];

/// The exit codes with a name: none on Unix.
#[cfg(unix)]
pub(super) const CODES: &[(u32, &str)] = &[];
/// The exit codes with a name.
#[cfg(windows)]
pub(super) const CODES: &[(u32, &str)] = &[
    code(STATUS_ACCESS_VIOLATION, "an access violation"),
    code(STATUS_IN_PAGE_ERROR, "an unreadable page of a mapped file"),
    // The exit code of `abort` and of the checks of the C runtime.
    code(STATUS_STACK_BUFFER_OVERRUN, "abort"),
    code(STATUS_STACK_OVERFLOW, "a stack overflow"),
    code(STATUS_HEAP_CORRUPTION, "a corrupt heap"),
    code(STATUS_ILLEGAL_INSTRUCTION, "an illegal instruction"),
    code(STATUS_INTEGER_DIVIDE_BY_ZERO, "a division by zero"),
    code(STATUS_NO_MEMORY, "a lack of memory"),
    code(STATUS_CONTROL_C_EXIT, "Ctrl-C"),
    code(STATUS_DLL_NOT_FOUND, "a missing DLL"),
    code(STATUS_DLL_INIT_FAILED, "a DLL that failed to initialise"),
];

#[cfg(windows)]
const fn code(status: NTSTATUS, name: &'static str) -> (u32, &'static str) {
    (status.cast_unsigned(), name)
}
