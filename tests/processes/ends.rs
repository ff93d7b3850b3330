//! What is left in the loader's own process: nothing that only the making of samples needs.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::within;
use windrow::{Backend, Dataset, Fault, Loader, Result, WorkerContext, range};

const LIMIT: Duration = Duration::from_secs(60);

static OPEN: AtomicUsize = AtomicUsize::new(0);

/// A dataset that counts how many of it are there.
struct Counted(u64);

impl Dataset for Counted {
    type Sample = u64;

    fn len(&self) -> u64 {
        self.0
    }

    fn get(&self, index: u64) -> std::result::Result<Option<u64>, Fault> {
        Ok(Some(index % self.0))
    }

    fn describe(&self, description: &mut windrow::order::Description) {
        description.push(windrow::order::Op::new("counted").with("end", self.0));
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::SeqCst);
    }
}

fn counted(end: u64, _: &WorkerContext) -> Result<Counted> {
    OPEN.fetch_add(1, Ordering::SeqCst);
    Ok(Counted(end))
}

#[test]
fn the_loader_s_process_keeps_no_copy_of_the_dataset_while_processes_run() {
    within(LIMIT, || {
        for (backend, open) in
            [(Backend::Processes, 0), (Backend::Threads, 1), (Backend::Inline, 1)]
        {
            let mut loader =
                Loader::recipe(counted, 9).backend(backend).workers(1).build().unwrap();
            assert_eq!(OPEN.load(Ordering::SeqCst), open, "{backend}");
            assert_eq!(loader.by_ref().filter(Result::is_ok).count(), 9);
            drop(loader);
            if backend != Backend::Threads {
                assert_eq!(OPEN.load(Ordering::SeqCst), 0, "{backend}");
            }
            while OPEN.load(Ordering::SeqCst) > 0 {
                std::thread::yield_now();
            }
        }
    });
}

static CONTEXTS: Mutex<Option<HashSet<usize>>> = Mutex::new(None);

fn noting(end: u64, context: &'static WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    let mut contexts = CONTEXTS.lock().unwrap();
    contexts.get_or_insert_default().insert(std::ptr::from_ref(context).addr());
    Ok(range(0..end))
}

#[test]
fn loaders_one_after_another_take_no_more_memory_for_their_contexts() {
    for _ in 0..200 {
        let loader = Loader::recipe(noting, 3).backend(Backend::Inline).build().unwrap();
        assert_eq!(loader.count(), 3);
    }
    // As many as there were loaders at the same time; other tests have theirs.
    assert!(CONTEXTS.lock().unwrap().as_ref().unwrap().len() < 50);
}

fn folder() -> PathBuf {
    std::env::var_os("WINDROW_TEST_ENDS").unwrap().into()
}

fn note(word: &str, context: &WorkerContext) {
    let place = if context.is_process() { "there" } else { "here" };
    std::fs::File::create_new(folder().join(format!("{word} {place}"))).unwrap();
}

fn notes() -> Vec<String> {
    let files = std::fs::read_dir(folder()).unwrap().flatten();
    let mut notes: Vec<_> = files.map(|file| file.file_name().into_string().unwrap()).collect();
    notes.sort();
    notes.iter().for_each(|note| std::fs::remove_file(folder().join(note)).unwrap());
    notes
}

fn fails(
    there: bool,
    context: &'static WorkerContext,
) -> Result<impl Dataset<Sample = u64> + use<>> {
    context.on_exit(|| note("exit", context));
    match context.is_process() == there {
        true => Err(windrow::Error::io("open the data", std::io::Error::other("gone"))),
        false => Ok(range(0..10)),
    }
}

#[test]
#[allow(unsafe_code)]
fn hooks_of_the_end_run_where_those_of_the_start_ran_though_build_fails() {
    within(LIMIT, || {
        let own = tempfile::tempdir().unwrap();
        // SAFETY: nothing else in this test binary reads this variable or sets another.
        unsafe { std::env::set_var("WINDROW_TEST_ENDS", own.path()) };
        let builder = |there| {
            let builder = Loader::recipe(fails, there).on_worker_start(|context| {
                note("start", context);
                Ok(())
            });
            builder.on_worker_exit(|context| note("end", context)).workers(1)
        };
        let state = Loader::builder(range(0..9)).build().unwrap().state();
        for (what, build) in [
            ("the recipe", builder(false)),
            ("the state", builder(true).resume(&state)),
            ("no room", builder(true).prefetch_bytes(1)),
        ] {
            let build = build.backend(Backend::Inline);
            let build = if what == "no room" {
                build.custom_backend(|_, _| Err(windrow::Error::Workers { why: "none".into() }))
            } else {
                build
            };
            assert!(build.build().is_err(), "{what}");
            assert_eq!(notes(), ["end here", "exit here", "start here"], "{what}");
        }
        assert!(builder(true).backend(Backend::Processes).build().is_err());
        assert_eq!(notes(), ["end there", "exit here", "exit there", "start there"]);
    });
}
