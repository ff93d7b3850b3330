//! `init`: turns a process into a worker, and detects programs that forgot the call.

use std::sync::atomic::{AtomicBool, Ordering};

use super::super::protocol::exit::WHERE;
use super::super::sys::exit_code::{NO_WORKER, RAN_MAIN};
use super::super::sys::{self, Program};
use super::main_loop;
use crate::backend::log;
use crate::backend::settings::Settings;
use crate::error::{Error, Result};

/// The environment variable that marks a process as a worker and holds its loader's process number.
const VARIABLE: &str = "WINDROW_WORKER";
/// The last argument of a worker that runs another program or a launcher, because a launcher may
/// start the worker with another environment.
const MARK: &str = "--windrow-worker";
static CALLED: AtomicBool = AtomicBool::new(false);
static IS_WORKER: AtomicBool = AtomicBool::new(false);

/// Makes worker processes available; call it in the first line of `main`.
///
/// Call `init` before the program starts any thread. A process may change its environment only
/// while it has one thread. Therefore a worker with more threads keeps the variable
/// `WINDROW_WORKER`.
///
/// A worker process is this same program, started again. In a worker, `init` serves the loader that
/// started the worker and never returns. In any other process, `init` returns at once. A program
/// for other programs' workers ([`worker_program`](crate::loader::LoaderBuilder::worker_program))
/// also begins with `init`. In the tests of `cargo test`, use [`test_entry!`](crate::test_entry)
/// instead.
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
        .ok_or_else(|| std::io::Error::other("the variable holds no process number"))
        .and_then(sys::become_worker);
    match link {
        Ok(link) => {
            IS_WORKER.store(true, Ordering::Relaxed);
            // Processes that this worker starts are not workers. A test's harness thread only waits
            // for the test.
            if !sys::forget(VARIABLE, if is_test() { 2 } else { 1 }) {
                log::info("processes", || {
                    format!(
                        "{VARIABLE} stays in the environment of this worker, because the program \
                         already has threads; call windrow::init() before the program starts any thread"
                    )
                });
            }
            main_loop::run(link)
        }
        Err(error) => {
            eprintln!(
                "windrow: {told} is set, but no loader started this process as a worker ({error}); \
                 remove it"
            );
            sys::exit_now(NO_WORKER)
        }
    }
}

/// Returns whether the arguments mark this process as a worker.
fn is_marked() -> bool {
    is_test() || std::env::args_os().next_back().is_some_and(|last| last == MARK)
}

/// Returns whether the arguments mark this process as a worker of a test.
fn is_test() -> bool {
    std::env::args_os().skip(1).eq(TEST)
}

/// Ends a worker process that runs its program's `main` without a call of `init`, with a message.
pub(crate) fn not_a_lost_worker() {
    if !IS_WORKER.load(Ordering::Relaxed)
        && !CALLED.load(Ordering::Relaxed)
        && (std::env::var_os(VARIABLE).is_some() || is_marked())
    {
        eprintln!("windrow: this worker process runs the program's main(); {WHERE}");
        sys::exit_now(RAN_MAIN);
    }
}

/// Proof that a test binary has an entry point for workers.
#[derive(Debug)]
#[doc(hidden)]
pub struct TestEntry;

inventory::collect!(TestEntry);

/// The entry point of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Entry {
    /// `init` in `main`.
    Main,
    /// The test that [`test_entry!`](crate::test_entry) defines.
    Test,
    /// `init` in the `main` of another program.
    Elsewhere,
}

/// The arguments that make a test binary run that test.
const TEST: [&str; 4] = ["windrow_worker_entry", "--test-threads=1", "--nocapture", "-q"];

/// Returns the program to start for a worker.
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
    // With a launcher, the parent of a worker may be another process.
    let parent = if command.is_some() { 0 } else { std::process::id() };
    Program {
        launcher: command,
        arguments,
        variable: (VARIABLE, parent.to_string()),
        quiet: entry == Entry::Test,
        errors: settings.prefix_stderr,
    }
}

/// Returns the entry point for this process's workers, or why workers cannot start.
pub(in super::super) fn entry(settings: &Settings) -> Result<Entry> {
    let unsupported = |why: &str, instead: &str| Error::Unsupported {
        what: "backend processes".into(),
        why: why.into(),
        instead: instead.into(),
    };
    if IS_WORKER.load(Ordering::Relaxed) {
        return Err(unsupported(
            "this process is itself a worker",
            "use backend threads inside a worker",
        ));
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

/// Lets the tests of a binary use worker processes; use it once, at the top of the test binary.
///
/// The macro defines a test in which the workers of other tests run. In these workers, the standard
/// output of user code is discarded, because the test harness prints there too.
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
