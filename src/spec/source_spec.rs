//! The sources that a pipeline document can name.

use serde::Serialize;

use super::choice::{self, choices};
use super::op_spec::OpSpec;
use super::options::RangeOptions;
#[cfg(feature = "schema")]
use super::schema;
use super::served::ServedOptions;
use super::whole;
use crate::error::Result;
use crate::source::{CsvOptions, IdxOptions, ImagesOptions, JsonlOptions, NpyOptions, TarOptions};

choices! {
    /// A source of records, by the word in its `kind`.
    SourceSpec, "kind", "source":
    /// Counts from `start` to before `end`: each number is a record with the field `value`, a `U64`
    /// scalar.
    ///
    /// ```json
    /// {"kind": "range", "end": 1000}
    /// ```
    "range" Range(RangeOptions),
    /// Reads a table of numbers, one record a row. The file may be gzip. Values are numbers within the
    /// range of their dtype; `BOOL` is 0, 1, true or false. Values may be quoted, and blank lines are
    /// skipped. Every row has the columns of the first; at most 65,536 columns, and 4 MiB in one row.
    ///
    /// ```json
    /// {
    ///   "kind": "csv",
    ///   "file": "digits.csv",
    ///   "header": false,
    ///   "fields": [
    ///     {"name": "image", "columns": {"start": 0, "end": 64}, "dtype": "U8", "shape": [8, 8]},
    ///     {"name": "label", "columns": 64, "dtype": "U8"}
    ///   ]
    /// }
    /// ```
    "csv" Csv(CsvOptions),
    /// Reads NumPy's `.npy` files along their first axis, one file a field. The reader takes
    /// versions 1.0 to 3.0, in C or Fortran order, with up to 8 axes. The dtypes are `b1`, `i1` to
    /// `i8`, `u1` to `u8` and `f2` to `f8`, of either byte order.
    ///
    /// ```json
    /// {"kind": "npy", "fields": {"image": "images.npy", "label": "labels.npy"}}
    /// ```
    "npy" Npy(NpyOptions),
    /// Reads idx files, the format of MNIST, along their first axis, one file a field. A file may be
    /// gzip.
    ///
    /// ```json
    /// {
    ///   "kind": "idx",
    ///   "fields": {"image": "train-images-idx3-ubyte.gz", "label": "train-labels-idx1-ubyte.gz"}
    /// }
    /// ```
    "idx" Idx(IdxOptions),
    /// Reads tar archives in the form of WebDataset. Files whose paths differ only after the first
    /// dot of the base name are one sample. So `a/0001.png` and `a/0001.cls` are the fields `png` and
    /// `cls` of the sample with the key `a/0001`. A field is the bytes of its file, `U8` of shape `[n]`. Samples are in
    /// the order of their first files.
    ///
    /// ```json
    /// {"kind": "tar", "files": ["train-0.tar", "train-1.tar"], "fields": ["png", "cls", "__key__"]}
    /// ```
    "tar" Tar(TarOptions),
    /// Reads a file with one JSON object a line, one record each. A value is a number, or lists of
    /// numbers inside each other, of equal lengths. `true` and `false` are `BOOL`, and a text in a
    /// field of `U8` is its UTF-8 bytes. Blank lines are skipped. At most 16 MiB in one line.
    ///
    /// ```json
    /// {
    ///   "kind": "jsonl",
    ///   "file": "flowers.jsonl",
    ///   "fields": [
    ///     {"name": "sepal", "dtype": "F32", "shape": [2]},
    ///     {"name": "label", "dtype": "U8", "at": "/meta/species"}
    ///   ]
    /// }
    /// ```
    "jsonl" Jsonl(JsonlOptions),
    /// Lists the PNG and JPEG files below a folder, one record each, in the byte order of their paths.
    /// A picture's name ends in `.png`, `.jpg` or `.jpeg` in any case of letters; hidden files are
    /// skipped. The field `image` is the bytes of the file, `U8` of shape `[n]`.
    ///
    /// ```json
    /// {"kind": "images", "folder": "pets", "label": true}
    /// ```
    "images" Images(ImagesOptions),
    /// Asks the program that opens the document for its source of this name. The `windrow` command has
    /// none.
    ///
    /// ```json
    /// {"kind": "served", "name": "tiles", "identity": "2026-05"}
    /// ```
    "served" Served(ServedOptions),
    /// Joins the samples of several sources, part after part. The fields that all parts have in common are
    /// known before the run.
    ///
    /// Each part has separate ops. Parts with the same ops and the same seed draw the same random numbers. A
    /// `seed` in the ops of a part makes its numbers different.
    ///
    /// ```json
    /// {
    ///   "kind": "concat",
    ///   "parts": [
    ///     {"source": {"kind": "range", "end": 10}},
    ///     {"source": {"kind": "range", "end": 10}, "ops": [{"op": "reverse"}]}
    ///   ]
    /// }
    /// ```
    "concat" Concat(ConcatOptions),
    /// Mixes the samples of several sources in exact proportions. An epoch ends where the next
    /// sample would be one that its part does not have.
    ///
    /// Each part has separate ops, as in `concat`. A part that is longer than its share goes on in the next
    /// epoch where it stopped.
    ///
    /// ```json
    /// {
    ///   "kind": "mix",
    ///   "parts": [
    ///     {"source": {"kind": "range", "end": 30}, "weight": 3},
    ///     {"source": {"kind": "range", "end": 10}}
    ///   ]
    /// }
    /// ```
    "mix" Mix(MixOptions),
}

/// The most parts around a source.
pub(super) const DEPTH_MAX: usize = 8;

/// The options of the source `concat`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
#[non_exhaustive]
pub struct ConcatOptions {
    /// The parts, first to last: 1 to 1,000. A part may have parts itself, up to a depth of 8.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = super::op_spec::STEPS_MAX)))]
    pub parts: Vec<Part>,
}

impl ConcatOptions {
    /// Creates the options of a source with these parts.
    #[must_use]
    pub fn new(parts: impl Into<Vec<Part>>) -> Self {
        Self { parts: parts.into() }
    }
}

/// The options of the source `mix`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
#[non_exhaustive]
pub struct MixOptions {
    /// The parts with their weights: 1 to 1,000. A part may have parts itself, up to a depth of 8.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = super::op_spec::STEPS_MAX)))]
    pub parts: Vec<MixPart>,
}

impl MixOptions {
    /// Creates the options of a source with these parts.
    #[must_use]
    pub fn new(parts: impl Into<Vec<MixPart>>) -> Self {
        Self { parts: parts.into() }
    }
}

/// A part of the source `concat`: a source and the ops of the part.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
#[non_exhaustive]
pub struct Part {
    /// The source of the part.
    pub source: SourceSpec,
    /// The ops of the part, first to last: at most 1,000. The default is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(default, length(max = super::op_spec::STEPS_MAX)))]
    pub ops: Vec<OpSpec>,
}

impl Part {
    /// Creates a part without ops.
    #[must_use]
    pub fn new(source: SourceSpec) -> Self {
        Self { source, ops: Vec::new() }
    }
}

/// A part of the source `mix`: a source, the ops of the part, and a weight.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
#[non_exhaustive]
pub struct MixPart {
    /// The source of the part.
    pub source: SourceSpec,
    /// The ops of the part, first to last: at most 1,000. The default is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(default, length(max = super::op_spec::STEPS_MAX)))]
    pub ops: Vec<OpSpec>,
    /// The share of the part, at least 1. The default is 1. The sum of all weights is at most 65,536 after
    /// division by a common divisor.
    #[serde(with = "whole")]
    #[cfg_attr(feature = "schema", schemars(default = "one", with = "schema::Whole<1>"))]
    pub weight: u64,
}

impl MixPart {
    /// Creates a part with this weight, without ops.
    #[must_use]
    pub fn new(source: SourceSpec, weight: u64) -> Self {
        Self { source, ops: Vec::new(), weight }
    }
}

#[cfg(feature = "schema")]
fn one() -> u64 {
    1
}
