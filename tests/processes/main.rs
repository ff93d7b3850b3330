//! Worker processes: what crosses, what happens when they die, and what is left of them.
#![cfg(any(unix, windows))]

mod basics;
#[path = "../common/mod.rs"]
mod common;
mod faults;
mod lies;
mod lives;
mod moments;
mod reduce;
mod same;
mod slots;

windrow::test_entry!();
