//! The threads of rayon's global pool, for programs that cannot start threads themselves.
//!
//! In WebAssembly, only JavaScript can start the pool, and only while no thread of the program
//! waits. The same threads run the user code's own jobs. A thread that waits for a job runs other
//! jobs meanwhile. Therefore the backend gives rayon only calls to run a loader's next task. A
//! thread inside a sample [defers the call](PUT_OFF) to the other threads.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Crew, Shared, lock};
use crate::dataset::reduce::apart;
use crate::error::Result;

thread_local! {
    /// Whether this thread is inside a sample.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// The calls that reached threads inside samples. At the end of its sample, each such thread hands
/// the deferred calls to the pool again, so no call is lost. The thread also notifies the other
/// threads when it defers a call, so that no thread stays idle.
static PUT_OFF: Mutex<VecDeque<Call>> = Mutex::new(VecDeque::new());

/// A call to run the next task of a loader.
type Call = Box<dyn FnOnce(usize) + Send>;

/// The pool.
pub(super) struct Pooled;

/// Returns the number of threads in the pool, whatever number of workers the caller asks for.
pub(super) fn count(_: u32) -> usize {
    rayon::current_num_threads()
}

/// Returns the pool, which is already running.
///
/// # Errors
/// Never fails.
pub(super) fn start<T>(_: &Arc<Shared<T>>) -> Result<Pooled> {
    Ok(Pooled)
}

impl<T: Send + 'static> Crew<T> for Pooled {
    fn call(&self, shared: &Arc<Shared<T>>) {
        let shared = shared.clone();
        answer_somewhere(Box::new(move |thread| _ = do_next(&shared, thread)));
    }

    /// Runs a task of the loader in a pool thread that waits for the loader, because all threads of
    /// the pool may wait for loaders.
    fn help(&self, shared: &Shared<T>) -> bool {
        let thread = rayon::current_thread_index();
        // This loader may run inside a sample of another loader.
        thread.is_some_and(|thread| inside(|| apart(|| do_next(shared, thread))))
    }

    /// Returns at once: the threads belong to the pool, and the backend drops their remaining
    /// results.
    fn end(&mut self, _: Duration) -> bool {
        true
    }
}

/// Runs the next task of a loader; returns false without a task.
fn do_next<T>(shared: &Shared<T>, thread: usize) -> bool {
    let task = lock(&shared.tasks).queue.pop_front();
    task.map(|task| shared.run(thread % shared.activity.len(), task)).is_some()
}

/// Gives a call to the pool, for any thread outside samples to run.
fn answer_somewhere(call: Call) {
    rayon::spawn_fifo(move || match rayon::current_thread_index() {
        Some(thread) if !INSIDE.get() => inside(|| call(thread)),
        _ => {
            lock(&PUT_OFF).push_back(call);
            rayon::spawn_broadcast(|context| answer_put_off(context.index()));
        }
    });
}

/// Runs a deferred call, unless this thread is inside a sample.
fn answer_put_off(thread: usize) {
    let next = || lock(&PUT_OFF).pop_front();
    if !INSIDE.get()
        && let Some(call) = next()
    {
        inside(|| call(thread));
    }
}

/// Runs work that computes samples in this thread, and then hands the deferred calls to the pool.
fn inside<R>(work: impl FnOnce() -> R) -> R {
    let was = INSIDE.replace(true);
    let result = work();
    INSIDE.set(was);
    if !was {
        std::mem::take(&mut *lock(&PUT_OFF)).into_iter().for_each(answer_somewhere);
    }
    result
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::sync::{Once, mpsc};

    use rayon::prelude::*;

    use super::super::Threads;
    use super::*;
    use crate::backend::{Event, ExecutionBackend};
    use crate::dataset::Dataset;
    use crate::engine::Task;
    use crate::loader::{Loader, LoaderBuilder};
    use crate::source::range;
    use crate::stage::ParallelPipeline;

    const LIMIT: Duration = Duration::from_secs(60);

    /// Runs a test beside a pool of four threads, and fails after the time limit.
    fn within<R: Send + 'static>(test: impl FnOnce() -> R + Send + 'static) -> R {
        static STARTED: Once = Once::new();
        /// The lock that serializes the tests that block all threads of the pool.
        static ALONE: Mutex<()> = Mutex::new(());
        let _alone = lock(&ALONE);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4);
        STARTED.call_once(|| pool.build_global().unwrap());
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || sender.send(test()));
        receiver.recv_timeout(LIMIT).expect("the test ends within the time limit")
    }

    fn pooled<P>(builder: LoaderBuilder<P>) -> Loader<P::Batch>
    where
        P: ParallelPipeline,
    {
        let start = |work, workers| {
            let shared = Shared::new(work, count(workers));
            let crew = Box::new(start(&shared)?);
            Ok(Box::new(Threads { shared, crew, away: 0 }) as _)
        };
        builder.custom_backend(start).build().unwrap()
    }

    #[test]
    fn a_thread_that_waits_for_a_job_begins_no_sample() {
        thread_local! {
            static BUSY: RefCell<()> = const { RefCell::new(()) };
        }
        within(|| {
            let begun = Arc::new([const { AtomicBool::new(false) }; 5]);
            let is_open = Arc::new(AtomicBool::new(false));
            let wait = |until: &dyn Fn() -> bool| {
                while !until() {
                    std::thread::yield_now();
                }
            };
            let (told, open) = (begun.clone(), is_open.clone());
            let samples = range(0..4).map(move |x| {
                let wait_for = |place: &AtomicBool| wait(&|| place.load(Ordering::SeqCst));
                told[x as usize].store(true, Ordering::SeqCst);
                BUSY.with_borrow_mut(|()| match x {
                    0 => {
                        // Another thread runs the second job, and this thread waits for it.
                        let second = || {
                            told[4].store(true, Ordering::SeqCst);
                            wait_for(&open);
                        };
                        rayon::join(|| wait_for(&told[4]), second);
                    }
                    3 => {}
                    _ => wait_for(&open),
                });
                x
            });
            let shared = Shared::new(Arc::new(samples), count(0));
            let mut backend = Threads { shared, crew: Box::new(Pooled), away: 0 };
            for (start, last) in [(0, 4), (1, 1), (2, 2)] {
                backend.submit(Task { id: start, start, count: 1 }).unwrap();
                wait(&|| begun[last].load(Ordering::SeqCst));
            }
            // Only the thread of sample 0 could begin another sample now.
            backend.submit(Task { id: 3, start: 3, count: 1 }).unwrap();
            wait(&|| begun[3].load(Ordering::SeqCst) || !lock(&PUT_OFF).is_empty());
            is_open.store(true, Ordering::SeqCst);
            for _ in 0..4 {
                let Some(Event::Done(done)) = backend.wait(LIMIT) else { panic!("no event") };
                assert_eq!(done.results, [Ok(Some(done.task))]);
            }
        });
    }

    #[test]
    fn loaders_in_samples_and_in_jobs_are_worked_for_by_the_threads_that_wait() {
        within(|| {
            let samples = range(0..40).map(|x| {
                let inner = |add: u64| {
                    let samples = range(0..20).map(move |y| {
                        (0..16u64).into_par_iter().map(|z| x * y + z + add).sum::<u64>()
                    });
                    pooled(Loader::builder(samples)).map(|sum| *sum.unwrap()).sum::<u64>()
                };
                let (left, right) = rayon::join(|| inner(1), || inner(2));
                inner(3) + left + right
            });
            let sums = pooled(Loader::builder(samples)).map(|sum| *sum.unwrap());
            assert!(sums.eq((0..40).map(|x| 3 * 16 * 190 * x + 3 * 20 * 120 + 20 * 16 * 6)));
        });
    }

    #[test]
    fn a_pool_whose_threads_all_wait_for_loaders_does_their_work() {
        within(|| {
            let made = AtomicU64::new(0);
            rayon::broadcast(|_| {
                let sum = |x| (0..8u64).into_par_iter().map(|y| x + y).sum::<u64>();
                let loader = pooled(Loader::builder(range(0..50).map(sum)));
                made.fetch_add(loader.map(|sum| *sum.unwrap()).sum(), Ordering::Relaxed);
            });
            assert_eq!(made.into_inner(), 4 * (8 * 1_225 + 50 * 28));
        });
    }
}
