//! `threads` in WebAssembly with shared memory: web workers that are threads of one program.
//!
//! The pool is rayon's global one, which JavaScript has to start before: only it can start workers,
//! and only while this thread does not wait. Waiting here blocks, so it is for workers, never for a
//! page. There is no clock in it: `std` has none on this platform.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use super::{Event, ExecutionBackend, Fill, Full, Info, registry, run};
use crate::engine::Task;
use crate::error::Result;

/// What stands in the activity table for a worker without a task.
const IDLE: u64 = u64::MAX;
/// Tasks that may be with the pool, for each worker.
const TASKS_PER_WORKER: usize = 256;

/// Whether threads can be had here.
pub(super) fn available() -> std::result::Result<(), String> {
    Ok(())
}

/// Makes samples on rayon's global pool.
pub struct Threads<T> {
    shared: Arc<Shared<T>>,
    /// Tasks with the pool.
    away: usize,
}

struct Shared<T> {
    work: Arc<dyn Fill<T>>,
    events: Mutex<VecDeque<Event<T>>>,
    more: Condvar,
    stop: AtomicBool,
    /// The position each worker is filling, or [`IDLE`].
    activity: Vec<AtomicU64>,
    waker: Mutex<Option<Waker>>,
}

impl<T: Send + 'static> Threads<T> {
    /// The global pool, for this work.
    ///
    /// # Errors
    /// None here.
    pub fn new(work: impl Fill<T> + 'static, workers: u32) -> Result<Self> {
        Self::shared(Arc::new(work), workers)
    }

    /// The global pool, for work which others may run too. Its threads are as many as were started,
    /// whatever number is asked for.
    ///
    /// # Errors
    /// None here.
    pub fn shared(work: Arc<dyn Fill<T>>, _: u32) -> Result<Self> {
        let workers = rayon::current_num_threads();
        let shared = Shared {
            work,
            events: Mutex::default(),
            more: Condvar::new(),
            stop: AtomicBool::new(false),
            activity: (0..workers).map(|_| AtomicU64::new(IDLE)).collect(),
            waker: Mutex::new(None),
        };
        Ok(Self { shared: Arc::new(shared), away: 0 })
    }
}

impl<T: Send + 'static> ExecutionBackend<T> for Threads<T> {
    fn info(&self) -> &Info {
        &registry::THREADS
    }

    fn workers(&self) -> u32 {
        self.shared.activity.len() as u32
    }

    fn submit(&mut self, task: Task) -> std::result::Result<(), Full> {
        if self.away >= self.shared.activity.len() * TASKS_PER_WORKER {
            return Err(Full);
        }
        self.away += 1;
        let shared = self.shared.clone();
        rayon::spawn_fifo(move || shared.run(task));
        Ok(())
    }

    fn wait(&mut self, limit: Duration) -> Option<Event<T>> {
        if self.away == 0 {
            return None;
        }
        let mut events = lock(&self.shared.events);
        if events.is_empty() && !limit.is_zero() {
            // Woken for nothing is no event: the caller asks again.
            let waited = self.shared.more.wait_timeout(events, limit);
            events = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let event = events.pop_front()?;
        self.away -= 1;
        Some(event)
    }

    fn wake(&mut self, waker: &Waker) {
        *lock(&self.shared.waker) = Some(waker.clone());
    }

    fn activity(&self) -> Vec<Option<u64>> {
        let position = |cell: &AtomicU64| Some(cell.load(Ordering::Relaxed)).filter(|&p| p != IDLE);
        self.shared.activity.iter().map(position).collect()
    }

    /// Does not wait: the threads are not this backend's, and what they still make is dropped.
    fn shutdown(&mut self, _: Duration) -> Vec<u64> {
        self.shared.stop.store(true, Ordering::Relaxed);
        Vec::new()
    }
}

impl<T> Drop for Threads<T> {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

impl<T> Shared<T> {
    fn run(&self, task: Task) {
        let Some(activity) = rayon::current_thread_index().and_then(|i| self.activity.get(i))
        else {
            return;
        };
        let completion = run(task, &*self.work, |position| {
            activity.store(position, Ordering::Relaxed);
            !self.stop.load(Ordering::Relaxed)
        });
        activity.store(IDLE, Ordering::Relaxed);
        if let Some(completion) = completion {
            lock(&self.events).push_back(Event::Done(completion));
            self.more.notify_one();
        }
        let waker = lock(&self.waker).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Locks what no panic can leave half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> std::fmt::Debug for Threads<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Threads").field("workers", &self.shared.activity.len()).finish()
    }
}
