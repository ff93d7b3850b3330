//! NumPy's `.npy` files.
//!
//! Absent on purpose: pickles, which are programs, and `.npz` archives.

mod header;

pub(crate) use header::npy_header;

use std::sync::Arc;

use super::array::{Array, Fields, fields_source};
use super::bytes::{ByteSource, Files, Identity};
use super::fields::FieldFiles;
use crate::error::Result;

/// A source of the samples of one or several `.npy` files, along their first axis.
///
/// Each field of a sample's record is a row of one file. A file of shape `(60000, 28, 28)` gives
/// tensors of shape `[28, 28]`, a file of shape `(60000,)` tensors of shape `[]`.
///
/// The source reads versions 1.0 to 3.0 of the format, up to 8 axes, and C and Fortran order. The
/// dtypes are `b1`, `i1` to `i8`, `u1` to `u8` and `f2` to `f8`, of either byte order. The elements
/// of a sample are scattered over a Fortran-order file: save with `numpy.ascontiguousarray` for
/// speed. The source ignores bytes after the array, as NumPy does.
///
/// ```
/// use windrow::source::{MemoryFiles, Npy, NpyOptions};
/// use windrow::{Dataset, from_source};
///
/// let mut file = b"\x93NUMPY\x01\x00\x3e\x00".to_vec();
/// file.extend(b"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }  \n");
/// file.extend([1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]);
/// let files = MemoryFiles::default().with("x.npy", file);
///
/// let npy = from_source(Npy::open(&files, &NpyOptions::file("x.npy"))?);
/// assert_eq!(npy.len(), 2);
/// assert_eq!(npy.get(1)?.unwrap()["data"].to_vec::<i16>()?, [4, 5, 6]);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone)]
pub struct Npy(Fields);

/// The options of the source `npy`, which reads NumPy's `.npy` files: the file of each field of a
/// record.
///
/// ```
/// use windrow::source::NpyOptions;
/// let json = r#"{"fields": {"image": "images.npy", "label": "labels.npy"}}"#;
/// let options = NpyOptions::from([("image", "images.npy"), ("label", "labels.npy")]);
/// assert_eq!(serde_json::from_str::<NpyOptions>(json)?, options);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub type NpyOptions = FieldFiles;

impl Npy {
    /// Opens the files and reads their headers.
    ///
    /// # Errors
    /// - [`Error::Format`](crate::Error::Format) with the file and the offset, if a file is no
    ///   `.npy` file, has an unknown header or dtype, or is cut short.
    /// - [`Error::Format`](crate::Error::Format) also if the fields have different lengths.
    /// - [`Error::Setting`](crate::Error::Setting) if the options have no field.
    pub fn open(files: &dyn Files, options: &NpyOptions) -> Result<Self> {
        Self::new(options.open(files)?, options.identity)
    }

    /// Creates the source from open files, given by their fields; `how` says which bytes go into
    /// the fingerprint.
    ///
    /// # Errors
    /// Returns the errors of [`open`](Self::open), and [`Error::Setting`](crate::Error::Setting)
    /// for a field that appears twice.
    pub fn new(fields: Vec<(String, Arc<dyn ByteSource>)>, how: Identity) -> Result<Self> {
        let array = |(field, bytes): (String, Arc<dyn ByteSource>)| {
            let layout = header::read(&*bytes)?;
            Ok((field, Array::new(bytes, how, layout)?))
        };
        Ok(Self(Fields::new("npy", fields.into_iter().map(array).collect::<Result<_>>()?)?))
    }
}

fields_source!(Npy);
