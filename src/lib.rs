//! windrow
#![cfg_attr(test, allow(missing_docs))]

pub mod dataset;
pub mod error;
pub mod order;
pub mod source;
pub mod stage;

pub use dataset::Dataset;
pub use error::{Error, Fault, FaultKind, Result};
pub use order::State;
pub use source::{from_vec, range, source};
