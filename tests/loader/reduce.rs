//! What samples add to reducers comes to the same, to the bit, whoever made them: on the backends of
//! this process. `tests/processes/reduce.rs` has worker processes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{RUNNERS, Runner, assert_same, within};
use serde::{Deserialize, Serialize};
use windrow::backend::{Event, ExecutionBackend, Fill, Full, Info, Inline, Task};
use windrow::loader::{LoaderBuilder, Reduced};
use windrow::stage::Pipeline;
use windrow::{Backend, Dataset, Error, Fault, Loader, OnError, Reduce, Reducer, range};

const LIMIT: Duration = Duration::from_secs(120);
const SUM: Reducer<f64> = Reducer::new("sum");
const LEFT_OUT: Reducer<Vec<u64>> = Reducer::new("left out");
const COUNT: Reducer<u64> = Reducer::new("count");

/// What a caller sees of the reducers: up to which position, the bits of a sum, and a list.
type Seen = (u64, u64, Vec<u64>);

fn seen<B>(loader: &Loader<B>) -> Seen {
    let (sum, left_out) = (loader.reduced(SUM).unwrap(), loader.reduced(LEFT_OUT).unwrap());
    assert_eq!(sum.positions(), left_out.positions());
    (sum.positions().end, sum.to_bits(), left_out.to_vec())
}

fn random(end: u64) -> impl Dataset<Sample = (u64, f64)> {
    range(0..end).shuffle(5).random_map(9, |x, rng| (x, rng.unit_f64() * 10f64.powi(x as i32 % 9)))
}

fn fails(x: u64) -> bool {
    x % 13 == 5
}

fn is_left_out(x: u64) -> bool {
    x % 7 == 3
}

/// Samples that fail, that are left out, and that all add something before that.
fn adding(end: u64) -> impl Dataset<Sample = u64> {
    let adds = random(end).try_map(|(x, random)| {
        SUM.add(random);
        SUM.add(0.1);
        if fails(x) { Err(Fault::new("no")) } else { Ok(x) }
    });
    let kept = adds.filter(|&x| {
        if is_left_out(x) {
            LEFT_OUT.add(vec![x]);
        }
        !is_left_out(x)
    });
    kept.repeat(2)
}

/// What the reducers of `adding` must come to over some positions: the oracle.
fn by_hand(end: u64, positions: std::ops::Range<u64>) -> Seen {
    let mut seen = (0.0, Vec::new());
    let samples = random(end).repeat(2);
    for position in positions.clone() {
        let (x, random) = samples.get(position).unwrap().unwrap();
        if !fails(x) {
            seen.0 += random + 0.1;
            seen.1.extend(is_left_out(x).then_some(x));
        }
    }
    (positions.end, seen.0.to_bits(), seen.1)
}

/// Runs a loader to its end, with what it shows after each thing received, the end included.
fn watch<P>(runner: Runner, builder: LoaderBuilder<P>) -> Vec<Seen>
where
    P: Pipeline,
    P::Sample: Send + 'static,
    P::Batch: 'static,
    P::Dataset: Send + Sync + 'static,
    P::Stages: Send + 'static,
{
    let mut loader = runner.on(builder.reduce(SUM).reduce(LEFT_OUT)).build().unwrap();
    let mut all = vec![seen(&loader)];
    while loader.next().is_some() {
        all.push(seen(&loader));
    }
    all.push(seen(&loader));
    all
}

#[test]
fn a_sum_of_floats_depends_on_its_order_so_that_these_tests_see_it() {
    let values: Vec<f64> = (0..200).map(|p| random(200).get(p).unwrap().unwrap().1).collect();
    let forwards = values.iter().fold(0.0, |sum, x| sum + x);
    assert_ne!(f64::to_bits(forwards), values.iter().rev().fold(0.0, |sum, x| sum + x).to_bits());
}

#[test]
fn at_every_batch_the_same_is_reduced_on_every_backend() {
    within(LIMIT, || {
        let mut batches = Vec::new();
        for runner in RUNNERS.into_iter().chain([Runner::Threads(5)]) {
            let bare = watch(runner, Loader::builder(adding(150)));
            for got in &bare {
                assert_eq!(*got, by_hand(150, 0..got.0), "{runner:?}");
            }
            assert_eq!(bare.last().unwrap().0, 300);
            let positions = random(150).repeat(2);
            let given = |x: u64| fails(x) || !is_left_out(x);
            let given = (0..300).filter(|&p| given(positions.get(p).unwrap().unwrap().0));
            let given = given.map(|p| p + 1);
            let expected: Vec<u64> = std::iter::once(0).chain(given).chain([300]).collect();
            assert_eq!(bare.iter().map(|seen| seen.0).collect::<Vec<_>>(), expected);

            let staged = watch(runner, Loader::builder(adding(150).ordered().batch(4).limit(50)));
            let (ended, received) = staged.split_last().unwrap();
            for got in received {
                assert_eq!(*got, by_hand(150, 0..got.0), "{runner:?}");
            }
            // What the limit leaves out adds nothing.
            let last = received.last().unwrap().0;
            let (_, sum, left_out) = by_hand(150, 0..last);
            assert!(last < 300);
            assert_eq!(*ended, (300, sum, left_out), "{runner:?}");
            batches.push(staged);
        }
        batches.windows(2).for_each(|pair| assert_eq!(pair[0], pair[1]));
        let skipping = || Loader::builder(adding(150).ordered().batch(4)).on_error(OnError::Skip);
        let inline = watch(Runner::Inline, skipping());
        assert_eq!(*inline.last().unwrap(), by_hand(150, 0..300));
        for runner in RUNNERS {
            assert_same(&watch(runner, skipping()), &inline, &format!("skipping on {runner:?}"));
        }
    });
}

#[test]
fn a_loader_that_resumes_goes_on_from_what_was_saved_or_starts_afresh() {
    within(LIMIT, || {
        let make = || Loader::builder(adding(40).ordered().batch(4).batch(2));
        let collecting = || make().reduce(SUM).reduce(LEFT_OUT);
        let mut loader = collecting().build().unwrap();
        let mut saved = Vec::new();
        loop {
            let sum = postcard::to_stdvec(loader.reduced(SUM).unwrap()).unwrap();
            let left_out = postcard::to_stdvec(loader.reduced(LEFT_OUT).unwrap()).unwrap();
            saved.push((loader.state(), sum, left_out));
            if loader.next().is_none() {
                break;
            }
        }
        assert!(saved.len() > 10);
        let whole = by_hand(40, 0..80);
        for (number, (state, ..)) in saved.iter().enumerate() {
            let runner = RUNNERS[number % RUNNERS.len()];
            // What was saved later than the state covers more, and is good as well.
            for (_, sum, left_out) in [&saved[number], &saved[(number + 2).min(saved.len() - 1)]] {
                let sum: Reduced<f64> = postcard::from_bytes(sum).unwrap();
                let left_out: Reduced<Vec<u64>> = postcard::from_bytes(left_out).unwrap();
                let again = make().reduce_from(SUM, sum).reduce_from(LEFT_OUT, left_out);
                let mut again = runner.on(again.resume(state)).build().unwrap();
                again.by_ref().for_each(drop);
                assert_eq!(seen(&again), whole, "after {number} on {runner:?}");
            }
            let mut afresh = runner.on(collecting().resume(state)).build().unwrap();
            assert_eq!(
                afresh.reduced(SUM).unwrap().positions(),
                state.position()..state.position()
            );
            afresh.by_ref().for_each(drop);
            assert_eq!(seen(&afresh), by_hand(40, state.position()..80), "after {number}");
        }
    });
}

#[test]
fn what_was_saved_before_the_state_is_refused() {
    let mut loader = Loader::builder(adding(40)).reduce(SUM).build().unwrap();
    let early = *loader.reduced(SUM).unwrap();
    let state = loader.nth(5).unwrap().unwrap().state();
    let again = Loader::builder(adding(40)).resume(&state).reduce_from(SUM, early);
    let message = again.build().unwrap_err().to_string();
    assert!(message.contains("\"sum\" from positions before 0"), "{message}");
    assert!(message.contains(&format!("up to position {} at least", state.position())));
}

#[test]
fn a_sample_that_is_tried_again_counts_once() {
    within(LIMIT, || {
        for runner in RUNNERS {
            let tries: Vec<AtomicU64> = (0..40).map(|_| AtomicU64::new(0)).collect();
            let flaky = range(0..40).try_map(move |x| {
                COUNT.add(1);
                let failed = tries[x as usize].fetch_add(1, Ordering::Relaxed);
                if failed < [0, 1, 2, 5][x as usize % 4] { Err(Fault::new("busy")) } else { Ok(x) }
            });
            let builder = Loader::builder(flaky).retries(2).reduce(COUNT);
            let mut loader = runner.on(builder).build().unwrap();
            assert_eq!(loader.by_ref().filter(Result::is_ok).count(), 30);
            assert_eq!(**loader.reduced(COUNT).unwrap(), 30, "{runner:?}");
        }
    });
}

#[test]
fn adding_too_much_is_that_sample_s_error_and_adds_nothing() {
    within(LIMIT, || {
        const LARGE: Reducer<Vec<String>> = Reducer::new("large");
        for runner in RUNNERS {
            let samples = range(0..20).map(|x| {
                COUNT.add(1);
                LARGE.add(vec!["x".repeat(if x == 7 { 2 << 20 } else { 10 })]);
                x
            });
            let mut loader =
                runner.on(Loader::builder(samples).reduce(COUNT).reduce(LARGE)).build().unwrap();
            let errors: Vec<String> =
                loader.by_ref().filter_map(Result::err).map(|error| error.to_string()).collect();
            let [error] = &*errors else { panic!("{errors:?} on {runner:?}") };
            assert!(error.starts_with("position 7: it added 20971"), "{error}");
            assert!(error.contains("\"large\"; 1048576 are allowed for each sample"), "{error}");
            assert_eq!(**loader.reduced(COUNT).unwrap(), 19);
            assert_eq!(loader.reduced(LARGE).unwrap().len(), 19);
        }
    });
}

#[test]
fn what_is_shown_while_a_batch_is_in_the_making_is_as_after_the_last_one() {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    within(LIMIT, || {
        let waker = Arc::new(Unpark(std::thread::current())).into();
        let mut context = std::task::Context::from_waker(&waker);
        // The second has so many gaps that what they add cannot wait for the next batch.
        let few = || adding(500).ordered().batch(50);
        let many = || {
            let rare = range(0..60_000).filter(|x| {
                SUM.add(*x as f64 * 0.1);
                x % 25_000 == 0
            });
            rare.ordered().batch(2)
        };
        macro_rules! shown {
            ($make:expr) => {
                let expected = watch(Runner::Inline, Loader::builder($make()));
                for runner in [Runner::Threads(2), Runner::Unruly(1), Runner::Unruly(2)] {
                    let builder = Loader::builder($make()).reduce(SUM).reduce(LEFT_OUT);
                    let mut loader = runner.on(builder).build().unwrap();
                    let mut got = vec![seen(&loader)];
                    loop {
                        match loader.poll_next(&mut context) {
                            std::task::Poll::Ready(Some(_)) => got.push(seen(&loader)),
                            std::task::Poll::Ready(None) => break,
                            std::task::Poll::Pending => {
                                assert_eq!(seen(&loader), *got.last().unwrap(), "{runner:?}");
                                std::thread::park_timeout(Duration::from_millis(1));
                            }
                        }
                    }
                    got.push(seen(&loader));
                    assert_same(&got, &expected, &format!("{runner:?}"));
                }
            };
        }
        shown!(few);
        shown!(many);
    });
}

#[test]
fn a_loader_inside_of_a_sample_keeps_its_own_account() {
    within(LIMIT, || {
        for runner in RUNNERS {
            for inner in [Backend::Inline, Backend::Threads] {
                let samples = range(0..10).map(move |x| {
                    let part = || {
                        range(0..5).map(|y| {
                            COUNT.add(100);
                            y
                        })
                    };
                    let deaf = Loader::builder(part()).backend(inner).workers(1).build().unwrap();
                    assert_eq!(deaf.count(), 5);
                    let own = Loader::builder(part()).backend(inner).workers(1).reduce(COUNT);
                    let mut own = own.build().unwrap();
                    assert_eq!(own.by_ref().count(), 5);
                    COUNT.add(u64::from(**own.reduced(COUNT).unwrap() == 500));
                    x
                });
                let mut loader = runner.on(Loader::builder(samples).reduce(COUNT)).build().unwrap();
                assert_eq!(loader.by_ref().count(), 10);
                assert_eq!(**loader.reduced(COUNT).unwrap(), 10, "{runner:?} with {inner}");
            }
        }
    });
}

/// Panics when a seven is merged.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Picky(u64);

impl Reduce for Picky {
    fn merge(&mut self, later: Self) {
        assert_ne!(later.0, 7, "no sevens");
        self.0 += later.0;
    }
}

#[test]
fn a_merge_that_panics_is_told_where_it_is_asked_for_and_costs_no_sample() {
    within(LIMIT, || {
        const PICKY: Reducer<Picky> = Reducer::new("picky");
        for runner in RUNNERS {
            let samples = range(0..10).map(|x| {
                PICKY.add(Picky(x));
                COUNT.add(x);
                x
            });
            let builder = Loader::builder(samples).reduce(PICKY).reduce(COUNT);
            let mut loader = runner.on(builder).build().unwrap();
            assert_eq!(loader.by_ref().take(7).filter(Result::is_ok).count(), 7);
            assert_eq!(loader.reduced(PICKY).unwrap().0, 21);
            assert_eq!(loader.by_ref().filter(Result::is_ok).count(), 3);
            let error = loader.reduced(PICKY).unwrap_err();
            assert!(matches!(&error, Error::Sample { position: 7, .. }), "{error:?}");
            assert!(error.to_string().contains("no sevens"), "{error}");
            assert_eq!(**loader.reduced(COUNT).unwrap(), 45);
        }
    });
}

#[test]
fn a_reducer_that_is_not_collected_or_not_alone_with_its_name_is_an_error() {
    let mut loader = Loader::builder(adding(10)).reduce(COUNT).build().unwrap();
    loader.next().unwrap().unwrap();
    let message = loader.reduced(SUM).unwrap_err().to_string();
    assert!(
        message.contains("\"sum\", a f64") && message.contains("LoaderBuilder::reduce"),
        "{message}"
    );
    assert!(loader.reduced(Reducer::<f64>::new("count")).is_err());
    let refused = |builder: LoaderBuilder<_>| builder.build().unwrap_err().to_string();
    let twice = Loader::builder(range(0..3)).reduce(COUNT).reduce(Reducer::<f64>::new("count"));
    assert!(refused(twice).contains("\"count\" twice"));
    assert!(refused(Loader::builder(range(0..3)).reduce(Reducer::<u64>::new(""))).contains("1 to"));
    let names: Vec<String> = (0..65).map(|number| number.to_string()).collect();
    let many = names.into_iter().fold(Loader::builder(range(0..3)), |builder, name| {
        builder.reduce(Reducer::<u64>::new(name.leak()))
    });
    assert!(refused(many).contains("65 reducers"));
}

/// Notes what its tasks weigh, and says that those with one position are lost, after making them.
struct Weighing {
    inline: Inline<u64>,
    weights: Arc<Mutex<Vec<u64>>>,
    loses: Option<u64>,
    info: Info,
}

impl ExecutionBackend<u64> for Weighing {
    fn info(&self) -> &Info {
        &self.info
    }

    fn workers(&self) -> u32 {
        1
    }

    fn submit(&mut self, task: Task) -> Result<(), Full> {
        self.inline.submit(task)
    }

    fn wait(&mut self, limit: Duration) -> Option<Event<u64>> {
        let event = self.inline.wait(limit)?;
        let Event::Done(done) = &event else { return Some(event) };
        self.weights.lock().unwrap().push(done.bytes.unwrap() / done.results.len() as u64);
        let lost = self.loses.is_some_and(|x| done.results.contains(&Ok(Some(x))));
        Some(if lost { Event::Lost { task: done.task, how: "lost".into() } } else { event })
    }

    fn activity(&self) -> Vec<Option<u64>> {
        vec![None]
    }

    fn shutdown(&mut self, limit: Duration) -> Vec<u64> {
        self.inline.shutdown(limit)
    }
}

fn weighing(work: Arc<dyn Fill<u64>>, weights: &Arc<Mutex<Vec<u64>>>, remote: bool) -> Weighing {
    let mut info = *windrow::backend::registry()[0];
    (info.name, info.capabilities.shares_memory) = ("weighing", !remote);
    Weighing { inline: Inline::shared(work), weights: weights.clone(), loses: None, info }
}

#[test]
fn a_sample_that_was_made_and_given_up_all_the_same_adds_nothing() {
    let weights = Arc::default();
    let samples = range(0..20).map(|x| {
        COUNT.add(1);
        x
    });
    let builder =
        Loader::builder(samples).reduce(COUNT).workers(1).custom_backend(move |work, _| {
            Ok(Box::new(Weighing { loses: Some(13), ..weighing(work, &weights, false) }))
        });
    let mut loader = builder.build().unwrap();
    assert_eq!(loader.by_ref().filter(Result::is_ok).count(), 19);
    assert_eq!(**loader.reduced(COUNT).unwrap(), 19);
}

#[test]
fn what_samples_add_is_part_of_what_may_be_ahead() {
    const LARGE: Reducer<Vec<String>> = Reducer::new("large");
    let weights = Arc::new(Mutex::new(Vec::new()));
    let theirs = weights.clone();
    let samples = range(0..20).map(|x| {
        LARGE.add(vec!["x".repeat(100_000)]);
        x
    });
    let builder = Loader::builder(samples).reduce(LARGE).workers(1);
    let builder =
        builder.custom_backend(move |work, _| Ok(Box::new(weighing(work, &theirs, false))));
    assert_eq!(builder.build().unwrap().count(), 20);
    let weights = weights.lock().unwrap();
    assert!(weights.iter().all(|&weight| weight > 100_000), "{weights:?}");
}

#[test]
fn a_backend_that_does_not_bring_what_samples_add_is_refused() {
    let weights = Arc::default();
    let remote = |reduce: bool| {
        let theirs = Arc::clone(&weights);
        let builder = Loader::builder(range(0..20)).workers(1);
        let builder = if reduce { builder.reduce(COUNT) } else { builder };
        builder.custom_backend(move |work, _| Ok(Box::new(weighing(work, &theirs, true)))).build()
    };
    assert_eq!(remote(false).unwrap().count(), 20);
    let message = remote(true).unwrap_err().to_string();
    assert!(message.contains("backend weighing") && message.contains("do not send"), "{message}");
}
