//! The threads of rayon's global pool, where a program cannot start threads by itself.
//!
//! In WebAssembly, JavaScript has to start the pool before, and only it can: while no thread of the
//! program waits. The same threads run the jobs of the user's own code. A thread that waits for a job
//! takes up other jobs meanwhile. So what is given to rayon is only a call to do the next task of a
//! loader, and a thread that is inside of a sample [puts it off](PUT_OFF) for the others.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Crew, Shared, lock};
use crate::dataset::reduce::apart;
use crate::error::Result;

thread_local! {
    /// Whether this thread is inside of a sample.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Calls that came to threads inside of samples. Such a thread looks here when its sample ends, so
/// no call is left, and tells the other threads, so that none of them is idle meanwhile.
static PUT_OFF: Mutex<VecDeque<Call>> = Mutex::new(VecDeque::new());

/// A call to do the next task of some loader.
type Call = Box<dyn FnOnce(usize) + Send>;

/// The pool.
pub(super) struct Pooled;

/// How many threads the pool has, whatever number is asked for.
pub(super) fn count(_: u32) -> usize {
    rayon::current_num_threads()
}

/// The pool runs already.
///
/// # Errors
/// None here.
pub(super) fn start<T>(_: &Arc<Shared<T>>) -> Result<Pooled> {
    Ok(Pooled)
}

impl<T: Send + 'static> Crew<T> for Pooled {
    fn call(&self, shared: &Arc<Shared<T>>) {
        let shared = shared.clone();
        answer_somewhere(Box::new(move |thread| _ = do_next(&shared, thread)));
    }

    /// A thread of the pool that waits for a loader does the loader's work, since all threads of the
    /// pool may wait for loaders.
    fn help(&self, shared: &Shared<T>) -> bool {
        let thread = rayon::current_thread_index();
        // This may be a loader inside of a sample of another one.
        thread.is_some_and(|thread| inside(|| apart(|| do_next(shared, thread))))
    }

    /// Does not wait: the threads are the pool's, and what they still make is dropped.
    fn end(&mut self, _: Duration) -> bool {
        true
    }
}

/// Does the next task of a loader; false if there is none.
fn do_next<T>(shared: &Shared<T>, thread: usize) -> bool {
    let task = lock(&shared.tasks).queue.pop_front();
    task.map(|task| shared.run(thread % shared.activity.len(), task)).is_some()
}

/// Has some thread of the pool answer a call.
fn answer_somewhere(call: Call) {
    rayon::spawn_fifo(move || match rayon::current_thread_index() {
        Some(thread) if !INSIDE.get() => inside(|| call(thread)),
        _ => {
            lock(&PUT_OFF).push_back(call);
            rayon::spawn_broadcast(|context| answer_put_off(context.index()));
        }
    });
}

/// Answers a call that was put off, unless this thread is inside of a sample.
fn answer_put_off(thread: usize) {
    let next = || lock(&PUT_OFF).pop_front();
    if !INSIDE.get()
        && let Some(call) = next()
    {
        inside(|| call(thread));
    }
}

/// Does what makes samples in this thread, and then what was put off meanwhile elsewhere.
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

    /// Runs a test beside a pool of four threads, and fails when it takes too long.
    fn within<R: Send + 'static>(test: impl FnOnce() -> R + Send + 'static) -> R {
        static STARTED: Once = Once::new();
        /// Tests that hold all threads of the pool come one after another.
        static ALONE: Mutex<()> = Mutex::new(());
        let _alone = lock(&ALONE);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4);
        STARTED.call_once(|| pool.build_global().unwrap());
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || sender.send(test()));
        receiver.recv_timeout(LIMIT).expect("it ends in time")
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
                        // Another thread has the second job, and this one waits for it.
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
            // Now there is only the thread of sample 0 that could begin another one.
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
