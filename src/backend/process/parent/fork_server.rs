//! The loader's side of a fork server: what it is asked, and what came of that. Only its end is waited
//! for, at most as long as the limits below say.

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

/// How long a fork server may take to split a worker off.
const SPLIT_LIMIT: Duration = Duration::from_secs(5);
/// Ends of workers that a server may have told and nobody asked for.
const ENDED_MAX: usize = 1 << 16;
/// How long the system may take to let go of a killed server.
const REAP_LIMIT: Duration = Duration::from_secs(5);
/// How long a server that closed its channel may take to end.
const GRACE: Duration = Duration::from_millis(200);

/// What a server can do now.
pub(in super::super) enum Standing {
    /// It opens the pipeline, or splits a worker off, and may take until then.
    Busy(Instant),
    /// It can split a worker off.
    Ready,
}

/// Why a server is of no use any more.
#[derive(Debug, Clone)]
pub(in super::super) struct Failure {
    pub(in super::super) why: String,
    /// Whether the next server would fail in the same way.
    pub(in super::super) certain: bool,
}

/// A fork server. Clones are the same one.
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
    /// Until when what it does must be done.
    limit: Option<Instant>,
    /// Why that was too long, in words.
    late: String,
    ended: HashMap<u32, Ended>,
    forked: Option<u32>,
    is_ready: bool,
    failure: Option<Failure>,
    /// Why it ends, in its own words.
    trouble: Option<String>,
    at_end: bool,
    /// Whether the system has let go of it.
    is_over: bool,
}

/// What is to be sent, and the descriptor that goes with the first byte of it.
#[derive(Default)]
struct Outgoing {
    bytes: Vec<u8>,
    passed: Option<Handle>,
}

impl ForkServer {
    /// Starts this program as one, which has so long to open the pipeline.
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
        let bytes = encoder.frame(Kind::Setup, &[&body(&setup)?]);
        let inside = Inside {
            process,
            channel,
            decoder: Decoder::default(),
            encoder,
            outgoing: Outgoing { bytes, passed: None },
            setup,
            expected: expected.clone(),
            limit: Some(deadline(limit)),
            late: format!("the fork server was not ready after {limit:?}"),
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

    /// Asks for a worker, once it is ready.
    pub(in super::super) fn ask(&self, link: Handle) {
        let mut inside = self.inside();
        let bytes = inside.encoder.frame(Kind::Split, &[]);
        inside.outgoing = Outgoing { bytes, passed: Some(link) };
        inside.limit = Some(Instant::now() + SPLIT_LIMIT);
        inside.late = format!("the fork server split no worker off within {SPLIT_LIMIT:?}");
        inside.go_on();
    }

    /// The worker that was asked for, once it is there. It may have ended meanwhile.
    pub(in super::super) fn split(&self) -> Option<Result<Process, Ended>> {
        let mut inside = self.inside();
        inside.go_on();
        let pid = inside.forked.take()?;
        let server = self.clone();
        let tell = Box::new(move |end| server.ended(pid, end));
        let process = Process::foreign(pid, inside.process.pid(), tell);
        Some(process.ok_or_else(|| inside.ended.remove(&pid).unwrap_or(Ended::Untold)))
    }

    /// What it can do now.
    ///
    /// # Errors
    /// It is of no use any more, and is killed.
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

    /// Waits for news from these, and from the server, which is heard then.
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

    /// How a process of the server ended; `end` says whether it has.
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

    /// Sends what goes, and hears what is there.
    fn go_on(&mut self) {
        while !self.outgoing.bytes.is_empty() && !self.at_end {
            let passed = self.outgoing.passed.as_ref().map(sys::borrowed);
            match self.channel.send(&self.outgoing.bytes, passed) {
                Ok(sent) => {
                    self.outgoing.bytes.drain(..sent);
                    self.outgoing.passed = None;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // It is gone, and may have said why.
                Err(_) => self.outgoing.bytes.clear(),
            }
        }
        self.hear();
    }

    fn hear(&mut self) {
        // Bounded, so that it cannot keep the driver from all else.
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
                    // What was told before is of another process that had this number.
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

    /// That it has ended, in words.
    fn how_it_ended(&mut self) -> Failure {
        let before = if self.is_ready { "" } else { " before it was ready" };
        let start = Instant::now();
        // A server that closed its channel is about to end, or made to.
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

/// When a limit from now on is over: one without an end, when nobody lives any more to see it.
pub(in super::super) fn deadline(limit: Duration) -> Instant {
    const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    let now = Instant::now();
    now.checked_add(limit.min(NEVER)).unwrap_or(now)
}
