//! `reshape`: changes the axes of a field.

use serde::{Deserialize, Serialize};

use crate::dataset::{FieldSpec, RANK_MAX, Tensor};
use crate::error::Fault;

/// Gives a field another shape with the same number of elements, without copying them.
///
/// ```
/// use windrow::dataset::{Record, Tensor};
/// use windrow::spec::ops::Reshape;
/// use windrow::{Dataset, from_vec};
/// let record = Record::new().with("x", Tensor::from_slice([6], &[1u8, 2, 3, 4, 5, 6])?)?;
/// let rows = from_vec(vec![record]).transform(Reshape::new("x", [-1, 3]));
/// assert_eq!(rows.get(0)?.unwrap_or_default()["x"].shape(), [2, 3]);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Reshape {
    /// The name of the field, of any dtype.
    pub field: String,
    /// The lengths of the new axes, at most 8. One of them may be -1, which stands for the length
    /// that the number of elements leaves.
    #[cfg_attr(feature = "schema", schemars(length(max = crate::dataset::RANK_MAX), inner(range(min = -1))))]
    #[cfg_attr(feature = "schema", schemars(extend("contains" = {"const": -1})))]
    #[cfg_attr(feature = "schema", schemars(extend("minContains" = 0, "maxContains" = 1)))]
    pub shape: Vec<i64>,
}

impl Reshape {
    /// Creates an op that gives a field this shape.
    #[must_use]
    pub fn new(field: impl Into<String>, shape: impl Into<Vec<i64>>) -> Self {
        Self { field: field.into(), shape: shape.into() }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// Returns the reason for more than 8 axes, a length below -1, or -1 more than once.
    pub fn validate(&self) -> Result<(), String> {
        let rank = self.shape.len();
        if rank > RANK_MAX {
            return Err(format!("`shape` has {rank} axes; give at most {RANK_MAX}"));
        }
        if let Some(axis) = self.shape.iter().find(|&&axis| axis < -1) {
            return Err(format!("`shape` has {axis}; give lengths of 0 or more, or -1 once"));
        }
        if self.shape.iter().filter(|&&axis| axis == -1).count() > 1 {
            return Err("`shape` has -1 more than once; give it once".into());
        }
        Ok(())
    }

    fn reshaped(&self, tensor: &Tensor) -> Result<Tensor, Fault> {
        let axes = self.axes(tensor.len()).map_err(Fault::new)?;
        tensor.clone().reshape(axes)
    }

    /// Returns the spec of the result, or the reason why the field has too few or too many elements.
    fn declared(&self, field: &FieldSpec) -> Result<FieldSpec, String> {
        let open = |&axis: &i64| u64::try_from(axis).ok();
        let Some(elements) = field.elements() else {
            let shape = Some(self.shape.iter().map(open).collect());
            return Ok(FieldSpec { shape, ..field.clone() });
        };
        let shape = Some(self.axes(elements)?.into_iter().map(Some).collect());
        let made = FieldSpec { shape, ..field.clone() };
        if made.elements() == Some(elements) { Ok(made) } else { Err(self.does_not_hold(elements)) }
    }

    /// Returns the new axes for a number of elements, which they hold unless no length is open.
    fn axes(&self, elements: u64) -> Result<Vec<u64>, String> {
        let known = self.shape.iter().filter_map(|&axis| u64::try_from(axis).ok());
        // A product that overflows is larger than the number of elements of any tensor.
        let known = known.fold(1, |product: u64, axis| product.saturating_mul(axis));
        let whole = known != 0 && elements.is_multiple_of(known);
        if self.shape.contains(&-1) && !whole {
            return Err(self.does_not_hold(elements));
        }
        let left = elements.checked_div(known).unwrap_or_default();
        Ok(self.shape.iter().map(|&axis| axis.try_into().unwrap_or(left)).collect())
    }

    fn does_not_hold(&self, elements: u64) -> String {
        format!("{elements} elements cannot be reshaped to {:?}", self.shape)
    }
}

field_op!(
    Reshape,
    "reshape",
    Self::reshaped,
    |to, op| {
        let axes: Vec<_> = to.shape.iter().map(i64::to_string).collect();
        op.with("shape", format_args!("[{}]", axes.join(";")))
    },
    Self::declared
);

#[cfg(test)]
mod tests {
    use super::super::made_of;
    use super::*;
    use crate::dataset::Transform;

    fn reshape(shape: &[i64]) -> Reshape {
        Reshape { field: "x".into(), shape: shape.to_vec() }
    }

    fn reshaped(len: u64, shape: &[i64]) -> Result<Vec<u64>, String> {
        let tensor = Tensor::from_slice([len], &vec![0u8; len as usize]).unwrap();
        made_of(tensor, reshape(shape)).map(|made| made.shape().to_vec())
    }

    #[test]
    fn one_length_may_be_left_open() {
        assert_eq!(reshaped(12, &[3, -1, 2]).unwrap(), [3, 2, 2]);
        assert_eq!(reshaped(1, &[]).unwrap(), [0u64; 0]);
        assert_eq!(reshaped(0, &[-1, 3]).unwrap(), [0, 3]);
        assert_eq!(reshaped(0, &[0, 3]).unwrap(), [0, 3]);
    }

    #[test]
    fn a_shape_that_does_not_hold_the_elements_is_refused() {
        assert!(reshaped(12, &[5, -1]).unwrap_err().contains("12 elements cannot be reshaped"));
        assert!(reshaped(0, &[0, -1]).unwrap_err().contains("[0, -1]"));
        assert!(reshaped(12, &[5]).unwrap_err().contains("shape [12] has 12 elements"));
        assert!(reshaped(12, &[i64::MAX, i64::MAX]).unwrap_err().contains("2^63"));
        assert!(reshaped(12, &[i64::MAX, 4, -1]).is_err());
    }

    #[test]
    fn options_are_checked_and_described() {
        assert_eq!(reshape(&[2, -1]).op().to_string(), "reshape(field=x,shape=[2;-1])");
        assert!(reshape(&[-1, 2]).validate().is_ok());
        assert!(reshape(&[-1, -1]).validate().unwrap_err().contains("more than once"));
        assert!(reshape(&[-2]).validate().unwrap_err().contains("has -2"));
        assert!(reshape(&[1; 9]).validate().unwrap_err().contains("9 axes"));
        assert!(reshaped(1, &[-1, -1]).is_err());
    }
}
