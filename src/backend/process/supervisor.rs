//! The supervisor: one thread that starts workers, gives them tasks, hears them and buries them.
//!
//! It lives as long as the loader, and everything that can block it has a time limit. What it
//! promises: each task it takes is told to the sink once, as done or lost, unless it is stopped or
//! broken. A task is lost if its worker died after it was begun; one that only waited behind it
//! goes to another worker without blame.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::frame::Violation;
use super::launch::Launch;
use super::message::Identity;
use super::seat::{Given, Phase, Seat};
use super::sink::Sink;
use super::starts::Starts;
use super::sys::{self, Ended, Waker};
use crate::backend::log;
use crate::backend::recipe::Expected;
use crate::backend::settings::Settings;
use crate::engine::Task;
use crate::error::{Error, Result};

/// How often a task may come back unbegun before it is counted as lost all the same.
const RETURNS_MAX: u32 = 3;
/// Tasks that take longer do not wait behind another one, but for a free worker; nor do the first,
/// of which nothing is known.
const LONG_TASK_NANOS: u64 = 10_000_000;
/// How long the system may take to let go of a killed process.
const REAP_LIMIT: Duration = Duration::from_secs(5);
/// How long a worker that is still starting is waited for when the loader is closed.
const START_GRACE: Duration = Duration::from_millis(500);

/// What the loader and its supervisor both see.
pub(super) struct Shared {
    pub(super) inbox: Mutex<Inbox>,
    pub(super) waker: Waker,
    /// Whether the supervisor sleeps, or is about to.
    pub(super) asleep: AtomicBool,
    pub(super) boards: Vec<Arc<sys::Board>>,
    /// Whether the first worker is ready, or why none ever will be.
    pub(super) started: Mutex<Option<Result<()>>>,
    /// Why the last start failed.
    pub(super) trouble: Mutex<String>,
    pub(super) start_known: Condvar,
    /// The bytes of large parcels that were handed over and are still there.
    pub(super) held: Arc<AtomicU64>,
}

#[derive(Default)]
pub(super) struct Inbox {
    pub(super) tasks: VecDeque<Task>,
    /// When everything must have ended.
    pub(super) stop: Option<Instant>,
}

impl Shared {
    pub(super) fn inbox(&self) -> std::sync::MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the supervisor if it sleeps.
    pub(super) fn ring(&self) {
        if self.asleep.swap(false, Ordering::SeqCst) {
            self.waker.ring();
        }
    }

    pub(super) fn tell_start(&self, result: Result<()>) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.get_or_insert(result);
        self.start_known.notify_all();
    }
}

pub(super) struct Supervisor {
    pub(super) shared: Arc<Shared>,
    pub(super) sink: Box<dyn Sink>,
    pub(super) seats: Vec<Seat>,
    pub(super) settings: Settings,
    pub(super) launch: Launch,
    pub(super) identity: Identity,
    pub(super) expected: Expected,
    /// How workers come to be.
    pub(super) starts: Starts,
    pub(super) backlog: VecDeque<(Task, u32)>,
    /// Workers lost in a row without a sample made, those that did not start among them.
    pub(super) crashes: u32,
    pub(super) broken: bool,
    /// How long a task takes, as a running mean.
    pub(super) task_nanos: u64,
    pub(super) warned: bool,
    /// Whether there was no memory for slots.
    pub(super) short: bool,
    pub(super) clock: Clock,
}

impl Supervisor {
    /// Runs until it is told to stop; gives the positions whose workers had to be killed for it.
    pub(super) fn run(mut self) -> Vec<u64> {
        sys::block_interrupts();
        loop {
            let stop = {
                let mut inbox = self.shared.inbox();
                self.backlog.extend(inbox.tasks.drain(..).map(|task| (task, 0)));
                inbox.stop
            };
            if let Some(deadline) = stop {
                return self.stop(deadline);
            }
            self.fill_seats();
            self.hand_out();
            self.sleep(None);
            for number in 0..self.seats.len() {
                self.listen(number);
            }
            self.look();
        }
    }

    /// Gives tasks to workers: to idle ones first, then one more to wait behind a short one.
    fn hand_out(&mut self) {
        let queue = if (1..=LONG_TASK_NANOS).contains(&self.task_nanos) { 2 } else { 1 };
        self.seats.iter_mut().for_each(|seat| seat.waits = false);
        for room in 1..=queue {
            for number in 0..self.seats.len() {
                let seat = &mut self.seats[number];
                let Some(worker) = seat.worker.as_mut().filter(|worker| worker.has_room(room))
                else {
                    continue;
                };
                let Some(&(task, returned)) = self.backlog.front() else { return };
                let most = self.settings.max_samples.unwrap_or(u64::MAX);
                if worker.samples_with_given() + task.count > most {
                    worker.enter(Phase::Finishing);
                    continue;
                }
                let Ok(lease) = self.lease(number, room == 1) else { continue };
                self.backlog.pop_front();
                let Some(worker) = &mut self.seats[number].worker else { continue };
                if worker.give(Given { task, lease, returned }).is_err() {
                    worker.kill("a task could not be encoded".into());
                }
            }
        }
    }

    /// Ends a worker that cannot be trusted, or is gone, and sees to its tasks.
    pub(super) fn bury(&mut self, number: usize, violation: Option<Violation>) {
        self.bury_as(number, violation, None);
    }

    pub(super) fn give_up(&mut self, error: Error) {
        if !std::mem::replace(&mut self.broken, true) {
            self.shared.tell_start(Err(error.clone()));
            self.sink.broken(error);
        }
    }

    /// Whether a task may go to another worker without blame: its worker had not begun it, or died
    /// with its fork server.
    pub(super) fn is_blameless(given: &Given, board: &sys::Board, ended: Option<Ended>) -> bool {
        let begun = board.task() == Some(given.task.id) && ended != Some(Ended::Untold);
        !begun && given.returned < RETURNS_MAX
    }

    pub(super) const REAP_LIMIT: Duration = REAP_LIMIT;

    /// Waits until all workers have ended, no longer than the deadline.
    fn stop(mut self, deadline: Instant) -> Vec<u64> {
        self.starts.cancel();
        for seat in &mut self.seats {
            seat.board.stop();
            if let Some(worker) = &mut seat.worker
                && !matches!(worker.phase, Phase::Draining | Phase::Gone)
            {
                worker.drain();
            }
        }
        self.broken = true;
        while self.seats.iter().any(|seat| seat.worker.is_some()) && Instant::now() < deadline {
            self.sleep(Some(deadline));
            for number in 0..self.seats.len() {
                self.listen(number);
                let (now, seat) = (self.clock.now(), &mut self.seats[number]);
                if let Some(worker) = &mut seat.worker {
                    worker.observe(&seat.board, now);
                }
                let worker = self.seats[number].worker.as_mut();
                if let Some(worker) = worker
                    && !worker.was_ready
                    && worker.age(now) > START_GRACE
                {
                    worker.kill("killed by windrow before it was ready".into());
                }
                let worker = self.seats[number].worker.as_ref();
                let ended =
                    worker.filter(|w| w.process.source().is_none()).map(|w| w.process.reap());
                if let Some(Some(ended)) = ended {
                    self.bury_as(number, None, Some(ended));
                }
            }
        }
        let mut stuck = Vec::new();
        for seat in &mut self.seats {
            let Some(mut worker) = seat.worker.take() else { continue };
            stuck.extend(worker.filling(&seat.board).map(|(position, _)| position));
            worker.process.kill();
            let ended = worker.reap(REAP_LIMIT);
            worker.hear_out();
            if ended.is_none() {
                log::warn("processes", || format!("process {} does not end", worker.process.pid()));
            }
        }
        stuck
    }
}
