//! Functions with answers that come later, such as promises.
//!
//! Wasm cannot wait for a promise, so a worker first gives up a sample that needs one. When
//! JavaScript has the answer, the worker tries the sample again and finds the answer here. The ops
//! below the answer do not run again. All data in this module belongs to one thread, and to one
//! request at a time.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use crate::backend::Fill;
use crate::dataset::{Record, SampleContext, SampleResult};
use crate::error::Fault;

/// The number of promises that JavaScript awaits at a time, in `functions.js`.
pub(super) const TOGETHER: u64 = 16;

/// The key of a call: the number of ops below (0 for a source), and the index.
type Call = (u64, u64);

thread_local! {
    static ANSWERS: RefCell<HashMap<Call, SampleResult<Record>>> = RefCell::default();
    static FINISHED: RefCell<HashMap<u64, SampleResult<Record>>> = RefCell::default();
    static SAMPLE_WAITS: Cell<bool> = const { Cell::new(false) };
    /// The number of samples given up in this try of the request.
    static GIVEN_UP: Cell<u64> = const { Cell::new(0) };
    /// The number of samples given up in the last try. After a large number, this try hardly ends
    /// the request.
    static LEFT: Cell<u64> = const { Cell::new(0) };
    /// Whether a finished sample was held back, because the request is not finished.
    static HELD_BACK: Cell<bool> = const { Cell::new(false) };
    /// Whether any sample ever waited. Finished samples are kept only then.
    static EVER_WAITED: Cell<bool> = const { Cell::new(false) };
    /// The time that the tries of the request took, in nanoseconds.
    static SPENT: Cell<u64> = const { Cell::new(0) };
}

/// Returns the answer to a call, if the answer has come.
pub(super) fn answer(op: u64, index: u64) -> Option<SampleResult<Record>> {
    ANSWERS.with_borrow(|answers| answers.get(&(op, index)).cloned())
}

/// Returns the answer in the form that [`Functions::made`](crate::spec::Functions::made) needs.
pub(super) fn answered(place: SampleContext) -> Option<SampleResult<Record>> {
    answer(place.op, place.index)
}

/// Keeps an answer until the request is done.
pub(super) fn keep(op: u64, index: u64, answer: SampleResult<Record>) {
    ANSWERS.with_borrow_mut(|answers| answers.insert((op, index), answer));
}

/// Gives up the current sample until its answer comes.
pub(super) fn wait() -> Fault {
    SAMPLE_WAITS.set(true);
    EVER_WAITED.set(true);
    Fault::new("the answer has not come yet")
}

/// The outcome of a try of a request.
pub(super) enum Tried {
    /// All samples are finished.
    Whole,
    /// All samples can be finished now.
    Again,
    /// At least one sample waits for a promise.
    Waits,
}

/// Ends a try of the request, and returns its outcome.
pub(super) fn tried() -> Tried {
    LEFT.set(GIVEN_UP.take());
    match (LEFT.get(), HELD_BACK.take()) {
        (0, false) => Tried::Whole,
        (0, true) => Tried::Again,
        _ => Tried::Waits,
    }
}

/// Adds the time of a try that has to wait.
pub(super) fn spend(nanos: u64) {
    SPENT.set(SPENT.get().saturating_add(nanos));
}

/// Clears the data of a finished request.
///
/// Returns the time of its earlier tries, or `None` without earlier tries.
pub(super) fn done() -> Option<u64> {
    ANSWERS.with_borrow_mut(HashMap::clear);
    FINISHED.with_borrow_mut(HashMap::clear);
    Some(SPENT.take()).filter(|&spent| spent > 0)
}

/// Work that repeats the same positions until none of them waits. Each finished sample is made
/// once.
pub(super) struct Awaiting(pub(super) Arc<dyn Fill<Record>>);

impl Awaiting {
    /// Makes a sample, or counts the sample as waiting.
    fn first(&self, position: u64) -> SampleResult<Record> {
        SAMPLE_WAITS.set(false);
        let sample = self.0.fill(position);
        GIVEN_UP.set(GIVEN_UP.get() + u64::from(SAMPLE_WAITS.get()));
        sample
    }
}

impl Fill<Record> for Awaiting {
    fn fill(&self, position: u64) -> SampleResult<Record> {
        if !EVER_WAITED.get() {
            return self.first(position);
        }
        if LEFT.get() > TOGETHER && FINISHED.with_borrow(|all| all.contains_key(&position)) {
            HELD_BACK.set(true);
            return Err(Fault::new(""));
        }
        if let Some(sample) = FINISHED.with_borrow(|all| all.get(&position).cloned()) {
            return sample;
        }
        if GIVEN_UP.get() >= TOGETHER {
            GIVEN_UP.set(GIVEN_UP.get() + 1);
            return Err(Fault::new(""));
        }
        let sample = self.first(position);
        if !SAMPLE_WAITS.get() {
            FINISHED.with_borrow_mut(|all| all.insert(position, sample.clone()));
        }
        sample
    }

    fn bytes(&self, sample: &Record) -> Option<u64> {
        self.0.bytes(sample)
    }
}
