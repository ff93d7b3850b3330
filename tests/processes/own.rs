//! Types of the user: what of them lies in slots, what is known of their size, and who hashes them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::common::{Runner, within};
use windrow::loader::digest_of;
use windrow::{Dataset, Loader, Result, WorkerContext, range};

const LIMIT: Duration = Duration::from_secs(120);

/// How many samples this process serialised.
static SERIALIZED: AtomicU64 = AtomicU64::new(0);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Picture {
    #[serde(serialize_with = "counted")]
    number: u64,
    name: Option<String>,
    pixels: Vec<f32>,
    rows: Vec<Vec<u8>>,
}

fn counted<S: Serializer>(number: &u64, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    SERIALIZED.fetch_add(1, Ordering::SeqCst);
    serializer.serialize_u64(*number)
}

fn picture(number: u64) -> Picture {
    let name = (!number.is_multiple_of(3)).then(|| "é".repeat(number as usize * 40));
    let pixels = (0..number * 2000).map(|x| x as f32).collect();
    Picture { number, name, pixels, rows: vec![vec![number as u8; 3000]; 3] }
}

fn pictures(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = Picture> + use<>> {
    Ok(range(0..end).map(picture))
}

#[test]
fn a_type_of_the_user_crosses_whole_and_is_hashed_where_it_is_made() {
    within(LIMIT, || {
        const END: u64 = 40;
        let digest = (0..END).try_fold([0; 32], |digest, x| digest_of(digest, &picture(x)));
        for runner in [Runner::Inline, Runner::Threads(2), Runner::Processes(2)] {
            let before = SERIALIZED.load(Ordering::SeqCst);
            let mut loader = runner.on(Loader::recipe(pictures, END).digest()).build().unwrap();
            for number in 0..END {
                let sample = loader.next().unwrap().unwrap().into_inner();
                assert_eq!(sample, picture(number), "{runner:?}");
            }
            assert_eq!(loader.digest(), digest.as_ref().ok().copied(), "{runner:?}");
            drop(loader);
            let here = SERIALIZED.load(Ordering::SeqCst) - before;
            let expected = if let Runner::Processes(_) = runner { 0 } else { END };
            assert_eq!(here, expected, "{runner:?}");
        }
    });
}

/// Serde counts the variant that it skips where it writes, and not where it reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Label {
    Background,
    #[serde(skip)]
    Unknown,
    Cat,
    Dog,
}

fn labels(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = Label> + use<>> {
    Ok(range(0..end).map(|x| match x {
        0..100 => Label::Background,
        u64::MAX => Label::Unknown,
        100.. if x % 2 == 0 => Label::Cat,
        100.. => Label::Dog,
    }))
}

/// Serde reads a field that it does not write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Uneven {
    first: u8,
    #[serde(skip_serializing, default)]
    cached: u8,
    second: u8,
    others: Vec<u8>,
}

fn uneven(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = Uneven> + use<>> {
    Ok(range(0..end).map(|_| Uneven { first: 1, cached: 9, second: 3, others: vec![4, 7, 9] }))
}

/// Serde gives it more names than it has fields, and its entries come in any order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Named {
    #[serde(alias = "labels")]
    label: u8,
    words: HashMap<String, u32>,
}

fn named(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = Named> + use<>> {
    Ok(range(0..end).map(name))
}

fn name(number: u64) -> Named {
    let words = (0..50).map(|word| (format!("word {}", word * 7919), word * 1000)).collect();
    Named { label: number as u8, words }
}

#[test]
fn a_type_that_reads_something_else_than_it_writes_is_refused_and_others_cross() {
    within(LIMIT, || {
        let refused = |text: String, type_name: &str| {
            assert!(
                text.contains(type_name)
                    && text.contains("its Serialize must write what its Deserialize reads"),
                "{text}"
            );
        };
        for (number, sample) in
            Runner::Processes(2).on(Loader::recipe(labels, 200)).build().unwrap().enumerate()
        {
            match number {
                0..100 => assert_eq!(sample.unwrap().into_inner(), Label::Background),
                100.. => refused(sample.unwrap_err().to_string(), "Label"),
            }
        }
        for sample in Runner::Processes(2).on(Loader::recipe(uneven, 20)).build().unwrap() {
            refused(sample.unwrap_err().to_string(), "Uneven");
        }
        for (number, sample) in
            Runner::Processes(2).on(Loader::recipe(named, 100)).build().unwrap().enumerate()
        {
            assert_eq!(sample.unwrap().into_inner(), name(number as u64));
        }
    });
}
