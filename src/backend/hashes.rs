//! Hashes of samples, between those that make samples and the loader.
//!
//! Where a sample is a batch as it is, whoever makes it hashes it too, so that workers do that beside
//! each other. A hash that is missing is made by the loader. Absent on purpose: what is hashed, and
//! the chain of hashes.

use super::by_position::ByPosition;

/// The hash of one sample.
pub(crate) type Hash = [u8; 32];

/// The hashes of samples, by position.
pub(crate) type Hashes = ByPosition<Hash>;
