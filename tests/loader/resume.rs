//! Restoring at every state of a run, on every backend, gives the same tail and the same states.

mod buffer;
mod costs;
mod epochs;
mod filtering;
mod held;
mod hostile;
mod interrupted;
mod packing;

use std::time::Duration;

use crate::common::{RUNNERS, Runner, assert_same, run, within};
use proptest::prelude::*;
use windrow::loader::LoaderBuilder;
use windrow::stage::{Pipeline, Stage};
use windrow::{Dataset, Error, Fault, Loader, OnError, State, range};

const LIMIT: Duration = Duration::from_secs(240);

/// Takes the state after every item of a run, resumes each on another backend, compares the tails.
fn every_state_resumes<P>(make: impl Fn() -> P, what: &str)
where
    P: Pipeline,
    P::Sample: Send + 'static,
    P::Batch: PartialEq + std::fmt::Debug + Clone + Send + serde::Serialize + 'static,
    P::Dataset: Send + Sync + 'static,
    P::Stages: Send + 'static,
{
    every_state_of(|| Loader::builder(make()), 500, what);
}

/// The same for a loader, whose states are no longer than so many bytes.
fn every_state_of<P>(make: impl Fn() -> LoaderBuilder<P>, bytes: usize, what: &str)
where
    P: Pipeline,
    P::Sample: Send + 'static,
    P::Batch: PartialEq + std::fmt::Debug + Clone + Send + serde::Serialize + 'static,
    P::Dataset: Send + Sync + 'static,
    P::Stages: Send + 'static,
{
    let whole = run(Runner::Inline, make().digest());
    let start = make().digest().build().unwrap().state();
    let again = run(Runner::Threads(2), make().digest().resume(&start));
    assert_same(&again, &whole, &format!("{what}, resumed before the first item"));
    for (number, (_, state)) in whole.iter().enumerate() {
        let json = state.to_json();
        assert!(json.len() <= bytes, "{what}: a state of {} bytes: {json}", json.len());
        let state = State::from_json(&json).unwrap();
        let runner = RUNNERS[number % RUNNERS.len()];
        let tail = run(runner, make().digest().resume(&state));
        let what = format!("{what}, resumed after item {number} on {runner:?}");
        assert_same(&tail, &whole[number + 1..], &what);
    }
}

/// Gives every sample as often as its value says, so that it holds results back.
struct Times<T> {
    held: Vec<T>,
    value: fn(&T) -> u64,
}

impl<T> Times<T> {
    fn by(value: fn(&T) -> u64) -> Self {
        Self { held: Vec::new(), value }
    }
}

impl<T: Clone> Stage<T> for Times<T> {
    type Out = T;

    fn push(&mut self, sample: T) -> Result<(), Fault> {
        let value = (self.value)(&sample);
        if value % 11 == 10 {
            return Err(Fault::new("too many"));
        }
        self.held = vec![sample; (value % 4) as usize];
        Ok(())
    }

    fn pop(&mut self) -> Option<T> {
        self.held.pop()
    }

    fn is_clean(&self) -> bool {
        self.held.is_empty()
    }

    fn reset(&mut self, _: u64) {
        self.held.clear();
    }

    fn op(&self) -> windrow::order::Op {
        windrow::order::Op::new("times")
    }
}

#[test]
fn resume_at_every_batch_gives_the_same_tail() {
    within(LIMIT, || {
        every_state_resumes(|| range(0..101).shuffle(5).repeat(2).batch(8), "batches");
        every_state_resumes(
            || {
                range(0..101)
                    .shuffle(5)
                    .filter(|x| x % 3 > 0)
                    .repeat(2)
                    .ordered()
                    .batch(8)
                    .limit(15)
            },
            "ordered batches",
        );
    });
}

#[test]
fn resume_at_every_error_gives_the_same_tail() {
    let failing = |x: u64| if x % 7 == 3 { Err(Fault::new("no")) } else { Ok(x) };
    within(LIMIT, move || {
        every_state_resumes(
            move || range(0..60).try_map(failing).ordered().batch(5).limit(9),
            "errors inside batches",
        );
        every_state_resumes(
            move || {
                let samples = range(0..60).try_map(failing).ordered();
                samples.then(Times::by(|x| *x)).batch(3).limit(100).batch(2)
            },
            "stages that hold results back",
        );
    });
}

#[test]
fn a_run_that_raised_goes_on_with_skipping() {
    let make = || {
        let failing = |x: u64| if x % 7 == 3 { Err(Fault::new("no")) } else { Ok(x) };
        range(0..40).try_map(failing).ordered().batch(5)
    };
    within(LIMIT, move || {
        let raised = run(Runner::Threads(2), Loader::builder(make()));
        for (number, (_, state)) in raised.iter().enumerate() {
            let skipping = Loader::builder(make()).on_error(OnError::Skip).resume(state);
            let tail = run(Runner::Threads(2), skipping);
            let tail: Vec<_> = tail.into_iter().map(|(item, _)| item).collect();
            let rest = raised[number + 1..].iter().map(|(item, _)| item.clone());
            assert_same(&tail, &rest.filter(Result::is_ok).collect::<Vec<_>>(), "skipping");
        }
    });
}

#[test]
fn skips_before_a_resume_stay_counted() {
    let make = || {
        let failing = |x: u64| if x % 4 == 3 { Err(Fault::new("no")) } else { Ok(x) };
        Loader::builder(range(0..40).try_map(failing).ordered().batch(5)).on_error(OnError::Skip)
    };
    within(LIMIT, move || {
        let whole = run(Runner::Inline, make());
        for (number, (_, state)) in whole.iter().enumerate() {
            let tail = run(Runner::Threads(3), make().resume(state));
            assert_same(&tail, &whole[number + 1..], "skips");
        }
    });
}

#[test]
fn resuming_far_out_is_as_fast_as_starting() {
    let make = || Loader::builder(range(0..1 << 40).shuffle(1).batch(10)).workers(2);
    let far = {
        let mut state = make().build().unwrap().state().to_json();
        state = state.replace("\"position\":\"0\"", "\"position\":\"100000000\"");
        State::from_json(&state).unwrap()
    };
    // Going through a thousand million samples would take longer.
    let batch = within(Duration::from_secs(60), move || {
        make().resume(&far).build().unwrap().next().unwrap().unwrap().into_inner()
    });
    let expected: Vec<u64> = (0..10)
        .map(|i| range(0..1 << 40).shuffle(1).get(1_000_000_000 + i).unwrap().unwrap())
        .collect();
    assert_eq!(batch, expected);
}

#[test]
fn a_state_of_another_pipeline_is_refused_naming_the_field() {
    let state =
        |size| Loader::builder(range(0..64).shuffle(7).batch(size)).build().unwrap().state();
    let refused = |state: &State| {
        Loader::builder(range(0..64).shuffle(7).batch(64)).resume(state).build().unwrap_err()
    };
    let message = refused(&state(32)).to_string();
    assert!(
        message.starts_with("state was saved with batch.size 32, this loader has 64;"),
        "{message}"
    );
    let other = Loader::builder(range(0..63).shuffle(7).batch(64)).build().unwrap().state();
    assert!(refused(&other).to_string().contains("range.end 63"), "{}", refused(&other));
    let ordered = Loader::builder(range(0..64).shuffle(7).ordered().batch(64)).build().unwrap();
    let message = refused(&ordered.state()).to_string();
    assert!(message.contains("op 2") && message.contains("ordered"), "{message}");
}

#[test]
fn a_digest_cannot_start_in_the_middle() {
    let make = || Loader::builder(range(0..64).batch(8));
    let state = make().build().unwrap().state();
    let error = make().digest().resume(&state).build().unwrap_err();
    assert!(matches!(&error, Error::Mismatch { field, .. } if field == "digest"), "{error}");
}

#[test]
fn cursors_that_make_no_sense_are_refused() {
    let make = || Loader::builder(range(0..64).ordered().batch(8).limit(5));
    let mut loader = make().build().unwrap();
    loader.next();
    let good = loader.state().to_json();
    let stages = r#"[{},{"counters":["1"]}]"#;
    assert!(good.contains(stages), "{good}");
    for (bad, reason) in [
        ("[]", "cursor of batch is missing"),
        (r#"[{},{"counters":["9"]}]"#, "limit has counters that the stage refuses"),
        (r#"[{},{}]"#, "limit has counters that the stage refuses"),
        (r#"[{},{"counters":["1"]},{}]"#, "more stages"),
        (r#"[{"given":"1"},{"counters":["1"]}]"#, "batch drops results"),
        (r#"[{"held":"EAEDAwMDAwMDAw"},{"counters":["1"]}]"#, "stages[0].held is"),
        (r#"[{"held":"AQE"},{"counters":["1"]}]"#, ""),
        (r#"[{"held":"CA8CAgICAgIC"},{"counters":["1"]}]"#, "position 0, which one of its"),
    ] {
        let state = State::from_json(&good.replace(stages, bad));
        let built = state.and_then(|state| make().resume(&state).workers(1).build());
        let error = built.and_then(|mut loader| loader.next().unwrap().map(|_| ())).err();
        let message = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains(reason), "{message:?} lacks {reason:?} for {bad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_pipeline_resumes_anywhere(
        len in 0u64..60, seed: u64, size in 1u64..9, outer in 1u64..5, limit in 0u64..30,
        modulus in 1u64..6, stop in 0usize..40, runner in 0usize..8,
    ) {
        let make = || {
            range(0..len).shuffle(seed).filter(move |x| x % modulus != 1).repeat(2)
                .ordered().batch(size).batch(outer).limit(limit)
        };
        let whole = run(Runner::Inline, Loader::builder(make()).digest());
        if let Some((_, state)) = whole.get(stop) {
            let tail = run(RUNNERS[runner], Loader::builder(make()).digest().resume(state));
            prop_assert_eq!(tail, &whole[stop + 1..]);
        }
    }
}
