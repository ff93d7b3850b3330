//! The connection to one worker process: frames in and out, its standard error, its end.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::backend::process::parent::slots::{Collected, Slab};
use crate::backend::process::protocol::frame::{Decoder, Encoder, Kind};
use crate::backend::process::shm::status_page::StatusPage;
use crate::backend::process::sys::{self, Channel, Ended, HandleRef, Process, Source};

/// See the [module](self).
pub(super) struct Connection {
    pub(super) process: Process,
    channel: Channel,
    pub(super) decoder: Decoder,
    encoder: Encoder,
    outgoing: VecDeque<Outgoing>,
    /// What came of a task in pieces.
    pub(super) collected: Collected,
    /// What the system had killed for want of memory before this process was started.
    kills_before: Option<u64>,
    /// Whether the channel is closed.
    pub(super) at_end: bool,
    /// Whether the process was seen to have ended, while how is not known yet.
    has_ended: bool,
    /// Passes its standard error on.
    errors: Option<JoinHandle<()>>,
}

struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
    passed: Option<Passed>,
}

/// Memory whose descriptor goes with a frame.
pub(super) enum Passed {
    StatusPage(Arc<StatusPage>),
    Slab(Arc<Slab>),
}

impl Passed {
    fn handle(&self) -> Option<HandleRef<'_>> {
        match self {
            Self::StatusPage(page) => page.handle(),
            Self::Slab(slab) => slab.memory(),
        }
    }
}

impl Connection {
    /// The connection to the process of this worker.
    pub(super) fn new(mut process: Process, channel: Channel, worker: u32) -> Self {
        let errors = process.take_errors().and_then(|errors| pass_on(errors, worker));
        Self {
            process,
            channel,
            decoder: Decoder::default(),
            encoder: Encoder::default(),
            outgoing: VecDeque::new(),
            collected: Collected::default(),
            kills_before: sys::out_of_memory_kills(),
            at_end: false,
            has_ended: false,
            errors,
        }
    }

    /// Sends a frame, as soon as there is room for it.
    pub(super) fn post(&mut self, kind: Kind, body: &[u8], passed: Option<Passed>) {
        let bytes = self.encoder.frame(kind, &[body]);
        self.outgoing.push_back(Outgoing { bytes, sent: 0, passed });
        self.flush();
    }

    /// Sends what goes.
    pub(super) fn flush(&mut self) {
        while let Some(next) = self.outgoing.front_mut() {
            let passed = next.passed.as_ref().filter(|_| next.sent == 0).and_then(Passed::handle);
            match self.channel.send(&next.bytes[next.sent..], passed) {
                Ok(bytes) => next.sent += bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // It is gone; receiving tells.
                Err(_) => return self.outgoing.clear(),
            }
            if next.sent == next.bytes.len() {
                self.outgoing.pop_front();
            }
        }
    }

    /// Receives what is there; false when there is no more for now.
    pub(super) fn receive(&mut self) -> bool {
        match self.channel.receive(self.decoder.room()) {
            Ok(bytes @ 1..) => {
                self.decoder.came(bytes);
                return true;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(_) | Err(_) => self.at_end = true,
        }
        false
    }

    /// What news of it comes from.
    pub(super) fn sources(&self) -> impl Iterator<Item = Source<'_>> {
        let channel = (!self.at_end).then(|| self.channel.source(!self.outgoing.is_empty()));
        // An end of which nothing more is known for now would be news for ever.
        channel.into_iter().chain(self.process.source().filter(|_| !self.has_ended))
    }

    /// Whether nothing tells that it has ended, so that it must be asked.
    pub(super) fn must_be_asked(&self) -> bool {
        self.has_ended || self.process.source().is_none()
    }

    /// How the process ended, once that is known; then it must not be asked again.
    pub(super) fn ended(&mut self) -> Option<Ended> {
        self.has_ended = self.has_ended || self.process.has_ended();
        if self.must_be_asked() { self.process.reap() } else { None }
    }

    /// How a process ended, in words.
    pub(super) fn describe(&self, ended: Ended) -> String {
        match ended {
            Ended::Signal(9) if sys::out_of_memory_kills() > self.kills_before => {
                "killed by SIGKILL, by the system for want of memory".into()
            }
            ended => ended.to_string(),
        }
    }

    /// Waits for the last lines on its standard error, not for long: a process of its own may keep
    /// that open.
    pub(super) fn hear_out(&mut self) {
        let start = Instant::now();
        while self.errors.as_ref().is_some_and(|errors| !errors.is_finished())
            && start.elapsed() < Duration::from_millis(200)
        {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Kills the process and waits until the system has let go of it.
    pub(super) fn kill_and_reap(&mut self, limit: Duration) -> Option<Ended> {
        let start = Instant::now();
        self.process.kill();
        loop {
            if let Some(ended) = self.process.reap() {
                return Some(ended);
            }
            if start.elapsed() > limit {
                return None;
            }
            self.process.wait_for_end();
        }
    }
}

/// Passes a worker's lines on, each after the worker's number.
fn pass_on(errors: std::process::ChildStderr, worker: u32) -> Option<JoinHandle<()>> {
    const LINE_MAX: u64 = 64 << 10;
    let thread = std::thread::Builder::new().name(format!("windrow-err-{worker}"));
    let copy = move || {
        let mut errors = BufReader::new(errors);
        let mut line = Vec::new();
        while matches!(errors.by_ref().take(LINE_MAX).read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line);
            _ = writeln!(std::io::stderr(), "[worker {worker}] {}", text.trim_end_matches('\n'));
            line.clear();
        }
    };
    // Without a thread the lines are lost, which is no reason to stop.
    thread.stack_size(128 << 10).spawn(copy).ok()
}
