//! The document as types.

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

/// A pipeline document.
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
    /// The version of the format: 1.
    pub version: u32,
    /// The seed of ops that name none; 0 by default.
    #[serde(with = "whole")]
    pub seed: u64,
    /// How many epochs a loader goes through, 1 or more or `"forever"`; 1 by default. The number is
    /// no part of the fingerprint.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "choice::epochs_word")]
    pub epochs: Option<Epochs>,
    /// Where records come from.
    pub source: SourceSpec,
    /// What workers do to each, first to last.
    pub ops: Vec<OpSpec>,
    /// What is done to them in order, first to last.
    pub stages: Vec<StageSpec>,
    /// Whether records and batches carry the [keys](crate::dataset::Record::keys) of their samples;
    /// no by default.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keys: bool,
}

impl Spec {
    /// The longest document that is read, in bytes.
    pub const BYTES_MAX: u64 = 1 << 20;

    /// A document of this source and nothing else.
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

    /// Writes the document on one line.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "JSON can say all that is in a document")]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a document has nothing that JSON cannot say")
    }
}

/// Makes an enum of choices that a tag tells apart, and the function that reads one.
macro_rules! choices {
    ($(#[$doc:meta])* $name:ident, $tag:literal, $what:literal:
     $($word:literal $variant:ident($options:ty),)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(tag = $tag)]
        #[non_exhaustive]
        pub enum $name {
            $(
                #[doc = concat!("`", $word, "`.")]
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
    /// Where records come from.
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
    /// What workers do to records.
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
    /// What is done to records in order.
    StageSpec, "stage", "stage":
    "batch" Batch(BatchOptions),
    "limit" Limit(LimitOptions),
}
