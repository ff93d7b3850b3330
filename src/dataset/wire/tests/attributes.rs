//! User types with serde's attributes: which ones cross, and the messages for the others.

use std::collections::{BTreeSet, LinkedList};

use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Named {
    #[serde(alias = "labels", alias = "l")]
    label: u8,
    score: u16,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Box {
        #[serde(alias = "w")]
        width: u8,
        inner: Named,
    },
    #[serde(alias = "None")]
    Nothing,
}

#[test]
fn a_field_with_other_names_is_one_field() {
    let named = |label| Named { label, score: 300 };
    let value = (
        vec![named(1), named(2)],
        Shape::Box { width: 7, inner: named(3) },
        Shape::Nothing,
        "end".to_owned(),
    );
    let wire = encode(&value).unwrap();
    assert_eq!(wire.inline, b"\x04\x01\xac\x02\x02\xac\x02\x00\x07\x03\xac\x02\x01\x06end");
    assert_eq!(text(back::<(Vec<Named>, Shape, Shape, String)>(&wire)), "");
    assert_eq!(back::<(Vec<Named>, Shape, Shape, String)>(&wire).unwrap(), value);
}

#[test]
fn a_struct_with_more_or_fewer_fields_is_refused() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Longer {
        label: u8,
        score: u16,
        more: u8,
    }
    let wire = encode(&Longer { label: 1, score: 2, more: 3 }).unwrap();
    assert!(text(back::<Named>(&wire)).contains("1 of 3 bytes are left"));
    let wire = encode(&Named { label: 1, score: 2 }).unwrap();
    assert!(text(back::<Longer>(&wire)).contains("it ends too early"));
    assert_ne!(text(back::<(Named, u8)>(&wire)), "");
}

#[test]
#[cfg_attr(miri, ignore = "a million elements")]
fn elements_without_bytes_are_bounded_on_both_sides() {
    // A sequence of 2^61 elements, and a map of 2^62 entries.
    let endless = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40];
    fn refused<T: DeserializeOwned>(inline: &[u8]) {
        let message = text(decode::<T>(inline, vec![]));
        assert!(message.contains("more than 1048576 elements without bytes"), "{message}");
    }
    refused::<Vec<()>>(&endless);
    refused::<Vec<[u8; 0]>>(&endless);
    refused::<LinkedList<()>>(&endless);
    refused::<BTreeSet<()>>(&endless);
    refused::<BTreeMap<(), ()>>(&endless);
    // Many short lists.
    let many = [&[200, 1][..], &[0x80, 0x80, 0x40].repeat(100)].concat();
    refused::<Vec<Vec<()>>>(&many);

    let most = vec![(); 1 << 20];
    assert_eq!(back::<Vec<()>>(&encode(&most).unwrap()).unwrap().len(), 1 << 20);
    let message = text(encode(&vec![(); (1 << 20) + 1]));
    assert!(message.contains("more than 1048576 elements without bytes"), "{message}");
    assert!(message.contains("alloc::vec::Vec<()>"), "{message}");
    assert_ne!(text(encode(&(&most, vec![[0u8; 0]]))), "");
    let lists = (LinkedList::from([(); 3]), BTreeMap::from([((), ())]), vec![(0u8, ()); 2]);
    let wire = encode(&lists).unwrap();
    assert_eq!(back::<(LinkedList<()>, BTreeMap<(), ()>, Vec<(u8, ())>)>(&wire).unwrap(), lists);
    // Fields without bytes are not counted, because elements with bytes limit their number.
    let pairs = vec![(1u8, ()); (1 << 20) + 1];
    assert_eq!(back::<Vec<(u8, ())>>(&encode(&pairs).unwrap()).unwrap(), pairs);
}

/// Reads no bytes.
struct Idle;

impl<'de> Deserialize<'de> for Idle {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

#[test]
fn a_block_has_a_byte_for_each_element() {
    let endless = [0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40];
    let message = text(decode::<Vec<Idle>>(&endless, vec![tensor(&[1], &[1])]));
    assert!(message.contains("a block is too short"), "{message}");
}

#[test]
fn what_cannot_be_read_is_named_with_a_remedy() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Flat {
        a: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    }
    let message = text(encode(&Flat { a: 1, rest: BTreeMap::new() }));
    for part in ["Flat cannot be encoded", "#[serde(flatten)]", "a separate field"] {
        assert!(message.contains(part), "{message}");
    }

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    struct Tagged {
        a: u8,
    }
    let message = text(back::<Tagged>(&encode(&Tagged { a: 1 }).unwrap()));
    for part in ["Tagged cannot be read", "skip_deserializing", "`tag`"] {
        assert!(message.contains(part), "{message}");
    }
    let message = text(decode::<Named>(&[1], vec![]));
    assert!(message.contains("Named cannot be read"), "{message}");
}
