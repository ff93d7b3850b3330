//! Threads that a backend starts and that end with it.
//!
//! The threads belong to no rayon pool. A sample that gives jobs to rayon waits like any other
//! thread, and all threads of the pool stay free for the jobs.

use std::cell::RefCell;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::super::log;
use super::{Crew, Shared, lock};
use crate::error::{Error, Result};

thread_local! {
    /// The guard that counts the end of this thread in its drop. The thread sets the guard before
    /// any other thread-local value. On platforms that drop these values in reverse order, the
    /// guard drops last.
    static LAST: RefCell<Option<Ended>> = const { RefCell::new(None) };
}

/// The threads of one backend.
pub(super) struct Own {
    threads: Vec<JoinHandle<()>>,
    alive: Arc<Alive>,
}

/// The count of threads that have not ended.
#[derive(Default)]
struct Alive {
    threads: Mutex<u32>,
    ended: Condvar,
}

/// A guard that counts the end of a thread.
struct Ended(Arc<Alive>);

impl Drop for Ended {
    fn drop(&mut self) {
        *lock(&self.0.threads) -= 1;
        self.0.ended.notify_all();
    }
}

/// Returns the number of threads for this number of workers.
pub(super) fn count(workers: u32) -> usize {
    workers as usize
}

/// Starts a thread for each worker.
///
/// # Errors
/// Returns [`Error::Io`] when the operating system cannot start a thread; the threads already
/// started end.
pub(super) fn start<T: Send + 'static>(shared: &Arc<Shared<T>>) -> Result<Own> {
    let workers = shared.activity.len();
    let mut own = Own { threads: Vec::with_capacity(workers), alive: Arc::default() };
    for worker in 0..workers {
        let (ours, alive) = (shared.clone(), own.alive.clone());
        *lock(&own.alive.threads) += 1;
        let thread =
            std::thread::Builder::new().name(format!("windrow-{worker}")).spawn(move || {
                LAST.set(Some(Ended(alive)));
                while let Some(task) = ours.next_task() {
                    ours.run(worker, task);
                }
            });
        match thread {
            Ok(thread) => own.threads.push(thread),
            Err(error) => {
                shared.stop();
                return Err(Error::io("start threads", error));
            }
        }
    }
    log::debug("threads", || format!("started {workers} threads"));
    Ok(own)
}

impl<T> Crew<T> for Own {
    fn end(&mut self, limit: Duration) -> bool {
        let alive = lock(&self.alive.threads);
        let waited = self.alive.ended.wait_timeout_while(alive, limit, |alive| *alive > 0);
        let alive = *waited.unwrap_or_else(PoisonError::into_inner).0;
        if alive > 0 {
            return false;
        }
        // Join the threads: code that forks afterwards relies on their end.
        for thread in self.threads.drain(..) {
            _ = thread.join();
        }
        true
    }
}
