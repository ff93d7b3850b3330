//! The data exchanged between the loader and its workers: frames, messages, payloads.

pub(super) mod exit;
pub(super) mod frame;
pub(super) mod message;
pub(super) mod payload;
