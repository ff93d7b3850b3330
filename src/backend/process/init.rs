//! `init`: how a process becomes a worker, and the ways in which that can be forgotten.

use std::sync::atomic::{AtomicBool, Ordering};

use super::sys;
use super::worker;
use crate::error::{Error, Result};

/// Says to a process that it is a worker, and whose.
pub(super) const VARIABLE: &str = "WINDROW_WORKER";
/// Exit code of a worker whose loader is gone.
pub(super) const ORPHANED: i32 = 70;
/// Exit code of a worker that was sent something wrong.
pub(super) const MISLED: i32 = 71;
/// Exit code of a worker that ran the program instead of `init`.
pub(super) const RAN_MAIN: i32 = 86;
/// Exit code of a process that was told to be a worker by someone else.
const NO_WORKER: i32 = 88;

static CALLED: AtomicBool = AtomicBool::new(false);
static IS_WORKER: AtomicBool = AtomicBool::new(false);

/// Makes worker processes possible: call it in the first line of `main`.
///
/// A worker process is this very program, started again; in it, this call works for the loader that
/// started it and never returns. Everywhere else it returns at once. In the tests of `cargo test`,
/// use [`test_entry!`](crate::test_entry) instead.
///
/// ```standalone_crate
/// fn main() -> windrow::Result<()> {
///     windrow::init();
///     let loader = windrow::Loader::recipe(|end: u64, _| Ok(windrow::range(0..end)), 10);
///     assert_eq!(loader.build()?.count(), 10);
///     Ok(())
/// }
/// ```
pub fn init() {
    let Some(text) = std::env::var_os(VARIABLE) else {
        CALLED.store(true, Ordering::Relaxed);
        return;
    };
    let parent = text.to_string_lossy().parse().ok();
    let link = parent
        .ok_or_else(|| std::io::Error::other("it holds no process number"))
        .and_then(|parent| sys::become_worker(VARIABLE, parent));
    match link {
        Ok(link) => {
            IS_WORKER.store(true, Ordering::Relaxed);
            worker::run(link)
        }
        Err(error) => {
            eprintln!(
                "windrow: the environment variable {VARIABLE} is set, but this process was not \
                 started as a worker ({error}); unset it"
            );
            sys::exit_now(NO_WORKER)
        }
    }
}

/// A copy of the loader's process becomes what `init` makes of others.
pub(super) fn become_forked() {
    IS_WORKER.store(true, Ordering::Relaxed);
    sys::leave_terminal();
}

/// A worker that has come this far without `init` runs the program itself: it says so and ends.
pub(crate) fn not_a_lost_worker() {
    if !IS_WORKER.load(Ordering::Relaxed)
        && !CALLED.load(Ordering::Relaxed)
        && std::env::var_os(VARIABLE).is_some()
    {
        eprintln!("windrow: this worker process runs the program's main(). {WHERE}");
        sys::exit_now(RAN_MAIN);
    }
}

/// Where `init` belongs.
pub(super) const WHERE: &str = "Call windrow::init() in the first line of main(), before anything \
                                else and whatever the arguments are; in a test binary, put \
                                windrow::test_entry!() at the top of it";

/// That a test binary has an entry for workers.
#[derive(Debug)]
#[doc(hidden)]
pub struct TestEntry;

inventory::collect!(TestEntry);

/// How a worker of this program is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// By `init` in `main`.
    Main,
    /// By the test that [`test_entry!`](crate::test_entry) makes.
    Test,
}

/// The name of that test.
pub(super) const TEST: &str = "windrow_worker_entry";

/// How workers of this process are started, or why they cannot be.
pub(super) fn entry() -> Result<Entry> {
    let unsupported = |why: &str, instead: &str| Error::Unsupported {
        what: "backend processes".into(),
        why: why.into(),
        instead: instead.into(),
    };
    if IS_WORKER.load(Ordering::Relaxed) {
        return Err(unsupported("this is a worker process itself", "use threads inside a worker"));
    }
    if CALLED.load(Ordering::Relaxed) && inventory::iter::<TestEntry>.into_iter().next().is_none() {
        return Ok(Entry::Main);
    }
    if inventory::iter::<TestEntry>.into_iter().next().is_some() {
        return Ok(Entry::Test);
    }
    Err(unsupported("windrow::init() was not called", WHERE))
}

/// Lets the tests of a binary use worker processes: once, at the top of the test binary.
///
/// It makes a test of its own, in which the workers of other tests run. What user code prints to
/// standard output in such a worker is thrown away, since the test harness prints there too.
///
/// ```text
/// // In tests/loads.rs, or in the tests of src/lib.rs:
/// windrow::test_entry!();
///
/// #[test]
/// fn loads() {
///     let loader = windrow::Loader::recipe(|end: u64, _| Ok(windrow::range(0..end)), 10);
///     assert_eq!(loader.build().unwrap().count(), 10);
/// }
/// ```
#[macro_export]
macro_rules! test_entry {
    () => {
        #[test]
        fn windrow_worker_entry() {
            $crate::backend::init();
        }

        $crate::backend::inventory::submit! { $crate::backend::TestEntry }
    };
}
