//! `normalize`: gives each channel mean 0 and deviation 1.

use serde::{Deserialize, Serialize};

use crate::dataset::dtype::with_dtype;
use crate::dataset::number::{Number, Wide};
use crate::dataset::{Dtype, FieldSpec, Tensor};
use crate::error::Fault;

/// Replaces each element `x` of a field by `(x * factor - mean) / std` in `F32`, with the `mean`
/// and `std` of its channel.
///
/// Channels are the last axis. For means and deviations of pixels from 0 to 1, the factor of pixels
/// from 0 to 255 is 1/255.
///
/// The op computes in `F64`, rounds each step to nearest even, never fuses two steps, and then
/// rounds to `F32`. So the bits are the same on every platform. A 64-bit integer beyond 2^53 is
/// first rounded to `F64`. A result that is too large is infinite, and any NaN is the quiet
/// positive one.
///
/// ```
/// use windrow::dataset::{Record, Tensor};
/// use windrow::spec::ops::Normalize;
/// use windrow::{Dataset, from_vec};
/// let pixels = Tensor::from_slice([2, 3], &[0u8, 51, 102, 255, 204, 153])?;
/// let normalize = Normalize::new("x", [0.5, 0.2, 0.4], [0.5, 1.0, 2.0]).factor(1.0 / 255.0);
/// let normal = from_vec(vec![Record::new().with("x", pixels)?]).transform(normalize);
/// let want = [-1f32, 0.0, 0.0, 1.0, 0.6, 0.1];
/// assert_eq!(normal.get(0)?.unwrap_or_default()["x"].to_vec::<f32>()?, want);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Normalize {
    /// The name of the field, of any dtype.
    pub field: String,
    /// The number to subtract from each channel, finite. A list of one number is for all channels.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub mean: Vec<f64>,
    /// The number to divide each channel by, finite and not 0. The list is as long as `mean`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    #[cfg_attr(feature = "schema", schemars(extend("items" = {"type": "number", "not": {"const": 0}})))]
    pub std: Vec<f64>,
    /// The number to multiply every element by first, finite. The default is 1.
    #[serde(default = "one")]
    pub factor: f64,
}

impl Normalize {
    /// Creates an op with a mean and a deviation for each channel.
    #[must_use]
    pub fn new(
        field: impl Into<String>,
        mean: impl Into<Vec<f64>>,
        std: impl Into<Vec<f64>>,
    ) -> Self {
        Self { field: field.into(), mean: mean.into(), std: std.into(), factor: 1.0 }
    }

    /// Sets the factor that every element is multiplied by first.
    #[must_use]
    pub fn factor(self, factor: f64) -> Self {
        Self { factor, ..self }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// Returns the reason for empty lists, lists of different lengths, a number that is not finite,
    /// or a deviation of 0.
    pub fn validate(&self) -> Result<(), String> {
        let (means, stds) = (self.mean.len(), self.std.len());
        if means != stds || means == 0 {
            return Err(format!(
                "`mean` has {means} numbers and `std` {stds}; give as many of both, at least 1"
            ));
        }
        let numbers = self.mean.iter().chain(&self.std).chain([&self.factor]);
        if let Some(number) = numbers.into_iter().find(|number| !number.is_finite()) {
            return Err(format!("{number} is among the numbers; give finite ones"));
        }
        if self.std.contains(&0.0) {
            return Err("`std` has a 0; give numbers other than 0".into());
        }
        Ok(())
    }

    fn normalized(&self, tensor: &Tensor) -> Result<Tensor, Fault> {
        with_dtype!(tensor.dtype(), A => self.each::<A>(tensor))
    }

    /// Returns the spec of the result, or the reason why the field does not have the channels.
    fn declared(&self, field: &FieldSpec) -> Result<FieldSpec, String> {
        let channels = self.mean.len();
        if let Some(shape) = &field.shape
            && channels > 1
            && shape.last().is_none_or(|axis| axis.is_some_and(|axis| axis != channels as u64))
        {
            let why = format!("the last axis of {field} does not have {channels} channels");
            return Err(format!("{why}, the length of `mean`"));
        }
        Ok(FieldSpec { dtype: Some(Dtype::F32), ..field.clone() })
    }

    fn each<A: Number>(&self, tensor: &Tensor) -> Result<Tensor, Fault> {
        let (channels, shape) = (self.mean.len(), tensor.shape());
        if channels > 1 && shape.last() != Some(&(channels as u64)) {
            self.declared(&FieldSpec::exact(tensor.dtype(), shape)).map_err(Fault::new)?;
        }
        let from = tensor.elements::<A>()?;
        Tensor::build_elements::<f32>(shape, |to| {
            let pixels = to.chunks_exact_mut(channels).zip(from.chunks_exact(channels));
            for (to, from) in pixels {
                let channels = self.mean.iter().zip(&self.std);
                for ((to, &x), (mean, std)) in to.iter_mut().zip(from).zip(channels) {
                    let y = (x.wide().to_f64() * self.factor - mean) / std;
                    *to = f32::narrow(Wide::Float(y)).ok_or_else(|| Fault::new("no float"))?;
                }
            }
            Ok(())
        })
    }
}

field_op!(
    Normalize,
    "normalize",
    Self::normalized,
    |to, op| {
        let op = op.with("mean", list(&to.mean)).with("std", list(&to.std));
        op.with("factor", format_args!("{:?}", to.factor))
    },
    Self::declared
);

/// Returns the text of a list of numbers, such as `[0.5;1.0]`.
fn list(numbers: &[f64]) -> String {
    let texts: Vec<_> = numbers.iter().map(|number| format!("{number:?}")).collect();
    format!("[{}]", texts.join(";"))
}

fn one() -> f64 {
    1.0
}

#[cfg(test)]
mod tests {
    use super::super::made_of;
    use super::*;
    use crate::dataset::Transform;

    fn normalized(tensor: Tensor, normalize: Normalize) -> Result<Vec<f32>, String> {
        made_of(tensor, normalize).map(|made| made.to_vec().unwrap())
    }

    #[test]
    fn every_byte_is_normalized_as_the_formula_says() {
        let bytes: Vec<u8> = (0..=255).flat_map(|x| [x, 255 - x, x ^ 0x55]).collect();
        let (mean, std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
        let pixels = bytes.iter().enumerate();
        let want: Vec<f32> = pixels
            .map(|(i, &x)| ((f64::from(x) * (1.0 / 255.0) - mean[i % 3]) / std[i % 3]) as f32)
            .collect();
        let tensor = Tensor::from_slice([16, 16, 3], &bytes).unwrap();
        let normalize = Normalize::new("x", mean, std).factor(1.0 / 255.0);
        assert_eq!(normalized(tensor, normalize).unwrap(), want);
    }

    #[test]
    fn one_number_is_for_all_and_other_counts_must_be_the_channels() {
        let tensor = || Tensor::from_slice([2, 2], &[1i16, 2, 3, -4]).unwrap();
        let one = Normalize::new("x", [1.0], [2.0]);
        assert_eq!(normalized(tensor(), one.clone()).unwrap(), [0.0, 0.5, 1.0, -2.5]);
        assert_eq!(normalized(Tensor::scalar(3.0f64), one).unwrap(), [1.0]);
        let message = normalized(tensor(), Normalize::new("x", [0.0; 3], [1.0; 3])).unwrap_err();
        let says =
            "the last axis of I16 of shape [2, 2] does not have 3 channels, the length of `mean`";
        assert!(message.contains(says), "{message}");
    }

    #[test]
    fn options_are_checked_and_described() {
        let read = |json: &str| serde_json::from_str::<Normalize>(json);
        let normalize = read(r#"{"field":"x","mean":[0.5,1],"std":[2,3]}"#).unwrap();
        assert_eq!(normalize, Normalize::new("x", [0.5, 1.0], [2.0, 3.0]));
        let text = "normalize(field=x,mean=[0.5;1.0],std=[2.0;3.0],factor=1.0)";
        assert_eq!(normalize.op().to_string(), text);
        assert!(normalize.validate().is_ok());
        assert!(read(r#"{"field":"x","mean":[0.5],"std":[2],"sd":1}"#).is_err());
        for (mean, std, says) in [
            (vec![], vec![], "`mean` has 0 numbers and `std` 0"),
            (vec![1.0], vec![1.0, 2.0], "`mean` has 1 numbers and `std` 2"),
            (vec![f64::NAN], vec![1.0], "NaN is among"),
            (vec![1.0], vec![f64::INFINITY], "inf is among"),
            (vec![1.0], vec![-0.0], "`std` has a 0"),
        ] {
            let why = Normalize::new("x", mean, std).validate().unwrap_err();
            assert!(why.contains(says), "{why}");
        }
    }
}
