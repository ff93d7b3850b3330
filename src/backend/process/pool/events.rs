//! The pool's inputs and actions.

use std::time::Duration;

use crate::engine::Task;
use crate::error::{Error, Loss};

/// The limits for workers.
#[derive(Debug, Clone)]
pub(in super::super) struct Limits {
    /// The time limit for one sample.
    pub(in super::super) sample: Option<Duration>,
    /// The time limit for a worker to open its pipeline.
    pub(in super::super) startup: Duration,
    /// The memory limit of a worker, in bytes.
    pub(in super::super) rss: Option<u64>,
    /// The number of samples after which a worker is replaced.
    pub(in super::super) samples: Option<u64>,
    /// The number of workers that may be lost in a row without a finished sample.
    pub(in super::super) crashes: u32,
    /// By how much the clock may be ahead of a worker's time.
    pub(in super::super) slack: Duration,
    /// The program that starts workers, if not this one.
    pub(in super::super) program: Option<String>,
}

/// A worker's message, apart from [reports](Pool::reported).
#[derive(Debug)]
pub(in super::super) enum Said {
    /// The worker's identity is right, or how it differs.
    Hello(Result<(), String>),
    /// The worker's pipeline is open, or how it differs from the loader's.
    Ready(Result<(), String>),
    /// The reason why the worker cannot work.
    Refused(String),
    /// The reason why the worker ends early.
    Trouble(String),
    /// The samples of a task come in pieces, with this many bytes in total.
    Pieces { task: u64, bytes: u64 },
    /// A piece with this many bytes.
    Piece(usize),
    /// The worker ends in order.
    Bye,
    /// A violation of the protocol.
    Nonsense(String),
}

/// The content of a worker's status page. The pool does not trust the page: it names a sample in an
/// error, or makes a time limit end early.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Page {
    /// The last task that the worker began.
    pub(in super::super) task: Option<u64>,
    /// The position that the worker is computing.
    pub(in super::super) filling: Option<u64>,
    /// The worker's activity, as text.
    pub(in super::super) doing: &'static str,
    /// The last index requested from a source.
    pub(in super::super) index: Option<u64>,
}

/// The end of a process.
#[derive(Debug, Clone)]
pub(in super::super) struct Exit {
    /// The description.
    pub(in super::super) how: String,
    /// Whether the process exited with code 0.
    pub(in super::super) clean: bool,
    /// The text for a process that cannot have called `init`.
    pub(in super::super) no_init: Option<String>,
    /// Whether the process ended with its fork server.
    pub(in super::super) with_server: bool,
    /// Whether the worker's slots caused the end.
    pub(in super::super) blameless: bool,
}

/// An action for the driver.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(in super::super) enum Action {
    /// Send the worker a task that the worker was [given](Pool::given).
    Send(usize, u64),
    /// Tell the worker to end.
    Drain(usize),
    /// Kill the worker's process.
    Kill(usize),
    /// Drop the worker's process, which does not end; the memory that it may still write to is not
    /// reused.
    Abandon(usize),
    /// Report that the worker of a task is gone.
    Lost(Task, Loss),
    /// Report that a worker is ready.
    Ready,
    /// Report that no more workers will start.
    Broken(Error),
    /// Log the end of a worker's process, and whether it is a loss.
    Ended { number: usize, how: String, is_lost: bool },
    /// Store why a worker did not start.
    NotStarted(String),
}

/// The answer that the task should wait for a used slot to come back. Most often, the wait is
/// shorter than the task before. A fresh slot is slow at first and displaces the others from the
/// cache. If no slot comes back, the worker soon becomes idle and gets any slot.
pub(in super::super) struct Wait;

impl Said {
    /// Returns the name of the message for errors.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "a Hello frame",
            Self::Ready(_) => "a Ready frame",
            Self::Refused(_) => "a Refused frame",
            Self::Trouble(_) => "a Trouble frame",
            Self::Pieces { .. } => "a Stream frame",
            Self::Piece(_) => "a Piece frame",
            Self::Bye => "a Bye frame",
            Self::Nonsense(_) => "an invalid frame",
        }
    }
}
