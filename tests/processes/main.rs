//! Worker processes: what crosses, what happens when they die, and what is left of them.
#![cfg(unix)]

mod basics;
#[path = "../common/mod.rs"]
mod common;
mod faults;
#[cfg(unix)]
mod lies;
mod lives;
#[cfg(unix)]
mod moments;
mod reduce;
mod same;
mod slots;

windrow::test_entry!();
