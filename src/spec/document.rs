//! The types of the pipeline document.

use serde::Serialize;

use super::call::CallOptions;
use super::choice;
use super::ops::{
    Cast, DecodeImage, DecodeNumber, Filter, Normalize, OneHot, Reshape, Resize, Scale, Select,
};
use super::options::{
    BatchOptions, GrainShuffleOptions, LimitOptions, RangeOptions, RepeatOptions, SampleOptions,
    ShardOptions, ShuffleOptions, SliceOptions, SplitOptions, whole,
};
use super::served::ServedOptions;
use crate::error::Result;
use crate::order::Epochs;
use crate::source::{CsvOptions, IdxOptions, ImagesOptions, JsonlOptions, NpyOptions, TarOptions};

/// A pipeline document: a source, ops and stages, read from JSON or built in code.
///
/// ```
/// use windrow::{Loader, source::MemoryFiles, spec::Spec};
/// let spec = Spec::from_json(r#"{
///     "version": 1, "seed": 7,
///     "source": {"kind": "range", "end": 100},
///     "ops": [{"op": "shuffle"}],
///     "stages": [{"stage": "batch", "size": 10}]
/// }"#)?;
/// let loader = Loader::builder(spec.open(&MemoryFiles::default())?).build()?;
/// assert_eq!(loader.count(), 10);
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Spec {
    /// The version of the format. The only version is 1.
    pub version: u32,
    /// The seed of every op without a seed, a whole number from 0 to 2^64 - 1. The default is 0.
    #[serde(with = "whole")]
    pub seed: u64,
    /// The number of epochs of a loader: a whole number from 1 to 2^64 - 1, or `"forever"`. The
    /// default is 1. The number is no part of the fingerprint.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "choice::epochs_word")]
    pub epochs: Option<Epochs>,
    /// The source that the records come from.
    pub source: SourceSpec,
    /// The ops that workers apply to each record, first to last: at most 1,000. The default is
    /// none.
    pub ops: Vec<OpSpec>,
    /// The stages that the loader applies to the records in order, first to last: at most 1,000.
    /// The default is none.
    pub stages: Vec<StageSpec>,
    /// Whether records and batches carry the [keys](crate::dataset::Record::keys) of their samples.
    /// The default is false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keys: bool,
}

impl Spec {
    /// The longest document that [`from_json`](Self::from_json) reads, in bytes: 1 MiB.
    pub const BYTES_MAX: u64 = 1 << 20;

    /// Creates a document with a source, seed 0, and no ops or stages.
    ///
    /// ```
    /// use windrow::spec::{OpSpec, RangeOptions, ShuffleOptions, SourceSpec, Spec};
    /// let mut spec = Spec::new(SourceSpec::Range(RangeOptions::new(0..100)));
    /// spec.ops.push(OpSpec::Shuffle(ShuffleOptions::new(7)));
    /// assert_eq!(Spec::from_json(&spec.to_json())?, spec);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    #[must_use]
    pub fn new(source: SourceSpec) -> Self {
        Self {
            version: 1,
            seed: 0,
            epochs: None,
            source,
            ops: Vec::new(),
            stages: Vec::new(),
            keys: false,
        }
    }

    /// Returns the document as one line of JSON.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "JSON can represent every document")]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("JSON can represent every document")
    }
}

/// Defines an enum whose variants a tag tells apart, and the function that reads a variant.
macro_rules! choices {
    ($(#[$doc:meta])* $name:ident, $tag:literal, $what:literal:
     $($word:literal $variant:ident($options:ty),)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(tag = $tag)]
        #[non_exhaustive]
        pub enum $name {
            $(
                #[doc = concat!("The ", $what, " `", $word, "`.")]
                #[serde(rename = $word)]
                $variant($options),
            )*
        }

        impl choice::Choice for $name {
            const TAG: &'static str = $tag;
            const WHAT: &'static str = $what;
            const WORDS: &'static [&'static str] = &[$($word),*];

            fn read(word: &str, options: serde_json::Value, path: &str) -> Option<Result<Self>> {
                match word {
                    $($word => Some(choice::at(path, options).map(Self::$variant)),)*
                    _ => None,
                }
            }
        }
    };
}

choices! {
    /// A source of records, by the word in its `kind`.
    SourceSpec, "kind", "source":
    "range" Range(RangeOptions),
    "csv" Csv(CsvOptions),
    "npy" Npy(NpyOptions),
    "idx" Idx(IdxOptions),
    "tar" Tar(TarOptions),
    "jsonl" Jsonl(JsonlOptions),
    "images" Images(ImagesOptions),
    "served" Served(ServedOptions),
}

choices! {
    /// A step that workers apply to each record, by the word in its `op`.
    OpSpec, "op", "op":
    "shuffle" Shuffle(ShuffleOptions),
    "shuffle_once" ShuffleOnce(ShuffleOptions),
    "shuffle_like_grain" GrainShuffle(GrainShuffleOptions),
    "split" Split(SplitOptions),
    "slice" Slice(SliceOptions),
    "sample" Sample(SampleOptions),
    "repeat" Repeat(RepeatOptions),
    "shard" Shard(ShardOptions),
    "batch" Batch(BatchOptions),
    "select" Select(Select),
    "cast" Cast(Cast),
    "reshape" Reshape(Reshape),
    "scale" Scale(Scale),
    "one_hot" OneHot(OneHot),
    "filter" Filter(Filter),
    "decode_image" DecodeImage(DecodeImage),
    "decode_number" DecodeNumber(DecodeNumber),
    "resize" Resize(Resize),
    "normalize" Normalize(Normalize),
    "call" Call(CallOptions),
}

choices! {
    /// A step that the loader applies to the records in order, by the word in its `stage`.
    StageSpec, "stage", "stage":
    "batch" Batch(BatchOptions),
    "limit" Limit(LimitOptions),
}
