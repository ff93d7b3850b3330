//! Filling one position: the one thing every worker does.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Dataset, Fetched};
use crate::error::Fault;

thread_local! {
    /// The index whose closure panicked, told by the innermost [`Watch`] as the panic passed it.
    static PANICKED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The sample at a position, with a panic turned into a fault that names the index.
///
/// # Errors
/// What the dataset said, or the panic's message.
pub fn fill<D: Dataset + ?Sized>(dataset: &D, position: u64) -> Fetched<D::Sample> {
    // Nothing half-changed is looked at afterwards: `get` takes `&self` and is meant to be pure.
    caught(|| dataset.get(position)).unwrap_or_else(|text| {
        let fault = Fault::panicked(text);
        Err(match PANICKED.take() {
            Some(index) => fault.at("sample", index),
            None => fault,
        })
    })
}

/// Where the index that is being read is kept, in a process that may die of it.
static READING: OnceLock<&'static AtomicU64> = OnceLock::new();

/// Keeps each index that a source is asked for, plus one, in this place from now on.
#[allow(dead_code)]
pub(crate) fn keep_index_in(place: &'static AtomicU64) {
    _ = READING.set(place);
}

/// A source is asked for an index.
#[inline]
pub(crate) fn reading(index: u64) {
    if let Some(place) = READING.get() {
        place.store(index.wrapping_add(1), Ordering::Relaxed);
    }
}

/// Runs code of the user. A panic goes no further: it is its message.
///
/// # Errors
/// The message of the panic.
#[inline]
pub(crate) fn caught<R>(run: impl FnOnce() -> R) -> Result<R, String> {
    // What a panic left half-changed is given up by every caller.
    catch_unwind(AssertUnwindSafe(run)).map_err(message)
}

#[cold]
fn message(panic: Box<dyn Any + Send>) -> String {
    let text = panic_text(&*panic);
    // What a panic carries is the user's too, and may panic when it is dropped.
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(another);
    }
    text
}

/// Drops what is the user's. A panic goes no further.
#[inline]
pub(crate) fn let_go<T>(value: T) {
    if std::mem::needs_drop::<T>() {
        _ = caught(|| drop(value));
    }
}

/// The message of a caught panic.
#[must_use]
pub fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".into())
}

/// Notes the index when a panic unwinds past it; costs nothing otherwise.
pub(super) struct Watch(u64);

impl Watch {
    #[inline]
    pub(super) fn over(index: u64) -> Self {
        Self(index)
    }

    #[inline]
    pub(super) fn done(self) {
        std::mem::forget(self);
    }
}

impl Drop for Watch {
    #[cold]
    fn drop(&mut self) {
        if PANICKED.get().is_none() {
            PANICKED.set(Some(self.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fill;
    use crate::dataset::Dataset;
    use crate::error::FaultKind;
    use crate::source::range;

    #[test]
    fn a_panic_inside_a_batch_names_its_sample() {
        let dataset =
            range(0..10).shuffle(1).map(|x| if x == 7 { panic!("bad {x}") } else { x }).batch(10);
        let fault = fill(&dataset, 0).unwrap_err();
        assert_eq!(fault.kind(), FaultKind::Panicked);
        assert_eq!(fault.message(), "bad 7");
        let shuffled = range(0..10).shuffle(1);
        assert_eq!(shuffled.get(fault.index().unwrap()).unwrap(), Some(7));
    }

    #[test]
    fn a_panic_is_told_once_and_not_of_the_next_sample() {
        let dataset = range(0..4).map(|x| if x == 1 { panic!("one") } else { x });
        assert_eq!(fill(&dataset, 1).unwrap_err().index(), Some(1));
        assert_eq!(fill(&dataset, 2).unwrap(), Some(2));
        let outside = range(0..4);
        let lies = crate::dataset::batch::tests::Panicking(outside);
        assert_eq!(fill(&lies, 0).unwrap_err().index(), None);
    }
}
