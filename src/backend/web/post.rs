//! The assignment of tasks to workers: the queues between the backend and the carrier of its
//! messages.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::super::Full;
use super::message::{self, REQUEST_BYTES, request_of};
use crate::dataset::Tensor;
use crate::engine::Task;

/// The maximum number of requests at a worker: one in progress and one queued, so that the worker
/// does not idle while a message travels.
const IN_FLIGHT: usize = 2;
/// The maximum number of requests at a worker when tasks are short, because some browsers take a
/// millisecond for a message.
const IN_FLIGHT_SHORT: usize = 4;
/// The limit for a short task, in nanoseconds. With longer tasks, many requests queued at one
/// worker would leave the others idle at the end.
const SHORT: u64 = 5_000_000;

/// The queues of a [`Workers`](super::Workers) backend: requests out, replies in. Clones share the
/// same queues.
#[derive(Debug, Clone)]
pub struct Post(Arc<Mutex<Desk>>);

#[derive(Debug)]
struct Desk {
    /// The tasks without a worker, in order.
    tasks: VecDeque<Task>,
    /// The positions of lost workers that no worker has answered since.
    suspects: Vec<Range<u64>>,
    workers: Vec<Worker>,
    words: VecDeque<Word>,
    waker: Option<Waker>,
    /// The nanoseconds that the last task took.
    nanos: u64,
}

#[derive(Debug, Default)]
struct Worker {
    ready: bool,
    /// The worker's tasks; the first one is in progress, or its reply is on the way.
    tasks: VecDeque<Task>,
}

/// A report that the carrier delivered.
#[derive(Debug)]
pub(super) enum Word {
    Reply { task: Task, bytes: Tensor },
    Lost { task: u64, how: String },
}

impl Post {
    pub(super) fn new(workers: u32) -> Self {
        let workers = (0..workers).map(|_| Worker::default()).collect();
        let (tasks, words) = (VecDeque::new(), VecDeque::new());
        let (suspects, nanos) = (Vec::new(), u64::MAX);
        Self(Arc::new(Mutex::new(Desk { tasks, suspects, workers, words, waker: None, nanos })))
    }

    /// Marks a worker, or its replacement, as ready for requests.
    pub fn ready(&self, worker: u32) {
        if let Some(worker) = self.desk().workers.get_mut(worker as usize) {
            worker.ready = true;
        }
    }

    /// Returns the next request to carry and the worker to carry it to; `None` if no request can go
    /// out now.
    #[must_use]
    pub fn take(&self) -> Option<(u32, [u8; REQUEST_BYTES])> {
        let mut desk = self.desk();
        let most = if desk.nanos < SHORT { IN_FLIGHT_SHORT } else { IN_FLIGHT };
        let next = desk.tasks.front()?;
        let free = |(_, worker): &(usize, &Worker)| match worker.tasks.back() {
            None => worker.ready,
            // A suspect is alone at its worker: the next loss then has one possible cause.
            Some(last) => {
                worker.ready
                    && worker.tasks.len() < most
                    && !desk.is_suspect(last)
                    && !desk.is_suspect(next)
            }
        };
        let workers = desk.workers.iter().enumerate().filter(free);
        let number = workers.min_by_key(|(_, worker)| worker.tasks.len())?.0;
        let task = desk.tasks.pop_front()?;
        desk.workers[number].tasks.push_back(task);
        Some((number as u32, request_of(task)))
    }

    /// Accepts a worker's reply to its oldest request: a `U8` tensor with all bytes of the reply.
    ///
    /// A worker answers its requests in order. The post drops a reply without a request.
    pub fn replied(&self, worker: u32, bytes: Tensor) {
        let mut desk = self.desk();
        let tasks = desk.workers.get_mut(worker as usize).map(|worker| &mut worker.tasks);
        if let Some(task) = tasks.and_then(VecDeque::pop_front) {
            desk.nanos = message::nanos_of(bytes.bytes());
            desk.acquit(&task);
            desk.words.push_back(Word::Reply { task, bytes });
        }
        desk.ring();
    }

    /// Marks a worker as lost, with the way it ended.
    ///
    /// The oldest task is lost with the worker. The post gives the tasks queued behind that task to
    /// other workers. But the loss may overtake the reply to the oldest task, so a later task can be
    /// the cause. Each of the tasks is alone at a worker from here on, until a worker answers it.
    pub fn lost(&self, worker: u32, how: impl Into<String>) {
        let mut desk = self.desk();
        let Some(gone) = desk.workers.get_mut(worker as usize).map(std::mem::take) else { return };
        desk.suspects.extend(gone.tasks.iter().map(range));
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

    /// Discards all tasks and reports.
    pub(super) fn close(&self) {
        let mut desk = self.desk();
        desk.tasks.clear();
        desk.suspects.clear();
        desk.words.clear();
        desk.workers.fill_with(Worker::default);
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the positions of a task.
fn range(task: &Task) -> Range<u64> {
    task.start..task.start.saturating_add(task.count)
}

impl Desk {
    /// Returns `true` if a worker was lost with one of the task's positions, and none answered since.
    fn is_suspect(&self, task: &Task) -> bool {
        let Range { start, end } = range(task);
        self.suspects.iter().any(|suspect| suspect.start < end && start < suspect.end)
    }

    /// Removes the positions of an answered task from the suspects.
    fn acquit(&mut self, task: &Task) {
        let Range { start, end } = range(task);
        let around = |suspect: Range<u64>| {
            [suspect.start..suspect.end.min(start), suspect.start.max(end)..suspect.end]
        };
        let all = std::mem::take(&mut self.suspects).into_iter().flat_map(around);
        self.suspects = all.filter(|range| !range.is_empty()).collect();
    }

    fn ring(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
