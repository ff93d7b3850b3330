//! JSON lines: what is read, and how a wrong one is told.

use proptest::prelude::*;
use windrow::Result;
use windrow::dataset::{Dtype, Tensor};
use windrow::source::{Jsonl, JsonlField, JsonlOptions, MemoryFiles, Source};

use super::{bytes, column, flat, text};
use crate::spy::largest_request;

fn field(name: &str, dtype: Dtype) -> JsonlField {
    JsonlField::new(name, dtype)
}

fn open(lines: impl AsRef<[u8]>, fields: impl Into<Vec<JsonlField>>) -> Result<Jsonl> {
    Jsonl::new(bytes("t.jsonl", lines.as_ref()), &JsonlOptions::new("t.jsonl", fields))
}

/// What the only value of the only line makes, or what is said of it.
fn value(dtype: Dtype, json: &str) -> std::result::Result<Tensor, String> {
    let jsonl = open(format!(r#"{{"x":{json}}}"#), [field("x", dtype)]).unwrap();
    jsonl.get(0).map(|record| record["x"].clone()).map_err(|fault| fault.to_string())
}

/// What is said of the only value of the only line, after its place.
fn refused(dtype: Dtype, json: &str) -> String {
    let message = text(value(dtype, json));
    message.split("line 1: ").last().unwrap().into()
}

#[test]
fn each_line_is_a_record_and_blank_lines_are_none() {
    let lines = "\u{feff}\n {\"y\": [1, 2], \"x\": 0.5}\r\n\n \t\r\n{\"x\":-1e3,\"y\":[3, 4]}\n\n";
    let jsonl = open(lines, [field("x", Dtype::F32), field("y", Dtype::U16)]).unwrap();
    assert_eq!(jsonl.len(), 2);
    assert_eq!(column(&jsonl, "x"), [Tensor::scalar(0.5f32), Tensor::scalar(-1000f32)]);
    assert_eq!(flat(&jsonl, "y"), [1, 0, 2, 0, 3, 0, 4, 0]);
    assert_eq!(text(jsonl.get(2)), "jsonl of index 2: the source has 2 samples");
    // A last line without an end is one too, and other members are not looked at.
    let jsonl = open("{\"x\":1,\"z\":{\"deep\":[null]}}\n{\"x\":2}", [field("x", Dtype::U8)]);
    assert_eq!(flat(&jsonl.unwrap(), "x"), [1, 2]);
}

#[test]
fn lists_inside_each_other_have_a_shape() {
    let shape = |json| value(Dtype::U8, json).map(|tensor| tensor.shape().to_vec());
    for (json, want) in [
        ("7", &[][..]),
        ("[]", &[0]),
        ("[7]", &[1]),
        ("[ 1 , 2,3 ]", &[3]),
        ("[[1,2,3],[4,5,6]]", &[2, 3]),
        ("[[],[]]", &[2, 0]),
        ("[[[1],[2]]]", &[1, 2, 1]),
        ("[[[[[[[[9]]]]]]]]", &[1; 8]),
    ] {
        assert_eq!(shape(json).unwrap(), want, "{json}");
    }
    for (json, says) in [
        ("[[1],[2,3]]", "expected a list of 1 as beside it, found one of 2"),
        ("[[1,2],[]]", "expected a list of 2 as beside it, found one of 0"),
        ("[[],[1]]", "expected a list of 0 as beside it, found one of 1"),
        ("[[[1]],[[1],[2]]]", "expected a list of 1 as beside it, found one of 2"),
        ("[1,[2]]", "expected a number as beside it, found a list"),
        ("[1,[]]", "expected a number as beside it, found a list"),
        ("[[1],2]", "expected a list as beside it, found a number"),
        ("[[],2]", "expected a list as beside it, found a number"),
        ("[[],[[1]]]", "expected a number as beside it, found a list"),
        ("[[[]],[]]", "expected a list of 1 as beside it, found one of 0"),
        ("[[[[[[[[[9]]]]]]]]]", "at most 8 axes"),
    ] {
        let message = refused(Dtype::U8, json);
        assert!(message.contains(says), "{json}: {message}");
    }
}

#[test]
fn a_shape_is_kept_and_a_flat_list_takes_it() {
    let read = |json: &str, shape: &[u64]| {
        let lines = format!(r#"{{"x":{json}}}"#);
        let jsonl = open(lines, [field("x", Dtype::U8).shape(shape)]).unwrap();
        jsonl.get(0).map(|record| (record["x"].shape().to_vec(), record["x"].bytes().to_vec()))
    };
    let want = (vec![2, 2], vec![1, 2, 3, 4]);
    assert_eq!(read("[[1,2],[3,4]]", &[2, 2]).unwrap(), want);
    assert_eq!(read("[1,2,3,4]", &[2, 2]).unwrap(), want);
    for (json, shape, says) in [
        ("[1,2,3]", &[2, 2][..], "$.x, for field x: expected shape [2, 2], found [3]"),
        ("[[1,2],[3,4]]", &[4], "expected shape [4], found [2, 2]"),
        ("[[1,2],[3,4]]", &[1, 4], "expected shape [1, 4], found [2, 2]"),
        ("5", &[1], "expected shape [1], found []"),
        ("[5]", &[u64::MAX, 2], "expected shape [18446744073709551615, 2], found [1]"),
    ] {
        let message = text(read(json, shape));
        assert!(message.ends_with(says), "{message}");
    }
    assert_eq!(read("[5]", &[]).unwrap(), (vec![], vec![5]));
}

#[test]
fn every_dtype_is_read_to_its_ends_and_not_beyond() {
    macro_rules! whole {
        ($($kind:ty => $dtype:ident),*) => {$({
            let ends = [<$kind>::MIN, <$kind>::MAX];
            let tensor = value(Dtype::$dtype, &format!("{ends:?}")).unwrap();
            assert_eq!(tensor, Tensor::from_slice([2], &ends).unwrap());
            for past in [<$kind>::MIN as i128 - 1, <$kind>::MAX as i128 + 1] {
                let message = refused(Dtype::$dtype, &past.to_string());
                let says = format!("{past} is no {}", stringify!($dtype));
                assert!(message.ends_with(&says), "{message}");
            }
            assert!(refused(Dtype::$dtype, "1.0").contains("1.0 is no"));
        })*};
    }
    whole!(u8 => U8, i8 => I8, u16 => U16, i16 => I16, u32 => U32, i32 => I32, u64 => U64);
    whole!(i64 => I64);
    let bits = |dtype, json| value(dtype, json).unwrap().bytes().to_vec();
    assert_eq!(bits(Dtype::F32, "0.1"), 0.1f32.to_le_bytes());
    // Rounded once, not by way of F64.
    assert_eq!(bits(Dtype::F32, "1.00000017881393432617187499"), 1.0000001f32.to_le_bytes());
    assert_eq!(bits(Dtype::F64, "1e-320"), 1e-320f64.to_le_bytes());
    assert_eq!(bits(Dtype::F16, "[65504, -0.0]"), [0xff, 0x7b, 0, 0x80]);
    assert_eq!(bits(Dtype::BF16, "-2"), [0, 0xc0]);
    assert_eq!(bits(Dtype::BOOL, "[true,false,1,0]"), [1, 0, 1, 0]);
    for (dtype, json) in [
        (Dtype::F16, "65520"),
        (Dtype::F32, "3.5e38"),
        (Dtype::F64, "-1e309"),
        (Dtype::F64, "null"),
        (Dtype::F64, "true"),
        (Dtype::BOOL, "2"),
        (Dtype::U8, "-0"),
    ] {
        assert_eq!(
            refused(dtype, json).split(": ").last().unwrap(),
            format!("{json} is no {dtype}")
        );
    }
}

#[test]
fn a_text_is_its_bytes_in_a_field_of_u8_only() {
    let tensor = value(Dtype::U8, r#""gr\u00fcn\n""#).unwrap();
    assert_eq!(tensor, Tensor::from_slice([6], "grün\n".as_bytes()).unwrap());
    assert_eq!(value(Dtype::U8, r#""""#).unwrap().shape(), [0]);
    let message = refused(Dtype::U16, r#""text""#);
    assert!(
        message.ends_with("\"text\" is a text; use dtype U8, which takes its bytes"),
        "{message}"
    );
    assert!(refused(Dtype::U8, r#"["text"]"#).contains("is a text"), "{message}");
    assert!(
        refused(Dtype::U8, r#"{"a":1}"#)
            .ends_with("{\"a\":1} is an object; give a number or lists of numbers")
    );
}

#[test]
fn a_value_is_found_by_its_pointer() {
    let line = r#"{"a": {"b/c": [10, {"d~": 20}]}, "x": 1, "": 30, "~1": 40}"#;
    let read = |at: &str| {
        let jsonl = open(line, [field("x", Dtype::U8).at(at)]).unwrap();
        jsonl
            .get(0)
            .map(|record| record["x"].bytes().to_vec())
            .map_err(|fault| fault.to_string().split("line 1: ").last().unwrap().to_owned())
    };
    for (at, want) in [("/a/b~1c/0", 10), ("/a/b~1c/1/d~0", 20), ("/x", 1), ("/", 30), ("/~01", 40)]
    {
        assert_eq!(read(at).unwrap(), [want], "{at}");
    }
    for (at, says) in [
        ("/a/b~1c/2", "$.a.b/c[2] is missing; the list has 2 items"),
        ("/a/b~1c/-", "$.a.b/c[-] is missing; the list has 2 items"),
        ("/a/b", "$.a.b is missing; $.a has b/c"),
        ("/none", "$.none is missing; $ has , a, x, ~1"),
        ("/x/y", "$.x is not an object"),
        (
            "",
            "$, for field x: {\"a\": {\"b/c\": [10, {\"d~\": 20}]}, \"x\": 1,… is an object; give a number or lists of numbers",
        ),
    ] {
        assert_eq!(read(at).unwrap_err(), says);
    }
    let lists = open("[1,2]\n[3,4]\n", [field("x", Dtype::U8).at("")]);
    // A line is an object, so that a wrong file is told at once.
    assert!(text(lists.unwrap().get(0)).ends_with("line 1: $ is not an object"));
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_byte() {
    let lines = "{\"x\":1}\n\n\n{\"x\":[1,,2]}\n{\"x\":\n\n {\"x\": [3,\"4\"]}\n\"{\"\n{\"y\":1}\n{\"x\":1} 2";
    let jsonl = open(lines, [field("x", Dtype::U8)]).unwrap();
    let messages: Vec<_> = (0..jsonl.len()).map(|index| text(jsonl.get(index))).collect();
    for (index, says) in [
        (0, "no error"),
        (1, "jsonl of index 1: t.jsonl at byte 18: line 4: is not JSON: expected value"),
        (2, "jsonl of index 2: t.jsonl at byte 27: line 5: is not JSON: EOF while parsing a value"),
        (3, "jsonl of index 3: t.jsonl at byte 40: line 7: $.x, for field x: \"4\"] is a text"),
        (4, "jsonl of index 4: t.jsonl at byte 46: line 8: $ is not an object"),
        (5, "jsonl of index 5: t.jsonl at byte 50: line 9: $.x is missing; $ has y"),
        (6, "line 10: is not JSON: trailing characters"),
    ] {
        assert!(messages[index].contains(says), "{index}: {} is not {says}", messages[index]);
    }
    let broken = open(b"{\"x\":1}\n{\"x\":\"\xff\"}", [field("x", Dtype::U8)]).unwrap();
    assert!(text(broken.get(1)).ends_with("t.jsonl at byte 14: line 2: is not UTF-8"));
}

#[test]
fn files_and_options_that_make_no_sense_are_refused_at_once() {
    let x = || [field("x", Dtype::U8)];
    assert_eq!(text(open("", x())), "t.jsonl: is empty: it has no line");
    assert_eq!(text(open("\n \n\r\n", x())), "t.jsonl: is empty: it has no line");
    assert!(
        text(open(b"\x1f\x8b\x08", x())).contains("is gzip, which cannot be read in any order")
    );
    for (fields, says) in [
        (vec![], "jsonl.fields is empty"),
        (vec![field("x", Dtype::U8), field("x", Dtype::I8)], "jsonl.fields is \"x\" twice"),
        (vec![field(&"x".repeat(300), Dtype::U8)], "has at most 255 bytes"),
        (vec![field("x", Dtype::U8).shape([1; 9])], "jsonl.fields.x.shape is [1, 1"),
        (vec![field("x", Dtype::U8).at("a.b")], "jsonl.fields.x.at is \"a.b\"; allowed: a JSON"),
    ] {
        let message = text(open("{}", fields));
        assert!(message.contains(says), "{message}");
    }
    let files = MemoryFiles::default().with("t.jsonl", *b"{\"x\":1}");
    let jsonl = Jsonl::open(&files, &JsonlOptions::new("t.jsonl", x())).unwrap();
    let op = jsonl.op().to_string();
    assert!(op.starts_with("jsonl(len=1,file=") && op.ends_with(",x=U8)"), "{op}");
    let other = [field("x", Dtype::U8).shape([2, 1]).at("/y")];
    let op = open("{}", other).unwrap().op().to_string();
    assert!(op.ends_with(",x=U8[2;1]:/y)"), "{op}");
}

#[test]
fn a_line_has_a_bound_and_an_index_costs_eight_bytes_a_line() {
    let long = format!("{{\"x\":1}}\n{{\"x\":1{}}}\n", " ".repeat(16 << 20));
    let source = bytes("t.jsonl", long);
    let options = JsonlOptions::new("t.jsonl", [field("x", Dtype::U8)]);
    let mut message = String::new();
    let most = largest_request(|| message = text(Jsonl::new(source, &options)));
    assert_eq!(message, "t.jsonl at byte 8: a line of more than 16777216 bytes begins here");
    assert!(most <= 256 << 10, "{most} bytes at once");

    let source = bytes("t.jsonl", "{\"x\":1}\n\n".repeat(100_000));
    let most = largest_request(|| {
        let jsonl = Jsonl::new(source, &options).unwrap();
        assert_eq!(jsonl.get(99_999).unwrap()["x"], Tensor::scalar(1u8));
    });
    assert!(most <= 2 << 20, "{most} bytes at once");
    // Blank lines without an end cost nothing.
    let source = bytes("t.jsonl", format!("{{\"x\":1}}{}", "\n".repeat(20 << 20)));
    let most = largest_request(|| {
        assert!(Jsonl::new(source, &options).unwrap().get(0).is_ok());
    });
    assert!(most <= 16 << 20, "{most} bytes at once");
}

#[test]
fn a_file_that_is_cut_is_an_error_of_its_last_line() {
    let line = r#"{"x":[1,2],"y":"text"}"#;
    for length in 1..line.len() {
        let cut = format!("{line}\n{}", &line[..length]);
        let jsonl = open(cut, [field("x", Dtype::U8)]).unwrap();
        assert!(jsonl.get(0).is_ok());
        assert!(text(jsonl.get(1)).contains("line 2: is not JSON"), "{length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_text_gives_records_or_errors(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                &b"{\"x\":"[..], b"}", b"[", b"]", b",", b"1", b"-2.5e3", b"\"", b"\\", b"\n", b"\r\n", b" ",
                b"true", b"null", b"{\"x\":[1,2]}\n", b"\xff", b"\xc3\xa9", b"\xef\xbb\xbf", b"\0", b"[[1],[2]]",
            ]),
            0..40,
        ),
        dtype in prop::sample::select(vec![Dtype::U8, Dtype::F32, Dtype::BOOL, Dtype::I64]),
    ) {
        let fields = [field("x", dtype), field("y", dtype).at("/x/0/x")];
        let most = largest_request(|| {
            if let Ok(jsonl) = open(pieces.concat(), fields) {
                for index in 0..=jsonl.len() {
                    _ = jsonl.get(index);
                }
            }
        });
        prop_assert!(most < 1 << 16, "{most} bytes at once");
    }

    #[test]
    fn what_serde_writes_is_read_back(values in prop::collection::vec(any::<f64>(), 1..20)) {
        prop_assume!(values.iter().all(|value| value.is_finite()));
        let json = serde_json::to_string(&values).unwrap();
        let tensor = value(Dtype::F64, &json).unwrap();
        prop_assert_eq!(tensor, Tensor::from_slice([values.len() as u64], &values).unwrap());
    }
}
