//! An allocator that remembers, for each thread, the largest request and the most memory in use.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
    static IN_USE: Cell<isize> = const { Cell::new(0) };
    static MOST_IN_USE: Cell<isize> = const { Cell::new(0) };
}

/// The most bytes that were asked for at once while `run` ran.
#[allow(dead_code)]
pub(crate) fn largest_request(run: impl FnOnce()) -> usize {
    LARGEST.set(0);
    run();
    LARGEST.get()
}

/// The most bytes that were in use while `run` ran, beyond those in use before.
#[allow(dead_code)]
pub(crate) fn most_in_use(run: impl FnOnce()) -> usize {
    let before = IN_USE.get();
    MOST_IN_USE.set(before);
    run();
    usize::try_from(MOST_IN_USE.get() - before).unwrap_or(0)
}

pub(crate) struct Spy;

/// Notes a request, and by how much it changes what is in use.
fn note(size: usize, more: isize) {
    LARGEST.set(LARGEST.get().max(size));
    let in_use = IN_USE.get() + more;
    IN_USE.set(in_use);
    MOST_IN_USE.set(MOST_IN_USE.get().max(in_use));
}

// SAFETY: every call goes to the system's allocator as it came; noting a number allocates nothing.
unsafe impl GlobalAlloc for Spy {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        note(0, -(layout.size() as isize));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // As if it were copied: both are there for a while.
        note(size, size as isize);
        note(0, -(layout.size() as isize));
        // SAFETY: the caller's promise.
        unsafe { System.realloc(place, layout, size) }
    }
}
