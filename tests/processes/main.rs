//! Worker processes: what crosses, what happens when they die, and what is left of them.
#![cfg(any(unix, windows))]

mod basics;
mod clock;
#[path = "../common/mod.rs"]
mod common;
mod ends;
mod faults;
mod lies;
mod limits;
mod lives;
mod local;
mod moments;
mod own;
mod panics;
mod reduce;
mod same;
mod slots;

windrow::test_entry!();
