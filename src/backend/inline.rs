//! `inline`: the caller's own thread, and the oracle for all other backends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::{Event, ExecutionBackend, Fill, Full, Info, registry, run};
use crate::dataset::reduce::apart;
use crate::engine::Task;

/// Tasks that may wait to be run.
const TASKS_MAX: usize = 64;

/// Makes samples in the caller's thread, whenever the caller waits.
pub struct Inline<T> {
    work: Arc<dyn Fill<T>>,
    tasks: VecDeque<Task>,
}

impl<T> Inline<T> {
    /// A backend that runs this work.
    #[must_use]
    pub fn new(work: impl Fill<T> + 'static) -> Self {
        Self::shared(Arc::new(work))
    }

    /// A backend that runs work which others may run too.
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
        &registry::INLINE
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
        // This may be a loader inside of a sample of another one.
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
