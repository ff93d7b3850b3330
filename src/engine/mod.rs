//! The engine: hands out tasks, takes completions and returns results in order.
//!
//! The engine is a plain state machine without threads, clocks, files or async code. A driver asks
//! for the [next task](Engine::next_task), reports its completion ([`done`](Engine::done)) or loss
//! ([`lost`](Engine::lost)), and takes results in position order ([`pop`](Engine::pop)).
//! Completions may come in any order, twice, or never. Every position still has exactly one
//! outcome, in its place. The engine does not know samples, backends or states.

mod group;
mod window;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

use crate::dataset::{SampleResult, discard};
use crate::error::{Error, Loss, Result};
use group::Group;
pub use window::Limits;
use window::Window;

/// A range of positions for one worker to fill, one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    /// The task's number, which is never used twice in a run.
    pub id: u64,
    /// The first position.
    pub start: u64,
    /// The number of positions, at least 1.
    pub count: u64,
}

impl Task {
    /// Returns the positions to fill.
    #[must_use]
    pub fn positions(&self) -> Range<u64> {
        self.start..self.start.saturating_add(self.count)
    }
}

/// The results of a finished task.
#[derive(Debug)]
pub struct Completion<T> {
    /// The task's number.
    pub task: u64,
    /// One result for each position, in the task's order.
    pub results: Vec<SampleResult<T>>,
    /// The size of the results in bytes, or `None` if unknown.
    pub bytes: Option<u64>,
    /// The time that the worker took, in nanoseconds, or 0 without a clock.
    pub nanos: u64,
}

/// The engine's answer to a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The engine accepted the completion.
    Taken,
    /// No one waits for this task, which was done or lost before. Nothing changed.
    Stale,
    /// The number of results differs from the number of positions. The task counts as lost.
    Malformed,
}

/// The next item in the order.
#[derive(Debug)]
pub enum Next<T> {
    /// The outcome of a position: a sample, a gap, or an error.
    Ready(u64, Result<Option<T>>),
    /// The next position is not filled yet.
    Pending,
    /// There are no more positions.
    End,
}

/// The state machine. See the [module documentation](self).
#[derive(Debug)]
pub struct Engine<T> {
    /// The positions handed out and not popped, as adjoining groups in order.
    groups: VecDeque<Group<T>>,
    /// The tasks handed out and neither done nor lost.
    outstanding: BTreeMap<u64, Task>,
    /// The positions to fill again, each as a task of one position.
    redo: BTreeSet<u64>,
    /// The failures and losses so far at positions that have no outcome yet.
    book: BTreeMap<u64, Trouble>,
    window: Window,
    /// The next position to pop.
    front: u64,
    /// The next position to hand out for the first time.
    fresh: u64,
    end: u64,
    /// The position before which positions can be handed out.
    reach: u64,
    next_id: u64,
}

/// The failures and losses at one position.
#[derive(Debug, Default)]
struct Trouble {
    failures: u32,
    losses: Vec<Loss>,
}

impl<T> Engine<T> {
    /// Creates an engine for a range of positions.
    #[must_use]
    pub fn new(positions: Range<u64>, limits: Limits) -> Self {
        Self {
            groups: VecDeque::new(),
            outstanding: BTreeMap::new(),
            redo: BTreeSet::new(),
            book: BTreeMap::new(),
            window: Window::new(limits),
            front: positions.start,
            fresh: positions.start,
            end: positions.end.max(positions.start),
            reach: u64::MAX,
            next_id: 0,
        }
    }

    /// Continues at another position, before the end, and gives up everything handed out.
    ///
    /// The engine ignores later completions of tasks that were given up.
    pub fn skip_to(&mut self, position: u64) {
        self.groups.clear();
        self.outstanding.clear();
        self.redo.clear();
        self.book.clear();
        self.window.empty();
        self.front = position.min(self.end);
        self.fresh = self.front;
    }

    /// Numbers later tasks from `next_id`, so that no number repeats one of another engine.
    #[must_use]
    pub fn numbering_from(self, next_id: u64) -> Self {
        Self { next_id, ..self }
    }

    /// Returns the number of the next task.
    #[must_use]
    pub fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Returns the next position that [`pop`](Self::pop) returns.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.front
    }

    /// Returns the number of tasks handed out and neither done nor lost.
    #[must_use]
    pub fn outstanding(&self) -> u64 {
        self.outstanding.len() as u64
    }

    /// Sets the position before which positions can be handed out; by default all can be.
    pub fn set_reach(&mut self, position: u64) {
        self.reach = position;
    }

    /// Returns `true` if all positions within reach have been popped, although more follow.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.groups.is_empty() && self.is_out_of_reach()
    }

    /// Returns `true` if no position can be handed out for the first time, although more follow.
    #[must_use]
    pub fn is_out_of_reach(&self) -> bool {
        self.fresh >= self.reach && self.fresh < self.end
    }

    /// Returns `true` if the next position is ready, and earlier positions of its group have been
    /// popped.
    ///
    /// A driver then need not look for completions and tasks. The next position can be popped, and
    /// room for another group appears only with the last position of this group.
    #[must_use]
    pub fn is_inside_group(&self) -> bool {
        self.groups.front().is_some_and(Group::is_begun)
    }

    /// Returns the next task for a worker, if a task can be handed out now.
    ///
    /// Positions to fill again come first: one position a task, the earliest first. The engine
    /// always hands out the first position not yet popped, however tight the limits are.
    pub fn next_task(&mut self) -> Option<Task> {
        self.next_task_within(|_, count| count)
    }

    /// Returns the next task, as [`next_task`](Self::next_task) does, with a number of positions
    /// from `part`.
    ///
    /// `part` receives the first position and the largest count, and returns a count of 1 or more.
    pub fn next_task_within(&mut self, part: impl FnOnce(u64, u64) -> u64) -> Option<Task> {
        if let Some(position) = self.redo.pop_first() {
            return Some(self.hand_out(position, 1));
        }
        let left = self.end.min(self.reach).saturating_sub(self.fresh);
        let count = self.window.group(self.groups.len(), left);
        let count = if count > 1 { part(self.fresh, count).clamp(1, count) } else { count };
        if count == 0 {
            return None;
        }
        let task = self.hand_out(self.fresh, count);
        self.groups.push_back(Group::new(task.start, count));
        self.window.handed_out(count);
        self.fresh += count;
        Some(task)
    }

    /// Accepts the results of a task.
    pub fn done(&mut self, completion: Completion<T>) -> Verdict {
        let task = self.outstanding.get(&completion.task).copied();
        let count = completion.results.len() as u64;
        let Some(task) = task.filter(|task| task.count == count) else {
            completion.results.into_iter().for_each(discard);
            let Some(task) = task else { return Verdict::Stale };
            self.lost(task.id, format!("returned {count} results for {} positions", task.count));
            return Verdict::Malformed;
        };
        self.outstanding.remove(&task.id);
        let bytes = self.window.came_back(task.count, completion.bytes, completion.nanos);
        let group = group::of(&mut self.groups, task.start);
        group.add_bytes(bytes);
        let retries = self.window.limits().retries;
        if task.count == group.count() && completion.results.iter().all(Result::is_ok) {
            group.fill(completion.results);
            self.book.remove(&task.start);
            return Verdict::Taken;
        }
        for (position, result) in task.positions().zip(completion.results) {
            let outcome = match result {
                Ok(sample) => Ok(sample),
                Err(fault) => {
                    let trouble = self.book.entry(position).or_default();
                    trouble.failures = trouble.failures.saturating_add(1);
                    if trouble.failures <= retries {
                        self.redo.insert(position);
                        self.window.sent_again();
                        group.open();
                        continue;
                    }
                    Err(Error::Sample { position, fault, attempts: trouble.failures })
                }
            };
            self.book.remove(&position);
            group.put(position, outcome);
        }
        Verdict::Taken
    }

    /// Records that the worker with this task is gone, and how the worker ended.
    ///
    /// The engine fills the positions of a group again one by one, so that the failing position is
    /// known exactly. A position that lost its worker alone, as often as the limits allow, has the
    /// outcome [`Error::SampleLost`].
    pub fn lost(&mut self, task: u64, how: impl Into<Loss>) -> Verdict {
        let Some(task) = self.outstanding.remove(&task) else { return Verdict::Stale };
        let group = group::of(&mut self.groups, task.start);
        if task.count > 1 {
            group.open();
            self.redo.extend(task.positions());
            return Verdict::Taken;
        }
        let position = task.start;
        let trouble = self.book.entry(position).or_default();
        trouble.losses.push(how.into());
        if trouble.losses.len() < self.window.limits().losses as usize {
            group.open();
            self.redo.insert(position);
        } else if let Some(trouble) = self.book.remove(&position) {
            self.window.given_up();
            let index = trouble.losses.last().and_then(|loss| loss.index);
            group.put(
                position,
                Err(Error::SampleLost { position, index, attempts: trouble.losses }),
            );
        }
        Verdict::Taken
    }

    /// Returns the outcome of the next position, if ready.
    pub fn pop(&mut self) -> Next<T> {
        let Some(group) = self.groups.front_mut() else {
            debug_assert!(self.window.is_idle(), "{:?}", self.window);
            return if self.front == self.end { Next::End } else { Next::Pending };
        };
        let Some((outcome, bytes)) = group.take() else { return Next::Pending };
        let position = self.front;
        self.front += 1;
        self.window.popped(bytes);
        if group.is_spent() {
            self.groups.pop_front();
        }
        Next::Ready(position, outcome)
    }

    fn hand_out(&mut self, start: u64, count: u64) -> Task {
        let task = Task { id: self.next_id, start, count };
        self.next_id += 1;
        self.outstanding.insert(task.id, task);
        task
    }
}

#[cfg(test)]
mod tests;
