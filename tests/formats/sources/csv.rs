//! Tables: what is read, and how a wrong one is told.

use proptest::prelude::*;
use windrow::Result;
use windrow::dataset::{Dtype, Tensor};
use windrow::source::{Column, Columns, Csv, CsvField, CsvOptions, MemoryFiles, Source};

use super::{bytes, column, flat, text};
use crate::spy::largest_request;

fn open(table: impl AsRef<[u8]>, options: CsvOptions) -> Result<Csv> {
    Csv::new(&*bytes("t.csv", table.as_ref()), &options)
}

/// A table with a header, of which every column goes into one field.
fn all(dtype: Dtype) -> CsvOptions {
    CsvOptions::new("t.csv", [CsvField::new("x", Columns::All, dtype)])
}

/// What reading a table of bytes says, with and without a header row.
fn refused(table: impl AsRef<[u8]>, options: CsvOptions) -> String {
    let message = text(open(table, options));
    message.strip_prefix("t.csv: ").map(String::from).unwrap_or(message)
}

fn digits() -> (String, CsvOptions) {
    let row = |r: u64| (0..64).map(move |c| (r * 31 + c * 7) % 17).chain([r % 10]);
    let line = |r| row(r).map(|value| value.to_string()).collect::<Vec<_>>().join(",") + "\n";
    let image = CsvField::new("image", 0..64, Dtype::U8).shape([8, 8]);
    let fields = [image, CsvField::new("label", 64, Dtype::U8)];
    ((0..30).map(line).collect(), CsvOptions::new("digits.csv", fields).without_header())
}

#[test]
fn the_digits_are_read_as_images_and_labels() {
    let (table, options) = digits();
    let files = MemoryFiles::default().with("digits.csv", table.into_bytes());
    let csv = Csv::open(&files, &options).unwrap();
    let record = csv.get(29).unwrap();
    assert_eq!((csv.len(), record.len()), (30, 2));
    let expected: Vec<u8> = (0..64).map(|c| ((29 * 31 + c * 7) % 17) as u8).collect();
    assert_eq!(record["image"], Tensor::from_slice([8, 8], &expected).unwrap());
    assert_eq!(record["label"], Tensor::scalar(9u8));
    assert_eq!(text(csv.get(30)), "csv of index 30: the source has 30 samples");
    let op = csv.op().to_string();
    assert!(op.starts_with("csv(len=30,file="), "{op}");
    let fields = "delimiter=%2c,header=false,image=U8[8;8]:0-63,label=U8[]:64)";
    assert!(op.ends_with(fields), "{op}");
}

#[test]
fn columns_are_chosen_by_number_name_list_and_range() {
    let table = "a,b,all\n1,2,3\n4,5,6\n";
    let rows = |columns: Columns| {
        let options = CsvOptions::new("t", [CsvField::new("x", columns, Dtype::I16)]);
        column(&open(table, options).unwrap(), "x")
    };
    let of = |rows: [&[i16]; 2]| {
        rows.map(|row| Tensor::from_slice([row.len() as u64], row).unwrap()).to_vec()
    };
    let scalars = |rows: [i16; 2]| rows.map(Tensor::scalar).to_vec();
    assert_eq!(rows(Columns::All), of([&[1, 2, 3], &[4, 5, 6]]));
    assert_eq!(rows(1.into()), scalars([2, 5]));
    assert_eq!(rows("b".into()), scalars([2, 5]));
    assert_eq!(rows(Columns::One("all".into())), scalars([3, 6]));
    assert_eq!(rows((1..3).into()), of([&[2, 3], &[5, 6]]));
    assert_eq!(rows(vec!["b", "a", "b"].into()), of([&[2, 1, 2], &[5, 4, 5]]));
    let mixed = Columns::List(vec![Column::Number(2), Column::Name("a".into())]);
    assert_eq!(rows(mixed), of([&[3, 1], &[6, 4]]));
    let shaped = CsvField::new("x", Columns::All, Dtype::I16).shape([3, 1]);
    let csv = open(table, CsvOptions::new("t", [shaped])).unwrap();
    assert_eq!(column(&csv, "x")[0].shape(), [3, 1]);
}

#[test]
fn every_dtype_is_read_to_its_ends_and_not_beyond() {
    let values = |dtype, texts: &[&str]| -> Vec<u8> {
        let csv = open(texts.join("\n"), all(dtype).without_header());
        flat(&csv.unwrap_or_else(|error| panic!("{error}")), "x")
    };
    let raw = |tensor: std::result::Result<Tensor, _>| tensor.unwrap().bytes().to_vec();
    macro_rules! whole {
        ($($kind:ty => $dtype:ident),*) => {$({
            let ends = [<$kind>::MIN, <$kind>::MAX];
            let texts = ends.map(|end| end.to_string());
            let texts = [&*texts[0], &*texts[1]];
            assert_eq!(values(Dtype::$dtype, &texts), raw(Tensor::from_slice([2], &ends)));
            let past = [<$kind>::MIN as i128 - 1, <$kind>::MAX as i128 + 1];
            for bad in past.map(|p| p.to_string()).iter().map(String::as_str).chain(["1.0", "x"]) {
                let message = refused(bad, all(Dtype::$dtype).without_header());
                let says = concat!(" is no ", stringify!($dtype), "; field x takes a whole number from ");
                assert!(message.contains(says) && message.contains(&texts[1]), "{message}");
            }
        })*};
    }
    whole!(u8 => U8, i8 => I8, u16 => U16, i16 => I16, u32 => U32, i32 => I32, u64 => U64);
    whole!(i64 => I64);
    let words = ["0", "1", "true", "false", "True", "False", "TRUE", "FALSE"];
    assert_eq!(values(Dtype::BOOL, &words), [0, 1, 1, 0, 1, 0, 1, 0]);
    let texts = ["0.1", "-2.5e-3", "1e30", "inf", "-inf", "-0", ".5", "5."];
    let doubles = [0.1, -2.5e-3, 1e30, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.5, 5.0];
    assert_eq!(values(Dtype::F64, &texts), raw(Tensor::from_slice([8], &doubles)));
    let singles = doubles.map(|double| double as f32);
    assert_eq!(values(Dtype::F32, &texts), raw(Tensor::from_slice([8], &singles)));
    assert_eq!(
        values(Dtype::F16, &["1", "65504", "inf", "0.1"])[..6],
        [0, 0x3c, 0xff, 0x7b, 0, 0x7c]
    );
    assert_eq!(values(Dtype::F16, &["0.1"]), [0x66, 0x2e]);
    assert_eq!(values(Dtype::BF16, &["1", "-2"]), [0x80, 0x3f, 0, 0xc0]);
    assert!(f64::from_le_bytes(values(Dtype::F64, &["NaN"]).try_into().unwrap()).is_nan());
    for (dtype, bad) in [
        (Dtype::F16, "65520"),
        (Dtype::F32, "3.5e38"),
        (Dtype::BF16, "-3.5e38"),
        (Dtype::F64, "1e309"),
        (Dtype::F64, "1,5\""),
        (Dtype::F64, "0x10"),
        (Dtype::BOOL, "2"),
        (Dtype::BOOL, "tRUE"),
    ] {
        let table = format!("\"{}\"", bad.replace('"', "\"\""));
        let message = refused(table, all(dtype).without_header());
        assert!(
            message.starts_with(&format!("line 1: column 0: {bad:?} is no {dtype}; ")),
            "{message}"
        );
    }
}

#[test]
fn a_first_row_that_could_be_data_is_refused_until_it_is_said_what_it_is() {
    let says = |table: &str, options| refused(table, options);
    let one = |columns: Columns, dtype| CsvOptions::new("t", [CsvField::new("x", columns, dtype)]);
    let message = says("1,2\n3,4\n", all(Dtype::U8));
    let why = "line 1: the first row names the columns by default, but is all data: column 0 is \
               \"1\"; set `header` to false if the row is data, or to true if it names the columns";
    assert_eq!(message, why);
    // A text in a column that nobody reads makes no header of a row.
    let iris = "setosa,5.1,3.5\nsetosa,4.9,3.0\n";
    assert!(says(iris, one((1..3).into(), Dtype::F32)).contains("column 1 is \"5.1\""));
    assert!(says("\n\n1\n", all(Dtype::U8)).starts_with("line 3: the first row"));
    assert!(says("1,2\n", all(Dtype::U8)).starts_with("line 1: the first row"));

    let read = |table: &str, options| flat(&open(table, options).unwrap(), "x");
    assert_eq!(read("1,2\n3,4\n", all(Dtype::U8).with_header()), [3, 4]);
    assert_eq!(read("1,2\n3,4\n", all(Dtype::U8).without_header()), [1, 2, 3, 4]);
    // Names that one asks for are names, and what is not all data is a header.
    assert_eq!(read("0,1\n3,4\n", one("1".into(), Dtype::U8)), [4]);
    assert_eq!(read("a,1\n3,4\n", all(Dtype::U8)), [3, 4]);
    assert_eq!(read("1,-1\n3,4\n", all(Dtype::U8)), [3, 4]);

    let header = |json: &str| {
        let json = format!(r#"{{"file": "t", {json} "fields": []}}"#);
        serde_json::from_str::<CsvOptions>(&json).unwrap()
    };
    assert_eq!(header(""), CsvOptions::new("t", []));
    assert_eq!(header("\"header\": true,"), CsvOptions::new("t", []).with_header());
    assert_eq!(header("\"header\": false,"), CsvOptions::new("t", []).without_header());
    let op = |options| open("a\n1\n", options).unwrap().op().to_string();
    assert_eq!(op(all(Dtype::U8)), op(all(Dtype::U8).with_header()));
}

#[test]
fn a_dtype_may_be_in_lower_case_and_means_the_same() {
    for dtype in Dtype::ALL {
        let lower = dtype.name().to_lowercase();
        assert_eq!(lower.parse::<Dtype>().unwrap(), dtype);
        assert_eq!(serde_json::from_value::<Dtype>(lower.into()).unwrap(), dtype);
        assert_eq!(serde_json::to_value(dtype).unwrap(), dtype.name());
    }
    for bad in ["banana", "f31", "Bf16", ""] {
        let message = text(bad.parse::<Dtype>());
        assert!(message.contains(bad) && message.contains("BF16"), "{message}");
        let message = text(serde_json::from_value::<Dtype>(bad.into()));
        assert!(message.contains(bad) && message.contains("bf16"), "{message}");
    }
}

#[test]
fn a_value_that_is_no_number_is_named_with_its_line_and_column() {
    let message = refused("a,b\n1,2\n3,x y\n", all(Dtype::U8));
    let says =
        "line 3: column 1 (\"b\"): \"x y\" is no U8; field x takes a whole number from 0 to 255";
    assert_eq!(message, says);
    let message = refused("a,b\n1,\n", all(Dtype::F32));
    assert!(message.starts_with("line 2: column 1 (\"b\"): \"\" is no F32"), "{message}");
    let message = refused("a,b\n1, 2\n", all(Dtype::F32));
    assert!(message.contains("\" 2\" is no F32"), "{message}");
    let long = format!("{}{}", "é".repeat(40), "x".repeat(1000));
    let message = refused(&long, all(Dtype::U8).without_header());
    assert!(
        message.starts_with(&format!("line 1: column 0: {:?}… is no", "é".repeat(40))),
        "{message}"
    );
}

#[test]
fn a_ragged_row_is_named_with_its_line_and_both_counts() {
    assert_eq!(
        refused("a,b\n1,2\n3\n", all(Dtype::U8)),
        "line 3: the row has 1 columns, the first row has 2"
    );
    assert_eq!(
        refused("1,2\n3,4,5", all(Dtype::U8).without_header()),
        "line 2: the row has 3 columns, the first row has 2"
    );
}

#[test]
fn lines_are_counted_whatever_ends_them() {
    for (table, line) in [
        ("1,2\n\n\n3\n", 4),
        ("1,2\r\n3\r\n", 2),
        ("1,2\r\n\r\n\r\n3\r\n", 4),
        ("1,2\r3\r", 2),
        ("1,2\r\r3", 3),
        ("\u{feff}1,2\n3\n", 2),
        ("\n\n1,2\n3", 4),
        ("\"1\",\"2\"\n\"3\n\"", 2),
    ] {
        let message = refused(table, all(Dtype::U8).without_header());
        assert!(message.starts_with(&format!("line {line}: ")), "{table:?}: {message}");
    }
    // A value that goes over several lines, in a column that nobody reads.
    let field = CsvField::new("x", 0, Dtype::U8);
    let table = "1,\"one\n\nline\"\n2,\"two\"\nx,3\n";
    let message = refused(table, CsvOptions::new("t", [field]).without_header());
    assert!(message.starts_with("line 5: column 0: \"x\""), "{message}");
}

#[test]
fn what_is_read_does_not_depend_on_how_lines_end() {
    for table in
        ["1,2\n3,4\n", "1,2\r\n3,4", "1,2\r3,4\r", "\n1,2\n\n\"3\",\"4\"\n\n", "\u{feff}1,2\n3,4"]
    {
        let csv = open(table, all(Dtype::U8).without_header()).unwrap();
        assert_eq!(flat(&csv, "x"), [1, 2, 3, 4], "{table:?}");
    }
    let csv = open("a;b\n1;2\n", all(Dtype::U8).delimiter(';')).unwrap();
    assert_eq!(flat(&csv, "x"), [1, 2]);
    assert_eq!(open("a,b\n", all(Dtype::U8)).unwrap().len(), 0);
}

#[test]
fn a_text_that_is_not_utf8_is_refused_with_its_line_whether_read_or_not() {
    let field = CsvField::new("x", 0, Dtype::U8);
    let options = CsvOptions::new("t", [field]).without_header();
    let message = refused(b"1,a\n2,b\xe9\n", options.clone());
    assert_eq!(message, "line 2: column 1 is not UTF-8: \"b\u{fffd}\"");
    // Two halves of one letter in two columns are two wrong texts.
    let message = refused(b"1,\xc3\n", options.clone());
    assert!(message.starts_with("line 1: column 1 is not UTF-8"), "{message}");
    assert!(refused(b"1,\xc3,\xa9\n", options).starts_with("line 1: column 1 is not UTF-8"));
    assert!(refused(b"a,\xff\n1,2\n", all(Dtype::U8)).starts_with("line 1: column 1 is not UTF-8"));
    let csv = open(
        "ä,1\nö,2\n",
        CsvOptions::new("t", [CsvField::new("x", 1, Dtype::U8)]).without_header(),
    );
    assert_eq!(flat(&csv.unwrap(), "x"), [1, 2]);
}

#[test]
fn a_column_that_is_not_there_is_answered_with_those_there_are() {
    let table = "a,b,b\n1,2,3\n";
    let field = |columns: Columns| CsvOptions::new("t", [CsvField::new("x", columns, Dtype::U8)]);
    let says = |columns| refused(table, field(columns));
    assert_eq!(says("c".into()), "field x wants column \"c\"; its columns are a, b, b");
    assert!(says("b".into()).contains("the name of both columns 1 and 2"));
    assert_eq!(says(3.into()), "field x wants column 3; its columns are 0 to 2");
    assert_eq!(says((1..5).into()), "field x wants column 4; its columns are 0 to 2");
    let backwards = std::ops::Range { start: 2, end: 1 };
    assert!(says(backwards.into()).contains("run backwards"));
    assert!(says((1..1).into()).contains("has no column"));
    assert!(says(u64::MAX.into()).contains("wants column 18446744073709551615"));
    assert!(says((0..u64::MAX).into()).contains("wants column 18446744073709551614"));
    let message = refused(table, field("a".into()).without_header());
    assert!(message.contains("is read without a header"), "{message}");
    let shaped = |shape: &[u64]| {
        let field = CsvField::new("x", Columns::All, Dtype::U8).shape(shape);
        refused(table, CsvOptions::new("t", [field]))
    };
    assert_eq!(shaped(&[2, 2]), "field x has 3 columns, which are not of shape [2, 2]");
    assert!(shaped(&[u64::MAX, 3]).contains("not of shape"));
    assert!(
        shaped(&[1; 8])
            .contains("csv.fields.x.shape is [1, 1, 1, 1, 1, 1, 1, 1]; allowed: at most 7")
    );
}

#[test]
fn options_that_make_no_sense_are_refused_before_the_file_is_opened() {
    let files = MemoryFiles::default();
    let says = |options: CsvOptions| text(Csv::open(&files, &options));
    for bad in ['"', '\n', '\r', '\0', 'é'] {
        assert!(says(all(Dtype::U8).delimiter(bad)).starts_with("csv.delimiter is "), "{bad:?}");
    }
    assert!(says(CsvOptions::new("t", [])).starts_with("csv.fields is empty"));
    assert!(says(all(Dtype::U8)).starts_with("opening t.csv: "));
    let twice = ["x", "x"].map(|name| CsvField::new(name, 0, Dtype::U8));
    let message = text(open("1", CsvOptions::new("t", twice).without_header()));
    assert!(message.starts_with("csv.fields is \"x\" twice"), "{message}");
}

#[test]
fn options_are_the_same_after_json() {
    let fields = vec![
        CsvField::new("a", Columns::All, Dtype::U8),
        CsvField::new("b", "name", Dtype::F32).shape([1]),
        CsvField::new("c", 7, Dtype::F32),
        CsvField::new("d", 3..9, Dtype::F32).shape([2, 3]),
        CsvField::new("e", vec!["all"], Dtype::F32),
    ];
    let options = CsvOptions::new("t.csv.gz", fields).without_header().delimiter('\t');
    let json = serde_json::to_string(&options).unwrap();
    assert!(json.contains(r#""columns":"all","dtype":"U8""#), "{json}");
    assert_eq!(serde_json::from_str::<CsvOptions>(&json).unwrap(), options);
    let read = |json: &str| text(serde_json::from_str::<CsvOptions>(json));
    assert!(read(r#"{"file": "t", "fields": [], "quote": "x"}"#).contains("unknown field `quote`"));
    let field = |columns| {
        let field = format!(r#"{{"name": "x", "dtype": "U8", "columns": {columns}}}"#);
        read(&format!(r#"{{"file": "t", "fields": [{field}]}}"#))
    };
    for bad in ["-1", "1.5", "null", r#"{"start": 0}"#, r#"{"start": 0, "end": 1, "step": 2}"#] {
        let message = field(bad);
        assert!(message.contains("expected \"all\", a number"), "{bad}: {message}");
    }
    assert_eq!(field("[]"), "no error");
    // A word of its own in JSON, so a column of that name goes into a list.
    let json = serde_json::to_string(&Columns::One("all".into())).unwrap();
    assert_eq!(json, r#"["all"]"#);
}

#[test]
fn an_empty_table_is_refused() {
    for table in ["", "\n\r\n", "\u{feff}"] {
        assert_eq!(refused(table, all(Dtype::U8)), "is empty: it has no row", "{table:?}");
    }
}

#[test]
fn rows_and_columns_have_bounds() {
    let row = |columns: usize| vec!["1"; columns].join(",");
    let csv = open(row(65_536), all(Dtype::U8).without_header()).unwrap();
    assert_eq!(column(&csv, "x")[0].shape(), [65_536]);
    let message = refused(row(65_537), all(Dtype::U8).without_header());
    assert_eq!(message, "line 1: the row has 65537 columns; at most 65536 can be read");

    // Whether in one value, in many, or behind a quote that nobody closes.
    let open_quote = format!("1\n2\n\"3\n{}", "4\n".repeat(4 << 20));
    for (table, line) in [("1".repeat(8 << 20), 1), ("1,".repeat(4 << 20), 1), (open_quote, 3)] {
        let mut message = String::new();
        let table = bytes("t.csv", table);
        let options = all(Dtype::U8).without_header();
        let most = largest_request(|| message = text(Csv::new(&*table, &options)));
        let says = format!(
            "t.csv: line {line}: a row or a run of blank lines has more than 4194304 bytes; is a quote left open?"
        );
        assert_eq!(message, says);
        assert!(most < 64 << 20, "{most} bytes at once");
    }
}

#[test]
fn a_table_costs_the_size_of_its_tensors() {
    let table = bytes("t.csv", "1,2,3,4\n".repeat(100_000));
    let most = largest_request(|| {
        Csv::new(&*table, &all(Dtype::U8).without_header()).unwrap();
    });
    assert!((400_000..900_000).contains(&most), "{most} bytes at once");
}

#[cfg(feature = "gz")]
mod gz {
    use super::*;
    use crate::sources::gzip;
    use crate::spy::most_in_use;

    #[test]
    fn a_packed_table_gives_what_the_plain_one_does() {
        let (table, options) = digits();
        let one = open(&table, options.clone()).unwrap();
        let other = open(gzip(table.as_bytes()), options.clone()).unwrap();
        assert_eq!(column(&one, "image"), column(&other, "image"));
        assert_eq!(column(&one, "label"), column(&other, "label"));

        let broken = table.replacen(",7,", ",seven,", 1);
        let lines = [refused(&broken, options.clone()), refused(gzip(broken.as_bytes()), options)];
        assert!(lines[0].contains("\"seven\" is no U8"), "{}", lines[0]);
        assert_eq!(lines[0], lines[1]);
    }

    #[test]
    fn a_packed_table_that_is_cut_is_refused_and_not_taken_for_a_shorter_one() {
        let (table, options) = digits();
        let packed = gzip(table.as_bytes());
        for length in 2..packed.len() {
            let message = refused(&packed[..length], options.clone());
            assert!(message.contains("not a sound gzip file"), "{length}: {message}");
        }
    }

    #[test]
    fn a_gzip_bomb_is_refused() {
        let row = format!("1,{}\n", "a".repeat(100_000));
        let field = CsvField::new("x", 0, Dtype::U8);
        let options = CsvOptions::new("t", [field]).without_header();
        let packed = gzip(row.repeat(180).as_bytes());
        let message = refused(packed, options);
        assert!(
            message.contains("a gzip file of this size may unpack to at most 16777216 bytes"),
            "{message}"
        );
    }

    #[test]
    fn a_gzip_bomb_is_refused_before_anything_of_it_is_kept() {
        // 17 MB of text, and 4 MB of text that make 17 MB of tensors.
        for (rows, dtype, says) in [
            (9 << 20, Dtype::U8, "a gzip file of this size may unpack to at most 16777216 bytes"),
            (
                9 << 18,
                Dtype::F64,
                "its 2359296 rows take 18874368 bytes of memory; a gzip file of this size",
            ),
        ] {
            let packed = gzip("1\n".repeat(rows).as_bytes());
            let mut message = String::new();
            let most = most_in_use(|| message = refused(packed, all(dtype).without_header()));
            assert!(message.contains(says), "{message}");
            assert!(most < 1 << 20, "{most} bytes");
        }
    }

    #[test]
    fn a_packed_table_costs_the_size_of_its_tensors() {
        let packed = gzip("1\n".repeat(1 << 20).as_bytes());
        let most = most_in_use(|| {
            assert_eq!(open(packed, all(Dtype::F64).without_header()).unwrap().len(), 1 << 20);
        });
        assert!(most < 9 << 20, "{most} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_text_gives_a_table_or_an_error(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                &b"1"[..], b"2", b"-3", b"4e5", b",", b",", b"\n", b"\n", b"\r\n", b"\r", b"\"", b"\"\"",
                b" ", b"\xff", b"\xc3\xa9", b"\xef\xbb\xbf", b"\0", b"\x1f\x8b", b"a", b"1,2\n",
            ]),
            0..40,
        ),
        header: Option<bool>,
    ) {
        let table = pieces.concat();
        let mut options = all(Dtype::F32);
        options.header = header;
        if let Ok(csv) = open(&table, options) {
            for index in 0..csv.len() {
                prop_assert!(csv.get(index).is_ok());
            }
        }
    }
}
