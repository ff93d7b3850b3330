//! Filling one position: the only work of every worker.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::probe::Visit;
use super::{Dataset, SampleContext, SampleResult};
use crate::error::Fault;

thread_local! {
    /// The index whose closure panicked, set by the innermost [`Watch`] that the panic passed.
    static PANICKED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Returns the sample at a position, and turns a panic into a fault that names the index.
///
/// ```
/// use windrow::{Dataset, dataset::fill, range};
/// let odd = range(0..4).map(|x| if x == 2 { panic!("even") } else { x });
/// let fault = fill(&odd, 2).unwrap_err();
/// assert_eq!((fault.index(), fault.message()), (Some(2), "even"));
/// ```
///
/// # Errors
/// Returns the fault of the dataset, or a fault with the panic's message.
pub fn fill<D: Dataset + ?Sized>(dataset: &D, position: u64) -> SampleResult<D::Sample> {
    // A panic that user code caught, here or earlier, may have set the index of another sample.
    PANICKED.set(None);
    let visit = Visit::below(0);
    let made = caught(|| dataset.get(position)).unwrap_or_else(|fault| {
        Err(match PANICKED.take() {
            Some(index) => fault.at("sample", index),
            None => fault,
        })
    });
    visit.done(&made);
    made
}

/// Runs user code and turns a panic into a fault.
///
/// # Errors
/// Returns a fault with the panic's message.
pub(crate) fn caught<R>(code: impl FnOnce() -> R) -> Result<R, Fault> {
    // No caller looks at half-changed values afterwards: the code is pure, or its values are
    // dropped.
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| {
        let fault = Fault::panicked(panic_text(&*panic));
        discard(panic);
        fault
    })
}

/// Drops a value of the user, whose `Drop` may panic.
pub(crate) fn discard<V>(value: V) {
    // The panic's own value may panic when dropped, so it is leaked.
    catch_unwind(AssertUnwindSafe(|| drop(value))).unwrap_or_else(std::mem::forget);
}

/// The place of the index being read, in a process that may die of the read.
static READING: OnceLock<&'static AtomicU64> = OnceLock::new();

/// Stores each index that a source reads, plus one, in this place from now on.
#[allow(dead_code, reason = "not every platform has worker processes")]
pub(crate) fn keep_index_in(place: &'static AtomicU64) {
    _ = READING.set(place);
}

/// The index that [`reading`] takes for a sample that no source reads.
pub(super) const NO_INDEX: u64 = u64::MAX;

/// Records that a source is about to read an index.
#[inline]
pub(crate) fn reading(index: u64) {
    if let Some(place) = READING.get() {
        place.store(index.wrapping_add(1), Ordering::Relaxed);
    }
}

/// Returns the message of a caught panic.
#[must_use]
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".into())
}

/// Records the index if a panic unwinds past this guard; costs nothing otherwise.
pub(crate) struct Watch(SampleContext);

impl Watch {
    #[inline]
    pub(crate) fn over(place: SampleContext) -> Self {
        Self(place)
    }

    #[inline]
    pub(crate) fn done(self) {
        std::mem::forget(self);
    }
}

impl Drop for Watch {
    #[cold]
    fn drop(&mut self) {
        if PANICKED.get().is_none() {
            PANICKED.set(Some(self.0.index_in_epoch()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{discard, fill};
    use crate::dataset::Dataset;
    use crate::error::{Fault, FaultKind};
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
    fn a_panic_and_an_error_name_the_same_index_in_later_epochs() {
        let failing = range(0..10).try_map(|x| if x == 3 { Err(Fault::new("no")) } else { Ok(x) });
        let panicking = range(0..10).map(|x| if x == 3 { panic!("no") } else { x });
        assert_eq!(fill(&failing.repeat(3), 23).unwrap_err().index(), Some(3));
        assert_eq!(fill(&panicking.repeat(3), 23).unwrap_err().index(), Some(3));
    }

    #[test]
    fn a_panic_that_user_code_caught_names_no_later_sample() {
        let inner = range(0..4).map(|x| if x == 1 { panic!("one") } else { x });
        assert!(std::panic::catch_unwind(|| inner.get(1)).is_err());
        let lies = crate::dataset::batch::tests::Panicking(range(0..4));
        assert_eq!(fill(&lies, 0).unwrap_err().index(), None);
    }

    #[test]
    fn what_a_panic_leaves_behind_may_panic_too() {
        struct Bomb(u32);
        impl Drop for Bomb {
            fn drop(&mut self) {
                if self.0 > 0 {
                    std::panic::panic_any(Bomb(self.0 - 1));
                }
            }
        }
        let dataset = range(0..4).map(|x| if x == 1 { std::panic::panic_any(Bomb(2)) } else { x });
        let fault = fill(&dataset, 1).unwrap_err();
        assert_eq!((fault.index(), fault.message()), (Some(1), "a value that is not text"));
        discard(Bomb(3));
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
