//! The loader's side of a fork server: requests and their results. The driver waits only for the
//! server's end, for at most the limits below.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::protocol::exit::no_init;
use super::super::protocol::frame::{Decoder, Encoder, Kind};
use super::super::protocol::message::{EndNote, Greeting, Setup, another_pipeline, body, read};
use super::super::sys::{self, Channel, Ended, Handle, Process, Program, Source, Waker};
use crate::backend::recipe::Expected;
use crate::error::{Error, Result};

/// The time limit for a fork server to fork a worker.
const SPLIT_LIMIT: Duration = Duration::from_secs(5);
/// The maximum number of stored ends of workers that no caller has asked for.
const ENDED_MAX: usize = 1 << 16;
/// The time limit for the system to release a killed server.
const REAP_LIMIT: Duration = Duration::from_secs(5);
/// The time limit for a server to end after it closes its channel.
const GRACE: Duration = Duration::from_millis(200);

/// The state of a usable server.
pub(in super::super) enum Standing {
    /// The server opens the pipeline or forks a worker, with this deadline.
    Busy(Instant),
    /// The server can fork a worker.
    Ready,
}

/// The reason why a server is unusable.
#[derive(Debug, Clone)]
pub(in super::super) struct Failure {
    pub(in super::super) why: String,
    /// Whether the next server would fail in the same way.
    pub(in super::super) certain: bool,
}

/// A fork server. Clones share the same server.
#[derive(Clone)]
pub(in super::super) struct ForkServer(Arc<Mutex<Inside>>);

struct Inside {
    process: Process,
    channel: Channel,
    decoder: Decoder,
    encoder: Encoder,
    outgoing: Outgoing,
    setup: Setup,
    expected: Expected,
    /// The deadline of the current action.
    limit: Option<Instant>,
    /// The error text for a missed deadline.
    late: String,
    ended: HashMap<u32, Ended>,
    forked: Option<u32>,
    is_ready: bool,
    failure: Option<Failure>,
    /// The server's own reason for its end.
    trouble: Option<String>,
    at_end: bool,
    /// Whether the system has released the process.
    is_over: bool,
}

/// The bytes to send, and the descriptor that accompanies the first byte.
#[derive(Default)]
struct Outgoing {
    bytes: Vec<u8>,
    passed: Option<Handle>,
}

impl ForkServer {
    /// Starts this program as a fork server, with this time limit to open the pipeline.
    pub(in super::super) fn start(
        program: &Program,
        setup: Setup,
        expected: &Expected,
        limit: Duration,
    ) -> Result<Self> {
        let refused = |error| Error::io("start a fork server", error);
        let (channel, link) = Channel::pair(None).map_err(refused)?;
        let process = Process::start(program, link, None)?;
        let mut encoder = Encoder::default();
        let mut bytes = encoder.frame(Kind::Setup, &[&body(&setup)?]);
        for piece in setup.beside() {
            encoder.write(&mut bytes, Kind::Beside, &[piece]);
        }
        let inside = Inside {
            process,
            channel,
            decoder: Decoder::default(),
            encoder,
            outgoing: Outgoing { bytes, passed: None },
            setup,
            expected: expected.clone(),
            limit: Some(deadline(limit)),
            late: format!("the fork server was not ready after {limit:?}, the startup timeout"),
            ended: HashMap::new(),
            forked: None,
            is_ready: false,
            failure: None,
            trouble: None,
            at_end: false,
            is_over: false,
        };
        Ok(Self(Arc::new(Mutex::new(inside))))
    }

    /// Requests a worker from a ready server.
    pub(in super::super) fn ask(&self, link: Handle) {
        let mut inside = self.inside();
        let bytes = inside.encoder.frame(Kind::Split, &[]);
        inside.outgoing = Outgoing { bytes, passed: Some(link) };
        inside.limit = Some(Instant::now() + SPLIT_LIMIT);
        inside.late = format!("the fork server forked no worker within {SPLIT_LIMIT:?}");
        inside.go_on();
    }

    /// Returns the requested worker, once the server has forked it, or how the worker has already
    /// ended.
    pub(in super::super) fn split(&self) -> Option<Result<Process, Ended>> {
        let mut inside = self.inside();
        inside.go_on();
        let pid = inside.forked.take()?;
        let server = self.clone();
        let tell = Box::new(move |end| server.ended(pid, end));
        let process = Process::foreign(pid, inside.process.pid(), tell);
        Some(process.ok_or_else(|| inside.ended.remove(&pid).unwrap_or(Ended::Untold)))
    }

    /// Returns the state of the server.
    ///
    /// # Errors
    /// Returns the reason why the server is unusable, and kills the server.
    pub(in super::super) fn standing(&self) -> Result<Standing, Failure> {
        let mut inside = self.inside();
        inside.go_on();
        if inside.failure.is_none() && inside.at_end {
            inside.failure = Some(inside.how_it_ended());
        }
        if inside.failure.is_none() && inside.limit.is_some_and(|limit| limit <= Instant::now()) {
            inside.failure = Some(Failure { why: inside.late.clone(), certain: false });
        }
        match (inside.failure.clone(), inside.limit) {
            (Some(failure), _) => {
                inside.kill();
                Err(failure)
            }
            (None, Some(limit)) => Ok(Standing::Busy(limit)),
            (None, None) => Ok(Standing::Ready),
        }
    }

    /// Waits for events from these sources and from the server, and handles the server's messages.
    pub(in super::super) fn wait<'a>(
        &self,
        waker: &'a Waker,
        sources: impl Iterator<Item = Source<'a>>,
        limit: Option<Duration>,
    ) -> io::Result<()> {
        let mut inside = self.inside();
        let own = (!inside.at_end).then(|| inside.source());
        let waited = waker.wait(sources.map(|source: Source<'_>| source).chain(own), limit);
        inside.go_on();
        waited
    }

    /// Returns how a process of the server ended; `end` says whether it has ended.
    fn ended(&self, pid: u32, end: bool) -> Option<Ended> {
        let mut inside = self.inside();
        inside.go_on();
        let told = inside.ended.remove(&pid);
        told.or((end && inside.at_end).then_some(Ended::Untold))
    }

    fn inside(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn source(&self) -> Source<'_> {
        self.channel.source(!self.outgoing.bytes.is_empty())
    }

    fn kill(&self) {
        if !self.is_over {
            self.process.kill();
        }
    }

    /// Sends queued bytes, and handles received bytes.
    fn go_on(&mut self) {
        while !self.outgoing.bytes.is_empty() && !self.at_end {
            let passed = self.outgoing.passed.as_ref().map(sys::borrowed);
            match self.channel.send(&self.outgoing.bytes, passed) {
                Ok(sent) => {
                    self.outgoing.bytes.drain(..sent);
                    self.outgoing.passed = None;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // The server is gone, and may have sent its reason.
                Err(_) => self.outgoing.bytes.clear(),
            }
        }
        self.hear();
    }

    fn hear(&mut self) {
        // Bounded, so that the server cannot occupy the driver.
        for _ in 0..64 {
            if self.at_end {
                return;
            }
            match self.channel.receive(self.decoder.room()) {
                Ok(0) => self.at_end = true,
                Ok(bytes) => self.decoder.came(bytes),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.at_end = true,
            }
            self.take_frames();
        }
    }

    fn take_frames(&mut self) {
        loop {
            let frame = match self.decoder.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => return,
                Err(_) => return self.at_end = true,
            };
            match frame.kind {
                Kind::Hello => {
                    let Some((Greeting { identity, process, parent }, _)) = read(frame.body) else {
                        return self.at_end = true;
                    };
                    let different = self.setup.identity.difference(&identity, &self.setup.launch);
                    let wrong = different.or(self.process.is_worker(process, parent).err());
                    self.failure = wrong.map(|why| Failure { why, certain: true });
                }
                Kind::Ready => {
                    let Some((ready, _)) = read(frame.body) else { return self.at_end = true };
                    let wrong = another_pipeline(&self.expected, &ready);
                    self.failure = self
                        .failure
                        .take()
                        .or_else(|| wrong.map(|why| Failure { why, certain: true }));
                    (self.is_ready, self.limit) = (true, None);
                }
                Kind::Refused => {
                    let why = read(frame.body).map(|read| read.0);
                    self.failure = why.map(|why| Failure { why, certain: true });
                }
                Kind::Trouble => self.trouble = read(frame.body).map(|read| read.0),
                Kind::Forked if self.is_ready => {
                    self.forked = read(frame.body).map(|read| read.0);
                    self.limit = None;
                    // An earlier report concerns another process with the same number.
                    self.forked.map(|pid| self.ended.remove(&pid));
                }
                Kind::Ended if self.ended.len() < ENDED_MAX => {
                    if let Some((note, _)) = read::<EndNote>(frame.body) {
                        let ended = note.code.map(Ended::Code);
                        let ended = ended.or(note.signal.map(Ended::Signal));
                        self.ended.insert(note.pid, ended.unwrap_or(Ended::Unknown));
                    }
                }
                _ => return self.at_end = true,
            }
        }
    }

    /// Describes how the server ended.
    fn how_it_ended(&mut self) -> Failure {
        let before = if self.is_ready { "" } else { " before it was ready" };
        let start = Instant::now();
        // After closing its channel, a server is about to end or will be killed.
        let ended = loop {
            match self.process.reap() {
                None if start.elapsed() < GRACE => self.process.wait_for_end(),
                ended => break ended,
            }
        };
        self.is_over = ended.is_some();
        let how = match (ended, &self.trouble) {
            (None, _) => "closed its channel".into(),
            (Some(ended), None) => ended.to_string(),
            (Some(ended), Some(trouble)) => format!("{ended}: {trouble}"),
        };
        match ended.and_then(no_init).filter(|_| !self.is_ready) {
            Some(why) => {
                Failure { why: format!("the fork server did not start: {why}"), certain: true }
            }
            None => Failure { why: format!("the fork server {how}{before}"), certain: false },
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.kill();
        let deadline = Instant::now() + REAP_LIMIT;
        while !self.is_over && Instant::now() < deadline {
            self.is_over = self.process.reap().is_some();
            if !self.is_over {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// Returns the time at which a limit ends; a limit above 100 years counts as 100 years.
pub(in super::super) fn deadline(limit: Duration) -> Instant {
    const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    let now = Instant::now();
    now.checked_add(limit.min(NEVER)).unwrap_or(now)
}
