//! `one_hot`: turns a class number into a row of zeros with a single one.

use serde::{Deserialize, Serialize};

use super::{in_field, is_scalar, scalar};
use crate::dataset::number::{Wide, element_bytes};
use crate::dataset::{
    Dtype, ElementSpec, FieldSpec, Record, SampleContext, SampleResult, Tensor, Transform,
};
use crate::error::Fault;
use crate::order::Op;

/// The reason for a class that is no integer.
const FLOAT: &str = "the class is a float; cast the field to an integer first";

/// The largest number of classes: 2^20.
pub const CLASSES_MAX: u64 = 1 << 20;

/// Replaces a scalar integer field by a tensor of shape `[classes]`: 1 at the place of the class, 0
/// elsewhere.
///
/// ```
/// use windrow::dataset::{Record, Tensor};
/// use windrow::spec::ops::OneHot;
/// use windrow::{Dataset, from_vec};
/// let record = Record::new().with("y", Tensor::scalar(2i64))?;
/// let hot = from_vec(vec![record]).transform(OneHot::new("y", 4));
/// assert_eq!(hot.get(0)?.unwrap_or_default()["y"].to_vec::<f32>()?, [0.0, 0.0, 1.0, 0.0]);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OneHot {
    /// The name of the field, a scalar of an integer dtype, or `BOOL` as 0 or 1. The class is from
    /// 0 to `classes` - 1.
    pub field: String,
    /// The number of classes, from 1 to 2^20.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = CLASSES_MAX)))]
    pub classes: u64,
    /// The dtype of the result. The default is `F32`.
    #[serde(default = "single")]
    pub dtype: Dtype,
}

impl OneHot {
    /// Creates an op for a number of classes, whose result is `F32`.
    #[must_use]
    pub fn new(field: impl Into<String>, classes: u64) -> Self {
        Self { field: field.into(), classes, dtype: single() }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// Returns the reason for no class, or for more than 2^20.
    pub fn validate(&self) -> Result<(), String> {
        let classes = self.classes;
        if (1..=CLASSES_MAX).contains(&classes) {
            return Ok(());
        }
        Err(format!("`classes` is {classes}; give 1 to {CLASSES_MAX}"))
    }
}

impl Transform<Record> for OneHot {
    type Sample = Record;

    fn is_same_each_epoch(&self) -> bool {
        true
    }

    fn apply(&self, _: SampleContext, mut record: Record) -> SampleResult<Record> {
        self.validate().map_err(Fault::new)?;
        let (classes, size) = (self.classes, self.dtype.size() as usize);
        let class = match scalar(&record, &self.field)? {
            Wide::Unsigned(class) if class < classes => class as usize,
            Wide::Signed(class) if (0..classes as i64).contains(&class) => class as usize,
            Wide::Float(_) => return Err(in_field(&self.field, FLOAT)),
            class => {
                let why = format!("class {class} is not one of {classes} (0 to {})", classes - 1);
                return Err(in_field(&self.field, &why));
            }
        };
        let one = element_bytes(self.dtype, 1.0).unwrap_or_default();
        *record.field_mut(&self.field)? = Tensor::build(self.dtype, [classes], |bytes| {
            bytes[class * size..][..size].copy_from_slice(&one[..size]);
            Ok(())
        })?;
        Ok(Some(record))
    }

    fn element_spec(&self, samples: &ElementSpec) -> Result<ElementSpec, String> {
        self.validate()?;
        samples.change_field(&self.field, |field| {
            if is_scalar(field)?.dtype.is_some_and(Dtype::is_float) {
                return Err(FLOAT.into());
            }
            Ok(FieldSpec::exact(self.dtype, &[self.classes]))
        })
    }

    fn op(&self) -> Op {
        Op::new("one_hot")
            .with("field", &self.field)
            .with("classes", self.classes)
            .with("dtype", self.dtype)
    }
}

fn single() -> Dtype {
    Dtype::F32
}

#[cfg(test)]
mod tests {
    use super::super::made_of as hot;
    use super::*;

    #[test]
    fn the_class_is_one_in_every_dtype() {
        for dtype in Dtype::ALL {
            let made = hot(Tensor::scalar(1u8), OneHot { dtype, ..OneHot::new("x", 3) }).unwrap();
            assert_eq!((made.dtype(), made.shape()), (dtype, &[3][..]));
            let shown = format!("{made:?}").replace(".0", "");
            let want = if dtype == Dtype::BOOL { "false true false" } else { "0 1 0" };
            assert!(shown.contains(want), "{shown}");
        }
    }

    #[test]
    fn a_class_out_of_range_is_named_with_the_classes() {
        let message = hot(Tensor::scalar(10u64), OneHot::new("x", 10)).unwrap_err();
        let want = "one_hot of index 0: field \"x\": class 10 is not one of 10 (0 to 9)";
        assert_eq!(message, want);
        let message = hot(Tensor::scalar(-1i8), OneHot::new("x", 10)).unwrap_err();
        assert!(message.contains("class -1 is not one of 10"));
        assert!(
            hot(Tensor::scalar(1.0f32), OneHot::new("x", 10)).unwrap_err().contains("cast the")
        );
        let row = Tensor::from_slice([1], &[1u8]).unwrap();
        assert!(hot(row, OneHot::new("x", 10)).unwrap_err().contains("found U8 of shape [1]"));
        assert!(hot(Tensor::scalar(u64::MAX), OneHot::new("x", 10)).is_err());
    }

    #[test]
    fn options_are_checked_and_described() {
        let one_hot = serde_json::from_str::<OneHot>(r#"{"field":"x","classes":3}"#).unwrap();
        assert_eq!(one_hot, OneHot::new("x", 3));
        assert_eq!(one_hot.op().to_string(), "one_hot(field=x,classes=3,dtype=F32)");
        assert!(one_hot.validate().is_ok());
        assert!(OneHot::new("x", 0).validate().is_err());
        assert!(OneHot::new("x", CLASSES_MAX).validate().is_ok());
        assert!(OneHot::new("x", u64::MAX).validate().unwrap_err().contains("1 to 1048576"));
        assert!(hot(Tensor::scalar(1u8), OneHot::new("x", 0)).is_err());
    }
}
