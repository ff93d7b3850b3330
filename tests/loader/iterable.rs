//! What sources without a length may do, and what a loader makes of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use windrow::iterable::{IterableSource, Lines, from_iter, from_iterable, lines};
use windrow::loader::LoaderBuilder;
use windrow::order::Op;
use windrow::stage::Pipeline;
use windrow::{Backend, Dataset, Error, Fault, Loader, OnError, Result, State, range};

use super::common::within;

const LIMIT: Duration = Duration::from_secs(60);
const RUNNERS: [u32; 5] = [0, 1, 2, 3, 4];

/// What a source does at an item.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    Fails,
    Panics,
    Ends,
    Blocks,
}

/// The epoch and the cursor of an opening.
type Opened = (u64, Option<u64>);

/// The numbers from 0 on, up to the item at which the source does something else.
#[derive(Debug, Clone)]
struct Unruly {
    at: u64,
    does: Does,
    has_cursor: bool,
    opened: Arc<Mutex<Vec<Opened>>>,
    read: Arc<AtomicU64>,
}

impl Unruly {
    fn new(at: u64, does: Does) -> Self {
        let (opened, read) = Default::default();
        Self { at, does, has_cursor: true, opened, read }
    }

    fn without_cursor(self) -> Self {
        Self { has_cursor: false, ..self }
    }

    fn opened(&self) -> Vec<Opened> {
        self.opened.lock().unwrap().clone()
    }
}

impl IterableSource for Unruly {
    type Sample = u64;
    type Cursor = u64;
    type Error = Fault;
    type Iter = Box<dyn Iterator<Item = Result<(u64, Option<u64>), Fault>> + Send>;

    fn open(&self, epoch: u64, cursor: Option<u64>) -> Result<Self::Iter, Fault> {
        self.opened.lock().unwrap().push((epoch, cursor));
        let Self { at, does, has_cursor, read, .. } = self.clone();
        let mut next = cursor.unwrap_or(0);
        Ok(Box::new(std::iter::from_fn(move || {
            let x = next;
            next += 1;
            read.fetch_add(1, Ordering::Relaxed);
            match does {
                Does::Fails if x == at => return Some(Err(Fault::new("a bad number"))),
                Does::Panics if x == at => panic!("no number"),
                Does::Ends if x == at => return None,
                Does::Blocks if x == at => loop {
                    std::thread::park();
                },
                _ => {}
            }
            (x < 2 * at).then_some(Ok((x, has_cursor.then_some(x + 1))))
        })))
    }

    fn op(&self) -> Op {
        Op::new("unruly")
    }
}

fn builder<P: Pipeline>(pipeline: P, workers: u32) -> LoaderBuilder<P> {
    let builder = Loader::builder(pipeline).workers(workers);
    if workers == 0 { builder.backend(Backend::Inline) } else { builder.backend(Backend::Threads) }
}

/// The samples, and the texts of the errors.
fn told(loader: impl Iterator<Item = Result<windrow::Batch<u64>>>) -> Vec<Result<u64, String>> {
    loader.map(|x| x.map(windrow::Batch::into_inner).map_err(|error| error.to_string())).collect()
}

#[test]
fn a_source_gives_the_batches_of_a_dataset_with_the_same_samples() {
    within(LIMIT, || {
        for workers in RUNNERS {
            let ops = || from_iterable(from_iter(|| 0..3000u64)).map_with_index(|i, x| i * 7 + x);
            let stream = ops().filter(|x| x % 3 > 0).ordered().batch(32);
            let dataset = range(0..3000).map_with_index(|i, x| i * 7 + x);
            let dataset = dataset.filter(|x| x % 3 > 0).ordered().batch(32);
            let batches = |loader: Loader<Vec<u64>>| {
                loader.map(|batch| batch.unwrap().into_inner()).collect::<Vec<_>>()
            };
            assert_eq!(
                batches(builder(stream, workers).build().unwrap()),
                batches(builder(dataset, workers).build().unwrap())
            );
        }
    });
}

#[test]
fn a_sample_that_the_source_cannot_give_is_one_error_in_its_place() {
    within(LIMIT, || {
        for workers in RUNNERS {
            let source = from_iterable(Unruly::new(5, Does::Fails));
            let mut expected: Vec<_> = (0..10).map(Ok).collect();
            expected[5] = Err("position 5: unruly of index 5: a bad number".to_owned());
            assert_eq!(told(builder(source, workers).build().unwrap()), expected);
            let source = from_iterable(Unruly::new(5, Does::Fails));
            let skipping = builder(source, workers).on_error(OnError::Skip);
            let mut loader = skipping.build().unwrap();
            assert_eq!(told(loader.by_ref()).len(), 9);
            assert_eq!(loader.skips().first(), [5]);
        }
    });
}

#[test]
fn a_panic_of_the_source_is_one_error_that_ends_the_stream_before_it() {
    within(LIMIT, || {
        for (workers, policy) in
            RUNNERS.into_iter().flat_map(|n| [(n, OnError::Raise), (n, OnError::Skip)])
        {
            let source = Unruly::new(5, Does::Panics);
            let loader = builder(from_iterable(source).ordered().batch(2), workers);
            let mut loader = loader.on_error(policy).build().unwrap();
            assert_eq!(*loader.next().unwrap().unwrap(), [0, 1]);
            assert_eq!(*loader.next().unwrap().unwrap(), [2, 3]);
            let error = loader.next().unwrap().unwrap_err().to_string();
            assert!(error.contains("unruly of index 5") && error.contains("no number"), "{error}");
            assert!(loader.next().is_none());
            let state = loader.state();
            let healed = from_iterable(Unruly::new(9, Does::Ends)).ordered().batch(2);
            let mut rest = builder(healed, workers).resume(&state).build().unwrap();
            assert_eq!(*rest.next().unwrap().unwrap(), [4, 5]);
        }
    });
}

#[test]
fn a_source_that_gives_only_errors_ends_the_stream() {
    within(LIMIT, || {
        let source = Lines::sequential(|| Ok(std::io::BufReader::new(Broken)));
        let loader = builder(from_iterable(source), 2).build().unwrap();
        let errors: Vec<_> = loader.map(|line| line.unwrap_err().to_string()).collect();
        assert_eq!(errors.len(), 1001);
        assert!(errors[1000].contains("1000 errors in a row"), "{}", errors[1000]);
    });
}

struct Broken;

impl std::io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("the disk is gone"))
    }
}

#[test]
fn a_source_that_cannot_be_opened_is_one_error() {
    within(LIMIT, || {
        for workers in [0, 2] {
            let loader = builder(from_iterable(lines("no/such/file.txt")), workers);
            let errors: Vec<_> = loader.build().unwrap().collect();
            assert_eq!(errors.len(), 1);
            let error = errors[0].as_ref().unwrap_err().to_string();
            assert!(error.contains("cannot be opened"), "{error}");
        }
    });
}

#[test]
fn a_source_that_blocks_gives_what_came_before_and_holds_no_loader_up() {
    within(LIMIT, || {
        for workers in 1..=4 {
            let source = Unruly::new(5, Does::Blocks);
            let mut loader = builder(from_iterable(source), workers).build().unwrap();
            for x in 0..5 {
                assert_eq!(*loader.next().unwrap().unwrap(), x);
            }
            let begun = Instant::now();
            drop(loader);
            assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        }
    });
}

#[test]
fn samples_come_as_the_source_gives_them() {
    within(LIMIT, || {
        let (send, receive) = mpsc::channel::<u64>();
        let receive = Mutex::new(Some(receive));
        let source = from_iter(move || receive.lock().unwrap().take().expect("one epoch"));
        let mut loader = builder(from_iterable(source).map(|x| x + 1), 3).build().unwrap();
        for x in 0..300 {
            send.send(x).unwrap();
            assert_eq!(*loader.next().unwrap().unwrap(), x + 1);
        }
        drop(send);
        assert!(loader.next().is_none());
    });
}

#[test]
fn a_resume_opens_the_source_at_the_cursor_or_reads_it_again() {
    within(LIMIT, || {
        for (workers, has_cursor) in RUNNERS.into_iter().flat_map(|n| [(n, true), (n, false)]) {
            let source = || {
                let source = Unruly::new(100, Does::Ends);
                if has_cursor { source } else { source.without_cursor() }
            };
            let mut loader =
                builder(from_iterable(source()).ordered().batch(8), workers).build().unwrap();
            let state = loader.nth(9).unwrap().unwrap().state();
            let state = State::from_json(&state.to_json()).unwrap();
            let again = source();
            let pipeline = from_iterable(again.clone()).ordered().batch(8);
            let mut resumed = builder(pipeline, workers).resume(&state).build().unwrap();
            assert_eq!(*resumed.next().unwrap().unwrap(), (80..88).collect::<Vec<u64>>());
            assert_eq!(again.opened(), [(0, has_cursor.then_some(80))]);
            assert_eq!(resumed.state(), loader.next().unwrap().unwrap().state());
            assert_eq!(resumed.count(), 2);
            let read = again.read.load(Ordering::Relaxed);
            assert_eq!(read, if has_cursor { 21 } else { 101 });
        }
    });
}

#[test]
fn a_source_that_ends_before_the_place_of_the_state_is_an_error() {
    within(LIMIT, || {
        for (workers, has_cursor) in RUNNERS.into_iter().flat_map(|n| [(n, true), (n, false)]) {
            let source = |len| {
                let source = Unruly::new(len, Does::Ends);
                if has_cursor { source } else { source.without_cursor() }
            };
            // The stage holds the sample at position 0 back.
            let pipeline = |len| {
                let length = |x: &u64| x % 20;
                from_iterable(source(len)).ordered().bucket_by_length(
                    [1],
                    4,
                    length,
                    windrow::dataset::AsVec,
                )
            };
            let mut loader = builder(pipeline(50), workers).build().unwrap();
            let state = loader.nth(4).unwrap().unwrap().state();
            let mut resumed = builder(pipeline(10), workers).resume(&state).build().unwrap();
            let error = resumed.next().unwrap().unwrap_err();
            assert!(matches!(error, Error::State { .. }), "{error}");
            assert!(error.to_string().contains("ended at position 10"), "{error}");
            assert!(resumed.next().is_none());
        }
    });
}

#[test]
fn each_epoch_opens_the_source_anew_and_a_limit_ends_it() {
    within(LIMIT, || {
        for workers in RUNNERS {
            let source = Unruly::new(1000, Does::Ends);
            let pipeline = from_iterable(source.clone()).ordered().batch(2).limit(2);
            let loader = builder(pipeline, workers).epochs(3).build().unwrap();
            let batches: Vec<_> =
                loader.map(|batch| batch.map(|b| (b.epoch(), b.into_inner())).unwrap()).collect();
            let expected = (0..3).flat_map(|epoch| [(epoch, vec![0, 1]), (epoch, vec![2, 3])]);
            assert_eq!(batches, expected.collect::<Vec<_>>());
            assert_eq!(source.opened(), [(0, None), (1, None), (2, None)]);
        }
    });
}

#[test]
fn the_reader_keeps_to_the_bounds() {
    within(LIMIT, || {
        for workers in RUNNERS {
            let source = Unruly::new(1_000_000, Does::Ends);
            let loader = builder(from_iterable(source.clone()), workers).prefetch(10);
            let mut loader = loader.build().unwrap();
            for _ in 0..50 {
                loader.next().unwrap().unwrap();
            }
            std::thread::sleep(Duration::from_millis(20));
            let read = source.read.load(Ordering::Relaxed);
            assert!(read <= 50 + 10 + 10 + 1, "{read} samples");
        }
    });
}

#[test]
fn a_failed_attempt_gets_the_sample_again() {
    within(LIMIT, || {
        for workers in RUNNERS {
            let tried = AtomicU64::new(0);
            let source = from_iterable(from_iter(|| 0..40u64)).try_map(move |x| {
                let again = x == 7 && tried.fetch_add(1, Ordering::Relaxed) == 0;
                if again { Err(Fault::new("busy")) } else { Ok(x) }
            });
            let loader = builder(source, workers).retries(1).build().unwrap();
            assert_eq!(told(loader), (0..40).map(Ok).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_cursor_of_another_source_is_refused() {
    let pipeline = || from_iterable(Unruly::new(10, Does::Ends));
    let mut loader = builder(pipeline(), 0).build().unwrap();
    let json = loader.nth(2).unwrap().unwrap().state().to_json();
    assert!(json.contains(r#""source":[{"position":"3","cursor":"3"}]"#), "{json}");
    let resumed = |from: &str, to: &str| {
        assert!(json.contains(from), "{json}");
        let state = State::from_json(&json.replace(from, to))?;
        builder(pipeline(), 0).resume(&state).build()
    };
    for (from, to) in [
        (r#""cursor":"3""#, r#""cursor":"[3]""#),
        (r#""position":"3","cursor""#, r#""position":"4","cursor""#),
        (r#""position":"3","cursor""#, r#""position":"0","cursor""#),
    ] {
        assert!(matches!(resumed(from, to), Err(Error::State { .. })), "{to}");
    }
    let mut dataset = Loader::builder(range(0..5)).build().unwrap();
    let other = dataset.next().unwrap().unwrap().state().to_json();
    let other = other
        .replace(r#""fingerprint""#, r#""source":[{"position":"1","cursor":"1"}],"fingerprint""#);
    let state = State::from_json(&other).unwrap();
    assert!(Loader::builder(range(0..5)).resume(&state).build().is_err());
}

#[test]
fn lines_of_a_file_that_grew_go_on_and_those_of_another_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.txt");
    std::fs::write(&path, "one\ntwo\r\nthree\n").unwrap();
    let pipeline = || from_iterable(lines(&path));
    let mut loader = builder(pipeline(), 2).build().unwrap();
    let all: Vec<_> = loader.by_ref().map(|line| line.unwrap().into_inner()).collect();
    assert_eq!(all, ["one", "two", "three"]);
    std::fs::write(&path, "one\ntwo\r\nthree\nfour").unwrap();
    // The epoch was over, so the state is at the start of the next one.
    let mut again = builder(pipeline(), 2).build().unwrap();
    let state = again.nth(1).unwrap().unwrap().state();
    let rest = builder(pipeline(), 1).resume(&state).build().unwrap();
    let rest: Vec<_> = rest.map(|line| line.unwrap().into_inner()).collect();
    assert_eq!(rest, ["three", "four"]);
    std::fs::write(&path, "another text\nof other lines\n").unwrap();
    let mut wrong = builder(pipeline(), 1).resume(&state).build().unwrap();
    let error = wrong.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("no line begins at byte 9"), "{error}");
}

#[test]
fn worker_processes_are_refused_with_what_to_use_instead() {
    let source = from_iterable(from_iter(|| 0..4u64));
    let error = Loader::builder(source).backend(Backend::Processes).build().unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    assert!(error.to_string().contains("threads"), "{error}");
}
