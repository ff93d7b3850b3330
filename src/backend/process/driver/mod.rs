//! The driver of the [pool](super::pool): one thread that owns every descriptor, clock and wait of
//! the worker processes.
//!
//! The driver lives as long as the loader. The driver reports the workers' messages and ends to the
//! pool, and carries out the pool's actions. Every blocking call has a time limit.

mod connection;
mod receive;
mod slots;
mod starts;
mod ticker;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use connection::{Connection, Passed};
use slots::AllSlots;
pub(super) use starts::Starts;
use ticker::Ticker;

use super::identity::launch::Launch;
use super::parent::decode::Sink;
use super::parent::shared::Shared;
use super::parent::slots::{Lease, Slab};
use super::pool::{Action, Exit, Limits, Page, Pool};
use super::protocol::exit::no_init;
use super::protocol::frame::Kind;
use super::protocol::message::{Assignment, Identity, body};
use super::sys::{self, Ended};
use crate::backend::log;
use crate::backend::recipe::Expected;
use crate::backend::settings::Settings;

/// The time limit for the system to release a killed process when the loader closes.
const REAP_LIMIT: Duration = Duration::from_secs(5);
/// How often the driver polls for a process's end on systems that do not report it.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// The driver's state.
pub(super) struct Driver {
    shared: Arc<Shared>,
    sink: Box<dyn Sink>,
    pool: Pool<Lease>,
    connections: Vec<Option<Connection>>,
    slots: AllSlots,
    settings: Settings,
    launch: Launch,
    identity: Identity,
    expected: Expected,
    starts: Starts,
    clock: Ticker,
}

impl Driver {
    pub(super) fn new(
        shared: Arc<Shared>,
        sink: Box<dyn Sink>,
        settings: Settings,
        launch: Launch,
        identity: Identity,
        expected: Expected,
        starts: Starts,
    ) -> Self {
        let sample = settings.sample_timeout;
        let clock = Ticker::new(settings.startup_timeout.min(sample.unwrap_or(Duration::MAX)));
        let program = settings.launcher.as_ref().or(settings.program.as_ref());
        let limits = Limits {
            sample,
            startup: settings.startup_timeout,
            rss: settings.max_rss,
            samples: settings.max_samples,
            crashes: settings.max_crashes,
            slack: clock.slack(),
            program: program.map(|(path, _)| path.display().to_string()),
        };
        Self {
            pool: Pool::new(shared.pages.len() as u32, limits),
            connections: shared.pages.iter().map(|_| None).collect(),
            slots: AllSlots::new(&shared, settings.ahead_bytes),
            shared,
            sink,
            settings,
            launch,
            identity,
            expected,
            starts,
            clock,
        }
    }

    /// Runs until the loader asks for a stop; returns the positions of workers that had to be
    /// killed.
    pub(super) fn run(mut self) -> Vec<u64> {
        sys::block_interrupts();
        loop {
            let stop = {
                let mut inbox = self.shared.inbox();
                inbox.tasks.drain(..).for_each(|task| self.pool.submit(task));
                inbox.stop
            };
            if let Some(deadline) = stop {
                return self.stop(deadline);
            }
            self.start_workers();
            self.slots.begin();
            self.pool.hand_out(self.clock.now(), |number, idle| self.slots.lease(number, idle));
            self.act();
            self.sleep(None);
            self.look();
        }
    }

    /// Carries out the pool's actions.
    fn act(&mut self) {
        while let Some(action) = self.pool.next() {
            match action {
                Action::Send(number, task) => self.send(number, task),
                Action::Drain(number) => {
                    if let Some(connection) = &mut self.connections[number] {
                        connection.post(Kind::Drain, &[], None);
                    }
                }
                Action::Kill(number) => {
                    if let Some(connection) = &self.connections[number] {
                        connection.process.kill();
                    }
                }
                Action::Abandon(number) => {
                    // No thread reads what the worker still writes.
                    (self.connections[number], self.slots.workers[number].slab) = (None, None);
                }
                Action::Lost(task, loss) => self.sink.lost(task, loss),
                Action::Ready => self.shared.tell_start(Ok(())),
                Action::Broken(error) => {
                    self.shared.tell_start(Err(error.clone()));
                    self.sink.broken(error);
                }
                Action::Ended { number, how, is_lost } => {
                    let tell = if is_lost { log::warn } else { log::debug };
                    let more = if is_lost { "; another worker continues" } else { "" };
                    tell("processes", || format!("worker {number}: {how}{more}"));
                }
                Action::NotStarted(why) => {
                    log::info("processes", || format!("a worker did not start: {why}"));
                    self.shared.not_started(why);
                }
            }
        }
    }

    fn send(&mut self, number: usize, task: u64) {
        let Some(given) = self.pool.given(number, task) else { return };
        let assignment = Assignment::new(given.task, given.lease.as_ref().map(Lease::place));
        match (body(&assignment), &mut self.connections[number]) {
            (Ok(assignment), Some(connection)) => connection.post(Kind::Task, &assignment, None),
            _ => self.pool.kill(
                number,
                "the loader could not encode a task".into(),
                self.clock.now(),
            ),
        }
    }

    /// Waits for events, at most until the next check is due.
    fn sleep(&mut self, deadline: Option<Instant>) {
        self.shared.sleeps(true);
        let limit = {
            let inbox = self.shared.inbox();
            let begins = inbox.stop.is_some() || self.slots.came_back();
            let news = !inbox.tasks.is_empty() || begins && deadline.is_none();
            if news { Some(Duration::ZERO) } else { self.next_look(deadline) }
        };
        let sources = self.connections.iter().flatten().flat_map(Connection::sources);
        let (starts, waker) = (&self.starts, &self.shared.waker);
        self.clock.sleep(limit, || {
            if starts.wait(waker, sources, limit).is_err() {
                // Only a lack of memory causes this error; the pause prevents a busy loop.
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        self.shared.sleeps(false);
    }

    fn next_look(&self, deadline: Option<Instant>) -> Option<Duration> {
        let (now, tick) = (self.clock.now(), self.clock.tick());
        let closing = deadline.map(|time| time.saturating_duration_since(Instant::now()));
        let workers = self.connections.iter().enumerate().filter_map(|(number, connection)| {
            let Some(connection) = connection else {
                return self.pool.start_at(number).map(|due| self.start_after(due));
            };
            let asked = connection.must_be_asked().then_some(ASK_EVERY);
            [self.pool.look_after(number, now, tick), asked].into_iter().flatten().min()
        });
        workers.chain(closing).min()
    }

    /// Receives from all workers, and checks time limits and memory limits.
    fn look(&mut self) {
        for number in 0..self.connections.len() {
            self.receive(number);
            let Some(connection) = &self.connections[number] else { continue };
            let pid = connection.process.pid();
            let (page, now) = (self.page(number), self.clock.now());
            self.pool.observe(number, &page, now);
            if self.pool.is_weighed(number, now) {
                self.pool.weighed(number, sys::rss(pid), now);
            }
            if self.pool.passed(number, now).is_some() {
                // A pending message may show that the worker is in time.
                self.receive(number);
            }
            self.pool.look(number, now);
        }
        self.act();
    }

    /// Reads the status page of a worker.
    fn page(&self, number: usize) -> Page {
        let page = &self.shared.pages[number];
        Page {
            task: page.task(),
            filling: page.filling().map(|(position, _)| position),
            doing: page.doing().name(),
            index: page.index().load(Ordering::Relaxed).checked_sub(1),
        }
    }

    /// Handles the end of a worker's process after receiving everything it sent.
    fn exited(&mut self, number: usize, ended: Ended) {
        let Some(mut connection) = self.connections[number].take() else { return };
        connection.hear_out();
        // At most once for each worker, because it then has no slots; no sample caused the end.
        let blameless = ended.lacked_memory() && self.slots.workers[number].give_up();
        if blameless {
            log::info("processes", || {
                format!(
                    "worker {number} could not access its shared memory; its samples are copied from \
                     now on"
                )
            });
        }
        let exit = Exit {
            how: connection.describe(ended),
            clean: ended == Ended::Code(0),
            no_init: no_init(ended),
            with_server: ended.is_untold(),
            blameless,
        };
        let pid = connection.process.pid();
        log::debug("processes", || format!("worker {number}: process {pid} {ended}"));
        self.pool.exited(number, &exit, &self.page(number), self.clock.now());
    }

    /// Waits until all workers have ended or the deadline passes, and then kills the rest.
    fn stop(mut self, deadline: Instant) -> Vec<u64> {
        self.starts.cancel();
        self.shared.pages.iter().for_each(|page| page.stop());
        self.pool.close(self.clock.now());
        self.act();
        while !self.pool.is_empty() && Instant::now() < deadline {
            self.sleep(Some(deadline));
            self.look();
        }
        // Kill all of them first, so that their ends overlap.
        self.connections.iter_mut().flatten().for_each(|connection| connection.process.kill());
        let mut stuck = Vec::new();
        for number in 0..self.connections.len() {
            stuck.extend(self.pool.stuck(number, &self.page(number)));
            let Some(connection) = &mut self.connections[number] else { continue };
            let ended = connection.kill_and_reap(REAP_LIMIT);
            connection.hear_out();
            if ended.is_none() {
                let pid = connection.process.pid();
                log::warn("processes", || {
                    format!("process {pid} did not end within {REAP_LIMIT:?} of being killed")
                });
            }
        }
        stuck
    }
}

impl Connection {
    /// Sends a slab of slots to the worker.
    fn post_slab(&mut self, slab: &Arc<Slab>) {
        if let Ok(note) = body(&slab.note()) {
            self.post(Kind::Slab, &note, Some(Passed::Slab(slab.clone())));
        }
    }
}
