//! `FieldLength`: the length of a record, by one of its fields.

use std::sync::Arc;

use super::dtype::{Dtype, with_dtype};
use super::element_spec::ElementSpec;
use super::measure::Measure;
use super::number::{Number, Wide};
use super::record::Record;
use crate::error::Fault;
use crate::order::Op;

/// A [`Measure`] of one field: the value of an integer scalar, or the length of the first axis of any
/// other tensor.
///
/// ```
/// use windrow::dataset::{FieldLength, Measure, Record, Tensor};
/// let tokens = Tensor::from_slice([3], &[7u32, 8, 9])?;
/// let record = Record::new().with("tokens", tokens)?.with("cost", Tensor::scalar(5u8))?;
/// assert_eq!(FieldLength::new("tokens").measure(&record)?, 3);
/// assert_eq!(FieldLength::new("cost").measure(&record)?, 5);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldLength {
    field: Arc<str>,
}

impl FieldLength {
    /// Creates a measure of the named field.
    #[must_use]
    pub fn new(field: impl Into<Arc<str>>) -> Self {
        Self { field: field.into() }
    }

    fn wrong(&self, why: &str) -> String {
        format!("field {:?}: {why}", self.field)
    }
}

const FLOAT: &str = "a float is no length; cast the field to an integer first";

impl Measure<Record> for FieldLength {
    fn measure(&self, sample: &Record) -> Result<u64, Fault> {
        let tensor = sample.field(&self.field)?;
        if let Some(&axis) = tensor.shape().first() {
            return Ok(axis);
        }
        let number = with_dtype!(tensor.dtype(), T => {
            tensor.elements::<T>()?[0].wide()
        });
        match number {
            Wide::Unsigned(number) => Ok(number),
            Wide::Signed(number) => u64::try_from(number).map_err(|_| {
                Fault::new(self.wrong(&format!("{number} is no length; give 0 or more")))
            }),
            Wide::Float(_) => Err(Fault::new(self.wrong(FLOAT))),
        }
    }

    fn describe(&self, op: Op) -> Op {
        op.with("field", &self.field)
    }

    fn check_spec(&self, samples: &ElementSpec) -> Result<(), String> {
        let field = samples.field(&self.field)?;
        let scalar = field.shape.as_ref().is_some_and(Vec::is_empty);
        if scalar && field.dtype.is_some_and(Dtype::is_float) {
            return Err(self.wrong(FLOAT));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FieldSpec, Tensor};
    use super::*;

    fn measured(tensor: Tensor) -> Result<u64, String> {
        let record = Record::new().with("x", tensor).unwrap();
        FieldLength::new("x").measure(&record).map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_scalar_is_its_own_length_and_other_tensors_have_a_first_axis() {
        assert_eq!(measured(Tensor::scalar(u64::MAX)), Ok(u64::MAX));
        assert_eq!(measured(Tensor::scalar(true)), Ok(1));
        assert_eq!(measured(Tensor::scalar(3i8)), Ok(3));
        assert_eq!(measured(Tensor::from_slice([2, 3], &[0.5f32; 6]).unwrap()), Ok(2));
        let message = measured(Tensor::scalar(-3i8)).unwrap_err();
        assert_eq!(message, "field \"x\": -3 is no length; give 0 or more");
        assert!(measured(Tensor::scalar(3f32)).unwrap_err().contains("a float is no length"));
        assert!(FieldLength::new("y").measure(&Record::new()).is_err());
    }

    #[test]
    fn a_field_that_no_record_can_measure_is_known_before_the_run() {
        let checked = |name: &str, field: FieldSpec| {
            FieldLength::new(name).check_spec(&ElementSpec::new([("x", field)]))
        };
        assert_eq!(checked("x", FieldSpec::of_dtype(Dtype::F32)), Ok(()));
        assert_eq!(checked("x", FieldSpec::new(Dtype::F32, [None])), Ok(()));
        assert_eq!(checked("x", FieldSpec::new(Dtype::U8, [])), Ok(()));
        assert!(checked("x", FieldSpec::new(Dtype::F32, [])).unwrap_err().contains("a float"));
        assert!(checked("y", FieldSpec::default()).unwrap_err().contains("no field \"y\""));
    }
}
