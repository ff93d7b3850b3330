//! Tests of stacking and padding.

use proptest::prelude::*;

use super::*;
use crate::dataset::Dataset;
use crate::source::from_vec;

fn of(name: &'static str, tensor: Result<Tensor, Fault>) -> Record {
    Record::new().with(name, tensor.unwrap()).unwrap()
}

fn text(records: Vec<Record>, pad: Option<Pad>) -> String {
    stack(records, pad).unwrap_err().to_string()
}

#[test]
fn fields_are_stacked_along_a_new_first_axis() {
    let record = |x: u8| {
        let image = Tensor::from_slice([1, 2], &[x, x + 1]).unwrap();
        let label = Tensor::scalar(i64::from(x));
        Record::new().with("image", image).unwrap().with("label", label).unwrap()
    };
    let batch = stack(vec![record(1), record(5), record(9)], None).unwrap();
    assert_eq!(batch["image"], Tensor::from_slice([3, 1, 2], &[1u8, 2, 5, 6, 9, 10]).unwrap());
    assert_eq!(batch["label"], Tensor::from_slice([3], &[1i64, 5, 9]).unwrap());
    let empty = stack(vec![of("x", Tensor::from_slice::<f32>([0, 3], &[])); 2], None).unwrap();
    assert_eq!(empty["x"].shape(), [2, 0, 3]);
    assert_eq!(stack(vec![Record::new(); 2], None).unwrap(), Record::new());
}

#[test]
fn a_ragged_sample_is_named_with_its_field_and_both_shapes() {
    let rows = [3, 3, 4].map(|len| of("row", Tensor::from_slice([len], &vec![0u8; len as usize])));
    assert_eq!(
        text(rows.to_vec(), None),
        "field \"row\": sample 2 of the batch has shape [4], sample 0 has [3]; \
         set `pad` to fill them up"
    );
    let ranks = vec![rows[0].clone(), of("row", Tensor::from_slice([1, 3], &[0u8; 3]))];
    assert!(text(ranks.clone(), None).contains("reshape them"));
    assert!(text(ranks, Some(Pad(0.0))).contains("shape [1, 3], sample 0 has [3]"));
    let kinds = vec![of("row", Ok(Tensor::scalar(1u8))), of("row", Ok(Tensor::scalar(1i8)))];
    assert!(text(kinds, None).contains("sample 1 of the batch is I8, sample 0 is U8"));
    let names = vec![rows[0].clone(), of("other", Ok(Tensor::scalar(1u8)))];
    let message = text(names, None);
    assert!(message.contains("sample 1 of the batch has the fields other"), "{message}");
    assert!(message.contains("sample 0 has row (see \"other\")"), "{message}");
    assert!(text(vec![], None).contains("at least one"));
    let some = vec![rows[0].clone().with_keys([1.into()]), rows[1].clone()];
    assert!(text(some, None).contains("sample 1 of the batch has no key, others have one"));
}

#[test]
fn a_batch_says_which_of_its_samples_is_ragged() {
    let rows = from_vec(vec![of("x", Tensor::from_slice([1], &[1u8])), Record::new()]);
    let fault = rows.batch_with(2, Stack::new()).get(0).unwrap_err();
    assert!(fault.to_string().starts_with("batch of index 0: sample 1"), "{fault}");
}

#[test]
fn padding_goes_after_the_elements_of_each_axis() {
    let parts = vec![
        of("x", Tensor::from_slice([2, 1], &[1i16, 2])),
        of("x", Tensor::from_slice([1, 3], &[3i16, 4, 5])),
        of("x", Tensor::from_slice::<i16>([0, 9], &[])),
    ];
    let batch = stack(parts[..2].to_vec(), Some(Pad(-1.0))).unwrap();
    assert_eq!(batch["x"].shape(), [2, 2, 3]);
    let padded = [1, -1, -1, 2, -1, -1, 3, 4, 5, -1, -1, -1];
    assert_eq!(batch["x"].to_vec::<i16>().unwrap(), padded);
    let with_empty = stack(parts.clone(), Some(Pad(0.0))).unwrap();
    assert_eq!(with_empty["x"].shape(), [3, 2, 9]);
    assert!(text(parts, Some(Pad(0.5))).contains("`pad` is 0.5, which I16 cannot hold"));
}

#[test]
fn padding_does_not_take_more_memory_than_it_may() {
    let long = vec![0u8; 1 << 20];
    let tall = of("x", Tensor::from_slice([1 << 20, 1], &long));
    let wide = of("x", Tensor::from_slice([1, 1 << 20], &long));
    let message = text(vec![tall, wide], Some(Pad(0.0)));
    assert!(message.contains("[2, 1048576, 1048576]"), "{message}");
}

#[test]
fn pad_is_described_only_where_it_is_set() {
    let describe = |stack: Stack| Collate::<Record>::describe(&stack, Op::new("batch")).to_string();
    assert_eq!(describe(Stack::new()), "batch");
    assert_eq!(describe(Stack::padded(-1.0)), "batch(pad=-1.0)");
    let json = serde_json::to_string(&Stack::padded(0.0)).unwrap();
    assert_eq!(json, r#"{"pad":0.0}"#);
    assert_eq!(serde_json::from_str::<Stack>("{}").unwrap(), Stack::new());
    assert!(serde_json::from_str::<Stack>(r#"{"pas":0}"#).is_err());
}

proptest! {
    /// Compares with a copy element by element.
    #[test]
    fn padding_is_a_copy_of_each_element(
        shapes in proptest::collection::vec([0u64..4, 0..4, 0..4], 1..5),
        pad in -3i32..4,
    ) {
        let mut next = 10;
        let tensors: Vec<Vec<i32>> = shapes.iter().map(|shape| {
            (0..shape.iter().product()).map(|_| { next += 1; next }).collect()
        }).collect();
        let records = shapes.iter().zip(&tensors)
            .map(|(shape, own)| of("x", Tensor::from_slice(shape, own))).collect();
        let batch = stack(records, Some(Pad(pad.into()))).unwrap();
        let most = [0, 1, 2].map(|axis| shapes.iter().map(|shape| shape[axis]).max().unwrap());
        let mut want = Vec::new();
        for (shape, own) in shapes.iter().zip(&tensors) {
            for i in 0..most[0] { for j in 0..most[1] { for k in 0..most[2] {
                let inside = i < shape[0] && j < shape[1] && k < shape[2];
                let at = (i * shape[1] + j) * shape[2] + k;
                want.push(if inside { own[at as usize] } else { pad });
            }}}
        }
        prop_assert_eq!(&batch["x"].shape()[1..], &most[..]);
        prop_assert_eq!(batch["x"].to_vec::<i32>().unwrap(), want);
    }
}
