//! The sources that a pipeline document can name.

use serde::Serialize;

use super::choice::{self, choices};
use super::options::RangeOptions;
#[cfg(feature = "schema")]
use super::schema;
use super::served::ServedOptions;
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
}
