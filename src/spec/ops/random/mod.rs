//! Ops that draw random numbers, for pictures and for numbers.
//!
//! Each sample draws from its own generator, keyed by (seed, epoch, op, index). So a sample has the
//! same result in every worker, on every platform, and again after a crash. Absent on purpose:
//! mathematical functions of the platform, which differ in their last bits.

/// Implements an op from a function that computes the new tensor of the op's field. A second
/// function returns the spec of the new tensor. A third one adds the op's options to its
/// description.
macro_rules! random_op {
    ($op:ident, $name:literal, $make:expr, $declare:expr, $options:expr) => {
        impl $op {
            /// Sets the seed of the random numbers.
            #[must_use]
            pub fn seed(self, seed: u64) -> Self {
                Self { seed: Some(seed), ..self }
            }
        }

        impl $crate::dataset::Transform<$crate::dataset::Record> for $op {
            type Sample = $crate::dataset::Record;

            fn apply(
                &self,
                context: $crate::dataset::SampleContext,
                record: $crate::dataset::Record,
            ) -> $crate::dataset::SampleResult<$crate::dataset::Record> {
                let mut rng = context.rng(self.seed.unwrap_or_default());
                let make = |tensor: &_| $make(self, tensor, &mut rng);
                crate::spec::ops::in_place(record, &self.field, self.validate(), make)
            }

            fn op(&self) -> $crate::order::Op {
                let add: fn(&Self, $crate::order::Op) -> $crate::order::Op = $options;
                let op = $crate::order::Op::new($name).with("field", &self.field);
                add(self, op).with("seed", self.seed.unwrap_or_default())
            }

            fn element_spec(
                &self,
                samples: &$crate::dataset::ElementSpec,
            ) -> Result<$crate::dataset::ElementSpec, String> {
                let declare: $crate::spec::ops::Declare<Self> = $declare;
                self.validate()?;
                samples.change_field(&self.field, |field| declare(self, field))
            }
        }
    };
}

mod brightness;
mod contrast;
mod crop;
mod erase;
mod flip;
mod gaussian_noise;
mod noise;
mod picture;
mod rotate90;

pub use brightness::RandomBrightness;
pub use contrast::RandomContrast;
pub use crop::RandomCrop;
pub use erase::RandomErase;
pub use flip::{FlipDirection, RandomFlip};
pub use gaussian_noise::GaussianNoise;
pub use noise::Noise;
pub use rotate90::RandomRotate90;

use half::{bf16, f16};

use crate::dataset::number::{Number, Wide};
use crate::dataset::{Dtype, FieldSpec, Tensor};
use crate::error::Fault;
use crate::order::Rng;

/// Returns a random number from `lower` to `upper`.
fn between(rng: &mut Rng, lower: f64, upper: f64) -> f64 {
    lower + (upper - lower) * rng.unit_f64()
}

/// Checks the bounds of a random number.
fn bounds(lower: f64, upper: f64) -> Result<(), String> {
    let given = format!("`lower` is {} and `upper` is {}", told(lower), told(upper));
    if !lower.is_finite() || !upper.is_finite() || lower > upper {
        return Err(format!("{given}; give finite numbers, `lower` at most `upper`"));
    }
    if !(upper - lower).is_finite() {
        return Err(format!("{given}, which lie too far apart; give a difference below 1e308"));
    }
    Ok(())
}

/// Checks the bounds of a factor.
fn factors(lower: f64, upper: f64) -> Result<(), String> {
    if lower < 0.0 {
        return Err(format!("`lower` is {lower}; give a factor of at least 0"));
    }
    bounds(lower, upper)
}

/// Checks a probability.
fn probability(probability: f64) -> Result<(), String> {
    if !(0.0..=1.0).contains(&probability) {
        return Err(format!("`probability` is {probability}; give a number from 0 to 1"));
    }
    Ok(())
}

/// Returns the bytes of an option's number in a dtype, in the first [`Dtype::size`] bytes.
fn filler(option: &str, value: f64, dtype: Dtype) -> Result<[u8; 8], String> {
    crate::dataset::number::element_bytes(dtype, value).ok_or_else(|| {
        let value = told(value);
        format!("`{option}` is {value}, which no {dtype} is; give a number of the dtype")
    })
}

/// Returns a number without the digits of a large exponent.
fn told(number: f64) -> String {
    let text = format!("{number:?}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn not_a_number(dtype: Dtype) -> String {
    format!("expected U8, F16, BF16, F32 or F64, found {dtype}; cast the field before this op")
}

/// Returns the spec of a field that must be `U8` or a float, or the reason why the field is not.
fn same_numbers(field: &FieldSpec) -> Result<FieldSpec, String> {
    match field.dtype {
        None | Some(Dtype::U8 | Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::F64) => {
            Ok(field.clone())
        }
        Some(other) => Err(not_a_number(other)),
    }
}

/// Evaluates an expression with `T` as `u8` or the float type of a dtype.
macro_rules! with_number {
    ($dtype:expr, $T:ident => $body:expr) => {{
        macro_rules! of {
            ($kind:ty) => {{
                type $T = $kind;
                $body
            }};
        }
        match $dtype {
            Dtype::U8 => of!(u8),
            Dtype::F16 => of!(f16),
            Dtype::BF16 => of!(bf16),
            Dtype::F32 => of!(f32),
            Dtype::F64 => of!(f64),
            other => Err(Fault::new(not_a_number(other))),
        }
    }};
}

/// Replaces each number of a tensor, in order. A `U8` is rounded to nearest even, and cut off at 0
/// and 255.
fn replaced(tensor: &Tensor, change: &mut dyn FnMut(f64) -> f64) -> Result<Tensor, Fault> {
    fn each<T: Number>(
        tensor: &Tensor,
        change: &mut dyn FnMut(f64) -> f64,
    ) -> Result<Tensor, Fault> {
        let from = tensor.elements::<T>()?;
        Tensor::build_elements::<T>(tensor.shape(), |to| {
            for (to, &x) in to.iter_mut().zip(&*from) {
                let mut y = change(x.wide().to_f64());
                if T::DTYPE == Dtype::U8 {
                    y = y.round_ties_even().clamp(0.0, 255.0);
                }
                *to = T::narrow(Wide::Float(y)).ok_or_else(|| Fault::new("no number"))?;
            }
            Ok(())
        })
    }
    with_number!(tensor.dtype(), T => each::<T>(tensor, change))
}

/// Calls a function with each number of a tensor, in order.
fn visit(tensor: &Tensor, see: &mut dyn FnMut(f64)) -> Result<(), Fault> {
    with_number!(tensor.dtype(), T => {
        tensor.elements::<T>()?.iter().for_each(|x| see(x.wide().to_f64()));
        Ok(())
    })
}

/// Returns the tensors that an op makes of the field `x` in the samples 0 to `count` - 1.
#[cfg(test)]
fn drawn<O>(tensor: &Tensor, op: &O, count: u64) -> Result<Vec<Tensor>, String>
where
    O: crate::dataset::Transform<crate::dataset::Record, Sample = crate::dataset::Record>,
{
    use crate::dataset::{Record, SampleContext};

    let made = (0..count).map(|index| {
        let record = Record::new().with("x", tensor.clone()).map_err(|fault| fault.to_string())?;
        let made = op.apply(SampleContext::new(index, count, 1), record);
        made.map(|record| record.unwrap()["x"].clone()).map_err(|fault| fault.to_string())
    });
    made.collect()
}
