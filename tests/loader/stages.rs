//! The stages that the library has: what they give, and what they refuse. `resume.rs` interrupts
//! them.

use std::time::Duration;

use crate::common::within;
use windrow::dataset::{AsVec, PackBy, PackFields, Record, Segment, Tensor};
use windrow::stage::{Fit, ParallelPipeline};
use windrow::{Dataset, Error, Fault, Loader, range};

const LIMIT: Duration = Duration::from_secs(60);

/// What a pipeline gives: results, and the texts of errors.
fn given<P>(pipeline: P) -> Vec<Result<P::Batch, String>>
where
    P: ParallelPipeline + Send + 'static,
    P::Batch: Send,
{
    within(LIMIT, move || {
        let loader = Loader::builder(pipeline).workers(2).epochs(2).build().unwrap();
        loader.map(|item| item.map(|item| item.into_inner()).map_err(|e| e.to_string())).collect()
    })
}

/// What comes without errors.
fn fine<P>(pipeline: P) -> Vec<P::Batch>
where
    P: ParallelPipeline + Send + 'static,
    P::Batch: Send,
{
    given(pipeline).into_iter().map(Result::unwrap).collect()
}

/// Two epochs of the same.
fn twice<T: Clone>(epoch: Vec<T>) -> Vec<T> {
    [epoch.clone(), epoch].concat()
}

#[test]
fn stages_begin_anew_with_each_epoch() {
    let numbers = || range(0..5).ordered();
    assert_eq!(fine(numbers().map(|x| x * 2)), [0, 2, 4, 6, 8, 0, 2, 4, 6, 8]);
    assert_eq!(fine(numbers().filter(|x| x % 2 == 1)), [1, 3, 1, 3]);
    assert_eq!(fine(numbers().skip(3)), [3, 4, 3, 4]);
    assert_eq!(fine(numbers().skip(9)), [0; 0]);
    assert_eq!(fine(numbers().skip(1).limit(2)), [1, 2, 1, 2]);
    assert_eq!(
        fine(numbers().flat_map(|x| (0..x).take(2))),
        [0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1]
    );
    assert_eq!(fine(numbers().batch(2).unbatch().batch(3)), twice(vec![vec![0, 1, 2], vec![3, 4]]));
    let budget = numbers().batch_by_budget(5, |x| *x, AsVec);
    assert_eq!(fine(budget), twice(vec![vec![0, 1, 2], vec![3], vec![4]]));
    let buckets = numbers().bucket_by_length([2, 4], 2, |x| *x, AsVec);
    assert_eq!(fine(buckets), twice(vec![vec![0, 1], vec![2, 3], vec![4]]));
}

#[test]
fn a_panic_costs_what_an_error_costs() {
    fn shown<T: std::fmt::Debug>(items: Vec<Result<T, String>>) -> Vec<String> {
        items
            .into_iter()
            .map(|item| item.map_or("error".into(), |item| format!("{item:?}")))
            .collect()
    }
    let fails = |samples: &[u64], panics: bool| {
        if !samples.contains(&3) {
            return Ok(());
        }
        assert!(!panics, "three");
        Err(Fault::new("three"))
    };
    let budget = |panics| {
        let collate = move |samples: Vec<u64>| fails(&samples, panics).map(|()| samples);
        shown(given(range(0..10).ordered().batch_by_budget(2, |_| 1, collate)))
    };
    assert_eq!(budget(true), budget(false));
    assert_eq!(budget(true)[..3], ["[0, 1]", "error", "[4, 5]"]);
    let packed = |panics| {
        let pack = move |parts: &[Segment<'_, u64>]| {
            let samples: Vec<u64> = parts.iter().map(|part| *part.sample).collect();
            fails(&samples, panics).map(|()| samples)
        };
        let pack = PackBy::new(4, |_: &u64| 3, pack);
        shown(given(range(0..6).ordered().pack(Fit::First, 1, pack)))
    };
    assert_eq!(packed(true), packed(false));
    assert_eq!(packed(true)[..5], ["[0]", "[1]", "[2]", "error", "[4]"]);
    let lazy = range(0..4).ordered().flat_map(|x| {
        (0..3u64).map(move |y| {
            assert!((x, y) != (1, 1), "one");
            (x, y)
        })
    });
    let lazy = shown(given(lazy));
    assert_eq!(lazy[2..6], ["(0, 2)", "(1, 0)", "error", "(2, 0)"]);
}

#[test]
fn lengths_are_known_where_stages_tell_them() {
    let len = |pipeline: Result<Loader<u64>, Error>| pipeline.unwrap().batches_per_epoch();
    let numbers = || range(0..5).ordered();
    assert_eq!(len(Loader::builder(numbers().map(|x| x)).build()), Some(5));
    assert_eq!(len(Loader::builder(numbers().skip(2)).build()), Some(3));
    assert_eq!(len(Loader::builder(numbers().skip(9)).build()), Some(0));
    assert_eq!(len(Loader::builder(numbers().filter(|_| true)).build()), None);
    assert_eq!(len(Loader::builder(numbers().flat_map(Some)).build()), None);
}

#[test]
fn what_a_function_refuses_is_an_error_in_its_place() {
    let refused = range(0..4).ordered().try_map(|x| if x == 2 { Err("two") } else { Ok(x) });
    let got = given(refused);
    assert_eq!(got.len(), 8);
    assert_eq!(got[1], Ok(1));
    let error = got[2].clone().unwrap_err();
    assert!(
        error.contains("position 2") && error.contains("try_map") && error.contains("two"),
        "{error}"
    );
    assert_eq!(got[3], Ok(3));
}

#[test]
fn a_sample_beyond_the_budget_is_an_error_and_its_neighbours_are_a_batch() {
    let costs = [2u64, 9, 3, 3];
    let batches = windrow::from_vec(costs.to_vec()).ordered().batch_by_budget(6, |x| *x, AsVec);
    let got = given(batches);
    assert_eq!((got.len(), &got[1], &got[2]), (6, &Ok(vec![2, 3]), &Ok(vec![3])));
    let error = got[0].clone().unwrap_err();
    assert!(error.contains("position 1: batch_by_budget"), "{error}");
    assert!(error.contains("it costs 9, more than the budget of 6"), "{error}");
    let huge = windrow::from_vec(vec![u64::MAX, u64::MAX - 1]).ordered();
    assert_eq!(fine(huge.batch_by_budget(u64::MAX, |x| *x, AsVec)).len(), 4);
}

#[test]
fn the_rest_of_each_bucket_comes_at_the_end_or_is_dropped() {
    let lengths = [1u64, 7, 4, 1, 9, 4, 1, 7];
    let buckets = || {
        let samples = windrow::from_vec(lengths.to_vec()).ordered();
        samples.bucket_by_length([3, 6], 2, |x| *x, AsVec)
    };
    let whole = [vec![1, 1], vec![7, 9], vec![4, 4]];
    assert_eq!(fine(buckets()), twice([&whole[..], &[vec![1], vec![7]]].concat()));
    assert_eq!(fine(buckets().drop_remainder()), twice(whole.to_vec()));
    let picky = |part: Vec<u64>| {
        if part == [1] { Err(Fault::new("no single one")) } else { Ok(part) }
    };
    let samples = windrow::from_vec(lengths.to_vec()).ordered();
    let got = given(samples.bucket_by_length([3, 6], 2, |x| *x, picky));
    assert_eq!(got.len(), 10);
    assert!(got[3].clone().unwrap_err().contains("no single one"));
    assert_eq!(got[4], Ok(vec![7]), "the buckets after one that failed come too");
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let numbers = || range(0..5).ordered();
    let says = |error: Option<Error>, text: &str| {
        let error = error.unwrap().to_string();
        assert!(error.contains(text), "{error}");
    };
    let budget = numbers().batch_by_budget(0, |x| *x, AsVec);
    says(Loader::builder(budget).build().err(), "batch_by_budget.budget is 0");
    for (boundaries, size, text) in [
        (vec![3], 0, "bucket_by_length.size is 0"),
        (vec![3, 3], 2, "each larger than the one before"),
        ((0..2_000).collect(), 2, "a list of 2000"),
    ] {
        let buckets = numbers().bucket_by_length(boundaries, size, |x| *x, AsVec);
        says(Loader::builder(buckets).build().err(), text);
    }
    let refused = |open, pack, text| {
        let rows = texts(&[1]).ordered().pack(Fit::First, open, pack);
        says(Loader::builder(rows).build().err(), text);
    };
    refused(0, tokens(4), "pack.open is 0");
    refused(2_000, tokens(4), "1 to 1024 open rows");
    refused(1, tokens(0), "pack.lengths of \"tokens\" is 0");
    refused(1, tokens(1 << 25), "1 to 16777216 elements");
    refused(1, PackFields::new([("", 1); 0]), "pack.lengths is 0 fields");
    refused(1, PackFields::new([("a", 1), ("a_positions", 1)]), "which packing adds");
    refused(1, PackFields::new([("a".repeat(250), 1)]), "at most 243 bytes");
    let unequal = texts(&[1]).ordered().concat_then_split(PackFields::new([("a", 1), ("b", 2)]));
    says(Loader::builder(unequal).build().err(), "one length for all fields");
}

/// Records with a field `tokens` of these lengths, whose elements are 10 times the sample's number in
/// its epoch, and the place.
fn texts(lengths: &[u64]) -> impl Dataset<Sample = Record> + Send + Sync + use<> {
    let count = lengths.len() as u64;
    windrow::from_vec(lengths.to_vec()).enumerate().try_map(move |(index, len)| {
        let number = index % count;
        let tokens: Vec<i16> = (0..len).map(|place| (10 * number + place) as i16).collect();
        Record::new().with("tokens", Tensor::from_vec([len], tokens)?)
    })
}

fn tokens(length: u64) -> PackFields {
    PackFields::new([("tokens", length)]).padded(-1.0)
}

/// The elements of each row, without padding.
fn elements(rows: &[Record]) -> Vec<Vec<i16>> {
    let of = |row: &Record| row["tokens"].to_vec::<i16>().unwrap();
    rows.iter().map(|row| of(row).into_iter().filter(|token| *token >= 0).collect()).collect()
}

#[test]
fn sequences_are_packed_whole_into_the_row_that_the_fit_names() {
    let rows = |fit, open, lengths: &[u64]| {
        let rows = fine(texts(lengths).ordered().pack(fit, open, tokens(6)));
        let rows = elements(&rows);
        let (epoch, again) = rows.split_at(rows.len() / 2);
        assert_eq!(epoch, again, "two epochs of the same");
        epoch.to_vec()
    };
    // The third sample fits into both open rows.
    let lengths = [3, 4, 2, 3, 6, 5];
    let [a, b, c] = [vec![0, 1, 2], vec![10, 11, 12, 13], vec![20, 21]];
    let [d, e, f] = [vec![30, 31, 32], (40..46).collect(), (50..55).collect::<Vec<i16>>()];
    assert_eq!(
        rows(Fit::First, 3, &lengths),
        [[&a[..], &c].concat(), e.clone(), b.clone(), d.clone(), f.clone()],
    );
    assert_eq!(
        rows(Fit::Best, 3, &lengths),
        [[&b[..], &c].concat(), [&a[..], &d].concat(), e.clone(), f.clone()],
    );
    // One open row: the next sample that does not fit closes it.
    assert_eq!(rows(Fit::First, 1, &[3, 4, 2]), [a.clone(), [&b[..], &c].concat()]);
    // The fullest of the open rows makes place.
    assert_eq!(rows(Fit::First, 2, &[3, 4, 5]), [b, a, (20..25).collect()]);
    assert_eq!(rows(Fit::Best, 2, &[]), [[0i16; 0]; 0]);
}

#[test]
fn a_row_tells_its_segments_and_the_places_in_them() {
    let rows = fine(texts(&[2, 3]).ordered().pack(Fit::First, 4, tokens(7)));
    let numbers = |name: &str| rows[0][name].to_vec::<i32>().unwrap();
    assert_eq!(rows[0]["tokens"].to_vec::<i16>().unwrap(), [0, 1, 10, 11, 12, -1, -1]);
    assert_eq!(numbers("tokens_segment_ids"), [1, 1, 2, 2, 2, 0, 0]);
    assert_eq!(numbers("tokens_positions"), [0, 1, 0, 1, 2, 0, 0]);
    assert_eq!((rows.len(), rows[0].len()), (2, 3));
}

#[test]
fn fields_of_several_lengths_share_a_row_if_each_has_room() {
    let pair = |(long, short): (u64, u64)| {
        let long = Tensor::from_vec([long, 2], vec![1u8; 2 * long as usize])?;
        let short = Tensor::from_vec([short], vec![2f32; short as usize])?;
        Record::new().with("long", long)?.with("short", short)
    };
    let pairs = windrow::from_vec(vec![(3, 1), (3, 1), (2, 2), (0, 1)]).try_map(pair).ordered();
    let pack = PackFields::new([("long", 8), ("short", 3)]);
    let rows = fine(pairs.pack(Fit::First, 2, pack));
    let ids = |row: &Record, name: &str| row[name].to_vec::<i32>().unwrap();
    // The third sample has room by `long` and not by `short`.
    assert_eq!(rows.len(), 4);
    assert_eq!(ids(&rows[0], "long_segment_ids"), [1, 1, 1, 2, 2, 2, 0, 0]);
    assert_eq!(ids(&rows[0], "short_segment_ids"), [1, 2, 3]);
    assert_eq!(rows[0]["long"].shape(), [8, 2]);
    assert_eq!(ids(&rows[1], "short_segment_ids"), [1, 1, 0]);
}

#[test]
fn joined_sequences_are_cut_where_a_row_is_full() {
    let lengths = [3, 9, 1, 2];
    let rows = fine(texts(&lengths).ordered().concat_then_split(tokens(4)));
    let epoch = [vec![0, 1, 2, 10], vec![11, 12, 13, 14], vec![15, 16, 17, 18], vec![20, 30, 31]];
    assert_eq!(elements(&rows), twice(epoch.to_vec()));
    let numbers = |row: usize, name: &str| rows[row][name].to_vec::<i32>().unwrap();
    assert_eq!(numbers(0, "tokens_segment_ids"), [1, 1, 1, 2]);
    assert_eq!(numbers(0, "tokens_positions"), [0, 1, 2, 0]);
    assert_eq!(numbers(1, "tokens_segment_ids"), [1, 1, 1, 1]);
    assert_eq!(numbers(1, "tokens_positions"), [0, 1, 2, 3]);
    assert_eq!(numbers(3, "tokens_segment_ids"), [1, 2, 2, 0]);
    let whole = fine(texts(&lengths).ordered().concat_then_split(tokens(4)).drop_remainder());
    assert_eq!(elements(&whole), twice(epoch[..3].to_vec()));
}

#[test]
fn a_sequence_that_cannot_be_packed_is_an_error_in_its_place() {
    let says = |error: &Result<Record, String>, texts: &[&str]| {
        let error = error.clone().unwrap_err();
        assert!(texts.iter().all(|text| error.contains(text)), "{error}");
    };
    let got = given(texts(&[2, 7, 0, 3]).ordered().pack(Fit::First, 2, tokens(6)));
    assert_eq!(got.len(), 6);
    says(&got[0], &["position 1: pack", "7 elements of \"tokens\", more than the 6 of a row"]);
    says(&got[1], &["position 2: pack", "it has no elements to pack"]);
    assert_eq!(got[2].as_ref().unwrap()["tokens"].to_vec::<i16>().unwrap(), [0, 1, 30, 31, 32, -1]);
    let got = given(texts(&[2, 0, 3]).ordered().concat_then_split(tokens(4)));
    says(&got[0], &["position 1: concat_then_split", "no elements"]);
    assert_eq!((got.len(), got[1].is_ok()), (6, true));

    let mixed = |n: u64| match n {
        0 => Record::new().with("tokens", Tensor::from_slice([1], &[1u8])?),
        1 => Record::new().with("tokens", Tensor::from_slice([1], &[1i8])?),
        2 => Record::new().with("tokens", Tensor::scalar(1u8)),
        3 => Record::new().with("words", Tensor::from_slice([1], &[1u8])?),
        _ => Ok(Record::new()),
    };
    let pack = || PackFields::new([("tokens", 4)]);
    let got = given(range(0..5).try_map(mixed).ordered().pack(Fit::First, 1, pack()));
    says(&got[0], &["position 2", "field \"tokens\": a sample has no axis to pack along"]);
    says(&got[1], &["position 3", "field \"words\" is not packed"]);
    says(&got[2], &["position 4", "no field \"tokens\""]);
    says(&got[3], &["field \"tokens\": a sample is I8 of shape [1], another one of the row is U8"]);
    let pads = range(0..1).try_map(mixed).ordered().pack(Fit::First, 1, tokens(4));
    says(&given(pads)[0], &["`pad` is -1.0, which U8 cannot hold"]);
    let pair = |(a, b): (u64, u64)| {
        let field = |length: u64| Tensor::from_vec([length], vec![0u8; length as usize]);
        Record::new().with("a", field(a)?)?.with("b", field(b)?)
    };
    let pairs = windrow::from_vec(vec![(2, 2), (2, 3)]).try_map(pair).ordered();
    let got = given(pairs.concat_then_split(PackFields::new([("a", 4), ("b", 4)])));
    says(&got[0], &["its field \"b\" has 3 elements, and \"a\" has 2"]);
}

#[test]
fn the_keys_of_a_row_are_those_of_its_samples() {
    let samples = texts(&[3, 9, 1]).keys().map(Record::from);
    let rows = fine(samples.ordered().concat_then_split(tokens(4)));
    let keys: Vec<_> = rows.iter().map(|row| row.keys().to_vec()).collect();
    assert_eq!(
        keys[..4],
        [vec![0.into(), 1.into()], vec![1.into()], vec![1.into()], vec![2.into()]]
    );
}
