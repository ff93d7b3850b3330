//! Files and documents from outside, and what reads them.

#[cfg(all(feature = "csv", feature = "gz", feature = "image", feature = "jsonl", feature = "tar"))]
mod decoders;
#[cfg(feature = "image")]
mod pictures;
mod sources;
mod spy;

#[global_allocator]
static SPY: spy::Spy = spy::Spy;
