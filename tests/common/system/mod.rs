//! The system calls of the tests: they look at processes, and end them. Each system has a module with the
//! same names.
#![allow(dead_code, unsafe_code)]

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::*;
#[cfg(windows)]
pub use windows::*;

/// How many times its limit a test may take: limits are for an idle machine, and a hang has no end.
pub const PATIENCE: u32 = 5;

/// A way to end a process from outside: its name, how it is done, and the code the command exits with.
pub type End = (&'static str, fn(u32) -> bool, Option<i32>);

/// Returns whether a test must leave out a case that Wine, unlike Windows, cannot run; prints the case.
pub fn leave_to_windows(what: &str) -> bool {
    let wine = is_wine();
    if wine {
        println!("skipped under Wine: {what}");
    }
    wine
}

/// Returns the bytes that a process occupies at its start, if they are many. Wine keeps the whole file of
/// a program in memory for each process, debug information included.
pub fn program_bytes() -> u64 {
    let file = std::env::current_exe().and_then(std::fs::metadata);
    if is_wine() { file.map_or(0, |file| file.len()) } else { 0 }
}
