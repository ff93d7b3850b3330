//! The types of the pipeline document.

use serde::Serialize;

use super::call::CallOptions;
use super::choice::{self, choices};
use super::ops::{
    Cast, DecodeImage, DecodeNumber, Filter, GaussianNoise, Noise, Normalize, OneHot,
    RandomBrightness, RandomContrast, RandomCrop, RandomErase, RandomFlip, RandomRotate90, Reshape,
    Resize, Scale, Select,
};
use super::options::{
    CacheOptions, GrainShuffleOptions, RepeatOptions, ReverseOptions, SampleOptions, ShardOptions,
    ShuffleOptions, SliceOptions, SplitOptions, SubsetOptions, WindowShuffleOptions,
};
use super::sampling::{ClassBalancedOptions, WeightedSampleOptions};
#[cfg(feature = "schema")]
use super::schema;
use super::source_spec::SourceSpec;
use super::stage_options::BatchOptions;
use super::stage_spec::StageSpec;
use super::whole;
use crate::error::Result;
use crate::order::Epochs;

/// The largest number of ops, and of stages.
pub(super) const STEPS_MAX: usize = 1_000;

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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
#[non_exhaustive]
pub struct Spec {
    /// The version of the format. The only version is 1.
    #[cfg_attr(feature = "schema", schemars(extend("const" = 1)))]
    pub version: u32,
    /// The seed of every op without a seed, a whole number from 0 to 2^64 - 1. The default is 0.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(default, with = "schema::Whole<0>"))]
    pub seed: u64,
    /// The number of epochs of a loader: a whole number from 1 to 2^64 - 1, or `"forever"`. The
    /// default is 1. The number is no part of the fingerprint.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "choice::epochs_word")]
    #[cfg_attr(feature = "schema", schemars(default, schema_with = "schema::epochs"))]
    pub epochs: Option<Epochs>,
    /// The source that the records come from.
    pub source: SourceSpec,
    /// The ops that workers apply to each record, first to last: at most 1,000. The default is
    /// none.
    #[cfg_attr(feature = "schema", schemars(default, length(max = STEPS_MAX)))]
    pub ops: Vec<OpSpec>,
    /// The stages that the loader applies to the records in order, first to last: at most 1,000.
    /// The default is none.
    #[cfg_attr(feature = "schema", schemars(default, length(max = STEPS_MAX)))]
    pub stages: Vec<StageSpec>,
    /// Whether records and batches carry the [keys](crate::dataset::Record::keys) of their samples.
    /// The default is false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "schema", schemars(default, extend("default" = false)))]
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

    /// Returns the JSON Schema (draft 2020-12) of pipeline documents: every source, op and stage with
    /// all options.
    ///
    /// Opening a document is stricter in three ways, because JSON Schema cannot express them. Numbers
    /// such as `1.0`, `1e3` and `-0` are integers in JSON Schema only. A name has at most 255 bytes,
    /// which are characters in JSON Schema. Values must also fit each other: the parts of `split` add
    /// up to 1, and no name stands twice.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn json_schema() -> serde_json::Value {
        schema::of::<Self>()
    }

    /// Returns the document as one line of JSON.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "JSON can represent every document")]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("JSON can represent every document")
    }
}

choices! {
    /// A step that workers apply to each record, by the word in its `op`.
    OpSpec, "op", "op":
    /// Puts the samples in another order in each epoch.
    ///
    /// ```json
    /// {"op": "shuffle"}
    /// ```
    "shuffle" Shuffle(ShuffleOptions),
    /// Puts the samples in one order that every epoch has.
    ///
    /// ```json
    /// {"op": "shuffle_once", "seed": 2}
    /// ```
    "shuffle_once" ShuffleOnce(ShuffleOptions),
    /// Puts the samples in the order of Grain's `index_shuffle`, another one in each epoch.
    ///
    /// ```json
    /// {"op": "shuffle_like_grain", "seed": 42}
    /// ```
    "shuffle_like_grain" GrainShuffle(GrainShuffleOptions),
    /// Puts the samples of each window of neighbours in another order in each epoch.
    ///
    /// ```json
    /// {"op": "window_shuffle", "window": 1024}
    /// ```
    "window_shuffle" WindowShuffle(WindowShuffleOptions),
    /// Keeps one of several parts. No two parts share a sample, and each epoch has the same samples.
    ///
    /// ```json
    /// {"op": "split", "parts": [0.8, 0.1, 0.1], "part": 0}
    /// ```
    "split" Split(SplitOptions),
    /// Keeps the samples from `start` to before `end`, and of those the first of every `step`.
    ///
    /// ```json
    /// {"op": "slice", "start": 100, "end": 900}
    /// ```
    "slice" Slice(SliceOptions),
    /// Keeps the samples at these indices, in this order.
    ///
    /// ```json
    /// {"op": "subset", "indices": [7, 0, 7]}
    /// ```
    "subset" Subset(SubsetOptions),
    /// Reverses the order of each epoch.
    ///
    /// ```json
    /// {"op": "reverse"}
    /// ```
    "reverse" Reverse(ReverseOptions),
    /// Keeps the first `count` samples of each epoch of a shuffled order, so other samples in each
    /// epoch.
    ///
    /// ```json
    /// {"op": "sample", "count": 60}
    /// ```
    "sample" Sample(SampleOptions),
    /// Draws samples at random for each epoch, each as likely as its weight says.
    ///
    /// ```json
    /// {"op": "weighted_sample", "weights": [1, 0.5, 2], "count": 100}
    /// ```
    "weighted_sample" WeightedSample(WeightedSampleOptions),
    /// Chooses samples for each epoch, of each class equally often. The classes take turns; `shuffle`
    /// after this op mixes them.
    ///
    /// ```json
    /// {"op": "class_balanced", "labels": [0, 0, 0, 1], "count": 6}
    /// ```
    "class_balanced" ClassBalanced(ClassBalancedOptions),
    /// Makes one longer epoch of several.
    ///
    /// ```json
    /// {"op": "repeat", "epochs": 3}
    /// ```
    "repeat" Repeat(RepeatOptions),
    /// Keeps what one of several trainers sees.
    ///
    /// ```json
    /// {"op": "shard", "index": 0, "count": 4}
    /// ```
    "shard" Shard(ShardOptions),
    /// Keeps records in memory once they were made, up to a number of bytes. A full cache keeps what it
    /// has. The op changes no record and is no part of the fingerprint. Threads share the cache. Each
    /// worker process, and each web worker without shared memory, has a separate one. The op comes
    /// before `shuffle`, `call` and all else that differs from epoch to epoch.
    ///
    /// ```json
    /// {"op": "cache", "bytes": 100000000}
    /// ```
    "cache" Cache(CacheOptions),
    /// Stacks records to batches in the workers. After an op that leaves gaps, such as `filter`, use
    /// the stage `batch`.
    ///
    /// ```json
    /// {"op": "batch", "size": 32}
    /// ```
    "batch" Batch(BatchOptions),
    /// ```json
    /// {"op": "select", "fields": ["image", "label"]}
    /// ```
    "select" Select(Select),
    /// ```json
    /// {"op": "cast", "field": "label", "dtype": "I64"}
    /// ```
    "cast" Cast(Cast),
    /// ```json
    /// {"op": "reshape", "field": "image", "shape": [1, -1]}
    /// ```
    "reshape" Reshape(Reshape),
    /// ```json
    /// {"op": "scale", "field": "image", "factor": 0.0625}
    /// ```
    "scale" Scale(Scale),
    /// ```json
    /// {"op": "one_hot", "field": "label", "classes": 10}
    /// ```
    "one_hot" OneHot(OneHot),
    /// ```json
    /// {"op": "filter", "field": "label", "is": "<", "value": 5}
    /// ```
    "filter" Filter(Filter),
    /// ```json
    /// {"op": "decode_image", "field": "png", "channels": 3}
    /// ```
    "decode_image" DecodeImage(DecodeImage),
    /// ```json
    /// {"op": "decode_number", "field": "cls", "dtype": "U16"}
    /// ```
    "decode_number" DecodeNumber(DecodeNumber),
    /// ```json
    /// {"op": "resize", "field": "png", "height": 224, "width": 224}
    /// ```
    "resize" Resize(Resize),
    /// ```json
    /// {
    ///   "op": "normalize",
    ///   "field": "png",
    ///   "mean": [0.485, 0.456, 0.406],
    ///   "std": [0.229, 0.224, 0.225],
    ///   "factor": 0.00392156862745098
    /// }
    /// ```
    "normalize" Normalize(Normalize),
    /// ```json
    /// {"op": "random_crop", "field": "image", "height": 32, "width": 32, "padding": 4}
    /// ```
    "random_crop" RandomCrop(RandomCrop),
    /// ```json
    /// {"op": "random_flip", "field": "image"}
    /// ```
    "random_flip" RandomFlip(RandomFlip),
    /// ```json
    /// {"op": "random_rotate90", "field": "image"}
    /// ```
    "random_rotate90" RandomRotate90(RandomRotate90),
    /// ```json
    /// {"op": "random_brightness", "field": "image", "lower": 0.8, "upper": 1.2}
    /// ```
    "random_brightness" RandomBrightness(RandomBrightness),
    /// ```json
    /// {"op": "random_contrast", "field": "image", "lower": 0.8, "upper": 1.2}
    /// ```
    "random_contrast" RandomContrast(RandomContrast),
    /// ```json
    /// {"op": "random_erase", "field": "image", "probability": 0.25}
    /// ```
    "random_erase" RandomErase(RandomErase),
    /// ```json
    /// {"op": "noise", "field": "wave", "lower": -0.1, "upper": 0.1}
    /// ```
    "noise" Noise(Noise),
    /// ```json
    /// {"op": "gaussian_noise", "field": "wave", "sigma": 0.05}
    /// ```
    "gaussian_noise" GaussianNoise(GaussianNoise),
    /// Calls a function of the program that opens the document. The `windrow` command has none. The
    /// function's name and options go into the fingerprint; the function's code does not.
    ///
    /// ```json
    /// {"op": "call", "name": "augment", "options": {"flip": true}}
    /// ```
    "call" Call(CallOptions),
}
