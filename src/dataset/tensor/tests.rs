//! Tensors of every dtype, sizes that are too large, and bytes with another owner.

use half::{bf16, f16};

use super::*;

fn text<T>(result: Result<T, Fault>) -> String {
    result.err().map(|fault| fault.to_string()).unwrap_or_default()
}

fn same<T: Element>(elements: &[T]) {
    let tensor = Tensor::from_slice([elements.len() as u64], elements).unwrap();
    assert_eq!(tensor.to_vec::<T>().unwrap(), elements);
    assert_eq!(Tensor::new(T::DTYPE, tensor.shape(), tensor.bytes()).unwrap(), tensor);
    assert_eq!(tensor.bytes().as_ptr().addr() % 64, 0);
    if cfg!(target_endian = "little") {
        assert_eq!(tensor.as_slice::<T>().unwrap(), elements);
    }
}

#[test]
fn elements_of_every_dtype_come_back() {
    same(&[true, false]);
    same(&[0u8, 255]);
    same(&[-128i8, 127]);
    same(&[0u16, u16::MAX]);
    same(&[i16::MIN, i16::MAX]);
    same(&[0u32, u32::MAX]);
    same(&[i32::MIN, i32::MAX]);
    same(&[0u64, u64::MAX]);
    same(&[i64::MIN, i64::MAX]);
    same(&[f16::MIN, f16::INFINITY]);
    same(&[bf16::MIN, bf16::INFINITY]);
    same(&[f32::MIN, -0.0, f32::INFINITY]);
    same(&[f64::MIN, -0.0, f64::INFINITY]);
    same::<f32>(&[]);
}

#[test]
fn bytes_are_little_endian_on_every_host() {
    assert_eq!(Tensor::scalar(0x0102_0304u32).bytes(), [4, 3, 2, 1]);
    assert_eq!(Tensor::scalar(true).bytes(), [1]);
    assert_eq!(Tensor::scalar(f16::ONE).bytes(), [0, 0x3c]);
}

#[test]
fn a_length_that_is_not_the_shapes_is_refused_with_both() {
    let message = text(Tensor::new(Dtype::F32, [2, 3], &[0; 20]));
    assert_eq!(message, "shape [2, 3] of F32 takes 24 bytes, 20 were given");
    assert!(text(Tensor::from_slice([3], &[1u8])).contains("takes 3 bytes, 1 were given"));
    assert!(text(Tensor::new(Dtype::U8, [1; 9], &[0])).contains("at most 8 axes, not 9"));
    assert!(text(Tensor::new(Dtype::BOOL, [2], &[1, 2])).contains("element 1"));
}

#[test]
fn a_size_beyond_the_host_is_refused_before_memory_is_asked_for() {
    for shape in [&[u64::MAX, 2][..], &[1 << 61, 4], &[0, u64::MAX, u64::MAX]] {
        assert!(text(Tensor::build(Dtype::F64, shape, |_| Ok(()))).contains("2^63"));
    }
    // As large as a layout may be: the allocator fails, and no code panics.
    let most = i64::MAX as u64 - 127;
    if !cfg!(miri) {
        assert!(Tensor::build(Dtype::U8, [most], |_| Ok(())).is_err());
    }
    assert_eq!(Tensor::build(Dtype::F64, [0, 1 << 40], |_| Ok(())).unwrap().len(), 0);
}

#[test]
fn reshape_shares_the_bytes_and_keeps_the_count() {
    let tensor = Tensor::from_slice([6], &[1, 2, 3, 4, 5, 6]).unwrap();
    let other = tensor.clone().reshape([2, 3]).unwrap();
    assert_eq!(other.shape(), [2, 3]);
    assert_eq!(other.bytes().as_ptr(), tensor.bytes().as_ptr());
    assert_ne!(other, tensor);
    assert!(text(tensor.reshape([4])).contains("shape [6] has 6 elements, shape [4] has 4"));
}

#[test]
fn an_owners_bytes_are_used_in_place_and_given_back() {
    let lines = Tensor::from_slice([256], &[7u8; 256]).unwrap();
    struct Part(Tensor, usize, std::sync::mpsc::Sender<()>);
    impl AsRef<[u8]> for Part {
        fn as_ref(&self) -> &[u8] {
            &self.0.bytes()[self.1..self.1 + 64]
        }
    }
    impl Drop for Part {
        fn drop(&mut self) {
            _ = self.2.send(());
        }
    }
    let (sender, given_back) = std::sync::mpsc::channel();
    let part = |from| std::sync::Arc::new(Part(lines.clone(), from, sender.clone()));
    let message = text(Tensor::from_owner(Dtype::F32, [16], part(6)));
    assert!(message.contains("multiple of 4, these start 2 after one"), "{message}");
    given_back.try_recv().unwrap();
    let tensor = Tensor::from_owner(Dtype::F32, [16], part(4)).unwrap();
    assert_eq!(tensor.as_slice::<f32>().map(<[f32]>::len), Some(16));
    drop(tensor);
    given_back.try_recv().unwrap();
    let tensor = Tensor::from_owner(Dtype::F32, [16], part(64)).unwrap();
    assert_eq!(tensor.bytes().as_ptr(), lines.bytes()[64..].as_ptr());
    drop(tensor.clone());
    assert!(given_back.try_recv().is_err());
    drop(tensor);
    given_back.try_recv().unwrap();
    assert!(text(Tensor::from_owner(Dtype::F32, [15], part(0))).contains("64 were given"));
}

#[test]
fn a_vec_stays_where_it_is() {
    let elements = vec![0.5f64; 100_001];
    let start = elements.as_ptr();
    let tensor = Tensor::from_vec([100_001], elements).unwrap();
    assert_eq!(tensor, Tensor::from_slice([100_001], &[0.5f64; 100_001]).unwrap());
    if cfg!(target_endian = "little") {
        assert_eq!(tensor.as_slice::<f64>().map(<[f64]>::as_ptr), Some(start));
    }
    assert_eq!(Tensor::from_vec([0, 3], Vec::<u8>::new()).unwrap().len(), 0);
    assert_eq!(Tensor::from_vec([2], vec![true, false]).unwrap().bytes(), [1, 0]);
    assert!(text(Tensor::from_vec([3], vec![1u16; 2])).contains("takes 6 bytes, 4 were given"));
}

#[test]
fn a_filler_that_fails_gives_its_fault() {
    let made = Tensor::build(Dtype::U8, [100_000], |_| Err(Fault::new("short read")));
    assert_eq!(text(made), "short read");
}

#[test]
fn debug_is_short() {
    let tensor = Tensor::from_slice([2, 4], &[0.5f32; 8]).unwrap();
    assert_eq!(format!("{tensor:?}"), "Tensor(F32 [2, 4]: 0.5 0.5 0.5 0.5 0.5 0.5 …)");
    assert_eq!(format!("{:?}", Tensor::scalar(true)), "Tensor(BOOL []: true)");
}
