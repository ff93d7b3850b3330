//! Worker processes: what crosses, what happens when they die, and what is left of them.
#![cfg(any(unix, windows))]

mod basics;
mod clock;
#[path = "../common/mod.rs"]
mod common;
mod crash_timing;
mod ends;
mod faults;
mod limits;
mod lives;
mod local;
mod malformed_peer;
mod own;
mod panics;
mod profile;
mod reduce;
mod run_orders;
mod run_reduce;
mod runs;
mod same;
mod slots;

windrow::test_entry!();
