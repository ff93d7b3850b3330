//! The scheduler of a run: hands out groups, takes completions and losses.
//!
//! The scheduler is a plain state machine without threads, clocks or files, like the engine of the
//! loader. A task is a group. Groups have no order among each other: the longest goes first, each to
//! whichever worker is free. Completions may come in any order, twice, or never. Every group still
//! ends exactly once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

use super::groups::Layout;
use crate::backend::Task;
use crate::error::Loss;

/// The number of tasks for each worker: one in progress, and the next one queued.
const TASKS_PER_WORKER: u64 = 2;

/// The scheduler's answer to a loss.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// No one waits for this task. Nothing changed.
    Stale,
    /// The group goes out again.
    Again,
    /// The group has ended: these positions lost their workers, which ended so.
    GivenUp(Range<u64>, Vec<Loss>),
    /// The index at this position lost its workers, which ended so. The rest of its group waits for
    /// [`Scheduler::left_out`].
    LeftOut(u64, Vec<Loss>),
}

/// The state machine. See the [module documentation](self).
#[derive(Debug)]
pub(super) struct Scheduler {
    layout: Layout,
    /// The groups that need no work.
    settled: BTreeSet<u64>,
    /// The next group to hand out for the first time.
    fresh: u64,
    /// The lost groups.
    again: VecDeque<u64>,
    /// The groups to write without one of their indices, by other workers.
    aside: Vec<u64>,
    /// The tasks handed out and neither done nor lost, with their groups.
    outstanding: BTreeMap<u64, u64>,
    /// The losses at each position, or of a group without a known position at its end.
    losses: BTreeMap<(u64, Option<u64>), Vec<Loss>>,
    /// The positions that no worker tries again.
    left_out: BTreeSet<u64>,
    next_id: u64,
    most: u64,
    losses_max: u32,
}

impl Scheduler {
    /// Creates a scheduler for the groups of a layout, except settled ones.
    pub(super) fn new(layout: Layout, settled: BTreeSet<u64>, losses_max: u32) -> Self {
        Self {
            layout,
            settled,
            fresh: 0,
            again: VecDeque::new(),
            aside: Vec::new(),
            outstanding: BTreeMap::new(),
            losses: BTreeMap::new(),
            left_out: BTreeSet::new(),
            next_id: 0,
            most: 1,
            losses_max,
        }
    }

    /// Begins a round with this number of workers, which leave out the positions of
    /// [`left_out`](Self::left_out). Nothing may be outstanding.
    pub(super) fn begin(&mut self, workers: u64) {
        self.most = workers.saturating_mul(TASKS_PER_WORKER).max(1);
        self.again.extend(self.aside.drain(..));
    }

    /// Returns the layout.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns the positions that no worker tries again.
    pub(super) fn left_out(&self) -> &BTreeSet<u64> {
        &self.left_out
    }

    /// Returns the next task for a worker, if a task can be handed out now.
    pub(super) fn next_task(&mut self) -> Option<Task> {
        if self.outstanding.len() as u64 >= self.most {
            return None;
        }
        let group = match self.again.pop_front() {
            Some(group) => group,
            None => self.next_fresh()?,
        };
        let positions = self.layout.positions(group);
        let task = Task {
            id: self.next_id,
            start: positions.start,
            count: positions.end - positions.start,
        };
        self.next_id += 1;
        self.outstanding.insert(task.id, group);
        Some(task)
    }

    fn next_fresh(&mut self) -> Option<u64> {
        while self.fresh < self.layout.groups() {
            let group = self.fresh;
            self.fresh += 1;
            if !self.settled.contains(&group) {
                return Some(group);
            }
        }
        None
    }

    /// Accepts a completion with this number of results. Returns the positions of the group, or
    /// `None` if no one waits for the task or the number is wrong. After a wrong number, the group
    /// counts as lost.
    pub(super) fn done(&mut self, task: u64, results: u64) -> Result<Range<u64>, Lost> {
        let Some(&group) = self.outstanding.get(&task) else { return Err(Lost::Stale) };
        let positions = self.layout.positions(group);
        let count = positions.end - positions.start;
        if results != count {
            return Err(self.lost(
                task,
                format!("returned {results} results for {count} indices").into(),
                None,
            ));
        }
        self.outstanding.remove(&task);
        Ok(positions)
    }

    /// Records that the worker of a task is gone, and the position that it worked on, if known.
    ///
    /// A position that lost as many workers as allowed is left out from the next round on. A group
    /// of one index, or of unknown positions, then has ended.
    pub(super) fn lost(&mut self, task: u64, how: Loss, position: Option<u64>) -> Lost {
        let Some(group) = self.outstanding.remove(&task) else { return Lost::Stale };
        let positions = self.layout.positions(group);
        let position = position
            .filter(|position| positions.contains(position) && !self.left_out.contains(position));
        let losses = self.losses.entry((group, position)).or_default();
        losses.push(how);
        if losses.len() < self.losses_max as usize {
            self.again.push_front(group);
            return Lost::Again;
        }
        let losses = self.losses.remove(&(group, position)).unwrap_or_default();
        match position {
            Some(position) if positions.end - positions.start > 1 => {
                self.left_out.insert(position);
                self.aside.push(group);
                Lost::LeftOut(position, losses)
            }
            _ => Lost::GivenUp(positions, losses),
        }
    }

    /// Returns whether no task is outstanding and none can be handed out in this round.
    pub(super) fn is_idle(&mut self) -> bool {
        if !self.outstanding.is_empty() || !self.again.is_empty() {
            return false;
        }
        // Looks past settled groups, which `next_task` would skip.
        match self.next_fresh() {
            None => true,
            Some(group) => {
                self.fresh = group;
                false
            }
        }
    }

    /// Returns whether every group has ended.
    pub(super) fn is_finished(&mut self) -> bool {
        self.is_idle() && self.aside.is_empty()
    }
}

#[cfg(test)]
mod tests;
