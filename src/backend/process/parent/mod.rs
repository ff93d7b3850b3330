//! The loader's side: slots and who has them, fork servers, samples out of bytes.

pub(super) mod cost;
pub(super) mod decode;
pub(super) mod fork_server;
pub(super) mod shared;
pub(super) mod slot_table;
pub(super) mod slots;
