//! Thread-locals with a temporary value.

use std::cell::RefCell;
use std::thread::LocalKey;

/// A guard that sets a thread-local for its lifetime and then restores the old value, also in a
/// panic.
pub(super) struct Scope<T: 'static> {
    place: &'static LocalKey<RefCell<Option<T>>>,
    before: Option<T>,
}

impl<T> Scope<T> {
    pub(super) fn enter(place: &'static LocalKey<RefCell<Option<T>>>, value: Option<T>) -> Self {
        Self { place, before: place.replace(value) }
    }

    pub(super) fn leave(self) -> Option<T> {
        self.place.take()
    }
}

impl<T> Drop for Scope<T> {
    fn drop(&mut self) {
        let own = self.place.replace(self.before.take());
        drop(own);
    }
}
