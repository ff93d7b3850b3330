//! The process backend's interface to the operating system, and its one `cfg` switch.
//!
//! All unsafe code of the backend is in this folder, [`shm`](super::shm) and
//! [`identity`](super::identity); each block states its reason. With `--cfg windrow_portable`, a
//! build for Linux uses the code for macOS.

mod names;
mod program;

#[cfg(unix)]
mod build_id;
#[cfg(unix)]
mod channel;
pub(super) mod exit_code;
#[cfg(unix)]
mod kin;
#[cfg(unix)]
mod memory;
#[cfg(unix)]
mod process;
#[cfg(windows)]
mod windows;

#[cfg(all(target_os = "linux", not(windrow_portable)))]
mod groups;
#[cfg(all(target_os = "linux", not(windrow_portable)))]
mod linux;
#[cfg(all(target_os = "linux", not(windrow_portable)))]
use linux as os;
#[cfg(all(unix, not(all(target_os = "linux", not(windrow_portable)))))]
mod portable;
#[cfg(all(unix, not(all(target_os = "linux", not(windrow_portable)))))]
use portable as os;
#[cfg(windows)]
use windows::{self as channel, self as kin, self as memory, self as os, self as process};

pub(super) use channel::{Channel, Handle, HandleRef, Link, Source, Waker, borrowed, wait_for};
pub(super) use kin::threads;
pub(super) use memory::Memory;
pub(super) use os::{Image, memory_available, out_of_memory_kills, own_path, rss};
pub(super) use process::{
    Process, SPLITS, become_worker, block_interrupts, exit_now, flush, forget, now_nanos, parent,
};
pub(super) use program::{Ended, Program};
