//! The transforms of records that a pipeline document can name; each is also a plain Rust type.
//!
//! Put one into a pipeline with [`each`](crate::Dataset::each). The bits of every result are the
//! same on every platform. Absent on purpose: randomness, and anything that looks at two samples.

mod cast;
mod decode_image;
mod decode_number;
mod filter;
mod normalize;
mod one_hot;
mod reshape;
mod resize;
mod scale;
mod select;

pub use cast::Cast;
pub use decode_image::{DecodeImage, PIXELS_MAX};
pub use decode_number::DecodeNumber;
pub use filter::{Compare, Filter, Value};
pub use normalize::Normalize;
pub use one_hot::{CLASSES_MAX, OneHot};
pub use reshape::Reshape;
pub use resize::{Resize, ResizeFilter};
pub use scale::Scale;
pub use select::Select;

use crate::dataset::dtype::with_dtype;
use crate::dataset::number::{Number, Wide};
use crate::dataset::{Record, Tensor};
use crate::error::Fault;

/// Puts another tensor in the place of a field.
fn replace(
    mut record: Record,
    field: &str,
    make: impl FnOnce(&Tensor) -> Result<Tensor, Fault>,
) -> Result<Option<Record>, Fault> {
    let tensor = record.field_mut(field)?;
    *tensor = make(tensor).map_err(|fault| in_field(field, fault.message()))?;
    Ok(Some(record))
}

/// The one number in a field without axes.
fn scalar(record: &Record, field: &str) -> Result<Wide, Fault> {
    let tensor = record.field(field)?;
    if !tensor.shape().is_empty() {
        let shape = tensor.shape();
        let why = format!("a scalar is needed, its shape is {shape:?}; reshape it to []");
        return Err(in_field(field, &why));
    }
    Ok(with_dtype!(tensor.dtype(), T => tensor.elements::<T>()?[0].wide()))
}

fn in_field(field: &str, why: &str) -> Fault {
    Fault::new(format!("field {field:?}: {why}"))
}
