//! The pixels of a picture in a tensor.

use crate::dataset::{FieldSpec, Tensor};
use crate::error::Fault;

/// A tensor of shape `[height, width]` or `[height, width, channels]`, without axes of length 0.
pub(super) struct Picture<'a> {
    pub(super) height: u64,
    pub(super) width: u64,
    pub(super) channels: u64,
    tensor: &'a Tensor,
}

/// Returns the spec of a field that must be a picture, or the reason why the field is none.
pub(super) fn same_picture(field: &FieldSpec) -> Result<FieldSpec, String> {
    let is_empty = field.shape.as_ref().is_some_and(|shape| shape.contains(&Some(0)));
    if is_empty || field.has_other_rank(&[2, 3]) {
        return Err(no_picture(&field.to_string()));
    }
    Ok(field.clone())
}

fn no_picture(found: &str) -> String {
    format!(
        "expected a picture of shape [height, width] or [height, width, channels], found {found}; \
         put the op before `batch`, and remove empty pictures"
    )
}

impl<'a> Picture<'a> {
    /// Returns the picture in a tensor.
    pub(super) fn of(tensor: &'a Tensor) -> Result<Self, Fault> {
        let shape = tensor.shape();
        match *shape {
            [height, width] if !tensor.is_empty() => {
                Ok(Self { height, width, channels: 1, tensor })
            }
            [height, width, channels] if !tensor.is_empty() => {
                Ok(Self { height, width, channels, tensor })
            }
            _ => Err(Fault::new(no_picture(&format!("shape {shape:?}")))),
        }
    }

    /// Returns the number of bytes of a pixel.
    pub(super) fn pixel(&self) -> usize {
        (self.channels * self.tensor.dtype().size()) as usize
    }

    /// Returns the shape of a picture of another size with the same axes.
    pub(super) fn sized(&self, height: u64, width: u64) -> Vec<u64> {
        let mut shape = self.tensor.shape().to_vec();
        shape[..2].copy_from_slice(&[height, width]);
        shape
    }

    /// Returns a picture whose pixel at (row, column) is the pixel at `from(row, column)` of this
    /// one.
    pub(super) fn rearranged(
        &self,
        [height, width]: [u64; 2],
        from: impl Fn(usize, usize) -> (usize, usize),
    ) -> Result<Tensor, Fault> {
        let (size, own_width, pixels) = (self.pixel(), self.width as usize, self.tensor.bytes());
        Tensor::build_overwritten(self.tensor.dtype(), self.sized(height, width), |out| {
            for (row, out) in out.chunks_exact_mut(size * width as usize).enumerate() {
                for (column, to) in out.chunks_exact_mut(size).enumerate() {
                    let (row, column) = from(row, column);
                    let start = (row * own_width + column) * size;
                    to.copy_from_slice(&pixels[start..start + size]);
                }
            }
            Ok(())
        })
    }
}
