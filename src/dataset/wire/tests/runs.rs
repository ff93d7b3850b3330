//! Runs of numbers: when they are blocks, the content of blocks, and wrong blocks.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Debug};

use serde::de::{SeqAccess, Visitor};
use serde::ser::{SerializeSeq, SerializeTuple};

use super::trouble::Trouble;
use super::*;

/// Checks that a value survives a round trip with the same encoding; returns the encoding.
#[track_caller]
fn round<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> Wire {
    let wire = encode(value).unwrap();
    let read: T = back(&wire).unwrap();
    assert_eq!(&read, value);
    assert_eq!(encode(&read).unwrap(), wire);
    wire
}

/// Returns the lengths of the inline part and of the payloads.
fn lengths(wire: &Wire) -> (usize, Vec<usize>) {
    (wire.inline.len(), wire.payloads.iter().map(|payload| payload.bytes().len()).collect())
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Meters(f32);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Part {
    Nothing,
    Pixels(Vec<u8>),
    Both { text: String, heights: Vec<Meters> },
}

/// An array that is written and read like with serde's helpers for large arrays.
#[derive(Debug, PartialEq)]
struct Array<const N: usize>([i16; N]);

impl<const N: usize> Serialize for Array<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut elements = serializer.serialize_tuple(N)?;
        self.0.iter().try_for_each(|element| elements.serialize_element(element))?;
        elements.end()
    }
}

impl<'de, const N: usize> Deserialize<'de> for Array<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Filling<const N: usize>;
        impl<'de, const N: usize> Visitor<'de> for Filling<N> {
            type Value = Array<N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Array<N>, A::Error> {
                let mut array = [0; N];
                for place in &mut array {
                    *place = seq.next_element()?.ok_or_else(|| A::Error::custom("too short"))?;
                }
                Ok(Array(array))
            }
        }
        deserializer.deserialize_tuple(N, Filling::<N>)
    }
}

#[test]
fn long_runs_of_every_kind_are_blocks_and_come_back() {
    macro_rules! kinds {
        ($($number:ty: $one:expr, $other:expr;)*) => {$(
            let size = size_of::<$number>();
            let least = 1024usize.div_ceil(size);
            let lengths_tried = [least - 1, least, 0, 1, 7, least + 1, 3 * least];
            // Miri takes a second for a thousand elements.
            for &length in &lengths_tried[..if cfg!(miri) { 2 } else { 7 }] {
                let run: Vec<$number> =
                    [$one, $other].into_iter().cycle().take(length).collect();
                let (inline, payloads) = lengths(&round(&run));
                if length < least {
                    assert!(payloads.is_empty(), "{length} of {size}");
                } else {
                    assert!(inline < 4, "{inline}");
                    assert_eq!(payloads, [length * size], "{length} of {size}");
                }
            }
        )*};
    }
    kinds! {
        u8: 0, 255; i8: -128, 127; u16: 1, 65_535; i16: -1, i16::MIN; u32: 1, u32::MAX;
        i32: -1, i32::MIN; u64: 1, u64::MAX; i64: -1, i64::MIN; u128: 1, u128::MAX;
        i128: -1, i128::MIN; f32: -0.0, f32::INFINITY; f64: 0.1, f64::MIN; bool: true, false;
        char: 'a', '\u{10ffff}'; usize: 1, usize::MAX; isize: -1, isize::MIN;
    }
    let nan = f32::from_bits(0x7fa0_0001);
    let wire = encode(&vec![nan; 256]).unwrap();
    assert_eq!(back::<Vec<f32>>(&wire).unwrap()[255].to_bits(), nan.to_bits());
}

#[test]
fn a_block_is_little_endian_and_fixed_in_width() {
    let run: Vec<u32> = (0..256).map(|x| x * 0x0001_0203).collect();
    let wire = encode(&run).unwrap();
    assert_eq!(wire.inline, [0x81, 4]);
    assert_eq!(wire.payloads[0].bytes()[1020..], [0xfd, 0, 1, 1]);
    let mut stream = Vec::new();
    wire.write_canonical(&mut |part| stream.extend_from_slice(part));
    assert_eq!(stream[..18], [2, 0, 0, 0, 0, 0, 0, 0, 0x81, 4, 0, 4, 0, 0, 0, 0, 0, 0]);
    assert_eq!(stream.len(), 18 + 1024);
}

#[test]
fn runs_anywhere_in_a_value_come_back_in_order_with_its_tensors() {
    let heights = || (0..300).map(|x| Meters(x as f32)).collect();
    let value = BTreeMap::from([
        (1u8, vec![Part::Nothing, Part::Pixels(vec![7; 1100])]),
        (2, vec![Part::Both { text: "é".repeat(600), heights: heights() }]),
        (3, vec![Part::Both { text: "é".into(), heights: heights() }]),
    ]);
    let value = (tensor(&[2], &[1, 2]), value, Some(tensor(&[1], &[3])), Array([5; 600]));
    let (inline, payloads) = lengths(&round(&value));
    assert_eq!(payloads, [4, 1100, 1200, 1200, 1200, 2, 1200]);
    assert!(inline < 40, "{inline}");
    round(&VecDeque::from(vec![3u64; 999]));
    round(&vec![vec![1.5f64; 200]; 4]);
    round(&vec![[0.5f32; 3]; 500]);
    round(&vec![Some(7u8); 1100]);
    round(&vec!["text".to_owned(); 100]);
    round(&vec![tensor(&[1], &[1]); 100]);
}

#[test]
fn arrays_of_more_than_32_elements_say_whether_they_are_blocks() {
    assert_eq!(encode(&[5i16; 32]).unwrap().inline, [10; 32]);
    assert_eq!(encode(&Array([5; 33])).unwrap().inline, [&[0][..], &[10; 33]].concat());
    round(&Array([5; 511]));
    let wire = round(&Array([5; 512]));
    assert_eq!((wire.inline, wire.payloads.len()), (vec![1], 1));
}

/// A number whose kind depends on its value.
#[derive(Clone, Copy)]
struct Odd(u64);

impl Serialize for Odd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            0..1000 => serializer.serialize_u32(self.0 as u32),
            1000 => serializer.serialize_str("a thousand"),
            _ => serializer.serialize_u64(self.0),
        }
    }
}

/// A sequence that writes its elements one by one.
struct Slowly<T>(Vec<T>);

impl<T: Serialize> Serialize for Slowly<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut elements = serializer.serialize_seq(Some(self.0.len()))?;
        self.0.iter().try_for_each(|element| elements.serialize_element(element))?;
        elements.end()
    }
}

#[test]
fn a_sequence_that_is_no_run_after_all_is_written_as_if_it_had_never_seemed_one() {
    for odd in [1000, 1001] {
        for place in [0, 1, 77, 299] {
            let mut elements: Vec<Odd> = (0..300).map(Odd).collect();
            elements[place] = Odd(odd);
            let mut expected = vec![0xd8, 4];
            for element in &elements {
                expected.extend(encode(element).unwrap().inline);
            }
            let wire = encode(&elements).unwrap();
            assert_eq!((&wire.inline, wire.payloads.len()), (&expected, 0), "{odd} at {place}");
            assert_eq!(encode(&Slowly(elements)).unwrap(), wire, "{odd} at {place}");
        }
    }
}

#[test]
fn however_its_elements_come_a_run_is_the_same() {
    let run: Vec<i16> = (0..if cfg!(miri) { 600 } else { 5000 }).map(|x| x - 2500).collect();
    let wire = encode(&run).unwrap();
    assert_eq!(encode(&Slowly(run.clone())).unwrap(), wire);
    assert_eq!(encode(&VecDeque::from(run.clone())).unwrap(), wire);
    assert_eq!(back::<VecDeque<i16>>(&wire).unwrap(), run);
    assert_eq!(encode(&vec![Meters(0.5); 600]).unwrap(), encode(&vec![0.5f32; 600]).unwrap());
}

#[test]
fn serde_pushes_no_element_of_a_vec_of_plain_numbers() {
    /// A user's visitor, which would change its input.
    struct Named;
    impl<'de> Visitor<'de> for Named {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }
    }
    struct Whole;
    impl<'de> Deserializer<'de> for Whole {
        type Error = Trouble;

        fn deserialize_seq<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Trouble> {
            let whole = super::super::block::whole::<V>(&[1, 2, 3, 4], 4);
            whole.unwrap_or_else(|| Err(Trouble("element by element".into())))
        }

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Trouble> {
            unreachable!()
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct tuple tuple_struct map struct enum identifier ignored_any
        }
    }
    assert_eq!(Vec::<u8>::deserialize(Whole).unwrap(), [1, 2, 3, 4]);
    assert_eq!(Box::<[u8]>::deserialize(Whole).unwrap()[..], [1, 2, 3, 4]);
    let too_long = Vec::<u16>::deserialize(Whole).unwrap_err().to_string();
    assert!(too_long.contains("expected 4 elements of 2 bytes, but 4 bytes came"), "{too_long}");
    let element_by_element = |error: Trouble| assert_eq!(error.to_string(), "element by element");
    element_by_element(Vec::<Meters>::deserialize(Whole).unwrap_err());
    element_by_element(Vec::<bool>::deserialize(Whole).unwrap_err());
    element_by_element(VecDeque::<u8>::deserialize(Whole).unwrap_err());
    element_by_element(Whole.deserialize_seq(Named).unwrap_err());
}

#[test]
fn sequences_that_lie_about_their_length_are_refused() {
    struct Says(usize, usize, bool);
    impl Serialize for Says {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let Self(said, there, at_once) = *self;
            if at_once {
                return serializer.collect_seq(Hinted(said, 0..there));
            }
            let mut elements = serializer.serialize_seq(Some(said))?;
            (0..there).try_for_each(|_| elements.serialize_element(&7u8))?;
            elements.end()
        }
    }
    struct Hinted(usize, std::ops::Range<usize>);
    impl Iterator for Hinted {
        type Item = u8;

        fn next(&mut self) -> Option<u8> {
            self.1.next().map(|_| 7)
        }

        fn size_hint(&self) -> (usize, Option<usize>) {
            (self.0, Some(self.0))
        }
    }
    for (said, there) in [(2000, 1999), (2000, 0), (2000, 1), (5, 4), (5, 6), (0, 1)] {
        for at_once in [false, true] {
            let why = text(encode(&Says(said, there, at_once)));
            assert!(why.contains(&format!("{said} elements, {there} came")), "{why}");
        }
    }
    assert!(text(encode(&Says(2000, 2001, false))).contains("2001 came"));
    assert!(encode(&Says(usize::MAX, 3, true)).is_err());
}

#[test]
fn blocks_that_are_not_what_was_said_are_refused() {
    let wire = encode(&(vec![7u32; 400], 1u8)).unwrap();
    let block = |length: usize| Tensor::from_slice([length as u64], &vec![1u8; length]).unwrap();
    let with = |inline: &[u8], payloads| text(decode::<(Vec<u32>, u8)>(inline, payloads));
    let as_deque = |payloads| text(decode::<(VecDeque<u32>, u8)>(&wire.inline, payloads));
    assert_eq!(with(&wire.inline, vec![block(1600)]), "");
    for length in [0, 1, 1599, 1601, 400] {
        let why = with(&wire.inline, vec![block(length)]);
        let other =
            if length > 1600 { "1 bytes are left in a block" } else { "a block is too short" };
        assert!(why.contains("expected 400 elements of 4 bytes"), "{why}");
        assert!(as_deque(vec![block(length)]).contains(other), "{length}");
    }
    assert!(with(&wire.inline, vec![]).contains("more payloads than came"));
    assert!(with(&wire.inline, vec![block(1600), block(1)]).contains("has 1 payloads, but 2 came"));
    // The most elements possible, in a block without bytes.
    let endless = [&[0xff; 9][..], &[1]].concat();
    assert_ne!(with(&endless, vec![block(0)]), "");
    assert_ne!(text(decode::<Vec<u8>>(&endless, vec![block(9)])), "");
    assert_ne!(text(decode::<String>(&endless, vec![block(9)])), "");
    assert_ne!(text(decode::<VecDeque<u8>>(&endless, vec![block(9)])), "");
    assert!(text(decode::<Vec<String>>(&wire.inline[..2], vec![block(1600)])).contains("numbers"));
    let two = vec![2u8; 2000];
    let not_bool = vec![Tensor::from_slice([2000], &two).unwrap()];
    let inline = encode(&two).unwrap().inline;
    assert!(text(decode::<Vec<bool>>(&inline, not_bool)).contains("is 2, not 0 or 1"));
}

#[test]
fn numbers_beyond_their_type_are_refused() {
    let read = |bytes: &[u8]| decode::<u16>(bytes, vec![]);
    assert_eq!(read(&[0xff, 0xff, 3]).unwrap(), u16::MAX);
    assert!(text(read(&[0xff, 0xff, 4])).contains("more than 16 bits"));
    assert!(text(read(&[0xff; 40])).contains("more than 16 bits"));
    assert!(text(decode::<u128>(&[0xff; 40], vec![])).contains("more than 128 bits"));
    assert!(text(decode::<char>(&[0x80, 0xb0, 3], vec![])).contains("55296 is no char"));
    assert!(text(decode::<Option<u8>>(&[2, 7], vec![])).contains("not 0 or 1"));
    assert!(text(decode::<serde_json::Value>(&[2, 7], vec![])).contains("untagged"));
    assert!(text(decode::<String>(&[2, 0xff], vec![])).contains("utf-8"));
}
