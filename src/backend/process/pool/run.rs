//! The run of one worker process: how far it is, what it was given, and why it ends.

use std::collections::VecDeque;
use std::time::Duration;

use super::Page;
use crate::engine::Task;

/// How far a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Phase {
    /// It opens its pipeline.
    Starting,
    /// It takes tasks.
    Working,
    /// It gets no more tasks; it is told to end when it has answered those it has.
    Finishing,
    /// It was told to end.
    Draining,
    /// It said that it ends.
    Gone,
}

/// A task with a worker, and the slot that its samples go to.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(in super::super) struct Given<L> {
    pub(in super::super) task: Task,
    pub(in super::super) lease: Option<L>,
    /// How often it came back from a dead worker that had not begun it.
    pub(super) returned: u32,
}

/// The bytes of a task that come in pieces.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Pieces {
    pub(super) task: u64,
    /// How many were announced.
    pub(super) bytes: u64,
    /// How many have come.
    pub(super) came: u64,
}

/// See the [module](self).
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Run<L> {
    pub(super) phase: Phase,
    /// When it entered its phase.
    since: Duration,
    /// Tasks given and not answered, the one that is worked on first.
    pub(super) given: VecDeque<Given<L>>,
    /// When the first of them was first seen at its turn.
    turn: Option<Duration>,
    /// How far its page says it is with that one, and since when it says so.
    seen: Option<(u64, Duration)>,
    pub(super) pieces: Option<Pieces>,
    /// The samples it has made.
    pub(super) samples: u64,
    /// The most it was seen to occupy, in bytes.
    pub(super) rss: Option<u64>,
    pub(super) weighed: Option<Duration>,
    /// Whether it occupies more than it may.
    pub(super) heavy: bool,
    /// Why it cannot work: what it said, or what was seen.
    pub(super) refused: Option<String>,
    /// Why it ends, in its own words.
    pub(super) trouble: Option<String>,
    /// Why it was killed, if it was, and when.
    pub(super) killed: Option<(String, Duration)>,
    /// Whether nothing that it says counts any more.
    pub(super) distrusted: bool,
    /// Since when its channel is closed.
    pub(super) hung_up: Option<Duration>,
    /// Whether it has said who it is, and that is a worker of this loader.
    pub(super) greeted: bool,
    /// Whether its pipeline was open.
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

    /// Whether it is to be told to end now: it gets no more tasks and has answered all.
    pub(super) fn drained(&mut self, now: Duration) -> bool {
        let is_drained = self.phase == Phase::Finishing && self.given.is_empty();
        if is_drained {
            self.enter(Phase::Draining, now);
        }
        is_drained
    }

    /// Whether this is the task that it works on.
    pub(super) fn is_at(&self, task: u64) -> bool {
        self.given.front().is_some_and(|given| given.task.id == task)
    }

    /// Whether it can take another task, up to so many.
    pub(super) fn has_room(&self, queue: usize) -> bool {
        let is_up = self.killed.is_none() && self.hung_up.is_none();
        self.phase == Phase::Working && self.given.len() < queue && is_up
    }

    /// How many samples it has made or was given.
    pub(super) fn samples_with_given(&self) -> u64 {
        self.samples + self.given.iter().map(|given| given.task.count).sum::<u64>()
    }

    /// The task that is now the first begins, as far as is known.
    pub(super) fn next_turn(&mut self) {
        (self.turn, self.seen) = (None, None);
    }

    /// The position that the page names of the task whose turn it is. What user code has written over
    /// the page is most often about no position of the task.
    pub(super) fn filling(&self, page: &Page) -> Option<u64> {
        let task = self.given.front()?.task;
        page.filling.filter(|position| task.positions().contains(position))
    }

    /// Looks how far it is. A worker only ever goes forwards, so one that says anything else of
    /// itself is taken to be where it was.
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

    /// How long it has been in its phase.
    pub(super) fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since)
    }

    /// How long it has been with its sample, as far as was seen.
    pub(super) fn busy(&self, now: Duration) -> Duration {
        let since = self.seen.map(|(_, since)| since).or(self.turn);
        since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }
}
