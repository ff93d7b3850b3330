//! A stage that keeps its list of held inputs costs the same for each result however much it holds.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use windrow::order::{Op, Rng};
use windrow::stage::{Held, Stage};
use windrow::{Dataset, Fault, Loader, State, range};

use super::{LIMIT, RUNNERS, Runner, every_state_of, run, within};

/// A shuffle buffer.
struct Shuffled<T> {
    most: usize,
    samples: Vec<T>,
    held: Held,
    inputs: u64,
    results: u64,
    last: u64,
    finished: bool,
}

impl<T> Shuffled<T> {
    fn of(most: usize) -> Self {
        let (samples, held) = (Vec::new(), Held::default());
        Self { most, samples, held, inputs: 0, results: 0, last: 0, finished: false }
    }
}

impl<T> Stage<T> for Shuffled<T> {
    type Out = T;

    fn push(&mut self, sample: T) -> Result<(), Fault> {
        self.samples.push(sample);
        self.held.push(self.inputs);
        self.inputs += 1;
        Ok(())
    }

    fn pop(&mut self) -> Option<T> {
        if self.samples.len() <= if self.finished { 0 } else { self.most } {
            return None;
        }
        let place = Rng::keyed(1, 0, 0, self.results).below(self.samples.len() as u64);
        self.results += 1;
        self.last = self.held.swap_remove(place)?;
        Some(self.samples.swap_remove(place as usize))
    }

    fn finish(&mut self) -> Result<(), Fault> {
        self.finished = true;
        Ok(())
    }

    fn is_clean(&self) -> bool {
        self.samples.is_empty()
    }

    fn reset(&mut self, _: u64) {
        *self = Self::of(self.most);
    }

    fn counters(&self) -> Vec<u64> {
        vec![self.results]
    }

    fn restore(&mut self, counters: &[u64]) -> Option<()> {
        let &[results] = counters else { return None };
        self.results = results;
        Some(())
    }

    fn tracks(&self) -> bool {
        true
    }

    fn held(&self) -> Held {
        self.held.clone()
    }

    fn take_back(&mut self, inputs: Vec<T>) -> Option<()> {
        self.inputs = inputs.len() as u64;
        self.held = Held::from(0..self.inputs);
        self.samples = inputs;
        (self.samples.len() <= self.most).then_some(())
    }

    fn made_of(&self) -> Vec<u64> {
        vec![self.last]
    }

    fn remake(&self, mut inputs: Vec<T>) -> Result<T, Fault> {
        inputs.pop().ok_or_else(|| Fault::new("nothing to make it of"))
    }

    fn op(&self) -> Op {
        Op::new("shuffled").with("most", self.most)
    }
}

#[test]
fn a_shuffle_buffer_resumes_at_every_state() {
    within(LIMIT, || {
        let make = |most| {
            let samples = range(0..400).filter(|x| x % 5 > 0).ordered();
            Loader::builder(samples.then(Shuffled::of(most)).batch(3)).epochs(2)
        };
        every_state_of(|| make(1), 500, "a buffer of 1");
        every_state_of(|| make(90), 700, "a buffer of 90");
    });
}

#[test]
fn batches_that_are_kept_have_their_states_later() {
    within(LIMIT, || {
        let make = || Loader::builder(range(0..9_000).ordered().then(Shuffled::of(3_000)));
        let mut loader = make().workers(0).build().unwrap();
        let (mut batches, mut states) = (Vec::new(), Vec::new());
        while let Some(batch) = loader.next() {
            if batches.len() % 97 == 0 {
                states.push((batches.len(), loader.state()));
            }
            batches.push(batch.unwrap());
        }
        for (number, state) in states {
            assert_eq!(batches[number].state().to_json(), state.to_json(), "after {number}");
        }
        let state = State::from_json(&batches[5_000].state().to_json()).unwrap();
        let tail = make().resume(&state).workers(2).build().unwrap();
        let tail: Vec<u64> = tail.map(|batch| batch.unwrap().into_inner()).collect();
        assert!(tail.iter().eq(batches[5_001..].iter().map(|batch| &**batch)));
    });
}

#[test]
fn a_result_costs_the_same_however_much_is_held() {
    let of = |most: usize| {
        let samples = range(0..1 << 40).ordered().then(Shuffled::of(most));
        let mut loader = Loader::builder(samples).workers(0).build().unwrap();
        loader.next();
        let fastest = |_| {
            let start = Instant::now();
            let batches: Vec<_> = loader.by_ref().take(500).collect();
            (start.elapsed(), batches.len()).0
        };
        (0..7).map(fastest).min().unwrap_or(Duration::MAX)
    };
    within(LIMIT, move || {
        let (few, many) = (of(100), of(100_000));
        // A list that is copied makes it a thousand times as much.
        assert!(many < 30 * few, "{few:?} of 100, {many:?} of 100,000");
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn buffers_in_a_chain_resume_anywhere(
        len in 0u64..300, sizes in prop::array::uniform3(1usize..120), epochs in 1u64..3,
        stop in 0usize..300, runner in 0usize..8,
    ) {
        let make = || {
            let samples = range(0..len).ordered().then(Shuffled::of(sizes[0]));
            let batches = samples.batch(sizes[1] as u64 % 4 + 1);
            Loader::builder(batches.then(Shuffled::of(sizes[2])).batch(2)).epochs(epochs).digest()
        };
        let whole = run(Runner::Inline, make());
        if let Some((_, state)) = whole.get(stop) {
            let state = State::from_json(&state.to_json()).unwrap();
            let tail = run(RUNNERS[runner], make().resume(&state));
            prop_assert_eq!(tail, &whole[stop + 1..]);
        }
    }
}
