//! `inline`: the caller's own thread, and the reference for all other backends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::profile::become_worker;
use super::{Capabilities, Event, ExecutionBackend, Fill, Full, Info, run};
use crate::dataset::reduce::apart;
use crate::engine::Task;

/// The maximum number of queued tasks.
const TASKS_MAX: usize = 64;

pub(super) static INFO: Info = Info {
    capabilities: Capabilities { shares_memory: true, ..Capabilities::NONE },
    ..Info::new("inline", "computes samples in the caller's own thread, on demand")
};

/// A backend that computes samples in the caller's thread, each time the caller waits.
pub struct Inline<T> {
    work: Arc<dyn Fill<T>>,
    tasks: VecDeque<Task>,
}

impl<T> Inline<T> {
    /// Creates a backend that runs this work.
    #[must_use]
    pub fn new(work: impl Fill<T> + 'static) -> Self {
        Self::shared(Arc::new(work))
    }

    /// Creates a backend that runs work shared with others.
    #[must_use]
    pub fn shared(work: Arc<dyn Fill<T>>) -> Self {
        Self { work, tasks: VecDeque::new() }
    }
}

impl<T> std::fmt::Debug for Inline<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inline").field("tasks", &self.tasks).finish_non_exhaustive()
    }
}

impl<T> ExecutionBackend<T> for Inline<T> {
    fn info(&self) -> &Info {
        &INFO
    }

    fn workers(&self) -> u32 {
        1
    }

    fn submit(&mut self, task: Task) -> Result<(), Full> {
        if self.tasks.len() == TASKS_MAX {
            return Err(Full);
        }
        self.tasks.push_back(task);
        Ok(())
    }

    fn wait(&mut self, _: Duration) -> Option<Event<T>> {
        let task = self.tasks.pop_front()?;
        // This loader may run inside a sample of another loader.
        become_worker(0);
        apart(|| run(task, &*self.work, |_| true)).map(Event::Done)
    }

    fn activity(&self) -> Vec<Option<u64>> {
        vec![None]
    }

    fn shutdown(&mut self, _: Duration) -> Vec<u64> {
        self.tasks.clear();
        Vec::new()
    }
}
