//! The state that the loader's own threads share with the driver.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::shm::status_page::StatusPage;
use super::super::sys::Waker;
use crate::engine::Task;
use crate::error::{Error, Result};

/// The state that the loader's own threads share with the driver.
pub(in super::super) struct Shared {
    inbox: Mutex<Inbox>,
    pub(in super::super) waker: Waker,
    /// Whether the driver sleeps, or is about to.
    asleep: AtomicBool,
    pub(in super::super) pages: Vec<Arc<StatusPage>>,
    /// Whether the first worker is ready, or why no worker will ever be.
    started: Mutex<Option<Result<()>>>,
    /// The reason of the last failed start.
    trouble: Mutex<String>,
    start_known: Condvar,
    /// The bytes of large payloads that were delivered and are still alive.
    pub(in super::super) held: Arc<AtomicU64>,
}

#[derive(Default)]
pub(in super::super) struct Inbox {
    pub(in super::super) tasks: VecDeque<Task>,
    /// The deadline for the end of all workers.
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

    /// Records whether the driver sleeps.
    pub(in super::super) fn sleeps(&self, asleep: bool) {
        self.asleep.store(asleep, Ordering::SeqCst);
    }

    /// Records the outcome of the first start; only the first call counts.
    pub(in super::super) fn tell_start(&self, result: Result<()>) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.get_or_insert(result);
        self.start_known.notify_all();
    }

    /// Records why a start failed.
    pub(in super::super) fn not_started(&self, why: String) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Waits until the first worker is ready.
    ///
    /// # Errors
    /// Returns why no worker is ready within the time limit, or ever will be.
    pub(in super::super) fn first_start(&self, limit: Duration) -> Result<()> {
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.start_known.wait_timeout_while(started, limit, |s| s.is_none());
        let mut known = known.unwrap_or_else(PoisonError::into_inner).0;
        known.take().unwrap_or_else(|| {
            let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            let last = if trouble.is_empty() { "" } else { "; the last start: " };
            let why = format!("no worker was ready after {limit:?}{last}{trouble}");
            Err(Error::Workers { why })
        })
    }
}
