//! A deterministic, resumable, parallel data loader.
//!
//! windrow reads, transforms, shuffles and batches samples on many workers. A loader yields the
//! same batches, bit for bit, in the same order, on every backend and with any number of workers. A
//! state saved on one backend resumes on any other.
//!
//! ```
//! use windrow::{Dataset, Loader, State, range};
//!
//! # fn main() -> windrow::Result<()> {
//! let pipeline = || range(0..1_000).shuffle(7).map(|x| x * 2).repeat(3).batch(10);
//! let mut loader = Loader::builder(pipeline()).workers(4).build()?;
//! let first = loader.next().expect("300 batches")?;
//! let saved: String = first.state().to_json();
//!
//! // Elsewhere, later, with another number of workers:
//! let state = State::from_json(&saved)?;
//! let mut again = Loader::builder(pipeline()).workers(1).resume(&state).build()?;
//! let (a, b) = (loader.next().expect("299 more")?, again.next().expect("299 more")?);
//! assert_eq!(a.into_inner(), b.into_inner());
//! # Ok(())
//! # }
//! ```
//!
//! # Guide
//!
//! [The guide](../../guide/index.html) teaches windrow in an hour, from the first pipeline to worker
//! processes and checkpoints. One chapter leads from PyTorch, Grain, tf.data and WebDataset to
//! windrow. `scripts/docs` builds the guide beside this reference. The chapters are in `www/guide`,
//! also of the published package.
//!
//! # Map
//!
//! The content of a position in the stream is a pure function of the pipeline, its seeds and the
//! position. Workers only fill positions, so they cannot change the content of one.
//!
//! - A pipeline begins with a [`Dataset`]: a [source](from_source) and its combinators. The dataset
//!   is random access and runs in workers.
//! - A source without a length begins with [`iterable::from_iterable`] instead.
//! - After [`Dataset::ordered`] come [stages](stage), which need their samples one after another.
//!   Stages run on the caller's side.
//! - A [`Loader`] runs a pipeline on a [`Backend`] and is an iterator of [`Batch`]es.
//! - A [`State`] names a pipeline and a place in its stream.
//! - A [`Reducer`] merges the values that a pipeline adds beside its samples, such as counts and
//!   sums.
//! - A pipeline over [records](dataset::Record) can also be a JSON document: see [`spec`].
//!
//! # Invariants
//!
//! `clippy.toml`, or a test in `tests/house.rs` or `tests/loader/conformance.rs`, enforces each
//! one.
//!
//! - The order modules ([`order`], `engine`, [`stage`]) do no input or output, start no thread and
//!   read no clock.
//! - A backend sees tasks and results, never the plan or the state.
//! - A state names no worker and no backend.
//! - A module imports only from the ones after it: run; loader; spec, sink, iterable; backend; engine, stage,
//!   source; dataset; order; error.
//! - No number that decides an order is a `usize`, whose width depends on the platform.
//!
//! # Features
//!
//! No feature is on by default.
//!
//! - `csv`: the source `csv`.
//! - `gz`: gzip-compressed `csv` and `idx` files.
//! - `image`: the ops `decode_image`, for PNG and JPEG, and `resize`.
//! - `jsonl`: the source `jsonl`.
//! - `mmap`: `source::Mapped`, a file mapped into memory at the code's request.
//! - `schema`: `spec::Spec::json_schema`, the JSON Schema of pipeline documents. Types of the
//!   document implement `schemars::JsonSchema`, and these implementations may change.
//! - `tar`: the source `tar`.
//! - `stream`: `futures_core::Stream` for [`Loader`].
//! - `rand`: `rand_core`'s traits for [`order::Rng`], so that the distributions of `rand` accept
//!   it.
//! - `web`: the binding for browsers and Node, on `wasm32-unknown-unknown` only.
//! - `cli`: the `windrow` command, and the features it needs.

#![deny(missing_docs, missing_debug_implementations)]
#![deny(clippy::missing_errors_doc, clippy::missing_panics_doc, clippy::unwrap_used)]
#![deny(clippy::allow_attributes_without_reason, clippy::undocumented_unsafe_blocks)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout)]

pub mod backend;
pub mod dataset;
mod engine;
pub mod error;
#[cfg(doctest)]
mod guide;
pub mod iterable;
pub mod loader;
pub mod order;
pub mod run;
pub mod sink;
pub mod source;
pub mod spec;
pub mod stage;
#[cfg(all(target_arch = "wasm32", feature = "web"))]
pub mod web;

pub use backend::{Backend, WorkerContext, init};
pub use dataset::{Dataset, Reduce, Reducer, concat, interleave, mix};
pub use dataset::{select_from_datasets, select_from_datasets_by};
pub use error::{BoxError, Error, Fault, FaultKind, Loss, Result};
pub use loader::{Batch, Loader, OnError};
pub use order::State;
pub use run::run;
pub use source::{from_source, from_vec, range};

/// The README's examples, which run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
