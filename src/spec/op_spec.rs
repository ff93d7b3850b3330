//! The ops that a pipeline document can name.

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
use super::stage_options::BatchOptions;
use crate::error::Result;

/// The largest number of ops, of stages and of parts.
pub(super) const STEPS_MAX: usize = 1_000;

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
