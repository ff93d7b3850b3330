//! Waiting for workers, and looking after those that are at something for long: the supervisor's
//! clock.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::seat::{Phase, Worker};
use super::supervisor::Supervisor;

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
        let workers = self.seats.iter().filter_map(|seat| seat.worker.as_ref());
        let sources = workers.flat_map(Worker::sources);
        let (starts, waker) = (&self.starts, &self.shared.waker);
        self.clock.sleep(limit, || {
            if starts.wait(waker, sources, limit).is_err() {
                // Only a lack of memory can do this; it must not become a busy loop.
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        self.shared.asleep.store(false, Ordering::SeqCst);
    }

    fn next_look(&self, deadline: Option<Instant>) -> Option<Duration> {
        let until = |time: Instant| time.saturating_duration_since(Instant::now());
        let mut next = deadline.map(until);
        let mut after = |wait: Duration| next = Some(next.map_or(wait, |next| next.min(wait)));
        for (number, seat) in self.seats.iter().enumerate() {
            let Some(worker) = &seat.worker else {
                if !self.broken {
                    after(until(self.next_start(number)));
                }
                continue;
            };
            if worker.phase != Phase::Working || !worker.given.is_empty() {
                let limited =
                    worker.phase == Phase::Starting || self.settings.sample_timeout.is_some();
                after(if limited { self.clock.tick() } else { LOOK_EVERY });
            }
            if worker.process.source().is_none() {
                after(Duration::from_millis(20));
            }
        }
        next
    }

    /// The time limit that a worker has passed, if it has.
    fn passed(&self, number: usize) -> Option<Duration> {
        let worker = self.seats[number].worker.as_ref()?;
        let now = self.clock.now();
        let (took, limit) = match worker.phase {
            Phase::Starting => (worker.age(now), self.settings.startup_timeout),
            _ => (worker.busy(now), self.settings.sample_timeout?),
        };
        (took >= limit.saturating_add(self.clock.slack())).then_some(limit)
    }

    /// Looks at workers that are at something for long.
    pub(super) fn look(&mut self) {
        let now = self.clock.now();
        for number in 0..self.seats.len() {
            let seat = &mut self.seats[number];
            let Some(worker) = &mut seat.worker else { continue };
            worker.observe(&seat.board, now);
            let busy = worker.busy(now);
            self.weigh(number, busy);
            if self.passed(number).is_some() {
                // What it has sent may say that it is not late at all.
                self.listen(number);
            }
            let late = self.passed(number);
            let Some(worker) = &mut self.seats[number].worker else { continue };
            let ended = worker.process.source().is_none();
            if let Some(limit) = late {
                worker.kill(format!("killed by windrow after {limit:?}, its time limit"));
                self.bury(number, None);
            } else if ended && let Some(ended) = worker.process.reap() {
                self.bury_as(number, None, Some(ended));
            } else if worker.phase == Phase::Finishing && worker.given.is_empty() {
                worker.drain();
            } else if matches!(worker.phase, Phase::Draining | Phase::Gone)
                && worker.age(now) > Self::REAP_LIMIT
            {
                self.bury(number, None);
            }
        }
    }
}
