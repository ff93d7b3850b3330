//! `threads`: a rayon pool in this process.
//!
//! The pool takes tasks first come, first served, and sleeps when there is none. What a sample
//! panics with is its own fault; a sample that never ends cannot be stopped, only named.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::task::Waker;
use std::time::Duration;

use super::{Event, ExecutionBackend, Fill, Full, Info, log, registry, run};
use crate::engine::Task;
use crate::error::{Error, Result};

/// What stands in the activity table for a worker without a task.
const IDLE: u64 = u64::MAX;
/// Tasks that may be with the pool, for each worker.
const TASKS_PER_WORKER: usize = 256;

/// Whether threads can be had here.
pub(super) fn available() -> std::result::Result<(), String> {
    Ok(())
}

/// Makes samples on a pool of threads of its own.
pub struct Threads<T> {
    pool: Option<rayon::ThreadPool>,
    shared: Arc<Shared<T>>,
    events: mpsc::Receiver<Event<T>>,
    /// Tasks with the pool.
    away: usize,
    workers: u32,
}

/// What the caller and the workers both see.
struct Shared<T> {
    work: Arc<dyn Fill<T>>,
    sender: mpsc::Sender<Event<T>>,
    stop: AtomicBool,
    /// The position each worker is filling, or [`IDLE`].
    activity: Vec<AtomicU64>,
    alive: Arc<Alive>,
    waker: Mutex<Option<Waker>>,
}

/// Counts the threads that have not ended.
struct Alive {
    threads: Mutex<u32>,
    ended: Condvar,
}

impl<T: Send + 'static> Threads<T> {
    /// A pool of so many threads that runs this work.
    ///
    /// # Errors
    /// [`Error::Io`] when the system gives no more threads.
    pub fn new(work: impl Fill<T> + 'static, workers: u32) -> Result<Self> {
        Self::shared(Arc::new(work), workers)
    }

    /// A pool of so many threads that runs work which others may run too.
    ///
    /// # Errors
    /// [`Error::Io`] when the system gives no more threads.
    pub fn shared(work: Arc<dyn Fill<T>>, workers: u32) -> Result<Self> {
        let alive = Arc::new(Alive { threads: Mutex::new(workers), ended: Condvar::new() });
        let ended = alive.clone();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(workers as usize)
            .thread_name(|number| format!("windrow-{number}"))
            .exit_handler(move |_| ended.one_less())
            .build()
            .map_err(|error| Error::io("start threads", std::io::Error::other(error)))?;
        let (sender, events) = mpsc::channel();
        let activity = (0..workers).map(|_| AtomicU64::new(IDLE)).collect();
        let (stop, waker) = (AtomicBool::new(false), Mutex::new(None));
        let shared = Shared { work, sender, stop, activity, alive, waker };
        log::debug("threads", || format!("started {workers} threads"));
        Ok(Self { pool: Some(pool), shared: Arc::new(shared), events, away: 0, workers })
    }
}

impl<T> Threads<T> {
    fn came_back(&mut self, event: Event<T>) -> Event<T> {
        self.away -= 1;
        event
    }
}

impl<T: Send + 'static> ExecutionBackend<T> for Threads<T> {
    fn info(&self) -> &Info {
        &registry::THREADS
    }

    fn workers(&self) -> u32 {
        self.workers
    }

    fn submit(&mut self, task: Task) -> std::result::Result<(), Full> {
        let Some(pool) = &self.pool else { return Err(Full) };
        if self.away >= self.workers as usize * TASKS_PER_WORKER {
            return Err(Full);
        }
        self.away += 1;
        let shared = self.shared.clone();
        pool.spawn_fifo(move || shared.run(task));
        Ok(())
    }

    fn wait(&mut self, limit: Duration) -> Option<Event<T>> {
        let event = match self.events.try_recv() {
            Ok(event) => event,
            Err(_) if limit.is_zero() || self.away == 0 => return None,
            Err(_) => self.events.recv_timeout(limit).ok()?,
        };
        Some(self.came_back(event))
    }

    fn wake(&mut self, waker: &Waker) {
        *lock(&self.shared.waker) = Some(waker.clone());
    }

    fn activity(&self) -> Vec<Option<u64>> {
        let position = |cell: &AtomicU64| Some(cell.load(Ordering::Relaxed)).filter(|&p| p != IDLE);
        self.shared.activity.iter().map(position).collect()
    }

    fn shutdown(&mut self, limit: Duration) -> Vec<u64> {
        self.shared.stop.store(true, Ordering::Relaxed);
        drop(self.pool.take());
        if self.shared.alive.wait(limit) {
            return Vec::new();
        }
        self.activity().into_iter().flatten().collect()
    }
}

impl<T> Drop for Threads<T> {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

impl<T> Shared<T> {
    fn run(&self, task: Task) {
        let worker = rayon::current_thread_index().unwrap_or(0);
        let activity = &self.activity[worker];
        let completion = run(task, &*self.work, |position| {
            activity.store(position, Ordering::Relaxed);
            !self.stop.load(Ordering::Relaxed)
        });
        activity.store(IDLE, Ordering::Relaxed);
        if let Some(completion) = completion {
            // Nobody listens any more once the loader is dropped; then the samples are not wanted.
            _ = self.sender.send(Event::Done(completion));
        }
        let waker = lock(&self.waker).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Alive {
    fn one_less(&self) {
        *lock(&self.threads) -= 1;
        self.ended.notify_all();
    }

    /// Waits until all threads have ended; false when they did not within the limit.
    fn wait(&self, limit: Duration) -> bool {
        let alive = lock(&self.threads);
        let waited = self.ended.wait_timeout_while(alive, limit, |threads| *threads > 0);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
    }
}

/// Locks what no panic can leave half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> std::fmt::Debug for Threads<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Threads").field("workers", &self.workers).field("away", &self.away).finish()
    }
}
