//! `workers`: workers that only messages reach, such as web workers with a wasm instance each.
//!
//! This module holds queues and no transport. A [`Post`] decides which request goes to which
//! worker, and receives the replies and the reports of lost workers. The carrier, the owner of the
//! [`Post`], moves the bytes. The backend never waits, because messages arrive only while its
//! caller yields; use the backend with [`Loader::poll_next`](crate::Loader::poll_next). The
//! worker's side is [`serve`]. Out of scope: ports, timers, and the start of a worker.

mod message;
mod post;

pub use message::{Reply, request_of, serve};
pub use post::Post;

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{Capabilities, Event, ExecutionBackend, Full, Info};
use crate::engine::Task;
use post::Word;

/// The maximum number of queued tasks for each worker.
const TASKS_PER_WORKER: usize = 64;

/// A backend that computes samples on workers reached through a [`Post`].
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use windrow::backend::web::{Workers, serve};
/// use windrow::backend::{Event, ExecutionBackend, Fill};
/// use windrow::{backend::Task, range};
///
/// let (mut backend, post) = Workers::<u64>::new(2);
/// post.ready(0);
/// backend.submit(Task { id: 0, start: 3, count: 2 }).unwrap();
///
/// // What the carrier does, with a worker that is a function call away:
/// let (worker, request) = post.take().unwrap();
/// let work: Arc<dyn Fill<u64>> = Arc::new(range(10..20));
/// let reply = serve(&*work, &request)?;
/// post.replied(worker, reply.to_tensor()?);
///
/// let Some(Event::Done(done)) = backend.wait(Duration::ZERO) else { panic!() };
/// assert_eq!(done.results, [Ok(Some(13)), Ok(Some(14))]);
/// # Ok::<(), windrow::Fault>(())
/// ```
#[derive(Debug)]
pub struct Workers<T> {
    post: Post,
    workers: u32,
    sample: std::marker::PhantomData<fn() -> T>,
}

impl<T> Workers<T> {
    /// Creates a backend with this number of workers, none of them ready, and its post.
    #[must_use]
    pub fn new(workers: u32) -> (Self, Post) {
        let post = Post::new(workers);
        (Self { post: post.clone(), workers, sample: std::marker::PhantomData }, post)
    }
}

impl<T: DeserializeOwned> ExecutionBackend<T> for Workers<T> {
    fn info(&self) -> &Info {
        &INFO
    }

    fn workers(&self) -> u32 {
        self.workers
    }

    fn submit(&mut self, task: Task) -> Result<(), Full> {
        self.post.submit(task, self.workers as usize * TASKS_PER_WORKER)
    }

    fn wait(&mut self, _: Duration) -> Option<Event<T>> {
        Some(match self.post.next()? {
            Word::Lost { task, how } => Event::Lost { task, how: how.into() },
            Word::Reply { task, bytes } => match message::read(task, &Arc::new(bytes)) {
                Ok(completion) => Event::Done(completion),
                Err(fault) => Event::Lost { task: task.id, how: fault.to_string().into() },
            },
        })
    }

    fn wake(&mut self, waker: &Waker) {
        self.post.wake(waker);
    }

    fn activity(&self) -> Vec<Option<u64>> {
        self.post.activity()
    }

    fn shutdown(&mut self, _: Duration) -> Vec<u64> {
        self.post.close();
        Vec::new()
    }
}

static INFO: Info = Info {
    requires: "a browser or Node, and code that carries messages",
    capabilities: Capabilities::APART,
    ..Info::new("workers", "computes samples on web workers, each with its own copy of the program")
};
