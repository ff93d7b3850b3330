//! `random_rotate90`: rotates a picture by a random number of quarter turns.

use serde::{Deserialize, Serialize};

use super::picture::{Picture, same_picture};
use crate::dataset::{FieldSpec, Tensor};
use crate::error::Fault;
use crate::order::Rng;
use crate::spec::whole;

/// Rotates the picture in a field by 0, 1, 2 or 3 quarter turns against the clock, each with
/// probability 1/4.
///
/// The picture has shape `[height, width]` or `[height, width, channels]`, of any dtype. A turn is
/// `tf.image.rot90`. torchvision has no such op: its `RandomRotation` turns by any angle. The
/// picture should be square. Other pictures swap height and width by 1 or 3 turns, and pictures of
/// different shapes need padding in a batch.
///
/// ```
/// use windrow::dataset::{Record, Tensor};
/// use windrow::spec::ops::RandomRotate90;
/// use windrow::{Dataset, from_vec};
/// let picture = Tensor::from_slice([2, 2], &[1u8, 2, 3, 4])?;
/// let turned = from_vec(vec![Record::new().with("x", picture)?]).transform(RandomRotate90::new("x"));
/// let turned = turned.get(0)?.unwrap_or_default()["x"].to_vec::<u8>()?;
/// assert!([[1, 2, 3, 4], [2, 4, 1, 3], [4, 3, 2, 1], [3, 1, 4, 2]].contains(&turned[..].try_into().unwrap()));
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RandomRotate90 {
    /// The name of the field with the picture.
    pub field: String,
    /// The seed of the random numbers, a whole number from 0 to 2^64 - 1. The default is the
    /// document's `seed`.
    #[serde(default, with = "whole", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::spec::schema::Whole<0>"))]
    pub seed: Option<u64>,
}

impl RandomRotate90 {
    /// Creates an op that rotates the pictures of a field.
    #[must_use]
    pub fn new(field: impl Into<String>) -> Self {
        Self { field: field.into(), seed: None }
    }

    /// Checks the options, of which all are valid.
    ///
    /// # Errors
    /// Returns no error.
    pub fn validate(&self) -> Result<(), String> {
        Ok(())
    }

    fn rotated(&self, tensor: &Tensor, rng: &mut Rng) -> Result<Tensor, Fault> {
        let picture = Picture::of(tensor)?;
        let (height, width) = (picture.height, picture.width);
        let [last_row, last_column] = [height, width].map(|side| side as usize - 1);
        match rng.below(4) {
            0 => Ok(tensor.clone()),
            1 => picture.rearranged([width, height], |r, c| (c, last_column - r)),
            2 => picture.rearranged([height, width], |r, c| (last_row - r, last_column - c)),
            _ => picture.rearranged([width, height], |r, c| (last_row - c, r)),
        }
    }
}

/// Returns the spec of the turned picture: sides that differ may be exchanged.
fn declared(field: &FieldSpec) -> Result<FieldSpec, String> {
    let mut turned = same_picture(field)?;
    if let Some([height, width, ..]) = turned.shape.as_deref_mut()
        && height != width
    {
        (*height, *width) = (None, None);
    }
    Ok(turned)
}

random_op!(
    RandomRotate90,
    "random_rotate90",
    Self::rotated,
    |_, field| declared(field),
    |_, op| op
);

#[cfg(test)]
mod tests {
    use super::super::drawn;
    use super::*;
    use crate::dataset::Transform;

    #[test]
    fn each_turn_is_there_with_its_shape_and_its_share() {
        let picture = Tensor::from_slice([2, 3, 1], &[1u8, 2, 3, 4, 5, 6]).unwrap();
        let turns = [
            ([2, 3, 1], [1u8, 2, 3, 4, 5, 6]),
            ([3, 2, 1], [3, 6, 2, 5, 1, 4]),
            ([2, 3, 1], [6, 5, 4, 3, 2, 1]),
            ([3, 2, 1], [4, 1, 5, 2, 6, 3]),
        ]
        .map(|(shape, pixels)| Tensor::from_slice(shape, &pixels).unwrap());
        let made = drawn(&picture, &RandomRotate90::new("x").seed(5), 1000).unwrap();
        let mut counts = [0; 4];
        for (index, made) in (0..).zip(made) {
            let turn = Rng::keyed(5, 0, 1, index).below(4) as usize;
            assert_eq!(made, turns[turn]);
            counts[turn] += 1;
        }
        assert!(counts.iter().all(|count| (190..310).contains(count)), "{counts:?}");
    }

    #[test]
    fn options_are_read_and_described() {
        let rotate: RandomRotate90 = serde_json::from_str(r#"{"field":"x","seed":9}"#).unwrap();
        assert_eq!(rotate, RandomRotate90::new("x").seed(9));
        assert_eq!(rotate.op().to_string(), "random_rotate90(field=x,seed=9)");
        assert_eq!(rotate.validate(), Ok(()));
        let row = Tensor::from_slice([2], &[1u8, 2]).unwrap();
        let why = drawn(&row, &rotate, 1).unwrap_err();
        assert!(why.contains("found shape [2]"), "{why}");
    }
}
