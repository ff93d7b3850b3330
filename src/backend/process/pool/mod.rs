//! The pool: which worker gets which task, and what follows from what a worker says, how long it
//! takes and how it ends.
//!
//! A plain state machine: no descriptors, no clock, no waits, no processes. A driver tells it what
//! happened ([`said`](Pool::said), [`reported`](Pool::reported), [`exited`](Pool::exited),
//! [`look`](Pool::look) with the time) and does what it asks for ([`next`](Pool::next)). Each task it
//! takes is told once, as delivered or as [`Action::Lost`], unless it is closed or broken. A task is
//! lost if its worker ended after it was begun; one that only waited behind it goes to another worker
//! without blame.
//!
//! The time is that of a clock which goes only while the driver is seen to run.

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

/// Tasks that take longer do not wait behind another one, but for a free worker; nor do the first,
/// of which nothing is known.
const LONG_TASK_NANOS: u64 = 10_000_000;
/// How long the system may take to let go of a killed process.
const REAP_LIMIT: Duration = Duration::from_secs(5);
/// How long a worker that is still starting is waited for when the pool is closed.
const START_GRACE: Duration = Duration::from_millis(500);
/// How often a worker at work is looked at, where no limit asks for more.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often a worker that is about to end is looked at.
const END_EVERY: Duration = Duration::from_millis(20);
/// How often a worker is weighed at most.
const WEIGH_EVERY: Duration = Duration::from_millis(50);

/// A worker: its place in the pool, and the process that runs in it now.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct Worker<L> {
    /// How many processes there were before.
    incarnation: u32,
    /// When the next may be started.
    not_before: Duration,
    run: Option<Run<L>>,
}

/// See the [module](self).
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Pool<L> {
    limits: Limits,
    workers: Vec<Worker<L>>,
    backlog: VecDeque<(Task, u32)>,
    actions: VecDeque<Action>,
    /// Workers lost in a row without a sample made, those that did not start among them.
    crashes: u32,
    /// Starts that failed in a row.
    failed: u32,
    /// Whether a worker was ever ready.
    was_ready: bool,
    /// Workers that ended with a fork server whose own end was not seen yet, or was the last one.
    with_server: usize,
    /// Whether there will be no more workers.
    broken: bool,
    closing: bool,
    /// How long a task takes, as a running mean.
    task_nanos: u64,
}

impl<L> Pool<L> {
    /// A pool of so many workers, none of which runs.
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

    /// What is to be done next.
    pub(super) fn next(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Takes a task on.
    pub(super) fn submit(&mut self, task: Task) {
        self.backlog.push_back((task, 0));
    }

    /// How many processes there were in a worker's place.
    pub(super) fn incarnation(&self, number: usize) -> u32 {
        self.workers[number].incarnation
    }

    /// How far a worker's process is; one that is gone has ended.
    pub(super) fn phase(&self, number: usize) -> Phase {
        self.workers[number].run.as_ref().map_or(Phase::Gone, |run| run.phase)
    }

    /// Whether no process runs.
    pub(super) fn is_empty(&self) -> bool {
        self.workers.iter().all(|worker| worker.run.is_none())
    }

    /// When a worker's process may be started, where one is wanted.
    pub(super) fn start_at(&self, number: usize) -> Option<Duration> {
        let worker = &self.workers[number];
        (!self.broken && worker.run.is_none()).then_some(worker.not_before)
    }

    /// A worker's process was started.
    pub(super) fn started(&mut self, number: usize, now: Duration) {
        self.workers[number].run = Some(Run::new(now));
    }

    /// A task that a worker was given and has not answered.
    pub(super) fn given(&self, number: usize, task: u64) -> Option<&Given<L>> {
        self.workers[number].run.as_ref()?.given.iter().find(|given| given.task.id == task)
    }

    /// Gives tasks to workers: to idle ones first, then one more to wait behind a short one. `lease`
    /// is asked for a slot, and told whether the worker is idle.
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
                // One that has made none takes a task of any length, or nobody would.
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

    /// Lets a worker end that has made enough samples or has become too large.
    fn recycle(&mut self, number: usize, now: Duration) {
        let most = self.limits.samples;
        let Some(run) = &mut self.workers[number].run else { return };
        let enough = most.is_some_and(|most| run.samples >= most) || run.heavy;
        if enough && run.phase == Phase::Working {
            run.enter(Phase::Finishing, now);
        }
        self.actions.extend(run.drained(now).then_some(Action::Drain(number)));
    }

    /// The channel of a worker is closed.
    pub(super) fn hung_up(&mut self, number: usize, now: Duration) {
        if let Some(run) = &mut self.workers[number].run {
            run.hung_up.get_or_insert(now);
        }
    }

    /// Whether a worker should be weighed.
    pub(super) fn is_weighed(&self, number: usize, now: Duration) -> bool {
        let Some(run) = &self.workers[number].run else { return false };
        let due = run.weighed.is_none_or(|last| now.saturating_sub(last) >= WEIGH_EVERY);
        let wanted =
            run.weighed.is_none() || self.limits.rss.is_some() || run.busy(now) >= WEIGH_EVERY;
        run.phase != Phase::Starting && due && wanted
    }

    /// A worker occupies so many bytes, where that is known.
    pub(super) fn weighed(&mut self, number: usize, bytes: Option<u64>, now: Duration) {
        let Some(run) = &mut self.workers[number].run else { return };
        run.weighed = Some(now);
        let Some(bytes) = bytes else { return };
        run.rss = Some(run.rss.map_or(bytes, |before| before.max(bytes)));
        let Some(limit) = self.limits.rss else { return };
        run.heavy = bytes > limit;
        if bytes > limit.saturating_mul(2) {
            let why = format!("it occupied {bytes} bytes, more than twice its limit of {limit}");
            self.kill(number, format!("killed by windrow: {why}"), now);
        }
    }

    /// The time limit that a worker has passed, if it has.
    pub(super) fn passed(&self, number: usize, now: Duration) -> Option<Duration> {
        let run = self.workers[number].run.as_ref().filter(|run| run.killed.is_none())?;
        let (took, limit) = match run.phase {
            Phase::Starting => (run.age(now), self.limits.startup),
            _ => (run.busy(now), self.limits.sample?),
        };
        (took >= limit.saturating_add(self.limits.slack)).then_some(limit)
    }

    /// Notes how far a worker is, as its page says.
    pub(super) fn observe(&mut self, number: usize, page: &Page, now: Duration) {
        if let Some(run) = &mut self.workers[number].run {
            run.observe(page, now);
        }
    }

    /// Looks at a worker that may be at something for too long, after everything it has said.
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

    /// When a worker must be looked at again, from now on, where `tick` is a step of the clock.
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

    /// No more tasks are given and no more workers started; those there are end.
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

    /// The position that a worker is filling, for what is given up when the time to close is over.
    pub(super) fn stuck(&self, number: usize, page: &Page) -> Option<u64> {
        self.workers[number].run.as_ref()?.filling(page)
    }
}
