//! The bytes of samples whose types tell them.

use std::any::Any;

use super::{Record, Tensor};

/// Returns the bytes of a sample if its type is known; `None` for other types.
pub(crate) fn bytes_of<T: 'static>(sample: &T) -> Option<u64> {
    if !std::mem::needs_drop::<T>() {
        return Some(size_of::<T>() as u64);
    }
    let any: &dyn Any = sample;
    if let Some(record) = any.downcast_ref::<Record>() {
        return Some(record.byte_len());
    }
    if let Some(tensor) = any.downcast_ref::<Tensor>() {
        return Some(tensor.bytes().len() as u64);
    }
    if let Some(text) = any.downcast_ref::<String>() {
        return Some(text.len() as u64);
    }
    if let Some(records) = any.downcast_ref::<Vec<Record>>() {
        return Some(records.iter().map(Record::byte_len).sum());
    }
    macro_rules! vec_of {
        ($($element:ty)*) => {$(
            if let Some(values) = any.downcast_ref::<Vec<$element>>() {
                return Some(size_of_val(values.as_slice()) as u64);
            }
        )*};
    }
    vec_of!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64 bool char);
    None
}

/// Returns the number of tensors of a sample whose type tells it.
pub(super) fn tensors_of<T: 'static>(sample: &T) -> u64 {
    let any: &dyn Any = sample;
    let records = any.downcast_ref::<Record>().map(std::slice::from_ref);
    let records = records.or_else(|| any.downcast_ref::<Vec<Record>>().map(Vec::as_slice));
    let fields = records.unwrap_or_default().iter().map(|record| record.len() as u64).sum::<u64>();
    fields + u64::from(any.is::<Tensor>())
}

#[cfg(test)]
mod tests {
    use super::bytes_of;

    #[test]
    fn plain_types_and_known_containers_are_measured_and_others_are_not() {
        assert_eq!(bytes_of(&7u64), Some(8));
        assert_eq!(bytes_of(&(1u8, 2u32)), Some(8));
        assert_eq!(bytes_of(&vec![0f32; 100]), Some(400));
        assert_eq!(bytes_of(&String::from("abc")), Some(3));
        assert_eq!(bytes_of(&Box::new(1)), None);
    }
}
