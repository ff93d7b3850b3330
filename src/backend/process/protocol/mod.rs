//! What goes between the loader and its workers: frames, the messages in them, payloads.

pub(super) mod exit;
pub(super) mod frame;
pub(super) mod message;
pub(super) mod payload;
