//! What the pool is told, and what it asks for.

use std::time::Duration;

use crate::engine::Task;
use crate::error::{Error, Loss};

/// What workers may take and cost.
#[derive(Debug, Clone)]
pub(in super::super) struct Limits {
    /// How long one sample may take.
    pub(in super::super) sample: Option<Duration>,
    /// How long a worker may take to open its pipeline.
    pub(in super::super) startup: Duration,
    /// What a worker may occupy, in bytes.
    pub(in super::super) rss: Option<u64>,
    /// After how many samples a worker is replaced.
    pub(in super::super) samples: Option<u64>,
    /// How many workers may be lost in a row without a sample made.
    pub(in super::super) crashes: u32,
    /// How far the clock may be ahead of a worker's time.
    pub(in super::super) slack: Duration,
    /// What starts workers, where it is not this program.
    pub(in super::super) program: Option<String>,
}

/// What a worker says, besides [reports](Pool::reported).
#[derive(Debug)]
pub(in super::super) enum Said {
    /// Which program it is, or how that is not a worker of this loader.
    Hello(Result<(), String>),
    /// Its pipeline is open, or how that is another one.
    Ready(Result<(), String>),
    /// Why it cannot work.
    Refused(String),
    /// Why it ends, where it cannot go on.
    Trouble(String),
    /// The samples of a task come in pieces, of so many bytes together.
    Pieces { task: u64, bytes: u64 },
    /// A piece of so many bytes.
    Piece(usize),
    /// It ends in good order.
    Bye,
    /// What no worker says.
    Nonsense(String),
}

/// What the status page of a worker says. None of it is believed: it names a sample in an error, or
/// makes a time limit end early.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Page {
    /// The task that was begun last.
    pub(in super::super) task: Option<u64>,
    /// The position that is being filled.
    pub(in super::super) filling: Option<u64>,
    /// What the worker is doing, in words.
    pub(in super::super) doing: &'static str,
    /// The index that was last asked of a source.
    pub(in super::super) index: Option<u64>,
}

/// How a process ended.
#[derive(Debug, Clone)]
pub(in super::super) struct Exit {
    /// How, in words.
    pub(in super::super) how: String,
    /// Whether it exited with code 0.
    pub(in super::super) clean: bool,
    /// That it cannot have called `init`, in words.
    pub(in super::super) no_init: Option<String>,
    /// Whether it ended with its fork server.
    pub(in super::super) with_server: bool,
    /// Whether its slots were at fault.
    pub(in super::super) blameless: bool,
}

/// What the driver is to do.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(in super::super) enum Action {
    /// Send the worker a task that it was [given](Pool::given).
    Send(usize, u64),
    /// Tell the worker to end.
    Drain(usize),
    /// Kill the worker's process.
    Kill(usize),
    /// Let go of the worker's process, which does not end; whatever it writes to is its own.
    Abandon(usize),
    /// Tell that the worker of a task is gone.
    Lost(Task, Loss),
    /// Tell that a worker is ready.
    Ready,
    /// Tell that there will be no more workers.
    Broken(Error),
    /// Log that a worker's process ended, and whether that is a loss.
    Ended { number: usize, how: String, is_lost: bool },
    /// Keep why a worker did not start.
    NotStarted(String),
}

/// The task should be given when a slot in use comes back: most often that takes less than the task
/// before it, and another slot is slow at first and drives the others out of the cache. If none comes
/// back, the worker is soon idle and gets any.
pub(in super::super) struct Wait;

impl Said {
    /// What a message is called in an error.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "a Hello frame",
            Self::Ready(_) => "a Ready frame",
            Self::Refused(_) => "a Refused frame",
            Self::Trouble(_) => "a Trouble frame",
            Self::Pieces { .. } => "a Stream frame",
            Self::Piece(_) => "a Piece frame",
            Self::Bye => "a Bye frame",
            Self::Nonsense(_) => "a frame without sense",
        }
    }
}
