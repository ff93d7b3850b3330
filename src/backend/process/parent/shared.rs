//! What the loader's own threads and its driver both see.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::shm::status_page::StatusPage;
use super::super::sys::Waker;
use crate::engine::Task;
use crate::error::{Error, Result};

/// See the [module](self).
pub(in super::super) struct Shared {
    inbox: Mutex<Inbox>,
    pub(in super::super) waker: Waker,
    /// Whether the driver sleeps, or is about to.
    asleep: AtomicBool,
    pub(in super::super) pages: Vec<Arc<StatusPage>>,
    /// Whether the first worker is ready, or why none ever will be.
    started: Mutex<Option<Result<()>>>,
    /// Why the last start failed.
    trouble: Mutex<String>,
    start_known: Condvar,
    /// The bytes of large payloads that were handed over and are still there.
    pub(in super::super) held: Arc<AtomicU64>,
}

#[derive(Default)]
pub(in super::super) struct Inbox {
    pub(in super::super) tasks: VecDeque<Task>,
    /// When everything must have ended.
    pub(in super::super) stop: Option<Instant>,
}

impl Shared {
    pub(in super::super) fn new(pages: Vec<Arc<StatusPage>>) -> std::io::Result<Self> {
        Ok(Self {
            inbox: Mutex::default(),
            waker: Waker::new()?,
            asleep: AtomicBool::new(false),
            pages,
            started: Mutex::new(None),
            trouble: Mutex::default(),
            start_known: Condvar::new(),
            held: Arc::default(),
        })
    }

    pub(in super::super) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the driver if it sleeps.
    pub(in super::super) fn ring(&self) {
        if self.asleep.swap(false, Ordering::SeqCst) {
            self.waker.ring();
        }
    }

    /// The driver sleeps from now on, or not any more.
    pub(in super::super) fn sleeps(&self, asleep: bool) {
        self.asleep.store(asleep, Ordering::SeqCst);
    }

    /// Tells how the first start went; only the first time counts.
    pub(in super::super) fn tell_start(&self, result: Result<()>) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.get_or_insert(result);
        self.start_known.notify_all();
    }

    /// Keeps why a start failed.
    pub(in super::super) fn not_started(&self, why: String) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Waits until the first worker is ready.
    ///
    /// # Errors
    /// Why none is within the time limit, or ever will be.
    pub(in super::super) fn first_start(&self, limit: Duration) -> Result<()> {
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.start_known.wait_timeout_while(started, limit, |s| s.is_none());
        let mut known = known.unwrap_or_else(PoisonError::into_inner).0;
        known.take().unwrap_or_else(|| {
            let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            let last = if trouble.is_empty() { "" } else { "; the last: " };
            let why = format!("none was ready after {limit:?}{last}{trouble}");
            Err(Error::Workers { why })
        })
    }
}
