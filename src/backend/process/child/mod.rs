//! The worker's side: the entry point, the main loop and the fork server.

mod connection;
pub(super) mod entry;
mod fork_server;
pub(super) mod main_loop;
mod pipeline;
mod slot_allocator;
