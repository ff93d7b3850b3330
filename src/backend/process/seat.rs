//! A seat: the place of one worker, and the process that sits there now.
//!
//! It moves frames and remembers what was given to the process. What follows from a message or a
//! death is decided in the [supervisor](super::supervisor).

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::frame::{Decoder, Encoder, Kind};
use super::message::{Order, body};
use super::slab::{Collected, Lease, Slab};
use super::sys::{Board, Channel, Ended, HandleRef, Process, Source};
use crate::engine::Task;
use crate::error::Result;

/// See the [module](self).
pub(super) struct Seat {
    pub(super) number: u32,
    pub(super) incarnation: u32,
    pub(super) board: Arc<Board>,
    pub(super) slab: Option<Arc<Slab>>,
    /// Whether a task waits for one of its slots to come back.
    pub(super) waits: bool,
    /// Parcels that came in pieces because no slot was free, in a row.
    pub(super) without_slot: u32,
    /// A parcel so large that there was no memory for slots.
    pub(super) refused_slot: Option<usize>,
    pub(super) worker: Option<Worker>,
    /// When the next process may be started.
    pub(super) not_before: Instant,
}

/// How far a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Starting,
    Working,
    /// It gets no more tasks; it is told to end when it has answered those it has.
    Finishing,
    /// It was told to end.
    Draining,
    /// It said that it ends.
    Gone,
}

/// One process.
pub(super) struct Worker {
    pub(super) process: Process,
    channel: Channel,
    pub(super) decoder: Decoder,
    encoder: Encoder,
    outgoing: VecDeque<Outgoing>,
    pub(super) phase: Phase,
    /// When the phase was first seen, by the supervisor's [clock](super::clock).
    since: Option<Duration>,
    /// Tasks given and not answered, the one that is worked on first.
    pub(super) given: VecDeque<Given>,
    /// When the first of them was first seen at its turn, by that clock.
    turn: Option<Duration>,
    /// How far its page says it is with that one, and since when it says so.
    seen: Option<(u64, Duration)>,
    pub(super) streaming: Option<(u64, u64, Collected)>,
    pub(super) samples: u64,
    /// The most it was seen to occupy, in bytes.
    pub(super) rss: Option<u64>,
    pub(super) weighed: Option<Instant>,
    /// Whether it occupies more than it may.
    pub(super) heavy: bool,
    /// What the worker said of why it cannot work.
    pub(super) refused: Option<String>,
    /// Why it ends, in its own words.
    pub(super) trouble: Option<String>,
    /// Why it was killed, if it was.
    pub(super) killed: Option<String>,
    pub(super) kills_before: Option<u64>,
    pub(super) at_end: bool,
    /// Whether its pipeline was open.
    pub(super) was_ready: bool,
    /// Passes its standard error on.
    pub(super) errors: Option<JoinHandle<()>>,
}

/// A task with a worker.
pub(super) struct Given {
    pub(super) task: Task,
    pub(super) lease: Option<Lease>,
    /// How often it came back from a dead worker that had not begun it.
    pub(super) returned: u32,
}

struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
    gift: Option<Gift>,
}

enum Gift {
    Board(Arc<Board>),
    Slab(Arc<Slab>),
}

impl Gift {
    fn handle(&self) -> Option<HandleRef<'_>> {
        match self {
            Self::Board(board) => board.handle(),
            Self::Slab(slab) => slab.memory(),
        }
    }
}

impl Seat {
    pub(super) fn new(number: u32) -> io::Result<Self> {
        Ok(Self {
            number,
            incarnation: 0,
            board: Arc::new(Board::new()?),
            slab: None,
            waits: false,
            without_slot: 0,
            refused_slot: None,
            worker: None,
            not_before: Instant::now(),
        })
    }

    /// Takes in a process, and sends it what it must know.
    pub(super) fn take_in(&mut self, process: Process, channel: Channel, setup: &[u8]) {
        let mut worker = Worker {
            process,
            channel,
            decoder: Decoder::default(),
            encoder: Encoder::default(),
            outgoing: VecDeque::new(),
            phase: Phase::Starting,
            since: None,
            given: VecDeque::new(),
            turn: None,
            seen: None,
            streaming: None,
            samples: 0,
            rss: None,
            weighed: None,
            heavy: false,
            refused: None,
            trouble: None,
            killed: None,
            kills_before: None,
            at_end: false,
            was_ready: false,
            errors: None,
        };
        worker.post(Kind::Setup, setup, Some(Gift::Board(self.board.clone())));
        if let Some(slab) = &self.slab {
            worker.post_slab(slab);
        }
        self.worker = Some(worker);
    }
}

impl Worker {
    pub(super) fn enter(&mut self, phase: Phase) {
        (self.phase, self.since) = (phase, None);
    }

    /// Whether it can take another task.
    pub(super) fn has_room(&self, queue: usize) -> bool {
        self.phase == Phase::Working && self.given.len() < queue && self.killed.is_none()
    }

    /// How many samples it has made or was given.
    pub(super) fn samples_with_given(&self) -> u64 {
        self.samples + self.given.iter().map(|given| given.task.count).sum::<u64>()
    }

    pub(super) fn give(&mut self, given: Given) -> Result<()> {
        let order = Order::new(given.task, given.lease.as_ref().map(Lease::place));
        if self.given.is_empty() {
            self.next_turn();
        }
        self.given.push_back(given);
        self.post(Kind::Task, &body(&order)?, None);
        Ok(())
    }

    /// The task that is now the first begins, as far as is known.
    pub(super) fn next_turn(&mut self) {
        (self.turn, self.seen) = (None, None);
    }

    /// What the page says of the task whose turn it is: the position, and since when. What user code
    /// has written over is most often about no position of the task.
    pub(super) fn filling(&self, board: &Board) -> Option<(u64, u64)> {
        let task = self.given.front()?.task;
        board.filling().filter(|(position, _)| task.positions().contains(position))
    }

    /// Looks how far it is. A worker only ever goes forwards, so one that says anything else of
    /// itself is taken to be where it was.
    pub(super) fn observe(&mut self, board: &Board, now: Duration) {
        self.since.get_or_insert(now);
        if self.given.is_empty() {
            return;
        }
        self.turn.get_or_insert(now);
        if let Some((position, _)) = self.filling(board)
            && self.seen.is_none_or(|(last, _)| last < position)
        {
            self.seen = Some((position, now));
        }
    }

    /// How long it has been in its phase.
    pub(super) fn age(&self, now: Duration) -> Duration {
        self.since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    /// How long it has been with its sample, no longer than this process has seen that.
    pub(super) fn busy(&self, now: Duration) -> Duration {
        let since = self.seen.map(|(_, since)| since).or(self.turn);
        since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    pub(super) fn post_slab(&mut self, slab: &Arc<Slab>) {
        if let Ok(note) = body(&slab.note()) {
            self.post(Kind::Slab, &note, Some(Gift::Slab(slab.clone())));
        }
    }

    pub(super) fn drain(&mut self) {
        self.post(Kind::Drain, &[], None);
        self.enter(Phase::Draining);
    }

    fn post(&mut self, kind: Kind, body: &[u8], gift: Option<Gift>) {
        let bytes = self.encoder.frame(kind, &[body]);
        self.outgoing.push_back(Outgoing { bytes, sent: 0, gift });
        self.flush();
    }

    /// Sends what goes.
    pub(super) fn flush(&mut self) {
        while let Some(next) = self.outgoing.front_mut() {
            let gift = next.gift.as_ref().filter(|_| next.sent == 0).and_then(Gift::handle);
            match self.channel.send(&next.bytes[next.sent..], gift) {
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
            Ok(0) => {
                self.at_end = true;
                false
            }
            Ok(bytes) => {
                self.decoder.came(bytes);
                true
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(_) => {
                self.at_end = true;
                false
            }
        }
    }

    /// What news of it comes from.
    pub(super) fn sources(&self) -> impl Iterator<Item = Source<'_>> {
        let channel = (!self.at_end).then(|| self.channel.source(!self.outgoing.is_empty()));
        channel.into_iter().chain(self.process.source())
    }

    /// Ends the process for a reason, which is remembered if it is the first.
    pub(super) fn kill(&mut self, why: String) {
        self.killed.get_or_insert(why);
        self.process.kill();
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

    /// Kills the process, if need be, and waits until the system has let go of it.
    pub(super) fn reap(&mut self, limit: Duration) -> Option<Ended> {
        if let Some(ended) = self.process.reap() {
            return Some(ended);
        }
        // A worker that closed its channel is most likely about to end by itself.
        let grace = match self.phase {
            Phase::Gone => Duration::from_secs(1),
            _ if self.at_end && self.killed.is_none() => Duration::from_millis(200),
            _ => Duration::ZERO,
        };
        let start = Instant::now();
        let mut killed = false;
        loop {
            if !killed && start.elapsed() >= grace {
                self.kill("killed by windrow: it closed its channel and did not end".into());
                killed = true;
            }
            self.process.wait_for_end();
            if let Some(ended) = self.process.reap() {
                return Some(ended);
            }
            if start.elapsed() > limit + grace {
                return None;
            }
        }
    }
}
