//! NumPy's `.npy` files.
//!
//! Absent on purpose: pickles, which are programs, and `.npz` archives.

mod header;

use std::sync::Arc;

use super::array::{Array, Fields, fields_source};
use super::bytes::{ByteSource, Files, Identity};
use super::fields::FieldFiles;
use crate::error::Result;

/// The samples of one or several `.npy` files, along their first axis.
///
/// Each field of a sample's record is a row of one file: of a file of shape `(60000, 28, 28)`, a
/// tensor of shape `[28, 28]`; of a file of shape `(60000,)`, one of shape `[]`.
///
/// Versions 1.0 to 3.0 of the format, the dtypes `b1`, `i1` to `i8`, `u1` to `u8` and `f2` to `f8`
/// of either byte order, up to 8 axes, C and Fortran order. A sample of a Fortran-order file is
/// gathered from all over the file: save with `numpy.ascontiguousarray` for speed. Bytes after the
/// array are let be, as NumPy does.
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

/// Which `.npy` file is which field of a record.
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
    /// [`Error::Format`](crate::Error::Format) with the file and the offset: no `.npy` file, a
    /// header or a dtype that cannot be read, an array that is cut short, or fields of different
    /// lengths. [`Error::Setting`](crate::Error::Setting) without any field.
    pub fn open(files: &dyn Files, options: &NpyOptions) -> Result<Self> {
        Self::new(options.open(files)?, options.identity)
    }

    /// The fields with bytes that are open already, and how much of them goes into the fingerprint.
    ///
    /// # Errors
    /// As [`open`](Self::open), and a field that is there twice.
    pub fn new(fields: Vec<(String, Arc<dyn ByteSource>)>, how: Identity) -> Result<Self> {
        let array = |(field, bytes): (String, Arc<dyn ByteSource>)| {
            let layout = header::read(&*bytes)?;
            Ok((field, Array::new(bytes, how, layout)?))
        };
        Ok(Self(Fields::new("npy", fields.into_iter().map(array).collect::<Result<_>>()?)?))
    }
}

fields_source!(Npy);
