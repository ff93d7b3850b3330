//! `call`: a transform that the document names and the program that opens the document provides.
//!
//! A document cannot hold code, only a name and options; the program that opens the document passes
//! the [`Functions`]. The name and the options go into the fingerprint, the code of the function
//! does not.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::served::{ServedOptions, ServedSource};
use super::whole;
use crate::dataset::{
    Dataset, PipelineTree, Record, SampleContext, SampleResult, Transform, as_below,
};
use crate::error::Result;
use crate::order::{Description, Op};

/// The options of the op `call`, which applies a function of the opening program to each record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CallOptions {
    /// The name that the program has for the function.
    pub name: String,
    /// Any JSON value, which the function gets beside the record. The default is `null`.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub options: Value,
    /// The seed of the function's random numbers, a whole number from 0 to 2^64 - 1. The default is
    /// the document's `seed`.
    #[serde(default, with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::spec::schema::Whole<0>"))]
    pub seed: Option<u64>,
}

impl CallOptions {
    /// Creates the options of a call of this function, without options and with the document's
    /// seed.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), options: Value::Null, seed: None }
    }
}

/// A function over records, as [`Functions::get`] returns it.
///
/// The function should be pure: its result may depend on nothing but its options, the record, and
/// the random numbers of the sample's place.
pub type Function = Arc<dyn Fn(SampleContext, Record) -> SampleResult<Record> + Send + Sync>;

/// A lookup of a result that the function made earlier for the sample at a place; `None` if the
/// function has to run.
pub type Made = Arc<dyn Fn(SampleContext) -> Option<SampleResult<Record>> + Send + Sync>;

/// The functions and sources of a program, by name, for the op `call` and the source `served`.
///
/// ```
/// use std::sync::Arc;
/// use windrow::Loader;
/// use windrow::source::MemoryFiles;
/// use windrow::spec::{CallOptions, Function, Functions, Spec};
///
/// struct Mine;
///
/// impl Functions for Mine {
///     fn get(&self, call: &CallOptions, _seed: u64) -> Result<Function, String> {
///         match &*call.name {
///             "drop_value" => Ok(Arc::new(|_, mut record| {
///                 record.remove("value");
///                 Ok(Some(record))
///             })),
///             other => Err(format!("there is no function {other:?}")),
///         }
///     }
/// }
///
/// let spec = Spec::from_json(r#"{
///     "version": 1,
///     "source": {"kind": "range", "end": 3},
///     "ops": [{"op": "call", "name": "drop_value"}]
/// }"#)?;
/// let files = MemoryFiles::default();
/// let mut loader = Loader::builder(spec.open_with(&files, &Mine)?).build()?;
/// assert!(loader.next().unwrap()?.is_empty());
///
/// let message = spec.open(&files).err().unwrap().to_string();
/// assert!(message.starts_with("$.ops[0]: "), "{message}");
/// # Ok::<(), windrow::Error>(())
/// ```
pub trait Functions {
    /// Returns the function of a call; `seed` is the seed of its random numbers.
    ///
    /// # Errors
    /// Returns the reason why the program has no such function, or why the options are wrong.
    fn get(&self, call: &CallOptions, seed: u64) -> Result<Function, String>;

    /// Returns a lookup of results that a function has made already; by default `None`.
    ///
    /// The dataset asks the lookup before it makes the sample that the function gets. A function
    /// whose answer comes later uses the lookup, since the loader asks for the same sample again.
    fn made(&self, _: &CallOptions) -> Option<Made> {
        None
    }

    /// Returns the source of this name, for documents with the source `served`.
    ///
    /// # Errors
    /// Returns the reason why the program has no such source, or why the options are wrong. The
    /// default implementation always returns an error.
    fn source(&self, served: &ServedOptions) -> Result<ServedSource, String> {
        Err(format!(
            "this program has no source {:?}; open the document in a program that serves it",
            served.name
        ))
    }
}

/// The functions of a program without functions.
pub(super) struct NoFunctions;

impl Functions for NoFunctions {
    fn get(&self, call: &CallOptions, _: u64) -> Result<Function, String> {
        Err(format!(
            "this program has no function {:?}; open the document in a program that serves it",
            call.name
        ))
    }
}

/// The transform that applies a function of the program.
pub(super) struct Call {
    pub(super) options: CallOptions,
    pub(super) seed: u64,
    pub(super) function: Function,
}

impl Transform<Record> for Call {
    type Sample = Record;

    fn apply(&self, place: SampleContext, record: Record) -> SampleResult<Record> {
        // A function may return a new record, which has no keys.
        let keys = record.keys().to_vec();
        let made = (self.function)(place, record)?;
        Ok(made.map(|made| if keys.is_empty() { made } else { made.with_keys(keys) }))
    }

    fn op(&self) -> Op {
        Op::new("call")
            .with("name", &self.options.name)
            .with("options", &self.options.options)
            .with("seed", self.seed)
    }
}

/// A dataset of the results of a function, which looks for earlier results first.
pub(super) struct Remembered<D> {
    pub(super) dataset: D,
    pub(super) made: Made,
    /// The number of ops below the call.
    pub(super) op: u64,
}

impl<D: Dataset<Sample = Record>> Dataset for Remembered<D> {
    type Sample = Record;

    as_below!(has_gaps is_reshuffled is_repeated check key element_spec);

    fn len(&self) -> u64 {
        self.dataset.len()
    }

    fn get(&self, index: u64) -> SampleResult<Record> {
        let place = SampleContext { index, len: self.len(), op: self.op };
        (self.made)(place).unwrap_or_else(|| self.dataset.get(index))
    }

    fn describe(&self, description: &mut Description) {
        self.dataset.describe(description);
    }

    fn tree(&self, ops: &mut dyn Iterator<Item = Op>) -> PipelineTree {
        self.dataset.tree(ops)
    }
}
