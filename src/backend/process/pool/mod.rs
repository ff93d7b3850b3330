//! The pool: assigns tasks to workers, and reacts to the workers' messages, delays and ends.
//!
//! The pool is a plain state machine without descriptors, clocks, waits or processes. A driver
//! reports events ([`said`](Pool::said), [`reported`](Pool::reported), [`exited`](Pool::exited),
//! [`look`](Pool::look) with the time) and carries out the actions of [`next`](Pool::next). The
//! pool reports each accepted task exactly once, as delivered or as [`Action::Lost`], unless the
//! pool is closed or broken. A task is lost if its worker ended after beginning it. A task queued
//! behind another one goes to another worker without blame.
//!
//! The clock for these times advances only while the driver runs.

mod ends;
mod events;
mod run;
mod says;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

pub(super) use events::{Action, Exit, Limits, Page, Said, Wait};
pub(super) use run::{Given, Phase};

use run::Run;

use crate::engine::Task;

/// The duration above which tasks do not queue behind another one, but wait for a free worker. The
/// first tasks also wait, because their duration is unknown.
const LONG_TASK_NANOS: u64 = 10_000_000;
/// The time limit for the system to release a killed process.
const REAP_LIMIT: Duration = Duration::from_secs(5);
/// The time limit for a starting worker to become ready after the pool closes.
const START_GRACE: Duration = Duration::from_millis(500);
/// The interval between checks of a busy worker without time limits.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The interval between checks of a worker that is about to end.
const END_EVERY: Duration = Duration::from_millis(20);
/// The minimum interval between measurements of a worker's memory.
const WEIGH_EVERY: Duration = Duration::from_millis(50);

/// A worker: its place in the pool, and its current process.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct Worker<L> {
    /// The number of earlier processes in this place.
    incarnation: u32,
    /// The earliest time for the next start.
    not_before: Duration,
    run: Option<Run<L>>,
}

/// The state of the pool.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Pool<L> {
    limits: Limits,
    workers: Vec<Worker<L>>,
    backlog: VecDeque<(Task, u32)>,
    actions: VecDeque<Action>,
    /// The number of workers lost in a row without a finished sample, including failed starts.
    crashes: u32,
    /// The number of failed starts in a row.
    failed: u32,
    /// Whether a worker was ever ready.
    was_ready: bool,
    /// The number of workers that ended with a fork server whose own end is not yet known, or was
    /// the most recent one.
    with_server: usize,
    /// Whether no more workers will start.
    broken: bool,
    closing: bool,
    /// The duration of a task, as a running mean.
    task_nanos: u64,
}

impl<L> Pool<L> {
    /// Creates a pool with this number of workers, none of them running.
    pub(super) fn new(workers: u32, limits: Limits) -> Self {
        let worker = |_| Worker { incarnation: 0, not_before: Duration::ZERO, run: None };
        Self {
            limits,
            workers: (0..workers).map(worker).collect(),
            backlog: VecDeque::new(),
            actions: VecDeque::new(),
            crashes: 0,
            failed: 0,
            was_ready: false,
            with_server: 0,
            broken: false,
            closing: false,
            task_nanos: 0,
        }
    }

    /// Returns the next action for the driver.
    pub(super) fn next(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Accepts a task.
    pub(super) fn submit(&mut self, task: Task) {
        self.backlog.push_back((task, 0));
    }

    /// Returns how many earlier processes held a worker's place.
    pub(super) fn incarnation(&self, number: usize) -> u32 {
        self.workers[number].incarnation
    }

    /// Returns the phase of a worker's process; `Gone` without a process.
    pub(super) fn phase(&self, number: usize) -> Phase {
        self.workers[number].run.as_ref().map_or(Phase::Gone, |run| run.phase)
    }

    /// Returns whether no process runs.
    pub(super) fn is_empty(&self) -> bool {
        self.workers.iter().all(|worker| worker.run.is_none())
    }

    /// Returns the time at which a missing worker's process may start, if the pool wants one.
    pub(super) fn start_at(&self, number: usize) -> Option<Duration> {
        let worker = &self.workers[number];
        (!self.broken && worker.run.is_none()).then_some(worker.not_before)
    }

    /// Records the start of a worker's process.
    pub(super) fn started(&mut self, number: usize, now: Duration) {
        self.workers[number].run = Some(Run::new(now));
    }

    /// Returns a task that a worker was given and has not answered.
    pub(super) fn given(&self, number: usize, task: u64) -> Option<&Given<L>> {
        self.workers[number].run.as_ref()?.given.iter().find(|given| given.task.id == task)
    }

    /// Gives tasks to workers: first to idle ones, then one more to queue behind a short one. Calls
    /// `lease` for a slot, with whether the worker is idle.
    pub(super) fn hand_out(
        &mut self,
        now: Duration,
        mut lease: impl FnMut(usize, bool) -> Result<Option<L>, Wait>,
    ) {
        let queue = if (1..=LONG_TASK_NANOS).contains(&self.task_nanos) { 2 } else { 1 };
        for room in 1..=queue {
            for (number, worker) in self.workers.iter_mut().enumerate() {
                let Some(run) = worker.run.as_mut().filter(|run| run.has_room(room)) else {
                    continue;
                };
                let Some(&(task, returned)) = self.backlog.front() else { return };
                let most = self.limits.samples.unwrap_or(u64::MAX);
                // A worker without finished samples takes a task of any length, or no worker would.
                if run.samples_with_given() > 0 && run.samples_with_given() + task.count > most {
                    run.enter(Phase::Finishing, now);
                    self.actions.extend(run.drained(now).then_some(Action::Drain(number)));
                    continue;
                }
                let Ok(lease) = lease(number, room == 1) else { continue };
                self.backlog.pop_front();
                if run.given.is_empty() {
                    run.next_turn();
                }
                run.given.push_back(Given { task, lease, returned });
                self.actions.push_back(Action::Send(number, task.id));
            }
        }
    }

    /// Lets a worker end that has computed enough samples or exceeds its memory limit.
    fn recycle(&mut self, number: usize, now: Duration) {
        let most = self.limits.samples;
        let Some(run) = &mut self.workers[number].run else { return };
        let enough = most.is_some_and(|most| run.samples >= most) || run.heavy;
        if enough && run.phase == Phase::Working {
            run.enter(Phase::Finishing, now);
        }
        self.actions.extend(run.drained(now).then_some(Action::Drain(number)));
    }

    /// Records that the channel of a worker is closed.
    pub(super) fn hung_up(&mut self, number: usize, now: Duration) {
        if let Some(run) = &mut self.workers[number].run {
            run.hung_up.get_or_insert(now);
        }
    }

    /// Returns whether the driver should measure a worker's memory.
    pub(super) fn is_weighed(&self, number: usize, now: Duration) -> bool {
        let Some(run) = &self.workers[number].run else { return false };
        let due = run.weighed.is_none_or(|last| now.saturating_sub(last) >= WEIGH_EVERY);
        let wanted =
            run.weighed.is_none() || self.limits.rss.is_some() || run.busy(now) >= WEIGH_EVERY;
        run.phase != Phase::Starting && due && wanted
    }

    /// Records how many bytes a worker occupies, if known.
    pub(super) fn weighed(&mut self, number: usize, bytes: Option<u64>, now: Duration) {
        let Some(run) = &mut self.workers[number].run else { return };
        run.weighed = Some(now);
        let Some(bytes) = bytes else { return };
        run.rss = Some(run.rss.map_or(bytes, |before| before.max(bytes)));
        let Some(limit) = self.limits.rss else { return };
        run.heavy = bytes > limit;
        if bytes > limit.saturating_mul(2) {
            let why =
                format!("it occupied {bytes} bytes, more than twice its limit of {limit} bytes");
            self.kill(number, format!("killed by windrow: {why}"), now);
        }
    }

    /// Returns the time limit that a worker has exceeded, if any.
    pub(super) fn passed(&self, number: usize, now: Duration) -> Option<Duration> {
        let run = self.workers[number].run.as_ref().filter(|run| run.killed.is_none())?;
        let (took, limit) = match run.phase {
            Phase::Starting => (run.age(now), self.limits.startup),
            _ => (run.busy(now), self.limits.sample?),
        };
        (took >= limit.saturating_add(self.limits.slack)).then_some(limit)
    }

    /// Records a worker's progress from its status page.
    pub(super) fn observe(&mut self, number: usize, page: &Page, now: Duration) {
        if let Some(run) = &mut self.workers[number].run {
            run.observe(page, now);
        }
    }

    /// Checks a worker against its limits, after all of its messages.
    pub(super) fn look(&mut self, number: usize, now: Duration) {
        if let Some(limit) = self.passed(number, now) {
            return self.kill(
                number,
                format!("killed by windrow after {limit:?}, its time limit"),
                now,
            );
        }
        self.recycle(number, now);
        self.see_off(number, now);
    }

    /// Returns the time until the next check of a worker, where `tick` is a step of the clock.
    pub(super) fn look_after(
        &self,
        number: usize,
        now: Duration,
        tick: Duration,
    ) -> Option<Duration> {
        let Some(run) = &self.workers[number].run else {
            return self.start_at(number).map(|start| start.saturating_sub(now));
        };
        let is_ending = run.killed.is_some() || run.hung_up.is_some();
        let is_limited = run.phase == Phase::Starting || self.limits.sample.is_some();
        match run.phase {
            _ if is_ending => Some(END_EVERY),
            Phase::Working if run.given.is_empty() => None,
            _ => Some(if is_limited { tick } else { LOOK_EVERY }),
        }
    }

    /// Stops giving out tasks and starting workers, and lets the running workers end.
    pub(super) fn close(&mut self, now: Duration) {
        (self.broken, self.closing) = (true, true);
        self.backlog.clear();
        for (number, worker) in self.workers.iter_mut().enumerate() {
            if let Some(run) = &mut worker.run
                && !matches!(run.phase, Phase::Draining | Phase::Gone)
            {
                run.enter(Phase::Draining, now);
                self.actions.push_back(Action::Drain(number));
            }
        }
    }

    /// Returns the position that a worker is computing, for the list of unfinished positions at the
    /// deadline.
    pub(super) fn stuck(&self, number: usize, page: &Page) -> Option<u64> {
        self.workers[number].run.as_ref()?.filling(page)
    }
}
