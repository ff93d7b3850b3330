//! What the process backend asks of the operating system. The `cfg` switch of this room.
//!
//! Everything unsafe of the crate is in this folder and in [`recipe`](super::recipe), each block
//! with its reason. Building with `--cfg windrow_portable` takes Linux the way that macOS goes.

mod board;
mod channel;
mod memory;
mod process;
mod region;

#[cfg(all(target_os = "linux", not(windrow_portable)))]
mod groups;
#[cfg(all(target_os = "linux", not(windrow_portable)))]
mod linux;
#[cfg(all(target_os = "linux", not(windrow_portable)))]
use linux as os;
#[cfg(not(all(target_os = "linux", not(windrow_portable))))]
mod portable;
#[cfg(not(all(target_os = "linux", not(windrow_portable))))]
use portable as os;

pub(super) use board::{Board, Stage};
pub(super) use channel::{Channel, Link, Waker, wait_for};
pub(super) use memory::Memory;
pub(super) use os::{Image, memory_available, out_of_memory_kills, own_path, rss};
pub(super) use process::{
    Ended, Process, Program, become_worker, block_interrupts, exit_now, leave_terminal, now_nanos,
    parent, threads,
};
pub(super) use region::{OpenSlot, Region, Slots};
