//! The encoding of values of every kind, wrong payloads, panics and nesting.

mod attributes;
mod runs;

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

use super::*;
use crate::dataset::{Dtype, Record};

fn tensor(shape: &[u64], elements: &[u16]) -> Tensor {
    Tensor::from_slice(shape, elements).unwrap()
}

fn back<T: DeserializeOwned>(wire: &Wire) -> Result<T, Fault> {
    decode(&wire.inline, wire.payloads.clone())
}

fn text<T>(result: Result<T, Fault>) -> String {
    result.err().map(|fault| fault.to_string()).unwrap_or_default()
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Deep {
    Leaf { name: String, tensor: Option<Tensor> },
    Many(Vec<Deep>, BTreeMap<u8, Record>),
}

fn deep() -> Deep {
    let record = Record::new().with("a", tensor(&[2, 0], &[])).unwrap();
    let leaf = |name: &str, tensor| Deep::Leaf { name: name.into(), tensor };
    Deep::Many(
        vec![leaf("x", Some(tensor(&[2], &[1, 2]))), leaf("y", None)],
        [(3, record.with("b", Tensor::scalar(-0.5f64)).unwrap())].into(),
    )
}

#[test]
fn tensors_anywhere_in_a_value_go_beside_it_and_share_their_bytes() {
    let value = deep();
    let wire = encode(&value).unwrap();
    let shapes: Vec<_> = wire.payloads.iter().map(Tensor::shape).collect();
    assert_eq!(shapes, [&[2][..], &[2, 0], &[]]);
    assert_eq!(back::<Deep>(&wire).unwrap(), value);
    let one = tensor(&[2], &[1, 2]);
    assert_eq!(encode(&one).unwrap().payloads[0].bytes().as_ptr(), one.bytes().as_ptr());
}

#[test]
fn without_a_sink_the_bytes_are_inside() {
    let value = deep();
    let json = serde_json::to_string(&value).unwrap();
    assert!(json.contains(r#"{"dtype":"U16","shape":[2],"data":[1,0,2,0]}"#), "{json}");
    assert_eq!(serde_json::from_str::<Deep>(&json).unwrap(), value);
    let compact = postcard::to_stdvec(&value).unwrap();
    assert_eq!(postcard::from_bytes::<Deep>(&compact).unwrap(), value);
}

#[test]
fn the_canonical_stream_is_what_the_page_says() {
    let record = Record::new().with("x", tensor(&[1, 2], &[1, 0x203])).unwrap();
    let mut stream = Vec::new();
    encode(&record).unwrap().write_canonical(&mut |part| stream.extend_from_slice(part));
    #[rustfmt::skip]
    assert_eq!(stream, [
        8, 0, 0, 0, 0, 0, 0, 0, // the inline part
        1, 2, b'x', 3, 4, 1, 2, 4, // 1 field; 1 byte, x; U16; 2 axes, 1, 2; 4 bytes
        4, 0, 0, 0, 0, 0, 0, 0, // the payload
        1, 0, 3, 2,
    ]);
}

#[test]
fn tensors_that_are_not_what_was_said_are_refused() {
    let own = tensor(&[2], &[1, 2]);
    let wire = encode(&(own.clone(), 7u8)).unwrap();
    let with = |tensors| text(decode::<(Tensor, u8)>(&wire.inline, tensors));
    assert_eq!(with(vec![own.clone()]), "");
    assert!(with(vec![]).contains("more payloads than came"));
    assert!(with(vec![own.clone(); 2]).contains("has 1 payloads, but 2 came"));
    let message = with(vec![own.clone().reshape([2, 1]).unwrap()]);
    assert!(message.contains("expected a tensor of U16 [2], but U16 [2, 1] came"), "{message}");
    assert!(with(vec![Tensor::from_slice([2], &[1i16, 2]).unwrap()]).contains("I16 [2] came"));

    let longer = [&*wire.inline, &[0]].concat();
    let message = text(decode::<(Tensor, u8)>(&longer, vec![own.clone()]));
    assert!(message.contains("1 of 6 bytes are left"), "{message}");
    for cut in 0..wire.inline.len() {
        assert_ne!(text(decode::<(Tensor, u8)>(&wire.inline[..cut], vec![own.clone()])), "");
    }
    let wrong_length = [3, 2, 2, 5, 7];
    let message = text(decode::<(Tensor, u8)>(&wrong_length, vec![own]));
    assert!(message.contains("of 5 bytes, but U16 [2] takes 4"), "{message}");
}

#[test]
fn shapes_that_overflow_or_have_too_many_axes_are_refused() {
    let inline = |shape: &[u64]| encode(&(Dtype::F64, shape, 0u64)).unwrap().inline;
    let owner = || -> Vec<Owner> { vec![Arc::new([])] };
    let with = |shape: &[u64]| text(decode_owned::<Tensor>(&inline(shape), owner()));
    assert_eq!(with(&[0]), "");
    assert!(with(&[1 << 61]).contains("beyond 2^63"));
    assert!(with(&[u64::MAX, u64::MAX]).contains("beyond 2^63"));
    assert!(with(&[0; 9]).contains("at most 8 axes"));
    assert!(with(&[1]).contains("takes 8 bytes, 0 were given"));
    // 2^32 axes are announced, none comes.
    let endless = [12, 0xfe, 0xff, 0xff, 0xff, 0x1f];
    assert_ne!(text(decode_owned::<Tensor>(&endless, owner())), "");
}

#[test]
fn payloads_in_foreign_memory_are_used_in_place() {
    struct Slot(Tensor);
    impl AsRef<[u8]> for Slot {
        fn as_ref(&self) -> &[u8] {
            self.0.bytes()
        }
    }
    let own = tensor(&[3], &[1, 2, 3]);
    let wire = encode(&own).unwrap();
    let slot: Owner = Arc::new(Slot(own.clone()));
    let read: Tensor = decode_owned(&wire.inline, vec![slot]).unwrap();
    assert_eq!((read.bytes().as_ptr(), &read), (own.bytes().as_ptr(), &own));
}

/// Encodes and decodes while it is itself encoded and decoded.
#[derive(Debug, PartialEq)]
struct Nested(Tensor);

impl Serialize for Nested {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let inner = encode(&self.0).unwrap();
        assert_eq!(inner.payloads.len(), 1);
        (inner.inline, &inner.payloads).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Nested {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (inline, tensors) = <(Vec<u8>, Vec<Tensor>)>::deserialize(deserializer)?;
        decode(&inline, tensors).map(Self).map_err(D::Error::custom)
    }
}

#[test]
fn one_encoding_inside_another_does_not_disturb_it() {
    let value = [1u16, 2, 3].map(|x| (Nested(tensor(&[1], &[x])), tensor(&[1], &[x + 10])));
    let wire = encode(&value).unwrap();
    let order: Vec<_> = wire.payloads.iter().map(|one| one.bytes()[0]).collect();
    assert_eq!(order, [1, 11, 2, 12, 3, 13]);
    assert_eq!(back::<[(Nested, Tensor); 3]>(&wire).unwrap(), value);
}

struct Panics;

impl Serialize for Panics {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("on purpose")
    }
}

impl<'de> Deserialize<'de> for Panics {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("on purpose")
    }
}

#[test]
fn after_a_panic_or_an_error_nothing_is_left_behind() {
    let own = tensor(&[1], &[1]);
    let json = serde_json::to_string(&own).unwrap();
    let wire = encode(&own).unwrap();
    assert!(std::panic::catch_unwind(|| encode(&(&own, Panics))).is_err());
    assert_eq!(serde_json::to_string(&own).unwrap(), json);
    let read = || decode::<(Tensor, Panics)>(&wire.inline, vec![own.clone()]).is_ok();
    assert!(std::panic::catch_unwind(read).is_err());
    assert_eq!(serde_json::from_str::<Tensor>(&json).unwrap(), own);
    assert!(decode::<String>(&[9], vec![]).is_err());
    assert_eq!(serde_json::from_str::<Tensor>(&json).unwrap(), own);
}

#[test]
fn json_that_is_no_record_is_refused() {
    let refuse = |json: &str| serde_json::from_str::<Record>(json).unwrap_err().to_string();
    let one = r#""x":{"dtype":"U8","shape":[1],"data":[1]}"#;
    assert!(refuse(&format!("{{{one},{one}}}")).contains("\"x\" appears twice"));
    assert!(refuse(r#"{"x":{"dtype":"U8","shape":[1]}}"#).contains("missing field `data`"));
    assert!(refuse(r#"{"x":{"dtype":"U8","shape":[2],"data":[1]}}"#).contains("takes 2 bytes"));
    assert!(refuse(r#"{"x":{"dtype":"U8","shap":[1]}}"#).contains("unknown field `shap`"));
    assert!(refuse(r#"{"x":{"dtype":"BOOL","shape":[1],"data":[2]}}"#).contains("not 0 or 1"));
}

fn any_tensor() -> impl Strategy<Value = Tensor> {
    let shape = proptest::collection::vec(0u64..5, 0..4);
    (0..Dtype::ALL.len(), shape, any::<u8>()).prop_map(|(dtype, shape, seed)| {
        Tensor::build(Dtype::ALL[dtype], shape, |bytes| {
            for (place, byte) in bytes.iter_mut().enumerate() {
                let value = (place as u8).wrapping_mul(37).wrapping_add(seed);
                *byte = if dtype == 0 { value % 2 } else { value };
            }
            Ok(())
        })
        .unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_record_comes_back(
        fields in proptest::collection::vec((".{0,9}", any_tensor()), 0..5),
        other: Option<i64>,
    ) {
        let record = fields.into_iter().fold(Record::new(), |record, (name, tensor)| {
            record.with(name, tensor).unwrap()
        });
        let value = (other, record, "end".to_owned());
        let wire = encode(&value).unwrap();
        prop_assert_eq!(&back::<(Option<i64>, Record, String)>(&wire).unwrap(), &value);
        let json = serde_json::to_string(&value).unwrap();
        let read: (Option<i64>, Record, String) = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(read, value);
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        inline in proptest::collection::vec(any::<u8>(), 0..40),
        tensors in proptest::collection::vec(any_tensor(), 0..3),
    ) {
        _ = decode::<Deep>(&inline, tensors.clone());
        _ = decode::<Record>(&inline, tensors);
        _ = postcard::from_bytes::<Record>(&inline);
    }
}

#[test]
fn a_field_that_is_left_out_is_refused_and_not_taken_for_its_neighbour() {
    #[derive(Serialize)]
    struct Quiet {
        #[serde(skip_serializing_if = "Option::is_none")]
        a: Option<u8>,
        b: u16,
    }
    assert!(encode(&Quiet { a: Some(1), b: 300 }).is_ok());
    let message = text(encode(&Quiet { a: None, b: 300 }));
    assert!(message.contains("field \"a\" is left out"), "{message}");
}
