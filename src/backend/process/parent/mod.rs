//! The loader's side: slots and their owners, fork servers, decoding of samples.

pub(super) mod cost;
pub(super) mod decode;
pub(super) mod fork_server;
pub(super) mod shared;
pub(super) mod slot_table;
pub(super) mod slots;
