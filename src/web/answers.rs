//! Functions whose answers come later, as promises do.
//!
//! Wasm cannot wait for a promise. So a sample that needs one is given up for now; when JavaScript
//! has the answer, the sample is asked for again and finds it here. What lies below the answer is not
//! made again. Everything here belongs to one thread, and to one request at a time.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use crate::backend::Fill;
use crate::dataset::{Record, SampleContext, SampleResult};
use crate::error::Fault;

/// How many promises JavaScript awaits at a time, in `functions.js`.
pub(super) const TOGETHER: u64 = 16;

/// Who was called: how many ops are below, which is 0 for a source, and the index.
type Call = (u64, u64);

thread_local! {
    static ANSWERS: RefCell<HashMap<Call, SampleResult<Record>>> = RefCell::default();
    static FINISHED: RefCell<HashMap<u64, SampleResult<Record>>> = RefCell::default();
    static SAMPLE_WAITS: Cell<bool> = const { Cell::new(false) };
    /// How many samples of this try at the request were given up.
    static GIVEN_UP: Cell<u64> = const { Cell::new(0) };
    /// How many those of the last try were: where they are many, this one hardly ends it.
    static LEFT: Cell<u64> = const { Cell::new(0) };
    /// Whether a sample was held back that is finished, since the request is not.
    static HELD_BACK: Cell<bool> = const { Cell::new(false) };
    /// Whether anything ever waited: only then is what is finished kept.
    static EVER_WAITED: Cell<bool> = const { Cell::new(false) };
    /// Nanoseconds that the tries at the request took.
    static SPENT: Cell<u64> = const { Cell::new(0) };
}

/// The answer to a call, where there is one.
pub(super) fn answer(op: u64, index: u64) -> Option<SampleResult<Record>> {
    ANSWERS.with_borrow(|answers| answers.get(&(op, index)).cloned())
}

/// The same as a function that [`Functions::made`](crate::spec::Functions::made) gives.
pub(super) fn answered(place: SampleContext) -> Option<SampleResult<Record>> {
    answer(place.op, place.index)
}

/// Keeps an answer until the request is done.
pub(super) fn keep(op: u64, index: u64, answer: SampleResult<Record>) {
    ANSWERS.with_borrow_mut(|answers| answers.insert((op, index), answer));
}

/// Gives the sample up for now.
pub(super) fn wait() -> Fault {
    SAMPLE_WAITS.set(true);
    EVER_WAITED.set(true);
    Fault::new("its answer is still awaited")
}

/// What a try at a request has come to.
pub(super) enum Tried {
    /// Everything is made.
    Whole,
    /// Everything can be made now.
    Again,
    /// Something was promised.
    Waits,
}

/// A try at the request is over.
pub(super) fn tried() -> Tried {
    LEFT.set(GIVEN_UP.take());
    match (LEFT.get(), HELD_BACK.take()) {
        (0, false) => Tried::Whole,
        (0, true) => Tried::Again,
        _ => Tried::Waits,
    }
}

/// Counts what a try took that has to wait.
pub(super) fn spend(nanos: u64) {
    SPENT.set(SPENT.get().saturating_add(nanos));
}

/// Forgets what belongs to a request that is done, and gives what its earlier tries took, where
/// there were any.
pub(super) fn done() -> Option<u64> {
    ANSWERS.with_borrow_mut(HashMap::clear);
    FINISHED.with_borrow_mut(HashMap::clear);
    Some(SPENT.take()).filter(|&spent| spent > 0)
}

/// Work that is asked for the same positions until nothing of them waits; what is finished is made
/// once.
pub(super) struct Awaiting(pub(super) Arc<dyn Fill<Record>>);

impl Awaiting {
    /// Makes a sample, or counts that it has to wait.
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
