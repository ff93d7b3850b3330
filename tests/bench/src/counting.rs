//! A global allocator that counts, while it is told to.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// The system's allocator, counted.
pub struct Counting;

/// From this size on, an allocation counts as big: no header or list is, every tensor here is.
pub const BIG: usize = 64 * 1024;

static ON: AtomicBool = AtomicBool::new(false);
static SMALL: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];
static LARGE: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// How many allocations there were, and of how many bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Count {
    pub small: u64,
    pub small_bytes: u64,
    pub big: u64,
    pub big_bytes: u64,
}

/// Counts what `work` allocates, on all threads.
pub fn counted<R>(work: impl FnOnce() -> R) -> (R, Count) {
    let before = now();
    ON.store(true, Relaxed);
    let result = work();
    ON.store(false, Relaxed);
    let after = now();
    let count = Count {
        small: after.small - before.small,
        small_bytes: after.small_bytes - before.small_bytes,
        big: after.big - before.big,
        big_bytes: after.big_bytes - before.big_bytes,
    };
    (result, count)
}

fn now() -> Count {
    let [small, small_bytes] = [0, 1].map(|place: usize| SMALL[place].load(Relaxed));
    let [big, big_bytes] = [0, 1].map(|place: usize| LARGE[place].load(Relaxed));
    Count { small, small_bytes, big, big_bytes }
}

fn count(size: usize) {
    if ON.load(Relaxed) {
        let cells = if size < BIG { &SMALL } else { &LARGE };
        cells[0].fetch_add(1, Relaxed);
        cells[1].fetch_add(size as u64, Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}
