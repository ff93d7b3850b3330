//! The samples of an archive, and where their bytes lie.

use std::sync::Arc;

/// A sample of an archive.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) archive: u32,
    pub(super) key: Box<str>,
    pub(super) parts: Vec<Part>,
}

/// A field of a sample, and where its bytes lie.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) field: Arc<str>,
    pub(super) offset: u64,
    pub(super) size: u64,
}
