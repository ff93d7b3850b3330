//! Who has which task: the queues between the backend and whoever carries its messages.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::super::Full;
use super::message::{self, REQUEST_BYTES, request_of};
use crate::dataset::Tensor;
use crate::engine::Task;

/// Requests that a worker may have: one in the making and one behind it, so that it never idles
/// while a message is on its way.
const IN_FLIGHT: usize = 2;
/// How many those are where tasks are short: some browsers take a millisecond for a message.
const IN_FLIGHT_SHORT: usize = 4;
/// Nanoseconds of a short task: those that a worker has at the end keep the others idle.
const SHORT: u64 = 5_000_000;

/// The post of a [`Workers`](super::Workers) backend: requests out, replies in. A clone is the same
/// post.
#[derive(Debug, Clone)]
pub struct Post(Arc<Mutex<Desk>>);

#[derive(Debug)]
struct Desk {
    /// Tasks that no worker has, the next one first.
    tasks: VecDeque<Task>,
    workers: Vec<Worker>,
    words: VecDeque<Word>,
    waker: Option<Waker>,
    /// Nanoseconds that the last task took.
    nanos: u64,
}

#[derive(Debug, Default)]
struct Worker {
    ready: bool,
    /// What it has, the one in the making first.
    tasks: VecDeque<Task>,
}

/// What came in.
#[derive(Debug)]
pub(super) enum Word {
    Reply { task: Task, bytes: Tensor },
    Lost { task: u64, how: String },
}

impl Post {
    pub(super) fn new(workers: u32) -> Self {
        let workers = (0..workers).map(|_| Worker::default()).collect();
        let (tasks, words) = (VecDeque::new(), VecDeque::new());
        let nanos = u64::MAX;
        Self(Arc::new(Mutex::new(Desk { tasks, workers, words, waker: None, nanos })))
    }

    /// Hears that a worker can take requests: at its start, and at that of one in its place.
    pub fn ready(&self, worker: u32) {
        if let Some(worker) = self.desk().workers.get_mut(worker as usize) {
            worker.ready = true;
        }
    }

    /// The next request to carry, and the worker to carry it to; `None` when there is none now.
    #[must_use]
    pub fn take(&self) -> Option<(u32, [u8; REQUEST_BYTES])> {
        let mut desk = self.desk();
        let most = if desk.nanos < SHORT { IN_FLIGHT_SHORT } else { IN_FLIGHT };
        let free = |(_, worker): &(usize, &Worker)| worker.ready && worker.tasks.len() < most;
        let workers = desk.workers.iter().enumerate().filter(free);
        let number = workers.min_by_key(|(_, worker)| worker.tasks.len())?.0;
        let task = desk.tasks.pop_front()?;
        desk.workers[number].tasks.push_back(task);
        Some((number as u32, request_of(task)))
    }

    /// Takes in the reply of a worker to the oldest request that it has: a `U8` tensor of all its
    /// bytes.
    ///
    /// A worker answers its requests in order. A reply that nobody waits for is dropped.
    pub fn replied(&self, worker: u32, bytes: Tensor) {
        let mut desk = self.desk();
        let tasks = desk.workers.get_mut(worker as usize).map(|worker| &mut worker.tasks);
        if let Some(task) = tasks.and_then(VecDeque::pop_front) {
            desk.nanos = message::nanos_of(bytes.bytes());
            desk.words.push_back(Word::Reply { task, bytes });
        }
        desk.ring();
    }

    /// Hears that a worker is gone, and how it ended.
    ///
    /// The task in the making is lost with it; the one behind it goes to another worker, for it is
    /// not to blame.
    pub fn lost(&self, worker: u32, how: impl Into<String>) {
        let mut desk = self.desk();
        let Some(gone) = desk.workers.get_mut(worker as usize).map(std::mem::take) else { return };
        let mut tasks = gone.tasks.into_iter();
        if let Some(Task { id: task, .. }) = tasks.next() {
            desk.words.push_back(Word::Lost { task, how: how.into() });
        }
        for task in tasks.rev() {
            desk.tasks.push_front(task);
        }
        desk.ring();
    }

    pub(super) fn submit(&self, task: Task, most: usize) -> Result<(), Full> {
        let mut desk = self.desk();
        if desk.tasks.len() >= most {
            return Err(Full);
        }
        desk.tasks.push_back(task);
        Ok(())
    }

    pub(super) fn next(&self) -> Option<Word> {
        self.desk().words.pop_front()
    }

    pub(super) fn wake(&self, waker: &Waker) {
        self.desk().waker = Some(waker.clone());
    }

    pub(super) fn activity(&self) -> Vec<Option<u64>> {
        let desk = self.desk();
        desk.workers.iter().map(|worker| worker.tasks.front().map(|task| task.start)).collect()
    }

    /// Forgets all tasks and everything that came in.
    pub(super) fn close(&self) {
        let mut desk = self.desk();
        desk.tasks.clear();
        desk.words.clear();
        desk.workers.fill_with(Worker::default);
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    fn ring(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
