//! What stages hold back is made again, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use windrow::order::Op;
use windrow::stage::{Held, Stage};
use windrow::{Dataset, Fault, Loader, OnError, State, range};

use super::{LIMIT, RUNNERS, Runner, Times, assert_same, every_state_of, run, within};

/// Gives the oldest sample of the class that has the most, once so many are held: a stage that is
/// never empty, and gives its samples in an order of its own.
struct Classes<T> {
    /// With the inputs' numbers, oldest first.
    held: Vec<(u64, T)>,
    most: usize,
    inputs: u64,
    last: u64,
    ready: Option<T>,
    finished: bool,
    class: fn(&T) -> u64,
}

impl<T> Classes<T> {
    fn of(most: usize, class: fn(&T) -> u64) -> Self {
        let (held, ready) = (Vec::new(), None);
        Self { held, most, inputs: 0, last: 0, ready, finished: false, class }
    }
}

impl<T> Stage<T> for Classes<T> {
    type Out = T;

    fn push(&mut self, sample: T) -> Result<(), Fault> {
        self.held.push((self.inputs, sample));
        self.inputs += 1;
        Ok(())
    }

    fn pop(&mut self) -> Option<T> {
        if self.held.len() <= if self.finished { 0 } else { self.most } {
            return None;
        }
        let size = |class| self.held.iter().filter(|(_, x)| (self.class)(x) == class).count();
        let largest = self.held.iter().map(|(_, x)| size((self.class)(x))).max()?;
        let place = self.held.iter().position(|(_, x)| size((self.class)(x)) == largest)?;
        let (number, sample) = self.held.remove(place);
        self.last = number;
        Some(sample)
    }

    fn finish(&mut self) -> Result<(), Fault> {
        self.finished = true;
        Ok(())
    }

    fn is_clean(&self) -> bool {
        self.held.is_empty() && self.ready.is_none()
    }

    fn reset(&mut self, _: u64) {
        *self = Self::of(self.most, self.class);
    }

    fn tracks(&self) -> bool {
        true
    }

    fn held(&self) -> Held {
        self.held.iter().map(|(number, _)| *number).collect()
    }

    fn take_back(&mut self, inputs: Vec<T>) -> Option<()> {
        self.inputs = inputs.len() as u64;
        self.held = (0..).zip(inputs).collect();
        (self.held.len() <= self.most).then_some(())
    }

    fn made_of(&self) -> Vec<u64> {
        vec![self.last]
    }

    fn remake(&self, mut inputs: Vec<T>) -> Result<T, Fault> {
        inputs.pop().ok_or_else(|| Fault::new("nothing to make it of"))
    }

    fn op(&self) -> Op {
        Op::new("classes").with("most", self.most)
    }
}

fn failing(x: u64) -> Result<u64, Fault> {
    if x % 9 == 4 { Err(Fault::new("no")) } else { Ok(x) }
}

#[test]
fn a_stage_that_is_never_empty_resumes_at_every_state() {
    within(LIMIT, || {
        let make = || {
            let samples = range(0..80).shuffle(3).filter(|x| x % 5 > 0).try_map(failing);
            Loader::builder(samples.ordered().then(Classes::of(7, |x| x % 3))).epochs(2)
        };
        every_state_of(make, 500, "classes");
    });
}

#[test]
fn stages_after_one_that_is_never_empty_resume_at_every_state() {
    within(LIMIT, || {
        let make = || {
            let samples = range(0..90).shuffle(3).try_map(failing).ordered();
            let batches = samples.then(Classes::of(7, |x| x % 3)).batch(3);
            let classes = batches.then(Classes::of(4, |batch: &Vec<u64>| batch[0] % 2));
            Loader::builder(classes.batch(2).limit(11)).epochs(2)
        };
        every_state_of(make, 560, "classes of batches");
    });
}

#[test]
fn a_stage_that_cannot_tell_what_it_holds_resumes_among_those_that_can() {
    within(LIMIT, || {
        let make = || {
            let samples = range(0..60).try_map(failing).ordered().then(Classes::of(5, |x| x % 2));
            let times = samples.batch(2).then(Times::by(|batch: &Vec<u64>| batch[0]));
            Loader::builder(times.then(Classes::of(3, |batch: &Vec<u64>| batch[0] % 2)).batch(2))
        };
        every_state_of(make, 640, "between");
    });
}

#[test]
fn a_resume_makes_what_is_held_and_no_more() {
    const HELD: usize = 50;
    const AFTER: u64 = 5_000;
    within(LIMIT, || {
        let made = Arc::new(AtomicU64::new(0));
        let make = || {
            let made = made.clone();
            let samples = range(0..100_000).shuffle(1).map(move |x| {
                made.fetch_add(1, Ordering::Relaxed);
                x
            });
            Loader::builder(samples.ordered().then(Classes::of(HELD, |x| x % 4)).batch(10))
        };
        let mut loader = make().workers(0).build().unwrap();
        let state =
            (0..AFTER / 10).map(|_| loader.next().unwrap().unwrap().state()).last().unwrap();
        let json = state.to_json();
        assert!(json.len() < 500 + 2 * HELD, "{} bytes: {json}", json.len());
        let expected = loader.next().unwrap().unwrap().into_inner();
        made.store(0, Ordering::Relaxed);
        let mut loader = make().prefetch(1).workers(0).resume(&state).build().unwrap();
        assert_eq!(loader.next().unwrap().unwrap().into_inner(), expected);
        let made = made.load(Ordering::Relaxed);
        assert!(made <= HELD as u64 + 10 + 1, "{made} samples were made");
    });
}

#[test]
fn a_held_sample_that_cannot_be_made_again_is_told_once() {
    within(LIMIT, || {
        let make = |bad: u64| {
            let samples = range(0..60)
                .try_map(move |x| if x == bad { Err(Fault::new("gone")) } else { Ok(x) });
            Loader::builder(samples.ordered().then(Classes::of(9, |x| x % 3)).batch(4))
        };
        let whole = run(Runner::Inline, make(99));
        let state = whole[3].1.clone();
        let held = 16 + 5;
        for runner in RUNNERS {
            let skipping = make(held).on_error(OnError::Skip).resume(&state);
            let mut loader = runner.on(skipping).build().unwrap();
            let message = loader.next().unwrap().unwrap_err().to_string();
            assert!(
                message.contains(&format!("position {held}: try_map")),
                "{runner:?}: {message}"
            );
            assert!(loader.next().is_none());
            assert_eq!(loader.state(), state);
        }
        assert_same(&run(Runner::Inline, make(99).resume(&state)), &whole[4..], "made again");
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn chains_of_stages_that_hold_back_resume_anywhere(
        len in 0u64..60, seed: u64, sizes in prop::array::uniform3(1usize..9), limit in 1u64..30,
        modulus in 1u64..6, epochs in 1u64..4, stop in 0usize..60, runner in 0usize..8,
    ) {
        let make = || {
            let samples = range(0..len).shuffle(seed).filter(move |x| x % modulus != 1).ordered();
            let classes = samples.then(Classes::of(sizes[0], |x| x % 4)).batch(sizes[1] as u64);
            let classes = classes.then(Classes::of(sizes[2], |batch: &Vec<u64>| batch[0] % 3));
            Loader::builder(classes.limit(limit)).epochs(epochs).digest()
        };
        let whole = run(Runner::Inline, make());
        if let Some((_, state)) = whole.get(stop) {
            let state = State::from_json(&state.to_json()).unwrap();
            let tail = run(RUNNERS[runner], make().resume(&state));
            prop_assert_eq!(tail, &whole[stop + 1..]);
        }
    }
}
