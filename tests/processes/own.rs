//! Types of the user: what of them lies in slots, what is known of their size, and who hashes them.

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
