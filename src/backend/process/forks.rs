//! The loader's side of a fork server.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::deadline;
use super::frame::{Decoder, Encoder, Kind};
use super::message::{EndNote, Greeting, Setup, another_pipeline, body, read};
use super::sys::{self, Channel, Ended, Handle, HandleRef, Process, Program};
use super::worker::run_split_off;
use crate::backend::recipe::Expected;
use crate::error::{Error, Result};

/// How long a fork server may take to split a worker off.
const SPLIT_LIMIT: Duration = Duration::from_secs(5);

/// Where the server comes from.
pub(super) enum From<'a> {
    /// This program, started again.
    Program(&'a Program),
    /// This process, which must have one thread.
    Here,
}

/// A fork server. Clones are the same one.
#[derive(Clone)]
pub(super) struct ForkServer(Arc<Mutex<Inside>>);

struct Inside {
    process: Process,
    channel: Channel,
    decoder: Decoder,
    encoder: Encoder,
    ended: HashMap<u32, Ended>,
    forked: Option<u32>,
    ready: Option<Expected>,
    greeting: Option<Greeting>,
    refused: Option<String>,
    at_end: bool,
}

impl ForkServer {
    /// Starts one and waits until it has opened the pipeline.
    pub(super) fn start(
        from: &From<'_>,
        setup: &Setup,
        expected: &Expected,
        limit: Duration,
    ) -> Result<Self> {
        let refused = |error| Error::io("start a fork server", error);
        let (channel, link) = Channel::pair(None).map_err(refused)?;
        let process = match from {
            From::Program(program) => Process::start(program, link, None)?,
            From::Here => match Process::split_off(setup.threads).map_err(refused)? {
                Some(process) => process,
                None => {
                    drop(channel);
                    super::init::become_forked();
                    run_split_off(link, None)
                }
            },
        };
        let mut inside = Inside {
            process,
            channel,
            decoder: Decoder::default(),
            encoder: Encoder::default(),
            ended: HashMap::new(),
            forked: None,
            ready: None,
            greeting: None,
            refused: None,
            at_end: false,
        };
        let frame = inside.encoder.frame(Kind::Setup, &[&body(setup)?]);
        inside.send(&frame, None, limit).map_err(refused)?;
        inside.wait(limit, |inside| inside.ready.is_some() || inside.refused.is_some());
        let wrong = |why: String| Err(Error::Workers { why });
        if let Some(why) = inside.refused.take() {
            return wrong(why);
        }
        if let Some(Greeting { identity, process, parent }) = inside.greeting.take() {
            if let Some(why) = setup.identity.difference(&identity, &setup.launch) {
                return wrong(why);
            }
            if let Err(why) = inside.process.is_worker(process, parent) {
                return wrong(why);
            }
        }
        match &inside.ready {
            None if inside.at_end => {
                let how = inside.process.reap().map_or("ended".into(), |ended| ended.to_string());
                wrong(format!("the fork server {how} before it was ready"))
            }
            None => wrong(format!("the fork server was not ready after {limit:?}")),
            Some(ready) => match another_pipeline(expected, ready) {
                Some(why) => wrong(why),
                None => Ok(Self(Arc::new(Mutex::new(inside)))),
            },
        }
    }

    /// Splits a worker off.
    pub(super) fn split(&self, link: &Handle) -> Result<Process> {
        let refused = |error| Error::io("split a worker off the fork server", error);
        let mut inside = self.inside();
        let frame = inside.encoder.frame(Kind::Split, &[]);
        inside.send(&frame, Some(sys::borrowed(link)), SPLIT_LIMIT).map_err(refused)?;
        inside.wait(SPLIT_LIMIT, |inside| inside.forked.is_some() || inside.refused.is_some());
        if let Some(why) = inside.refused.take() {
            return Err(Error::Workers { why });
        }
        let pid = inside.forked.take();
        let pid = pid.ok_or_else(|| refused(io::Error::other("it gave no answer")))?;
        let server = self.clone();
        Process::foreign(pid, Box::new(move |end| server.ended(pid, end))).map_err(refused)
    }

    /// Whether it is gone.
    pub(super) fn is_gone(&self) -> bool {
        let mut inside = self.inside();
        inside.hear();
        inside.at_end
    }

    /// How a process of the server ended; `end` says whether it has.
    fn ended(&self, pid: u32, end: bool) -> Option<Ended> {
        let mut inside = self.inside();
        inside.hear();
        let told = inside.ended.remove(&pid);
        told.or((end && inside.at_end).then_some(Ended::Unknown))
    }

    fn inside(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn send(
        &mut self,
        mut bytes: &[u8],
        mut gift: Option<HandleRef<'_>>,
        limit: Duration,
    ) -> io::Result<()> {
        let deadline = deadline(limit);
        while !bytes.is_empty() {
            match self.channel.send(bytes, gift) {
                Ok(sent) => (bytes, gift) = (&bytes[sent..], None),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    sys::wait_for(&[self.channel.source(true)], Some(left))?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Hears the server until something has come, or the server is gone, or time is up.
    fn wait(&mut self, limit: Duration, mut come: impl FnMut(&Self) -> bool) {
        let deadline = deadline(limit);
        loop {
            self.hear();
            let left = deadline.saturating_duration_since(Instant::now());
            if come(self) || self.at_end || left.is_zero() {
                return;
            }
            _ = sys::wait_for(&[self.channel.source(false)], Some(left));
        }
    }

    fn hear(&mut self) {
        while !self.at_end {
            match self.channel.receive(self.decoder.room()) {
                Ok(0) => self.at_end = true,
                Ok(bytes) => self.decoder.came(bytes),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => self.at_end = true,
            }
        }
        loop {
            let frame = match self.decoder.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => return,
                Err(_) => return self.at_end = true,
            };
            match frame.kind {
                Kind::Hello => self.greeting = read(frame.body).map(|read| read.0),
                Kind::Ready => self.ready = read(frame.body).map(|read| read.0),
                Kind::Refused | Kind::Trouble => {
                    self.refused = read(frame.body).map(|read| read.0);
                }
                Kind::Forked => self.forked = read(frame.body).map(|read| read.0),
                Kind::Ended => {
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
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.process.kill();
        let deadline = Instant::now() + SPLIT_LIMIT;
        while self.process.reap().is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
