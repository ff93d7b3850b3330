//! Samples that use rayon: they never meet on one stack, and their jobs run in the user's pool.

mod common;

use std::cell::RefCell;
use std::sync::{Arc, Condvar, Mutex, Once};
use std::time::Duration;

use common::{Runner, assert_same, items, run, within};
use rayon::prelude::*;
use windrow::{Backend, Dataset, Loader, range};

const LIMIT: Duration = Duration::from_secs(60);

/// Counts events, and waits for them.
#[derive(Default)]
struct Tally {
    count: Mutex<u64>,
    changed: Condvar,
}

impl Tally {
    fn add(&self) {
        *self.count.lock().unwrap() += 1;
        self.changed.notify_all();
    }

    fn until(&self, count: u64) {
        let counted = self.count.lock().unwrap();
        drop(self.changed.wait_while(counted, |counted| *counted < count).unwrap());
    }
}

/// Has rayon's global pool be of four threads that are known by their names.
fn global_pool() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4);
        pool.thread_name(|number| format!("global-{number}")).build_global().unwrap();
    });
}

fn thread_name() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

/// Splits into two jobs of which another thread has one; that one ends with `last`.
fn split(last: impl FnOnce() + Send) {
    let begun = Tally::default();
    rayon::join(
        || begun.until(1),
        || {
            begun.add();
            last();
        },
    );
}

#[test]
fn a_thread_local_that_is_borrowed_while_jobs_run_is_borrowed_once() {
    thread_local! {
        static BUFFER: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    }
    within(LIMIT, || {
        global_pool();
        let begun = Arc::new(Tally::default());
        let samples = range(0..100).map(move |x| {
            if x > 0 {
                begun.add();
            }
            BUFFER.with_borrow_mut(|buffer| {
                buffer.push(x);
                if x == 0 {
                    // The thread of this sample waits meanwhile, and is not to make the others.
                    split(|| begun.until(5));
                }
                x
            })
        });
        let got = run(Runner::Threads(2), Loader::builder(samples));
        assert_same(&items(&got), &(0..100).map(Ok).collect::<Vec<_>>(), "100 samples");
    });
}

#[test]
fn a_lock_that_is_held_while_jobs_run_is_waited_for_by_other_threads_only() {
    within(LIMIT, || {
        global_pool();
        let (begun, lock) = (Arc::new(Tally::default()), Arc::new(Mutex::new(0)));
        let samples = range(0..50).map(move |x| {
            if x > 0 {
                begun.add();
            }
            let mut held = lock.lock().unwrap();
            if x == 0 {
                split(|| begun.until(1));
            }
            *held += 1;
            x
        });
        let got = run(Runner::Threads(2), Loader::builder(samples));
        assert_same(&items(&got), &(0..50).map(Ok).collect::<Vec<_>>(), "50 samples");
    });
}

#[test]
fn jobs_of_samples_run_in_the_global_pool_or_the_one_that_is_installed() {
    within(LIMIT, || {
        global_pool();
        let own = rayon::ThreadPoolBuilder::new().num_threads(2);
        let own = own.thread_name(|number| format!("own-{number}")).build().unwrap();
        let samples = range(0..200).map(move |x| {
            let names = || (0..8).into_par_iter().map(|_| thread_name()).collect::<Vec<_>>();
            let (pool, names) = match x % 2 {
                0 => ("global-", names()),
                _ => ("own-", own.install(names)),
            };
            let others = names.into_iter().filter(|name| !name.starts_with(pool));
            (others.collect::<Vec<_>>(), thread_name())
        });
        let samples = Loader::builder(samples).backend(Backend::Threads).workers(3);
        for sample in samples.build().unwrap() {
            let (others, thread) = sample.unwrap().into_inner();
            assert!(others.is_empty(), "jobs ran in {others:?}");
            assert!(thread.starts_with("windrow-"), "the sample was made in {thread}");
        }
    });
}

#[test]
fn the_user_s_pool_is_free_while_all_workers_are_busy() {
    within(LIMIT, || {
        global_pool();
        let free = Arc::new(Tally::default());
        let theirs = free.clone();
        let samples = range(0..8).map(move |x| {
            theirs.until(1);
            x
        });
        let mut loader =
            Loader::builder(samples).backend(Backend::Threads).workers(8).build().unwrap();
        let waker = std::task::Waker::noop();
        let mut context = std::task::Context::from_waker(waker);
        assert!(loader.poll_next(&mut context).is_pending());
        assert_eq!((0..100u64).into_par_iter().sum::<u64>(), 4_950);
        free.add();
        assert_eq!(loader.map(|x| *x.unwrap()).sum::<u64>(), 28);
    });
}

#[test]
fn loaders_in_samples_and_in_jobs_of_samples_give_what_they_give_inline() {
    within(LIMIT, || {
        global_pool();
        let make = |backend: Backend| {
            let inner = move |x: u64, jobs: u64| {
                let samples = range(0..20).map(move |y| match jobs {
                    0 => x * y,
                    _ => (0..jobs).into_par_iter().map(|z| x * y + z).sum::<u64>(),
                });
                let loader = Loader::builder(samples).backend(backend).workers(2);
                loader.build().unwrap().map(|sum| *sum.unwrap()).sum::<u64>()
            };
            range(0..40).map(move |x| {
                // A loader that waits has a thread of the pool, so its samples ask none of it.
                let (left, right) = rayon::join(|| inner(x, 0), || inner(x + 1, 0));
                left + right + inner(x, 16)
            })
        };
        let expected = items(&run(Runner::Inline, Loader::builder(make(Backend::Inline))));
        let got = items(&run(Runner::Threads(3), Loader::builder(make(Backend::Threads))));
        assert_same(&got, &expected, "loaders in samples");
    });
}
