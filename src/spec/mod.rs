//! Pipelines as JSON documents, over records of named tensors.

pub mod ops;
