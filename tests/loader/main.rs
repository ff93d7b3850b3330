//! What a loader promises, whatever runs it: the stream, the checkpoint, the errors.

mod cases;
#[path = "../common/mod.rs"]
mod common;
mod conformance;
mod digest;
mod iterable;
mod keys;
mod panics;
mod prefetch_to_device;
mod random;
mod reduce;
mod resume;
mod served;
mod splits;
mod stages;
mod streams;
mod workers;
