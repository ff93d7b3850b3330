//! `call`: a transform that the document names and the program that opens it has.
//!
//! A document cannot hold code. It holds a name and options, which go into the fingerprint; whoever
//! opens it gives the [`Functions`]. What a function does is not told apart, only its name and
//! options are.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::options::whole;
use super::served::{ServedOptions, ServedSource};
use crate::dataset::{Dataset, Record, SampleContext, SampleResult, Transform, as_below};
use crate::error::Result;
use crate::order::{Description, Op};

/// The options of the op `call`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CallOptions {
    /// The name of the function.
    pub name: String,
    /// What the function is given beside the record; `null` by default.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub options: Value,
    /// The seed of its random numbers; the document's by default.
    #[serde(default, with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::spec::schema::Whole<0>"))]
    pub seed: Option<u64>,
}

impl CallOptions {
    /// A call of this function without options, with the document's seed.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), options: Value::Null, seed: None }
    }
}

/// A function over records, as [`Functions`] gives it. It should be pure: what it makes may depend
/// on nothing but its options, the record, and the random numbers of its place.
pub type Function = Arc<dyn Fn(SampleContext, Record) -> SampleResult<Record> + Send + Sync>;

/// What there is already of the sample at a place: `None` where it has to be made.
pub type Made = Arc<dyn Fn(SampleContext) -> Option<SampleResult<Record>> + Send + Sync>;

/// Functions and sources by name, for documents with the op `call` or the source `served`.
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
    /// The function of a call, with the seed for its random numbers.
    ///
    /// # Errors
    /// Why there is none: its name or its options.
    fn get(&self, call: &CallOptions, seed: u64) -> Result<Function, String>;

    /// What a function has made already, asked before anything below it is made: for functions
    /// whose answer comes later, so that the same sample is asked for again. By default nothing.
    fn made(&self, _: &CallOptions) -> Option<Made> {
        None
    }

    /// The source of this name, for documents with the source `served`.
    ///
    /// # Errors
    /// Why there is none, which is what happens unless this is implemented.
    fn source(&self, served: &ServedOptions) -> Result<ServedSource, String> {
        Err(format!(
            "this program has no source {:?}; open the document where it is served",
            served.name
        ))
    }
}

/// No function at all.
pub(super) struct NoFunctions;

impl Functions for NoFunctions {
    fn get(&self, call: &CallOptions, _: u64) -> Result<Function, String> {
        Err(format!(
            "this program has no function {:?}; open the document where it is served",
            call.name
        ))
    }
}

/// A function as a transform.
pub(super) struct Call {
    pub(super) options: CallOptions,
    pub(super) seed: u64,
    pub(super) function: Function,
}

impl Transform<Record> for Call {
    type Sample = Record;

    fn apply(&self, place: SampleContext, record: Record) -> SampleResult<Record> {
        // A function may answer with a record of its own.
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

/// Records over which a function was called whose answers may be there already.
pub(super) struct Remembered<D> {
    pub(super) dataset: D,
    pub(super) made: Made,
    /// How many ops are below the call.
    pub(super) op: u64,
}

impl<D: Dataset<Sample = Record>> Dataset for Remembered<D> {
    type Sample = Record;

    as_below!(has_gaps is_reshuffled is_repeated check key);

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
}
