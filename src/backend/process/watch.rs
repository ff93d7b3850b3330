//! Waiting for workers, and looking after those that are at something for long: the supervisor's
//! clock.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::seat::{Phase, Seat, Worker};
use super::supervisor::Supervisor;
use super::sys::{self, now_nanos};

/// How often a long-running worker is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl Supervisor {
    /// Waits for news, no longer than until something must be looked at.
    pub(super) fn sleep(&mut self, deadline: Option<Instant>) {
        self.shared.asleep.store(true, Ordering::SeqCst);
        let limit = {
            let inbox = self.shared.inbox();
            let begins = inbox.stop.is_some() || self.slot_came_back();
            let news = !inbox.tasks.is_empty() || begins && deadline.is_none();
            if news { Some(Duration::ZERO) } else { self.next_look(deadline) }
        };
        let before = Instant::now();
        let mut fds = vec![(std::os::fd::AsFd::as_fd(&self.shared.waker), false)];
        for worker in self.seats.iter().filter_map(|seat| seat.worker.as_ref()) {
            if !worker.at_end {
                fds.push((worker.channel(), worker.wants_to_write()));
            }
            fds.extend(worker.process.end_fd().map(|fd| (fd, false)));
        }
        if sys::wait_for(&fds, limit).is_err() {
            // Only a lack of memory can do this; it must not become a busy loop.
            std::thread::sleep(Duration::from_millis(1));
        }
        self.shared.asleep.store(false, Ordering::SeqCst);
        self.shared.waker.hush();
        if limit.is_some_and(|limit| before.elapsed() > limit + Duration::from_secs(1)) {
            self.resumed = Instant::now();
        }
    }

    fn next_look(&self, deadline: Option<Instant>) -> Option<Duration> {
        let now = Instant::now();
        let mut next = deadline;
        let mut at = |time: Instant| next = Some(next.map_or(time, |next| next.min(time)));
        for seat in &self.seats {
            let Some(worker) = &seat.worker else {
                if !self.broken {
                    at(seat.not_before);
                }
                continue;
            };
            if worker.phase == Phase::Starting {
                at(worker.since + self.settings.startup_timeout);
            }
            if worker.phase != Phase::Working || !worker.given.is_empty() {
                at(now + LOOK_EVERY);
            }
            if let (Some(timeout), false) = (self.settings.timeout, worker.given.is_empty()) {
                at(now + timeout.saturating_sub(self.busy_for(seat, worker)));
            }
            if worker.process.end_fd().is_none() {
                at(now + Duration::from_millis(20));
            }
        }
        next.map(|next| next.saturating_duration_since(now))
    }

    /// How long the worker has been with what it does.
    fn busy_for(&self, seat: &Seat, worker: &Worker) -> Duration {
        let begun = worker.given.front().is_some_and(|g| seat.board.task() == Some(g.task.id));
        let waited = worker.turn.elapsed();
        let busy = match seat.board.filling() {
            Some((_, since)) if begun => {
                waited.min(Duration::from_nanos(now_nanos().saturating_sub(since)))
            }
            _ if worker.given.is_empty() => Duration::ZERO,
            _ => waited,
        };
        busy.min(self.resumed.elapsed())
    }

    /// Looks at workers that are at something for long.
    pub(super) fn look(&mut self) {
        for number in 0..self.seats.len() {
            let seat = &self.seats[number];
            let Some(worker) = &seat.worker else { continue };
            let busy = self.busy_for(seat, worker);
            let late = match worker.phase {
                Phase::Starting => worker.since.elapsed() >= self.settings.startup_timeout,
                _ => self.settings.timeout.is_some_and(|timeout| busy >= timeout),
            };
            let limit = match worker.phase {
                Phase::Starting => self.settings.startup_timeout,
                _ => self.settings.timeout.unwrap_or_default(),
            };
            let ended = worker.process.end_fd().is_none();
            self.weigh(number, busy);
            let Some(worker) = &mut self.seats[number].worker else { continue };
            if late {
                worker.kill(format!("killed by windrow after {limit:?}, its time limit"));
                self.bury(number, None);
            } else if ended && let Some(ended) = worker.process.reap() {
                self.bury_as(number, None, Some(ended));
            } else if worker.phase == Phase::Finishing && worker.given.is_empty() {
                worker.drain();
            } else if matches!(worker.phase, Phase::Draining | Phase::Gone)
                && worker.since.elapsed() > Self::REAP_LIMIT
            {
                self.bury(number, None);
            }
        }
    }
}
