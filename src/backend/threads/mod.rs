//! `threads`: threads of this process, which share its memory.
//!
//! Tasks wait in a first-in, first-out queue; results wait for the caller in a second queue. Where
//! a program can start threads, the backend starts its own (`own`). In WebAssembly, the backend
//! uses the threads of rayon's pool (`pooled`). In both cases, a thread computes one sample at a
//! time. While a sample waits, for example for jobs that it gave to rayon, its thread begins no
//! other sample. A panic becomes the sample's fault. The backend cannot stop a sample that never
//! ends, only name its position.

#[cfg(not(target_arch = "wasm32"))]
mod own;
// On other platforms, only tests use the pooled threads.
#[cfg(any(test, target_arch = "wasm32"))]
mod pooled;

#[cfg(not(target_arch = "wasm32"))]
use own as crew;
#[cfg(target_arch = "wasm32")]
use pooled as crew;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use super::profile::become_worker;
use super::run::discard_event;
use super::{Event, ExecutionBackend, Fill, Full, Info, run};
use crate::dataset::caught;
use crate::engine::Task;
use crate::error::Result;

/// The activity table's entry for a worker without a task.
const IDLE: u64 = u64::MAX;
/// The maximum number of accepted tasks for each thread.
const TASKS_PER_WORKER: usize = 256;

pub(super) static INFO: Info = Info::threads(|| Ok(()));

/// A backend that computes samples on threads of this process.
///
/// A thread computes one sample at a time. A sample may use rayon: its jobs run in rayon's global
/// pool, or in the pool that the sample installs. A caller that waits for a loader in a thread of a
/// pool blocks that thread. Samples that use the same pool then need another free thread of that
/// pool.
pub struct Threads<T> {
    shared: Arc<Shared<T>>,
    crew: Box<dyn Crew<T>>,
    /// The number of tasks that the threads have not answered.
    away: usize,
}

/// The threads that do the work.
trait Crew<T>: Send {
    /// Notifies the crew of a new task in the queue.
    fn call(&self, _: &Arc<Shared<T>>) {}

    /// Runs a task in the caller's thread, where all other threads may be waiting for the caller;
    /// returns whether it ran one.
    fn help(&self, _: &Shared<T>) -> bool {
        false
    }

    /// Waits until the backend's own threads have ended; returns false at the time limit.
    fn end(&mut self, limit: Duration) -> bool;
}

/// The state that the caller and the threads share.
struct Shared<T> {
    work: Arc<dyn Fill<T>>,
    tasks: Mutex<Tasks>,
    called: Condvar,
    events: Mutex<Events<T>>,
    told: Condvar,
    stop: AtomicBool,
    /// The position that each worker is computing, or [`IDLE`].
    activity: Vec<AtomicU64>,
    waker: Mutex<Option<Waker>>,
}

/// The tasks that no thread has begun.
#[derive(Default)]
struct Tasks {
    queue: VecDeque<Task>,
    /// The number of threads that wait for a task.
    idle: usize,
}

/// The results that the caller has not taken.
struct Events<T> {
    queue: VecDeque<Event<T>>,
    /// Whether the caller waits for a result.
    wanted: bool,
}

impl<T: Send + 'static> Threads<T> {
    /// Starts this number of threads with this work.
    ///
    /// In WebAssembly, uses all threads of rayon's global pool instead.
    ///
    /// # Errors
    /// Returns [`Error::Io`](crate::Error::Io) when the operating system cannot start a thread.
    pub fn new(work: impl Fill<T> + 'static, workers: u32) -> Result<Self> {
        Self::shared(Arc::new(work), workers)
    }

    /// Starts this number of threads with work shared with others; otherwise like
    /// [`new`](Self::new).
    ///
    /// # Errors
    /// Returns [`Error::Io`](crate::Error::Io) when the operating system cannot start a thread.
    pub fn shared(work: Arc<dyn Fill<T>>, workers: u32) -> Result<Self> {
        let shared = Shared::new(work, crew::count(workers));
        let crew = Box::new(crew::start(&shared)?);
        Ok(Self { shared, crew, away: 0 })
    }
}

impl<T: Send + 'static> ExecutionBackend<T> for Threads<T> {
    fn info(&self) -> &Info {
        &INFO
    }

    fn workers(&self) -> u32 {
        self.shared.activity.len() as u32
    }

    fn submit(&mut self, task: Task) -> std::result::Result<(), Full> {
        if self.away >= self.shared.activity.len() * TASKS_PER_WORKER {
            return Err(Full);
        }
        self.away += 1;
        self.shared.put(task);
        self.crew.call(&self.shared);
        Ok(())
    }

    fn wait(&mut self, limit: Duration) -> Option<Event<T>> {
        if self.away == 0 {
            return None;
        }
        let mut event = self.shared.event(Duration::ZERO);
        if event.is_none() && !limit.is_zero() {
            let helped = self.crew.help(&self.shared);
            event = self.shared.event(if helped { Duration::ZERO } else { limit });
        }
        self.away -= usize::from(event.is_some());
        event
    }

    fn wake(&mut self, waker: &Waker) {
        *lock(&self.shared.waker) = Some(waker.clone());
        self.crew.help(&self.shared);
    }

    fn activity(&self) -> Vec<Option<u64>> {
        let position = |cell: &AtomicU64| Some(cell.load(Ordering::Relaxed)).filter(|&p| p != IDLE);
        self.shared.activity.iter().map(position).collect()
    }

    fn shutdown(&mut self, limit: Duration) -> Vec<u64> {
        self.shared.stop();
        if self.crew.end(limit) {
            return Vec::new();
        }
        self.activity().into_iter().flatten().collect()
    }
}

impl<T> Drop for Threads<T> {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl<T> Shared<T> {
    fn new(work: Arc<dyn Fill<T>>, workers: usize) -> Arc<Self> {
        Arc::new(Self {
            work,
            tasks: Mutex::default(),
            called: Condvar::new(),
            events: Mutex::new(Events { queue: VecDeque::new(), wanted: false }),
            told: Condvar::new(),
            stop: AtomicBool::new(false),
            activity: (0..workers).map(|_| AtomicU64::new(IDLE)).collect(),
            waker: Mutex::new(None),
        })
    }

    fn put(&self, task: Task) {
        let mut tasks = lock(&self.tasks);
        tasks.queue.push_back(task);
        let idle = tasks.idle > 0;
        drop(tasks);
        // A notification costs a system call even when no thread waits.
        if idle {
            self.called.notify_one();
        }
    }

    /// Returns the next task, waiting for it; `None` after the stop.
    #[cfg_attr(
        target_arch = "wasm32",
        allow(dead_code, reason = "only the backend's own threads call it")
    )]
    fn next_task(&self) -> Option<Task> {
        let mut tasks = lock(&self.tasks);
        loop {
            if self.is_stopped() {
                return None;
            }
            if let Some(task) = tasks.queue.pop_front() {
                return Some(task);
            }
            tasks.idle += 1;
            tasks = self.called.wait(tasks).unwrap_or_else(PoisonError::into_inner);
            tasks.idle -= 1;
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        let mut tasks = lock(&self.tasks);
        self.stop.store(true, Ordering::Relaxed);
        tasks.queue.clear();
        drop(tasks);
        self.called.notify_all();
    }

    /// Returns the next event, waiting for at most the limit.
    ///
    /// A wake-up without an event restarts the full limit, because `std` has no clock in
    /// WebAssembly. Such wake-ups are rare: only the caller takes events.
    fn event(&self, limit: Duration) -> Option<Event<T>> {
        let mut events = lock(&self.events);
        let mut late = limit.is_zero();
        while events.queue.is_empty() && !late {
            events.wanted = true;
            let waited = self.told.wait_timeout(events, limit);
            let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            (events, late) = (woken, timeout.timed_out());
            events.wanted = false;
        }
        events.queue.pop_front()
    }

    /// Runs a task as a worker.
    fn run(&self, worker: usize, task: Task) {
        let activity = &self.activity[worker];
        become_worker(worker);
        let completion = run(task, &*self.work, |position| {
            activity.store(position, Ordering::Relaxed);
            !self.is_stopped()
        });
        activity.store(IDLE, Ordering::Relaxed);
        if let Some(completion) = completion {
            let mut events = lock(&self.events);
            events.queue.push_back(Event::Done(completion));
            let wanted = events.wanted;
            drop(events);
            if wanted {
                self.told.notify_one();
            }
        }
        let waker = lock(&self.waker).take();
        if let Some(waker) = waker {
            // The panic hook reports a panic of the waker; no caller is waiting for it here.
            _ = caught(|| waker.wake());
        }
    }
}

impl<T> Drop for Events<T> {
    fn drop(&mut self) {
        self.queue.drain(..).for_each(discard_event);
    }
}

/// Locks a mutex whose contents stay consistent after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> std::fmt::Debug for Threads<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let workers = self.shared.activity.len();
        f.debug_struct("Threads").field("workers", &workers).field("away", &self.away).finish()
    }
}
