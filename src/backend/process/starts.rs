//! How workers come to be: started as programs, or split off a fork server, which is itself started,
//! opens the pipeline and may be lost. The supervisor's nursery. Nothing here waits for any of them.

use std::io;
use std::time::{Duration, Instant};

use super::deaths::{self, pause};
use super::forks::{Failure, ForkServer, From, Standing};
use super::init::{self, Entry};
use super::message::{Setup, body};
use super::supervisor::Supervisor;
use super::sys::{self, Channel, Ended, Process, Source, Waker};
use crate::backend::log;
use crate::backend::settings::StartMethod;
use crate::error::{Error, Result};

/// See the [module](self).
pub(super) struct Starts {
    entry: Entry,
    /// Splits workers off, with the start methods that have one.
    server: Option<ForkServer>,
    /// The seat for which a worker is being split off, and this end of its channel.
    splitting: Option<(usize, Channel)>,
    /// When the next server may be started.
    not_before: Instant,
    /// Starts that failed in a row.
    failed: u32,
    /// Whether a worker of this loader was ever ready.
    was_ready: bool,
    /// Workers that ended with a fork server whose own end was not seen yet, or was the last one.
    with_server: usize,
}

impl Starts {
    pub(super) fn new(entry: Entry, server: Option<ForkServer>) -> Self {
        let not_before = Instant::now();
        Self {
            entry,
            server,
            splitting: None,
            not_before,
            failed: 0,
            was_ready: false,
            with_server: 0,
        }
    }

    /// Whether the end of a worker is that of its fork server, which is one loss however many workers
    /// it takes along: at most one for each of so many seats.
    pub(super) fn is_servers_end(&mut self, ended: Option<Ended>, seats: usize) -> bool {
        let is_one = ended == Some(Ended::Untold) && self.with_server < seats;
        self.with_server += usize::from(is_one);
        is_one
    }

    /// A worker is ready.
    pub(super) fn succeeded(&mut self) {
        (self.failed, self.was_ready) = (0, true);
    }

    /// No more workers are wanted. A server that opens the pipeline has none yet, and ends at once.
    pub(super) fn cancel(&mut self) {
        let is_ready = |server: &ForkServer| matches!(server.standing(), Ok(Standing::Ready));
        if self.splitting.take().is_none() && !self.server.as_ref().is_some_and(is_ready) {
            self.server = None;
        }
    }

    /// Waits for news from these, and from the server.
    pub(super) fn wait<'a>(
        &self,
        waker: &'a Waker,
        sources: impl Iterator<Item = Source<'a>>,
        limit: Option<Duration>,
    ) -> io::Result<()> {
        match &self.server {
            Some(server) => server.wait(waker, sources, limit),
            None => waker.wait(sources, limit),
        }
    }
}

impl Supervisor {
    /// Starts workers where there are none.
    pub(super) fn fill_seats(&mut self) {
        self.tend_server();
        for number in 0..self.seats.len() {
            if !self.is_due(number) {
                continue;
            }
            let started = match self.settings.start_method {
                StartMethod::Spawn => self.spawn(number),
                StartMethod::Forkserver | StartMethod::Fork => self.ask_server(number),
            };
            if let Err(error) = started {
                self.start_refused(number, error);
            }
        }
    }

    fn is_due(&self, number: usize) -> bool {
        let seat = &self.seats[number];
        !self.broken && seat.worker.is_none() && seat.not_before <= Instant::now()
    }

    /// When something must be done for a seat without a worker.
    pub(super) fn next_start(&self, number: usize) -> Instant {
        let due = self.seats[number].not_before;
        let Some(server) = &self.starts.server else {
            let is_spawned = self.settings.start_method == StartMethod::Spawn;
            return if is_spawned { due } else { due.max(self.starts.not_before) };
        };
        match server.standing() {
            Ok(Standing::Busy(limit)) => limit,
            Ok(Standing::Ready) => due,
            Err(_) => Instant::now(),
        }
    }

    fn spawn(&mut self, number: usize) -> Result<()> {
        let refused = |error| Error::io("start a worker process", error);
        let (channel, link) = Channel::pair(Some(&self.shared.waker)).map_err(refused)?;
        let program = init::program(&self.settings, self.starts.entry);
        let process = Process::start(&program, link, Some(&self.shared.waker))?;
        self.seat(number, process, channel)
    }

    /// Has a worker split off, if the server is at nothing else.
    fn ask_server(&mut self, number: usize) -> Result<()> {
        let refused = |error| Error::io("start a worker process", error);
        match &self.starts.server {
            None if self.starts.not_before <= Instant::now() => {
                if self.settings.start_method == StartMethod::Fork {
                    log::warn("processes", || {
                        "the copy of this process that workers were split off is gone; the next \
                         are split off a fork server, which is this program started again"
                            .into()
                    });
                }
                let program = init::program(&self.settings, self.starts.entry);
                let setup = Setup { is_server: true, ..self.setup(number) };
                let limit = self.settings.startup_timeout;
                let from = From::Program(&program);
                let server = ForkServer::start(&from, setup, &self.expected, limit)?;
                self.starts.server = Some(server);
            }
            Some(server) if self.starts.splitting.is_none() => {
                if let Ok(Standing::Ready) = server.standing() {
                    let (channel, link) = Channel::pair(None).map_err(refused)?;
                    server.ask(link);
                    self.starts.splitting = Some((number, channel));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes in what the server has split off, and buries a server that is of no use any more.
    fn tend_server(&mut self) {
        let Some(server) = &self.starts.server else { return };
        if let Some(split) = server.split()
            && let Some((number, channel)) = self.starts.splitting.take()
        {
            let seated = match split {
                Ok(process) => self.seat(number, process, channel),
                Err(ended) if self.starts.is_servers_end(Some(ended), self.seats.len()) => {
                    self.seats[number].not_before = Instant::now() + self.start_pause();
                    return;
                }
                Err(ended) => {
                    let why = self.no_start(&ended.to_string());
                    Err(Error::Workers { why })
                }
            };
            if let Err(error) = seated {
                self.start_refused(number, error);
            }
            return;
        }
        if let Err(Failure { why, certain }) = server.standing() {
            self.starts.server = None;
            (self.starts.splitting, self.starts.with_server) = (None, 0);
            self.starts.not_before = Instant::now() + self.start_pause();
            self.start_failed(why, certain);
        }
    }

    /// Gives a seat to a process.
    fn seat(&mut self, number: usize, process: Process, channel: Channel) -> Result<()> {
        let setup = body(&self.setup(number))?;
        let kills_before = sys::out_of_memory_kills();
        let seat = &mut self.seats[number];
        seat.board.clear();
        seat.take_in(process, channel, &setup);
        if let Some(worker) = &mut seat.worker {
            worker.kills_before = kills_before;
            log::debug("processes", || {
                format!("worker {number} is process {}", worker.process.pid())
            });
            if let Some(errors) = worker.process.take_errors() {
                worker.errors = deaths::pass_on(errors, seat.number);
            }
        }
        Ok(())
    }

    fn setup(&self, number: usize) -> Setup {
        Setup {
            identity: self.identity.clone(),
            worker: self.seats[number].number,
            workers: self.shared.boards.len() as u32,
            incarnation: self.seats[number].incarnation,
            is_server: false,
            threads: if self.starts.entry == Entry::Test { 2 } else { 1 },
            reducers: self.settings.additions.keys().to_vec(),
            hashes: self.settings.hashes.is_some(),
            launch: self.launch.clone(),
        }
    }

    /// How long to wait after a start that failed.
    pub(super) fn start_pause(&self) -> Duration {
        pause(self.starts.failed + 2)
    }

    /// The system did not let a worker be started.
    fn start_refused(&mut self, number: usize, error: Error) {
        self.seats[number].not_before = Instant::now() + self.start_pause();
        self.start_failed(error.why(), false);
    }

    /// A worker did not start. It counts as any other that is lost; one that could never start is not
    /// tried again, unless others did.
    pub(super) fn start_failed(&mut self, why: String, certain: bool) {
        self.starts.failed += 1;
        self.crashes += 1;
        let most = self.settings.max_crashes;
        let is_hopeless = certain && !self.starts.was_ready;
        if is_hopeless || self.starts.failed > most || self.crashes > most {
            self.give_up(Error::Workers { why });
        } else {
            log::info("processes", || format!("a worker did not start: {why}"));
            *self.shared.trouble.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = why;
        }
    }
}
