//! The connection to one worker process: frames in both directions, standard error, and the end.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::backend::process::parent::slots::{Collected, Slab};
use crate::backend::process::protocol::frame::{Decoder, Encoder, Kind};
use crate::backend::process::shm::status_page::StatusPage;
use crate::backend::process::sys::{self, Channel, Ended, HandleRef, Process, Source};

/// The connection to one worker process.
pub(super) struct Connection {
    pub(super) process: Process,
    channel: Channel,
    pub(super) decoder: Decoder,
    encoder: Encoder,
    outgoing: VecDeque<Outgoing>,
    /// The bytes received of a task that comes in pieces.
    pub(super) collected: Collected,
    /// The number of processes that the system had killed for lack of memory before this process
    /// started.
    kills_before: Option<u64>,
    /// Whether the channel is closed.
    pub(super) at_end: bool,
    /// Whether the process has ended but the way it ended is still unknown.
    has_ended: bool,
    /// The thread that forwards the worker's standard error.
    errors: Option<JoinHandle<()>>,
}

struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
    passed: Option<Passed>,
}

/// Memory whose descriptor travels with a frame.
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
    /// Creates the connection to this worker's process.
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

    /// Queues a frame and sends as much as the channel accepts.
    pub(super) fn post(&mut self, kind: Kind, body: &[u8], passed: Option<Passed>) {
        let bytes = self.encoder.frame(kind, &[body]);
        self.outgoing.push_back(Outgoing { bytes, sent: 0, passed });
        self.flush();
    }

    /// Sends queued bytes until the channel is full.
    pub(super) fn flush(&mut self) {
        while let Some(next) = self.outgoing.front_mut() {
            let passed = next.passed.as_ref().filter(|_| next.sent == 0).and_then(Passed::handle);
            match self.channel.send(&next.bytes[next.sent..], passed) {
                Ok(bytes) => next.sent += bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // The worker is gone; receiving reports the end.
                Err(_) => return self.outgoing.clear(),
            }
            if next.sent == next.bytes.len() {
                self.outgoing.pop_front();
            }
        }
    }

    /// Receives available bytes; returns false when no more bytes are available now.
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

    /// Returns the sources of events for this worker.
    pub(super) fn sources(&self) -> impl Iterator<Item = Source<'_>> {
        let channel = (!self.at_end).then(|| self.channel.source(!self.outgoing.is_empty()));
        // Exclude an ended process whose exit is still unknown: its source would stay ready.
        channel.into_iter().chain(self.process.source().filter(|_| !self.has_ended))
    }

    /// Returns whether the driver must poll for the end of the process, because no source reports
    /// it.
    pub(super) fn must_be_asked(&self) -> bool {
        self.has_ended || self.process.source().is_none()
    }

    /// Returns how the process ended, once known. The caller must not call this again afterwards.
    pub(super) fn ended(&mut self) -> Option<Ended> {
        self.has_ended = self.has_ended || self.process.has_ended();
        if self.must_be_asked() { self.process.reap() } else { None }
    }

    /// Describes how a process ended.
    pub(super) fn describe(&self, ended: Ended) -> String {
        match ended {
            Ended::Signal(9) if sys::out_of_memory_kills() > self.kills_before => {
                "killed by SIGKILL, by the system for lack of memory".into()
            }
            ended => ended.to_string(),
        }
    }

    /// Waits at most 200 ms for the worker's last lines on standard error, because a child of the
    /// worker may keep the pipe open.
    pub(super) fn hear_out(&mut self) {
        let start = Instant::now();
        while self.errors.as_ref().is_some_and(|errors| !errors.is_finished())
            && start.elapsed() < Duration::from_millis(200)
        {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Kills the process and waits until the system has released it.
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

/// Forwards a worker's lines, each with the worker's number in front.
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
    // Without the thread, the lines are lost, but the worker still runs.
    thread.stack_size(128 << 10).spawn(copy).ok()
}
