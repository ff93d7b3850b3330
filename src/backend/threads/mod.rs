//! `threads`: threads of this process, which share its memory.
//!
//! Tasks wait in a queue, first come, first served; results wait in another for the caller. Who the
//! threads are differs: `own` ones where a program can start threads, those of rayon's pool in
//! WebAssembly (`pooled`). Either way a thread makes one sample at a time: what a sample waits for,
//! such as jobs that it gave to rayon, never has its thread begin another sample.
//! What a sample panics with is its own fault; a sample that never ends cannot be stopped, only named.

#[cfg(not(target_arch = "wasm32"))]
mod own;
// Of what waits for rayon only the tests are for other platforms.
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

use super::run::discard_event;
use super::{Event, ExecutionBackend, Fill, Full, Info, registry, run};
use crate::dataset::caught;
use crate::engine::Task;
use crate::error::Result;

/// What stands in the activity table for a worker without a task.
const IDLE: u64 = u64::MAX;
/// Tasks that may be with the threads, for each of them.
const TASKS_PER_WORKER: usize = 256;

/// Whether threads can be had here.
pub(super) fn available() -> std::result::Result<(), String> {
    Ok(())
}

/// Makes samples on threads of this process.
///
/// A thread makes one sample at a time. A sample may use rayon: its jobs run in rayon's global pool
/// or in the pool that the sample installs. A caller that waits for a loader in a thread of a pool
/// blocks that thread. Samples that use the same pool then need another thread of the pool that is
/// free.
pub struct Threads<T> {
    shared: Arc<Shared<T>>,
    crew: Box<dyn Crew<T>>,
    /// Tasks with the threads.
    away: usize,
}

/// The threads.
trait Crew<T>: Send {
    /// Hears that a task was put into the queue.
    fn call(&self, _: &Arc<Shared<T>>) {}

    /// Does a task in the caller's thread where the other threads may wait for the caller; says
    /// whether it did.
    fn help(&self, _: &Shared<T>) -> bool {
        false
    }

    /// Waits until the threads have ended that end with the backend; false if the limit came first.
    fn end(&mut self, limit: Duration) -> bool;
}

/// What the caller and the threads both see.
struct Shared<T> {
    work: Arc<dyn Fill<T>>,
    tasks: Mutex<Tasks>,
    called: Condvar,
    events: Mutex<Events<T>>,
    told: Condvar,
    stop: AtomicBool,
    /// The position each worker is filling, or [`IDLE`].
    activity: Vec<AtomicU64>,
    waker: Mutex<Option<Waker>>,
}

/// Tasks that nobody has begun.
#[derive(Default)]
struct Tasks {
    queue: VecDeque<Task>,
    /// Threads that wait for one.
    idle: usize,
}

/// Results that the caller has not taken.
struct Events<T> {
    queue: VecDeque<Event<T>>,
    /// Whether the caller waits for one.
    wanted: bool,
}

impl<T: Send + 'static> Threads<T> {
    /// So many threads that run this work.
    ///
    /// In WebAssembly, those of rayon's global pool, however many there are.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when the system gives no more threads.
    pub fn new(work: impl Fill<T> + 'static, workers: u32) -> Result<Self> {
        Self::shared(Arc::new(work), workers)
    }

    /// So many threads that run work which others may run too; otherwise as [`new`](Self::new).
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when the system gives no more threads.
    pub fn shared(work: Arc<dyn Fill<T>>, workers: u32) -> Result<Self> {
        let shared = Shared::new(work, crew::count(workers));
        let crew = Box::new(crew::start(&shared)?);
        Ok(Self { shared, crew, away: 0 })
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
        // To wake nobody costs a call of the system too.
        if idle {
            self.called.notify_one();
        }
    }

    /// The next task, waiting for it; `None` when there are to be no more.
    #[cfg_attr(target_arch = "wasm32", allow(dead_code, reason = "only threads of our own ask"))]
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

    /// The next event, waiting for it no longer than the limit.
    ///
    /// It does not ask how late it is, since `std` has no clock in WebAssembly. Nobody else takes
    /// events, so waking up without one is rare, and then it waits anew.
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

    /// Does a task as a worker.
    fn run(&self, worker: usize, task: Task) {
        let activity = &self.activity[worker];
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
            // A panic of it is told by the program's hook; nobody else is there to hear of it.
            _ = caught(|| waker.wake());
        }
    }
}

impl<T> Drop for Events<T> {
    fn drop(&mut self) {
        self.queue.drain(..).for_each(discard_event);
    }
}

/// Locks what no panic can leave half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> std::fmt::Debug for Threads<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let workers = self.shared.activity.len();
        f.debug_struct("Threads").field("workers", &workers).field("away", &self.away).finish()
    }
}
