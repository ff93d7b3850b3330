//! The run of one worker process: its phase, its tasks, and the reason of its end.

use std::collections::VecDeque;
use std::time::Duration;

use super::Page;
use crate::engine::Task;

/// The phase of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Phase {
    /// The worker opens its pipeline.
    Starting,
    /// The worker accepts tasks.
    Working,
    /// The worker gets no further tasks; the loader tells it to end after its last answer.
    Finishing,
    /// The loader told the worker to end.
    Draining,
    /// The worker announced its end.
    Gone,
}

/// A worker's task, and the slot for its samples.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(in super::super) struct Given<L> {
    pub(in super::super) task: Task,
    pub(in super::super) lease: Option<L>,
    /// How often the task returned from a dead worker that had not begun it.
    pub(super) returned: u32,
}

/// The bytes of a task that comes in pieces.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Pieces {
    pub(super) task: u64,
    /// The announced number of bytes.
    pub(super) bytes: u64,
    /// The received number of bytes.
    pub(super) came: u64,
}

/// The run of one worker process.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Run<L> {
    pub(super) phase: Phase,
    /// The start of the phase.
    since: Duration,
    /// The tasks without an answer, the one in progress first.
    pub(super) given: VecDeque<Given<L>>,
    /// The time at which the first task was first seen to be due.
    turn: Option<Duration>,
    /// The progress of the first task on the status page, and the time of its last change.
    seen: Option<(u64, Duration)>,
    pub(super) pieces: Option<Pieces>,
    /// The number of finished samples.
    pub(super) samples: u64,
    /// The largest measured memory of the process, in bytes.
    pub(super) rss: Option<u64>,
    pub(super) weighed: Option<Duration>,
    /// Whether the process exceeds its memory limit.
    pub(super) heavy: bool,
    /// The reason why the worker cannot work, as the worker reported or the loader found.
    pub(super) refused: Option<String>,
    /// The worker's own reason for its end.
    pub(super) trouble: Option<String>,
    /// The reason and the time of the kill.
    pub(super) killed: Option<(String, Duration)>,
    /// Whether the pool ignores all further messages.
    pub(super) distrusted: bool,
    /// The time at which the channel closed.
    pub(super) hung_up: Option<Duration>,
    /// Whether the worker has identified itself as a worker of this loader.
    pub(super) greeted: bool,
    /// Whether the pipeline was open.
    pub(super) was_ready: bool,
}

impl<L> Run<L> {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            phase: Phase::Starting,
            since: now,
            given: VecDeque::new(),
            turn: None,
            seen: None,
            pieces: None,
            samples: 0,
            rss: None,
            weighed: None,
            heavy: false,
            refused: None,
            trouble: None,
            killed: None,
            distrusted: false,
            hung_up: None,
            greeted: false,
            was_ready: false,
        }
    }

    pub(super) fn enter(&mut self, phase: Phase, now: Duration) {
        (self.phase, self.since) = (phase, now);
    }

    /// Returns whether the loader should tell the worker to end now: the worker gets no further
    /// tasks and has answered all earlier ones.
    pub(super) fn drained(&mut self, now: Duration) -> bool {
        let is_drained = self.phase == Phase::Finishing && self.given.is_empty();
        if is_drained {
            self.enter(Phase::Draining, now);
        }
        is_drained
    }

    /// Returns whether the worker is working on this task.
    pub(super) fn is_at(&self, task: u64) -> bool {
        self.given.front().is_some_and(|given| given.task.id == task)
    }

    /// Returns whether the worker can take another task, with at most `queue` in total.
    pub(super) fn has_room(&self, queue: usize) -> bool {
        let is_up = self.killed.is_none() && self.hung_up.is_none();
        self.phase == Phase::Working && self.given.len() < queue && is_up
    }

    /// Returns how many samples the worker has finished or was given.
    pub(super) fn samples_with_given(&self) -> u64 {
        self.samples + self.given.iter().map(|given| given.task.count).sum::<u64>()
    }

    /// Starts the time of the task that is now first.
    pub(super) fn next_turn(&mut self) {
        (self.turn, self.seen) = (None, None);
    }

    /// Returns the position of the current task that the page names. If user code has overwritten
    /// the page, the position most often lies outside the task.
    pub(super) fn filling(&self, page: &Page) -> Option<u64> {
        let task = self.given.front()?.task;
        page.filling.filter(|position| task.positions().contains(position))
    }

    /// Updates the progress from the page. Positions only increase, so any other value counts as no
    /// progress.
    pub(super) fn observe(&mut self, page: &Page, now: Duration) {
        if self.given.is_empty() {
            return;
        }
        self.turn.get_or_insert(now);
        if let Some(position) = self.filling(page)
            && self.seen.is_none_or(|(last, _)| last < position)
        {
            self.seen = Some((position, now));
        }
    }

    /// Returns how long the process has been in its phase.
    pub(super) fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since)
    }

    /// Returns how long the worker has been computing its sample, as far as the pool has seen.
    pub(super) fn busy(&self, now: Duration) -> Duration {
        let since = self.seen.map(|(_, since)| since).or(self.turn);
        since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }
}
