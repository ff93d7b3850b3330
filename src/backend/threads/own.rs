//! Threads that are started for a loader and end with it.
//!
//! They belong to no pool of rayon. So a sample that gives jobs to rayon waits for them as any
//! thread does, and the pool has all of its threads for them.

use std::cell::RefCell;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::super::log;
use super::{Crew, Shared, lock};
use crate::error::{Error, Result};

thread_local! {
    /// Dropped when a thread of these ends. It is set before anything else, so that where values of
    /// a thread are dropped from the last to the first, it is the last of them.
    static LAST: RefCell<Option<Ended>> = const { RefCell::new(None) };
}

/// The threads of one backend.
pub(super) struct Own {
    threads: Vec<JoinHandle<()>>,
    alive: Arc<Alive>,
}

/// Counts the threads that have not ended.
#[derive(Default)]
struct Alive {
    threads: Mutex<u32>,
    ended: Condvar,
}

/// Counts a thread that ends.
struct Ended(Arc<Alive>);

impl Drop for Ended {
    fn drop(&mut self) {
        *lock(&self.0.threads) -= 1;
        self.0.ended.notify_all();
    }
}

/// How many threads there will be where so many are asked for.
pub(super) fn count(workers: u32) -> usize {
    workers as usize
}

/// Starts a thread for each worker.
///
/// # Errors
/// [`Error::Io`] when the system gives no more threads; those that were started end.
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
        // They do nothing any more but end, which whoever forks afterwards relies on.
        for thread in self.threads.drain(..) {
            _ = thread.join();
        }
        true
    }
}
