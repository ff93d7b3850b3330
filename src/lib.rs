//! windrow
#![cfg_attr(test, allow(missing_docs))]

pub mod backend;
pub mod dataset;
pub mod engine;
pub mod error;
pub mod loader;
pub mod order;
pub mod source;
pub mod spec;
pub mod stage;

pub use backend::Backend;
pub use dataset::Dataset;
pub use error::{Error, Fault, FaultKind, Result};
pub use loader::{Batch, Loader, OnError};
pub use order::State;
pub use source::{from_vec, range, source};
