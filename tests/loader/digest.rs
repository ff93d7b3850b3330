//! The digest: who hashes, and that it is the same whoever does.

use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::Duration;

use crate::common::within;
use serde::{Serialize, Serializer};
use windrow::loader::digest_of;
use windrow::{Backend, Dataset, Error, Loader, range};

const LIMIT: Duration = Duration::from_secs(60);

/// Notes which threads serialise it, and fails to, or panics, where it shall.
#[derive(Clone)]
struct Sample {
    number: u64,
    fails: Option<u64>,
    threads: Arc<Mutex<Vec<ThreadId>>>,
}

impl Serialize for Sample {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.threads.lock().unwrap().push(std::thread::current().id());
        if self.fails == Some(self.number) {
            assert!(self.number != 7, "odd");
            return Err(serde::ser::Error::custom("even"));
        }
        self.number.serialize(serializer)
    }
}

/// The digest of 30 samples in all, and how often the caller's thread serialised one.
macro_rules! digest {
    ($backend:expr, $stages:expr) => {{
        let threads: Arc<Mutex<Vec<ThreadId>>> = Arc::default();
        let theirs = threads.clone();
        let sample = move |number| Sample { number, fails: None, threads: theirs.clone() };
        let pipeline = $stages(range(0..30).map(sample));
        let mut loader =
            Loader::builder(pipeline).backend($backend).workers(2).digest().build().unwrap();
        assert!(loader.by_ref().all(|batch| batch.is_ok()));
        let own = std::thread::current().id();
        let here = threads.lock().unwrap().iter().filter(|&&id| id == own).count();
        (loader.digest().unwrap(), here)
    }};
}

#[test]
fn whoever_makes_whole_batches_hashes_them() {
    within(LIMIT, || {
        let one_by_one = (0..30u64).try_fold([0; 32], |digest, x| digest_of(digest, &x)).unwrap();
        let in_tens = (0..3u64).try_fold([0; 32], |digest, x| {
            digest_of(digest, &(x * 10..x * 10 + 10).collect::<Vec<u64>>())
        });
        let in_tens = in_tens.unwrap();
        for backend in [Backend::Inline, Backend::Threads] {
            let in_caller = |count| if backend == Backend::Inline { count } else { 0 };
            let whole = digest!(backend, |samples| samples);
            assert_eq!(whole, (one_by_one, in_caller(30)), "{backend}");
            assert_eq!(
                digest!(backend, |samples| Dataset::batch(samples, 10)),
                (in_tens, in_caller(30))
            );
            // What stages put together exists on the caller's side only.
            assert_eq!(
                digest!(backend, |samples| Dataset::ordered(samples).batch(10)),
                (in_tens, 30)
            );
        }
    });
}

#[test]
fn a_batch_that_cannot_be_hashed_is_an_error_in_its_place_everywhere() {
    within(LIMIT, || {
        for (fails, why) in [(6, "even"), (7, "odd")] {
            for backend in [Backend::Inline, Backend::Threads] {
                let samples = range(0..10).map(move |number| Sample {
                    number,
                    fails: Some(fails),
                    threads: Arc::default(),
                });
                let mut loader =
                    Loader::builder(samples).backend(backend).workers(2).digest().build().unwrap();
                for number in 0..10 {
                    match loader.next().unwrap() {
                        Ok(sample) => assert_eq!(sample.number, number),
                        Err(Error::Sample { position, fault, .. }) => {
                            assert_eq!((number, position), (fails, fails));
                            assert!(fault.to_string().contains(why), "{fault}");
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
                let rest = (0..10u64).filter(|&x| x != fails);
                let digest = rest.fold([0; 32], |digest, x| digest_of(digest, &x).unwrap());
                assert_eq!(loader.digest(), Some(digest));
            }
        }
    });
}
