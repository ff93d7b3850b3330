//! The transforms of records that a pipeline document can name. Each is also a plain Rust type.
//!
//! [`transform`](crate::Dataset::transform) puts one into a pipeline. The bits of every result are
//! the same on every platform. Absent on purpose: transforms of more than one sample.

/// Implements an op from a function that computes the new tensor of the op's field, and one that
/// adds the op's options to its description. A last function returns the spec of the new tensor;
/// without that function, the spec is unknown.
macro_rules! field_op {
    ($op:ident, $name:literal, $make:expr, $options:expr) => {
        field_op!($op, $name, $make, $options, |_, _| Ok(Default::default()));
    };
    ($op:ident, $name:literal, $make:expr, $options:expr, $declare:expr) => {
        impl $crate::dataset::Transform<$crate::dataset::Record> for $op {
            type Sample = $crate::dataset::Record;

            fn apply(
                &self,
                _: $crate::dataset::SampleContext,
                record: $crate::dataset::Record,
            ) -> $crate::dataset::SampleResult<$crate::dataset::Record> {
                let make = |tensor: &_| $make(self, tensor);
                super::in_place(record, &self.field, self.validate(), make)
            }

            fn op(&self) -> $crate::order::Op {
                let add: fn(&Self, $crate::order::Op) -> $crate::order::Op = $options;
                add(self, $crate::order::Op::new($name).with("field", &self.field))
            }

            fn element_spec(
                &self,
                samples: &$crate::dataset::ElementSpec,
            ) -> Result<$crate::dataset::ElementSpec, String> {
                let declare: $crate::spec::ops::Declare<Self> = $declare;
                self.validate()?;
                samples.change_field(&self.field, |field| declare(self, field))
            }

            fn is_same_each_epoch(&self) -> bool {
                true
            }
        }
    };
}

mod cast;
mod decode_image;
mod decode_number;
mod filter;
mod normalize;
mod one_hot;
mod random;
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
pub use random::{
    FlipDirection, GaussianNoise, Noise, RandomBrightness, RandomContrast, RandomCrop, RandomErase,
    RandomFlip, RandomRotate90,
};
pub use reshape::Reshape;
pub use resize::{Resize, ResizeFilter};
pub use scale::Scale;
pub use select::Select;

use crate::dataset::dtype::with_dtype;
use crate::dataset::number::{Number, Wide};
use crate::dataset::{Dtype, FieldSpec, Record, SampleResult, Tensor};
use crate::error::Fault;

/// A function that returns the spec of an op's field after the op, from the spec before it.
type Declare<O> = fn(&O, &FieldSpec) -> Result<FieldSpec, String>;

/// A function that writes the elements from a place on, in their widest type.
#[cfg(feature = "web")]
type Widen<'a> = Box<dyn Fn(usize, &mut [Wide]) + 'a>;

/// Converts every element by way of its widest type, in blocks.
///
/// The code has one loop for each dtype instead of one for each pair of dtypes, for builds that
/// have to be small.
#[cfg(feature = "web")]
fn converted(
    tensor: &Tensor,
    dtype: Dtype,
    change: &dyn Fn(Wide) -> Wide,
    refused: &dyn Fn(usize, Wide) -> Fault,
) -> Result<Tensor, Fault> {
    const BLOCK: usize = 256;
    let widen: Widen<'_> = with_dtype!(tensor.dtype(), A => {
        let from = tensor.elements::<A>()?;
        Box::new(move |start, block| {
            for (wide, &x) in block.iter_mut().zip(&from[start..]) {
                *wide = x.wide();
            }
        })
    });
    with_dtype!(dtype, B => Tensor::build_elements::<B>(tensor.shape(), |to| {
        let mut block = [Wide::Unsigned(0); BLOCK];
        for (number, to) in to.chunks_mut(BLOCK).enumerate() {
            let start = number * BLOCK;
            widen(start, &mut block[..to.len()]);
            for (place, (to, &x)) in to.iter_mut().zip(&block).enumerate() {
                *to = B::narrow(change(x)).ok_or_else(|| refused(start + place, x))?;
            }
        }
        Ok(())
    }))
}

/// Returns an error for an op for pictures in a build without the feature `image`.
fn pictures(op: &str) -> Result<(), String> {
    if cfg!(feature = "image") {
        return Ok(());
    }
    let why = "this build of windrow lacks the feature `image`; build windrow with it";
    Err(format!("{op} is not available: {why}"))
}

/// Returns the bytes in a field; `what` names the content in an error.
fn bytes<'a>(tensor: &'a Tensor, what: &str) -> Result<&'a [u8], Fault> {
    let (dtype, shape) = (tensor.dtype(), tensor.shape());
    if dtype != Dtype::U8 || shape.len() != 1 {
        holds_bytes(&FieldSpec::exact(dtype, shape), what).map_err(Fault::new)?;
    }
    Ok(tensor.bytes())
}

/// Returns an error for a field that cannot hold bytes; `what` names the content.
fn holds_bytes(field: &FieldSpec, what: &str) -> Result<(), String> {
    if field.has_other_dtype(Dtype::U8) || field.has_other_rank(&[1]) {
        return Err(format!("expected the bytes of {what}, U8 of shape [n], found {field}"));
    }
    Ok(())
}

/// Returns the number in a scalar field.
fn scalar(record: &Record, field: &str) -> Result<Wide, Fault> {
    let tensor = record.field(field)?;
    if !tensor.shape().is_empty() {
        let spec = FieldSpec::exact(tensor.dtype(), tensor.shape());
        is_scalar(&spec).map_err(|why| in_field(field, &why))?;
    }
    Ok(with_dtype!(tensor.dtype(), T => tensor.elements::<T>()?[0].wide()))
}

/// Puts the tensor that `make` computes from a field in the field's place, if the options are valid.
fn in_place(
    mut record: Record,
    field: &str,
    valid: Result<(), String>,
    make: impl FnOnce(&Tensor) -> Result<Tensor, Fault>,
) -> SampleResult<Record> {
    let tensor = record.field_mut(field)?;
    let made = valid.map_err(Fault::new).and_then(|()| make(tensor));
    *tensor = made.map_err(|fault| in_field(field, fault.message()))?;
    Ok(Some(record))
}

/// Returns the spec of a field that must be a scalar, or the reason why the field is none.
fn is_scalar(field: &FieldSpec) -> Result<FieldSpec, String> {
    if field.has_other_rank(&[0]) {
        return Err(format!("expected a scalar, found {field}; reshape the field to []"));
    }
    Ok(FieldSpec { shape: Some(Vec::new()), ..field.clone() })
}

fn in_field(field: &str, why: &str) -> Fault {
    Fault::new(format!("field {field:?}: {why}"))
}

/// Returns the tensor that an op makes of the field `x`.
#[cfg(test)]
fn made_of(
    tensor: Tensor,
    op: impl crate::dataset::Transform<Record, Sample = Record>,
) -> Result<Tensor, String> {
    use crate::dataset::Dataset;

    let record = Record::new().with("x", tensor).unwrap();
    let made = crate::source::from_vec(vec![record]).transform(op).get(0);
    made.map(|record| record.unwrap()["x"].clone()).map_err(|fault| fault.to_string())
}
