//! A field of one sample as a file: its bytes alone, or in NumPy's format.

use super::names::check_field;
use crate::dataset::{Dtype, Tensor};
use crate::error::Fault;
use crate::source::npy_header;

/// A file of one field.
///
/// A `U8` tensor of one axis is a file of these bytes, so a field `png` of a tar archive is the same
/// file again. Any other tensor is an `.npy` file.
#[derive(Debug)]
pub(super) struct Member<'a> {
    /// The name after the key and the dot.
    pub(super) name: String,
    /// The bytes before those of the tensor.
    pub(super) header: Vec<u8>,
    pub(super) data: &'a [u8],
}

impl<'a> Member<'a> {
    pub(super) fn new(field: &str, tensor: &'a Tensor) -> Result<Self, Fault> {
        check_field(field)?;
        let data = tensor.bytes();
        if tensor.dtype() == Dtype::U8 && tensor.shape().len() == 1 {
            return Ok(Self { name: field.into(), header: Vec::new(), data });
        }
        let header = npy_header(tensor.dtype(), tensor.shape()).ok_or_else(|| no_npy(field))?;
        Ok(Self { name: format!("{field}.npy"), header, data })
    }

    /// Returns the number of bytes of the file.
    pub(super) fn size(&self) -> u64 {
        self.header.len() as u64 + self.data.len() as u64
    }
}

/// Returns the fault of a field whose dtype NumPy lacks.
pub(super) fn no_npy(field: &str) -> Fault {
    Fault::new(format!(
        "the field {field:?} is BF16, which npy lacks; cast the field to F32, or write safetensors"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::bf16;

    #[test]
    fn bytes_are_a_file_as_they_are_and_numbers_an_npy_file() {
        let bytes = Tensor::from_slice([3], b"\x89PN").unwrap();
        let member = Member::new("png", &bytes).unwrap();
        assert_eq!((&*member.name, member.size(), member.data), ("png", 3, &b"\x89PN"[..]));
        for (tensor, size) in [
            (Tensor::scalar(7u8), 129),
            (Tensor::from_slice([1, 2], &[1u8, 2]).unwrap(), 130),
            (Tensor::from_slice([0], &[0f32; 0]).unwrap(), 128),
        ] {
            let member = Member::new("x", &tensor).unwrap();
            assert_eq!((&*member.name, member.size()), ("x.npy", size));
        }
    }

    #[test]
    fn a_field_that_npy_lacks_is_refused_with_what_to_do() {
        let message = Member::new("x", &Tensor::scalar(bf16::ONE)).unwrap_err().to_string();
        assert!(message.contains("\"x\" is BF16") && message.contains("cast"), "{message}");
    }
}
