//! The worker's side: where a process becomes a worker, and what it does then.

mod connection;
pub(super) mod entry;
mod fork_server;
pub(super) mod main_loop;
mod pipeline;
mod slot_allocator;
