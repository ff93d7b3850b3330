//! What tests ask of the operating system: how processes are looked at and done away with. The
//! promises are the same everywhere; only the means are here.
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

/// Whether something must be left out since Wine, which is not Windows, cannot do it; says so.
pub fn leave_to_windows(what: &str) -> bool {
    let wine = is_wine();
    if wine {
        println!("skipped under Wine: {what}");
    }
    wine
}

/// What a process occupies before it does anything, where that is much: Wine keeps the whole file of
/// a program in memory for each process, debug information included.
pub fn program_bytes() -> u64 {
    let file = std::env::current_exe().and_then(std::fs::metadata);
    if is_wine() { file.map_or(0, |file| file.len()) } else { 0 }
}
