//! `cast`: converts the elements of a field to another dtype.

use serde::{Deserialize, Serialize};

use crate::dataset::number::Wide;
use crate::dataset::{Dtype, FieldSpec, Tensor};
use crate::error::Fault;

/// Converts the elements of a field to another dtype.
///
/// | from | to | rule |
/// |---|---|---|
/// | integer | integer | the same number; a number that does not fit is an error |
/// | integer | float | rounded to nearest, ties to even; `F16` has no finite number beyond 65504 |
/// | float | float | rounded to nearest, ties to even; too large becomes infinite |
/// | float | integer | the fraction is cut off; NaN, infinity and numbers that do not fit are errors |
/// | `BOOL` | number | 0 or 1 |
/// | number | `BOOL` | 0 and 1; any other number is an error |
///
/// A NaN in another dtype is always the same one: quiet, positive, without payload. A field that
/// has the dtype already stays unchanged.
///
/// ```
/// use windrow::dataset::{Dtype, Record, Tensor};
/// use windrow::spec::ops::Cast;
/// use windrow::{Dataset, from_vec};
/// let record = Record::new().with("x", Tensor::from_slice([2], &[1.5f32, -2.9])?)?;
/// let whole = from_vec(vec![record]).transform(Cast::new("x", Dtype::I8));
/// assert_eq!(whole.get(0)?.unwrap_or_default()["x"].to_vec::<i8>()?, [1, -2]);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Cast {
    /// The name of the field, of any dtype.
    pub field: String,
    /// The dtype of the result, such as `F32`.
    pub dtype: Dtype,
}

impl Cast {
    /// Creates an op that converts the elements of a field to this dtype.
    #[must_use]
    pub fn new(field: impl Into<String>, dtype: Dtype) -> Self {
        Self { field: field.into(), dtype }
    }

    /// Checks the options, which are always right.
    ///
    /// # Errors
    /// Never returns an error.
    pub fn validate(&self) -> Result<(), String> {
        Ok(())
    }
}

fn changed(to: &Cast, tensor: &Tensor) -> Result<Tensor, Fault> {
    if tensor.dtype() == to.dtype { Ok(tensor.clone()) } else { cast(tensor, to.dtype) }
}

field_op!(Cast, "cast", changed, |to, op| op.with("dtype", to.dtype), |to, field| {
    Ok(FieldSpec { dtype: Some(to.dtype), ..field.clone() })
});

#[cfg(not(feature = "web"))]
fn cast(tensor: &Tensor, dtype: Dtype) -> Result<Tensor, Fault> {
    use crate::dataset::dtype::with_dtype;
    use crate::dataset::number::Number;

    fn each<A: Number, B: Number>(tensor: &Tensor) -> Result<Tensor, Fault> {
        let from = tensor.elements::<A>()?;
        Tensor::build_elements::<B>(tensor.shape(), |to| {
            for (place, (to, &x)) in to.iter_mut().zip(&*from).enumerate() {
                *to = B::narrow(x.wide()).ok_or_else(|| does_not_fit(B::DTYPE, place, x.wide()))?;
            }
            Ok(())
        })
    }

    with_dtype!(tensor.dtype(), A => with_dtype!(dtype, B => each::<A, B>(tensor)))
}

#[cfg(feature = "web")]
fn cast(tensor: &Tensor, dtype: Dtype) -> Result<Tensor, Fault> {
    super::converted(tensor, dtype, &|x| x, &|place, x| does_not_fit(dtype, place, x))
}

#[cold]
fn does_not_fit(dtype: Dtype, place: usize, x: Wide) -> Fault {
    Fault::new(format!("element {place} is {x}, which {dtype} does not have"))
}

#[cfg(test)]
mod tests {
    use half::{bf16, f16};
    use proptest::prelude::*;

    use super::super::made_of;
    use super::*;
    use crate::dataset::{Element, Transform};

    fn to<A: Element>(dtype: Dtype, elements: &[A]) -> Result<Tensor, String> {
        let tensor = Tensor::from_slice([elements.len() as u64], elements).unwrap();
        made_of(tensor, Cast::new("x", dtype))
    }

    fn cast_to<A: Element, B: Element>(elements: &[A]) -> Vec<B> {
        to(B::DTYPE, elements).unwrap().to_vec().unwrap()
    }

    fn refused<A: Element>(dtype: Dtype, elements: &[A]) -> String {
        to(dtype, elements).unwrap_err()
    }

    #[test]
    fn numbers_that_fit_stay_themselves() {
        assert_eq!(cast_to::<u8, f32>(&[0, 7, 255]), [0.0, 7.0, 255.0]);
        assert_eq!(cast_to::<i64, i8>(&[-128, 127]), [-128, 127]);
        assert_eq!(cast_to::<f64, u64>(&[1.8e19, 0.9, -0.9]), [18_000_000_000_000_000_000, 0, 0]);
        assert_eq!(cast_to::<bool, bf16>(&[true, false]), [bf16::ONE, bf16::ZERO]);
        assert_eq!(cast_to::<f16, bool>(&[f16::ONE, f16::NEG_ZERO]), [true, false]);
        assert_eq!(cast_to::<u64, f32>(&[(1 << 24) + 1, (1 << 24) + 3]), [16777216.0, 16777220.0]);
        assert_eq!(cast_to::<f64, f32>(&[1e300, -1e-300]), [f32::INFINITY, -0.0]);
        assert_eq!(cast_to::<f32, f16>(&[65519.0, 65520.0]), [f16::MAX, f16::INFINITY]);
    }

    #[test]
    fn the_element_that_does_not_fit_is_named() {
        let message = refused(Dtype::U8, &[1i32, 255, 256]);
        assert_eq!(
            message,
            "cast of index 0: field \"x\": element 2 is 256, which U8 does not have"
        );
        assert!(refused(Dtype::U64, &[-1i8]).contains("element 0 is -1, which U64"));
        assert!(refused(Dtype::I64, &[0.0, 9223372036854775808.0]).contains("element 1 is 9.22"));
        assert!(refused(Dtype::I32, &[f32::NAN]).contains("is NaN"));
        assert!(refused(Dtype::I32, &[f32::NEG_INFINITY]).contains("is -inf"));
        assert!(refused(Dtype::BOOL, &[1u8, 2]).contains("element 1 is 2, which BOOL"));
        assert!(refused(Dtype::BOOL, &[0.5f32]).contains("is 0.5"));
    }

    #[test]
    fn a_field_that_has_the_dtype_is_not_copied() {
        let tensor = Tensor::from_slice([1], &[f32::from_bits(0xffc0_1234)]).unwrap();
        let made = made_of(tensor.clone(), Cast::new("x", Dtype::F32)).unwrap();
        assert_eq!(made.bytes().as_ptr(), tensor.bytes().as_ptr());
    }

    proptest! {
        #[test]
        fn there_and_back_is_the_same_where_the_way_is_wide_enough(
            bytes in proptest::collection::vec(any::<u8>(), 1..40),
            halves in proptest::collection::vec(any::<i16>(), 1..40),
        ) {
            prop_assert_eq!(&cast_to::<f16, u8>(&cast_to::<u8, f16>(&bytes)), &bytes);
            prop_assert_eq!(&cast_to::<bf16, u8>(&cast_to::<u8, bf16>(&bytes)), &bytes);
            prop_assert_eq!(&cast_to::<f32, i16>(&cast_to::<i16, f32>(&halves)), &halves);
            prop_assert_eq!(&cast_to::<i64, i16>(&cast_to::<i16, i64>(&halves)), &halves);
        }
    }

    #[test]
    fn options_are_described() {
        let cast = serde_json::from_str::<Cast>(r#"{"field":"x","dtype":"F32"}"#).unwrap();
        assert_eq!(cast.op().to_string(), "cast(field=x,dtype=F32)");
        assert_eq!(cast.validate(), Ok(()));
        let lower = serde_json::from_str::<Cast>(r#"{"field":"x","dtype":"f32"}"#).unwrap();
        assert_eq!(lower.op().to_string(), cast.op().to_string());
        assert!(serde_json::from_str::<Cast>(r#"{"field":"x","dtype":"f31"}"#).is_err());
    }
}
