//! Stages that panic or say what cannot be: an error that names the stage and the method, and no
//! batch is lost.

use windrow::order::Op;
use windrow::stage::{Held, Stage};
use windrow::{Dataset, Fault, Loader, State, range};

use super::{LIMIT, RUNNERS};
use crate::common::within;

/// Holds two samples back, and does wrong with a method, from an input or at all.
struct Wrong {
    method: &'static str,
    held: Vec<(u64, u64)>,
    inputs: u64,
    last: u64,
    finished: bool,
}

impl Wrong {
    fn with(method: &'static str) -> Self {
        Self { method, held: Vec::new(), inputs: 0, last: 0, finished: false }
    }

    /// Panics in this method, once five samples came.
    fn then(&self, method: &str) {
        assert!(self.method != method || self.inputs != 5, "five");
    }

    fn always(&self, method: &str) {
        assert!(self.method != method, "always");
    }
}

impl Stage<u64> for Wrong {
    type Out = u64;

    fn push(&mut self, sample: u64) -> Result<(), Fault> {
        self.held.push((self.inputs, sample));
        self.inputs += 1;
        Ok(())
    }

    fn pop(&mut self) -> Option<u64> {
        self.then("pop");
        if self.held.len() <= if self.finished { 0 } else { 2 } {
            return None;
        }
        let (number, sample) = self.held.remove(0);
        self.last = number;
        Some(sample)
    }

    fn finish(&mut self) -> Result<(), Fault> {
        self.finished = true;
        Ok(())
    }

    fn is_clean(&self) -> bool {
        self.then("is_clean");
        self.held.is_empty()
    }

    fn is_done(&self) -> bool {
        self.then("is_done");
        false
    }

    fn reset(&mut self, _: u64) {
        self.always("reset");
        *self = Self::with(self.method);
    }

    fn counters(&self) -> Vec<u64> {
        self.then("counters");
        Vec::new()
    }

    fn restore(&mut self, counters: &[u64]) -> Option<()> {
        self.always("restore");
        counters.is_empty().then_some(())
    }

    fn results_of(&self, _: u64) -> Option<u64> {
        self.always("results_of");
        Some(u64::MAX)
    }

    fn len_of(&self, inputs: u64) -> Option<u64> {
        self.always("len_of");
        Some(inputs)
    }

    /// Whether it is clean is asked only where its inputs are not tracked.
    fn tracks(&self) -> bool {
        !["is_clean", "untracked"].contains(&self.method)
    }

    fn held(&self) -> Held {
        self.then("held");
        match self.method {
            "held future" if self.inputs == 5 => Held::from(3..6),
            "held past" if self.inputs == 70 => [0, 69].into_iter().collect(),
            "held twice" if self.inputs == 5 => vec![3; 9].into_iter().collect(),
            _ => self.held.iter().map(|(number, _)| *number).collect(),
        }
    }

    fn take_back(&mut self, inputs: Vec<u64>) -> Option<()> {
        self.always("take_back");
        self.inputs = inputs.len() as u64;
        self.held = (0..).zip(inputs).collect();
        Some(())
    }

    fn made_of(&self) -> Vec<u64> {
        self.then("made_of");
        let wrong = self.method == "made of nothing" && self.inputs == 5;
        vec![if wrong { 99 } else { self.last }]
    }

    fn remake(&self, mut inputs: Vec<u64>) -> Result<u64, Fault> {
        inputs.pop().ok_or_else(|| Fault::new("nothing to make it of"))
    }

    fn inputs(&self) -> u64 {
        self.always("inputs");
        1
    }

    fn op(&self) -> Op {
        self.always("op");
        Op::new("wrong")
    }

    fn check(&self) -> windrow::Result<()> {
        self.always("check");
        Ok(())
    }
}

/// What comes of 80 samples, with another method that may panic.
fn builder(
    method: &'static str,
) -> windrow::loader::LoaderBuilder<
    impl windrow::stage::ParallelPipeline<Sample = u64, Batch = Vec<u64>>,
> {
    Loader::builder(range(0..80).ordered().then(Wrong::with(method)).batch(1)).epochs(2)
}

#[test]
fn a_stage_that_does_wrong_ends_the_stream_and_no_batch_is_lost() {
    within(LIMIT, || {
        let whole: Vec<_> = (0..160).map(|x| vec![x % 80]).collect();
        for (method, message, before) in [
            ("pop", "wrong.pop panicked: five", 2),
            ("is_clean", "wrong.is_clean panicked: five", 2),
            ("is_done", "wrong.is_done panicked: five", 3),
            ("held", "wrong.held panicked: five", 2),
            ("counters", "wrong.counters panicked: five", 2),
            ("made_of", "wrong.made_of panicked: five", 2),
            ("reset", "wrong.reset panicked: always", 80),
            ("held future", "wrong.held: names input 5 as held, which the stage cannot hold", 2),
            ("held past", "wrong.held: names input 0 as held, which the stage cannot hold", 67),
            ("held twice", "wrong.held: names 9 inputs as held, but only 5 are known", 2),
            ("made of nothing", "wrong.made_of: names input 99, which the stage did not hold", 2),
        ] {
            for runner in RUNNERS {
                let mut loader = runner.on(builder(method)).build().unwrap();
                let mut received = Vec::new();
                let error = loop {
                    match loader.next().unwrap() {
                        Ok(batch) => received.push(batch.into_inner()),
                        Err(error) => break error.to_string(),
                    }
                };
                assert_eq!((&*error, received.len()), (message, before), "{method}, {runner:?}");
                assert_eq!(received, whole[..before], "{method}, {runner:?}");
                assert!(loader.next().is_none(), "{method} ends the stream");
                let state = State::from_json(&loader.state().to_json()).unwrap();
                let rest = if method == "is_clean" { "untracked" } else { "nothing" };
                let tail = builder(rest).resume(&state).build().unwrap();
                let tail: Vec<_> = tail.map(|batch| batch.unwrap().into_inner()).collect();
                assert_eq!(tail, whole[before..], "{method}, {runner:?}");
            }
        }
    });
}

#[test]
fn a_stage_that_panics_while_a_loader_is_built_is_an_error_of_build() {
    within(LIMIT, || {
        let mut loader = builder("nothing").build().unwrap();
        loader.next().unwrap().unwrap();
        let state = loader.state();
        for method in ["restore", "results_of", "len_of", "check"] {
            let error = builder(method).resume(&state).build().unwrap_err().to_string();
            assert_eq!(error, format!("wrong.{method} panicked: always"));
        }
        let error = builder("op").build().unwrap_err().to_string();
        assert_eq!(error, "a stage.op panicked: always");
        let error = builder("inputs").workers(1).build().unwrap_err().to_string();
        assert_eq!(error, "wrong.inputs panicked: always");
        let mut loader = builder("take_back").resume(&state).build().unwrap();
        let error = loader.next().unwrap().unwrap_err().to_string();
        assert_eq!(error, "wrong.take_back panicked: always");
        assert!(loader.next().is_none());
        assert_eq!(loader.state(), state);
    });
}

#[test]
fn an_epoch_after_a_reset_that_panics_has_its_error() {
    within(LIMIT, || {
        let mut loader = builder("reset").build().unwrap();
        let epochs = loader.by_epoch().map(|epoch| {
            let items = epoch.map(|item| item.map(|batch| batch.into_inner().len()));
            items.map(|item| item.map_err(|error| error.to_string())).collect::<Vec<_>>()
        });
        let epochs: Vec<_> = epochs.collect();
        assert_eq!(epochs[0].len(), 80);
        assert_eq!(epochs[1..], [vec![Err("wrong.reset panicked: always".to_owned())]]);
    });
}
