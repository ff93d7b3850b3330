//! `scale`: applies a factor and an offset to every element.

use serde::{Deserialize, Serialize};

use crate::dataset::number::Wide;
use crate::dataset::{Dtype, FieldSpec, Tensor};
use crate::error::Fault;

/// Replaces each element `x` of a field by `x * factor + offset`.
///
/// The op computes a product and a sum in `F64`, rounds each to nearest even, never fuses them, and
/// then rounds to the dtype. So the bits are the same on every platform. A 64-bit integer beyond
/// 2^53 is first rounded to `F64`. A result that is too large is infinite, and any NaN is the quiet
/// positive one.
///
/// ```
/// use windrow::dataset::{Record, Tensor};
/// use windrow::spec::ops::Scale;
/// use windrow::{Dataset, from_vec};
/// let record = Record::new().with("x", Tensor::from_slice([3], &[0u8, 51, 255])?)?;
/// let scaled = from_vec(vec![record]).transform(Scale::new("x", 1.0 / 255.0));
/// assert_eq!(scaled.get(0)?.unwrap_or_default()["x"].to_vec::<f32>()?, [0.0, 0.2, 1.0]);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Scale {
    /// The name of the field, of any dtype.
    pub field: String,
    /// The number to multiply each element by, finite.
    pub factor: f64,
    /// The number to add to the product, finite. The default is 0.
    #[serde(default)]
    pub offset: f64,
    /// The dtype of the result: `F16`, `BF16`, `F32` or `F64`. The default is `F32`.
    #[serde(default = "single")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::spec::schema::floats"))]
    pub dtype: Dtype,
}

impl Scale {
    /// Creates an op with a factor and no offset, whose result is `F32`.
    #[must_use]
    pub fn new(field: impl Into<String>, factor: f64) -> Self {
        Self { field: field.into(), factor, offset: 0.0, dtype: single() }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// Returns the reason for a number that is not finite, or for a dtype that is no float.
    pub fn validate(&self) -> Result<(), String> {
        for (name, value) in [("factor", self.factor), ("offset", self.offset)] {
            if !value.is_finite() {
                return Err(format!("`{name}` is {value}; give a finite number"));
            }
        }
        if !self.dtype.is_float() {
            let dtype = self.dtype;
            return Err(format!(
                "`dtype` is {dtype}; give F16, BF16, F32 or F64, and cast the result"
            ));
        }
        Ok(())
    }
}

field_op!(
    Scale,
    "scale",
    Self::scaled,
    |to, op| {
        op.with("factor", format_args!("{:?}", to.factor))
            .with("offset", format_args!("{:?}", to.offset))
            .with("dtype", to.dtype)
    },
    |to, field| Ok(FieldSpec { dtype: Some(to.dtype), ..field.clone() })
);

impl Scale {
    #[cfg(not(feature = "web"))]
    fn scaled(&self, tensor: &Tensor) -> Result<Tensor, Fault> {
        use crate::dataset::dtype::with_dtype;

        with_dtype!(tensor.dtype(), A => match self.dtype {
            Dtype::F16 => self.each::<A, half::f16>(tensor),
            Dtype::BF16 => self.each::<A, half::bf16>(tensor),
            Dtype::F64 => self.each::<A, f64>(tensor),
            _ => self.each::<A, f32>(tensor),
        })
    }

    fn each<A, B>(&self, tensor: &Tensor) -> Result<Tensor, Fault>
    where
        A: crate::dataset::number::Number,
        B: crate::dataset::number::Number,
    {
        let from = tensor.elements::<A>()?;
        Tensor::build_elements::<B>(tensor.shape(), |to| {
            for (to, &x) in to.iter_mut().zip(&*from) {
                *to = B::narrow(self.change(x.wide())).ok_or_else(|| Fault::new("no float"))?;
            }
            Ok(())
        })
    }

    /// Scales common pairs of dtypes by separate loops, and all others by way of the widest type.
    /// So not every pair of dtypes takes room in the wasm.
    #[cfg(feature = "web")]
    fn scaled(&self, tensor: &Tensor) -> Result<Tensor, Fault> {
        match (tensor.dtype(), self.dtype) {
            (Dtype::U8, Dtype::F32) => return self.each::<u8, f32>(tensor),
            (Dtype::F32, Dtype::F32) => return self.each::<f32, f32>(tensor),
            _ => {}
        }
        let refused = |_, _| Fault::new("no float");
        super::converted(tensor, self.dtype, &|x| self.change(x), &refused)
    }

    #[inline]
    fn change(&self, x: Wide) -> Wide {
        Wide::Float(x.to_f64() * self.factor + self.offset)
    }
}

fn single() -> Dtype {
    Dtype::F32
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use super::super::made_of;
    use super::*;
    use crate::dataset::{Element, Transform};

    fn scaled<A: Element, B: Element>(elements: &[A], factor: f64, offset: f64) -> Vec<B> {
        let tensor = Tensor::from_slice([elements.len() as u64], elements).unwrap();
        let scale = Scale { field: "x".into(), factor, offset, dtype: B::DTYPE };
        made_of(tensor, scale).unwrap().to_vec().unwrap()
    }

    #[test]
    fn a_product_and_a_sum_are_rounded_one_after_the_other() {
        // The result of a fused operation would be 2^-60.
        let tiny = 1.0 / (1u64 << 30) as f64;
        let x = 1.0 + tiny;
        assert_eq!(scaled::<f64, f64>(&[x], x, -(1.0 + 2.0 * tiny)), [0.0]);
        assert_eq!(scaled::<f32, f32>(&[0.1], 3.0, 0.5), [(f64::from(0.1f32) * 3.0 + 0.5) as f32]);
        assert_eq!(scaled::<i16, f32>(&[-2, 3], 0.5, 1.0), [0.0, 2.5]);
        assert_eq!(scaled::<bool, bf16>(&[true], 2.0, 0.0), [bf16::from_f32(2.0)]);
        assert_eq!(scaled::<u64, f64>(&[u64::MAX], 1.0, 0.0), [18446744073709551616.0]);
    }

    #[test]
    fn every_byte_scales_as_the_formula_says() {
        let bytes: Vec<u8> = (0..=255).chain(0..=255).collect();
        let want: Vec<f32> =
            bytes.iter().map(|&x| (f64::from(x) * (1.0 / 255.0) - 0.449) as f32).collect();
        assert_eq!(scaled::<u8, f32>(&bytes, 1.0 / 255.0, -0.449), want);
    }

    #[test]
    fn a_nan_is_always_the_same_one() {
        let odd = [f32::from_bits(0xffc0_1234), f32::INFINITY];
        let bits: Vec<_> = scaled::<f32, f32>(&odd, 0.0, 1.0).iter().map(|x| x.to_bits()).collect();
        assert_eq!(bits, [0x7fc0_0000; 2]);
    }

    #[test]
    fn options_are_checked_and_described() {
        let read = |json: &str| serde_json::from_str::<Scale>(json);
        let scale = read(r#"{"field":"x","factor":2}"#).unwrap();
        assert_eq!(scale, Scale::new("x", 2.0));
        let text = "scale(field=x,factor=2.0,offset=0.0,dtype=F32)";
        assert_eq!(scale.op().to_string(), text);
        assert!(read(r#"{"field":"x","factor":2,"of":1}"#).is_err());
        assert!(scale.validate().is_ok());
        assert!(Scale::new("x", f64::NAN).validate().unwrap_err().contains("`factor` is NaN"));
        let whole = Scale { dtype: Dtype::U8, ..scale };
        assert!(whole.validate().unwrap_err().contains("`dtype` is U8"));
    }
}
