//! `init`: how a process becomes a worker, and the ways in which that can be forgotten.

use std::sync::atomic::{AtomicBool, Ordering};

use super::super::protocol::exit::WHERE;
use super::super::sys::exit_code::{NO_WORKER, RAN_MAIN};
use super::super::sys::{self, Program};
use super::main_loop;
use crate::backend::log;
use crate::backend::settings::Settings;
use crate::error::{Error, Result};

/// Says to a process that it is a worker, and whose.
const VARIABLE: &str = "WINDROW_WORKER";
/// Says so as the last argument where another program is started than this one, since that may
/// start the worker without its own environment.
const MARK: &str = "--windrow-worker";
static CALLED: AtomicBool = AtomicBool::new(false);
static IS_WORKER: AtomicBool = AtomicBool::new(false);

/// Makes worker processes possible: call it in the first line of `main`.
///
/// Call it before any thread is started: a worker with several threads keeps the variable
/// `WINDROW_WORKER` in its environment, for a program may change that only while it has one.
///
/// A worker process is this very program, started again; in it, this call works for the loader that
/// started it and never returns. Everywhere else it returns at once. A program that is to be the
/// worker of others ([`worker_program`](crate::loader::LoaderBuilder::worker_program)) begins with it too.
/// In the tests of `cargo test`, use [`test_entry!`](crate::test_entry) instead.
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
    let (parent, told) = match std::env::var_os(VARIABLE) {
        Some(text) => {
            (text.to_string_lossy().parse().ok(), "the environment variable WINDROW_WORKER")
        }
        None if is_marked() => (Some(0), "the argument --windrow-worker"),
        None => return CALLED.store(true, Ordering::Relaxed),
    };
    let link = parent
        .ok_or_else(|| std::io::Error::other("it holds no process number"))
        .and_then(sys::become_worker);
    match link {
        Ok(link) => {
            IS_WORKER.store(true, Ordering::Relaxed);
            // What this process starts is no worker. The harness of a test only waits for it.
            if !sys::forget(VARIABLE, if is_test() { 2 } else { 1 }) {
                log::info("processes", || {
                    format!(
                        "{VARIABLE} stays in the environment of this worker, since it has threads \
                         already; call windrow::init() before any thread is started"
                    )
                });
            }
            main_loop::run(link)
        }
        Err(error) => {
            eprintln!(
                "windrow: {told} is set, but this process was not started as a worker ({error}); \
                 leave it out"
            );
            sys::exit_now(NO_WORKER)
        }
    }
}

/// Whether the arguments say that this is a worker.
fn is_marked() -> bool {
    is_test() || std::env::args_os().next_back().is_some_and(|last| last == MARK)
}

/// Whether the arguments are those of a worker of a test.
fn is_test() -> bool {
    std::env::args_os().skip(1).eq(TEST)
}

/// A worker that has come this far without `init` runs the program itself: it says so and ends.
pub(crate) fn not_a_lost_worker() {
    if !IS_WORKER.load(Ordering::Relaxed)
        && !CALLED.load(Ordering::Relaxed)
        && (std::env::var_os(VARIABLE).is_some() || is_marked())
    {
        eprintln!("windrow: this worker process runs the program's main(); {WHERE}");
        sys::exit_now(RAN_MAIN);
    }
}

/// That a test binary has an entry for workers.
#[derive(Debug)]
#[doc(hidden)]
pub struct TestEntry;

inventory::collect!(TestEntry);

/// How a worker becomes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Entry {
    /// By `init` in `main`.
    Main,
    /// By the test that [`test_entry!`](crate::test_entry) makes.
    Test,
    /// By `init` in the `main` of another program.
    Elsewhere,
}

/// The arguments of a test binary that runs that test.
const TEST: [&str; 4] = ["windrow_worker_entry", "--test-threads=1", "--nocapture", "-q"];

/// What is started for a worker.
pub(in super::super) fn program(settings: &Settings, entry: Entry) -> Program {
    let other = settings.program.clone();
    let command = match settings.launcher.clone() {
        None => other,
        Some((path, mut arguments)) => {
            let (program, more) = other.unwrap_or_else(|| (sys::own_path(), Vec::new()));
            arguments.push(program.into());
            arguments.extend(more);
            Some((path, arguments))
        }
    };
    let arguments = match entry {
        Entry::Test => TEST.map(Into::into).into(),
        _ if command.is_some() => vec![MARK.into()],
        _ => Vec::new(),
    };
    // With a launcher in between, the parent of a worker may be another process.
    let parent = if command.is_some() { 0 } else { std::process::id() };
    Program {
        launcher: command,
        arguments,
        variable: (VARIABLE, parent.to_string()),
        quiet: entry == Entry::Test,
        errors: settings.prefix_stderr,
    }
}

/// How workers of this process become workers, or why they cannot.
pub(in super::super) fn entry(settings: &Settings) -> Result<Entry> {
    let unsupported = |why: &str, instead: &str| Error::Unsupported {
        what: "backend processes".into(),
        why: why.into(),
        instead: instead.into(),
    };
    if IS_WORKER.load(Ordering::Relaxed) {
        return Err(unsupported("this is a worker process itself", "use threads inside a worker"));
    }
    if settings.program.is_some() {
        return Ok(Entry::Elsewhere);
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
