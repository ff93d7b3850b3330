//! The start of workers: as programs, or as forks of a fork server. The driver also starts and
//! replaces the fork server. No function here waits for a worker to be ready.

use std::io;
use std::time::{Duration, Instant};

use super::Driver;
use super::connection::{Connection, Passed};
use crate::backend::log;
use crate::backend::process::child::entry::{self, Entry};
use crate::backend::process::parent::fork_server::{Failure, ForkServer, Standing};
use crate::backend::process::protocol::frame::Kind;
use crate::backend::process::protocol::message::{Setup, body};
use crate::backend::process::sys::{Channel, Process, Source, Waker};
use crate::backend::settings::StartMethod;
use crate::error::{Error, Result};

/// The state of the starts.
pub(in super::super) struct Starts {
    entry: Entry,
    /// The fork server, with the start method `forkserver`.
    server: Option<ForkServer>,
    /// The worker that the server is forking, and the loader's end of its channel.
    splitting: Option<(usize, Channel)>,
    /// The earliest time for the next server's start.
    not_before: Duration,
}

impl Starts {
    pub(in super::super) fn new(entry: Entry) -> Self {
        Self { entry, server: None, splitting: None, not_before: Duration::ZERO }
    }

    /// Cancels all starts. A server that still opens the pipeline has no workers and is dropped at
    /// once.
    pub(super) fn cancel(&mut self) {
        let is_ready = |server: &ForkServer| matches!(server.standing(), Ok(Standing::Ready));
        if self.splitting.take().is_none() && !self.server.as_ref().is_some_and(is_ready) {
            self.server = None;
        }
    }

    /// Waits for events from these sources, and from the server.
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

impl Driver {
    /// Starts the missing workers that are due.
    pub(super) fn start_workers(&mut self) {
        self.tend_server();
        for number in 0..self.connections.len() {
            let due = self.pool.start_at(number);
            if due.is_none_or(|due| due > self.clock.now()) {
                continue;
            }
            let started = match self.settings.start_method {
                StartMethod::Spawn => self.spawn(number),
                StartMethod::Forkserver => self.ask_server(number),
            };
            if let Err(error) = started {
                self.pool.start_refused(number, error.why(), self.clock.now());
            }
        }
    }

    /// Returns the time until the next action for a worker that is due at this time.
    pub(super) fn start_after(&self, due: Duration) -> Duration {
        let now = self.clock.now();
        let Some(server) = &self.starts.server else {
            let is_spawned = self.settings.start_method == StartMethod::Spawn;
            let due = if is_spawned { due } else { due.max(self.starts.not_before) };
            return due.saturating_sub(now);
        };
        match server.standing() {
            Ok(Standing::Busy(limit)) => limit.saturating_duration_since(Instant::now()),
            Ok(Standing::Ready) => due.saturating_sub(now),
            Err(_) => Duration::ZERO,
        }
    }

    fn spawn(&mut self, number: usize) -> Result<()> {
        let refused = |error| Error::io("start a worker process", error);
        let (channel, link) = Channel::pair(Some(&self.shared.waker)).map_err(refused)?;
        let program = entry::program(&self.settings, self.starts.entry);
        let process = Process::start(&program, link, Some(&self.shared.waker))?;
        self.connect(number, process, channel)
    }

    /// Asks the server to fork a worker, unless the server is busy.
    fn ask_server(&mut self, number: usize) -> Result<()> {
        let refused = |error| Error::io("start a worker process", error);
        match &self.starts.server {
            None if self.starts.not_before <= self.clock.now() => {
                let program = entry::program(&self.settings, self.starts.entry);
                let setup = Setup { is_server: true, ..self.setup(number) };
                let limit = self.settings.startup_timeout;
                let server = ForkServer::start(&program, setup, &self.expected, limit)?;
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

    /// Connects a worker that the server has forked, and drops a failed server.
    fn tend_server(&mut self) {
        let Some(server) = &self.starts.server else { return };
        let now = self.clock.now();
        if let Some(split) = server.split()
            && let Some((number, channel)) = self.starts.splitting.take()
        {
            let connected = match split {
                Ok(process) => self.connect(number, process, channel),
                Err(ended) if ended.is_untold() && self.pool.is_servers_end() => {
                    return self.pool.not_before(number, now);
                }
                Err(ended) => {
                    Err(Error::Workers { why: self.pool.not_started(&ended.to_string()) })
                }
            };
            if let Err(error) = connected {
                self.pool.start_refused(number, error.why(), now);
            }
            return;
        }
        if let Err(Failure { why, certain }) = server.standing() {
            (self.starts.server, self.starts.splitting) = (None, None);
            self.starts.not_before = now.saturating_add(self.pool.start_pause());
            self.pool.server_failed(why, certain);
        }
    }

    /// Connects to a worker's new process, and sends its setup.
    fn connect(&mut self, number: usize, process: Process, channel: Channel) -> Result<()> {
        let setup = self.setup(number);
        let message = body(&setup)?;
        let page = &self.shared.pages[number];
        page.clear();
        log::debug("processes", || format!("worker {number} is process {}", process.pid()));
        let mut connection = Connection::new(process, channel, number as u32);
        connection.post(Kind::Setup, &message, Some(Passed::StatusPage(page.clone())));
        setup.beside().for_each(|piece| connection.post(Kind::Beside, piece, None));
        if let Some(slab) = &self.slots.workers[number].slab {
            connection.post_slab(slab);
        }
        self.connections[number] = Some(connection);
        self.pool.started(number, self.clock.now());
        Ok(())
    }

    fn setup(&self, number: usize) -> Setup {
        Setup {
            identity: self.identity.clone(),
            worker: number as u32,
            workers: self.connections.len() as u32,
            incarnation: self.pool.incarnation(number),
            is_server: false,
            threads: if self.starts.entry == Entry::Test { 2 } else { 1 },
            reducers: self.settings.additions.keys().to_vec(),
            hashes: self.settings.hashes.is_some(),
            profile: self.settings.is_profiled(),
            trace: self.settings.trace,
            launch: self.launch.clone(),
            beside_bytes: self.launch.beside().len() as u64,
        }
    }
}
