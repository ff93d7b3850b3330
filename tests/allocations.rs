//! Collation is the only copy: shown by counting large allocations.
//!
//! A file of its own, because the allocator that counts is the whole process's.
#![allow(unsafe_code)] // A global allocator cannot be had without.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use windrow::dataset::{Dtype, Record, Stack, Tensor};
use windrow::{Backend, Dataset, Fault, Loader, from_vec, range};

/// From this size on an allocation is that of a sample or a batch, and nothing else is so large.
const BIG: usize = 64 * 1024;
/// The size of a sample: 224 × 224 pixels of three floats.
const SAMPLE: usize = 224 * 224 * 3 * 4;
const BATCH: u64 = 8;
const BATCHES: u64 = 12;

struct Counting;

static BIG_ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
/// One test at a time, so that each counts its own.
static TURN: Mutex<()> = Mutex::new(());

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn note(size: usize) {
    if size >= BIG {
        BIG_ALLOCATIONS.fetch_add(1, Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

/// The large allocations that `work` makes, on all threads.
fn big_allocations(work: impl FnOnce()) -> u64 {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let before = BIG_ALLOCATIONS.load(Relaxed);
    work();
    BIG_ALLOCATIONS.load(Relaxed) - before
}

/// A sample in memory that windrow did not allocate and so cannot use again.
#[repr(align(64))]
struct Pixels([u8; SAMPLE]);

impl AsRef<[u8]> for Pixels {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn foreign(x: u64) -> Result<Record, Fault> {
    let mut pixels = Arc::<Pixels>::new_uninit();
    let Some(place) = Arc::get_mut(&mut pixels) else { unreachable!("it has one owner") };
    // SAFETY: all bytes are written, and any byte is a `u8`.
    let pixels = unsafe {
        place.as_mut_ptr().cast::<u8>().write_bytes(x as u8, SAMPLE);
        pixels.assume_init()
    };
    Record::new().with("image", Tensor::from_owner(Dtype::F32, [224, 224, 3], pixels)?)
}

fn fresh(x: u64) -> Result<Record, Fault> {
    let image = Tensor::build(Dtype::F32, [224, 224, 3], |bytes| {
        bytes.fill(x as u8);
        Ok(())
    })?;
    Record::new().with("image", image)
}

/// Streams batches of samples; the caller keeps all of them, or none.
fn stream(
    backend: Backend,
    keep: bool,
    sample: impl Fn(u64) -> Result<Record, Fault> + Send + Sync + 'static,
) {
    let samples = range(0..BATCH * BATCHES).try_map(sample);
    let pipeline = samples.batch_with(BATCH, Stack::new());
    let mut kept = Vec::new();
    let loader = Loader::builder(pipeline).backend(backend).workers(2).build().unwrap();
    for (number, batch) in loader.enumerate() {
        let batch = batch.unwrap();
        let bytes = batch["image"].bytes();
        assert_eq!(bytes.len(), BATCH as usize * SAMPLE);
        assert_eq!(bytes[SAMPLE], (number as u64 * BATCH + 1) as u8);
        if keep {
            kept.push(batch);
        }
    }
}

#[test]
fn collation_is_the_only_copy() {
    for backend in [Backend::Inline, Backend::Threads] {
        // Nothing can be used again: the samples are not windrow's, and the batches are kept. A
        // copy on the way, even into one buffer that is used for all, would be one more.
        let big = big_allocations(|| stream(backend, true, foreign));
        assert!(
            big <= (BATCH + 1) * BATCHES,
            "{big} large allocations for {BATCHES} batches of {BATCH} samples on {backend}"
        );
        assert!(big >= BATCH * BATCHES, "the samples alone are more than {big}");
    }
}

#[test]
fn memory_of_batches_that_were_dropped_is_used_again() {
    for backend in [Backend::Inline, Backend::Threads] {
        let big = big_allocations(|| stream(backend, false, fresh));
        assert!(big <= (BATCH + 1) * BATCHES / 2, "{big} large allocations on {backend}");
    }
}

#[test]
fn samples_are_handed_over_as_they_are() {
    let big = big_allocations(|| {
        let shared: Vec<_> = (0..BATCH).map(|x| fresh(x).unwrap()).collect();
        let made = BIG_ALLOCATIONS.load(Relaxed);
        let loader = Loader::builder(from_vec(shared.clone()).repeat(BATCHES));
        for (sample, own) in loader.workers(2).build().unwrap().zip(shared.iter().cycle()) {
            let [there, here] =
                [&sample.unwrap()["image"], &own["image"]].map(|t| t.bytes().as_ptr());
            assert_eq!(there, here);
        }
        assert_eq!(BIG_ALLOCATIONS.load(Relaxed), made);
    });
    assert!(big <= BATCH);
}
