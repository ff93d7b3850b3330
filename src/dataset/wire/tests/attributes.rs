//! Types of the user with serde's attributes: which ones cross, and what is said of the others.

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
