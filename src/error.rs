//! What can go wrong, where it went wrong, and what to do about it.
//!
//! Two types: a [`Fault`] is why one sample could not be made, said by the code that tried; an
//! [`Error`] is what a loader tells its user, with the place added. Both are plain text and
//! numbers, so they cross a process boundary and are the same on every backend.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The result of most calls in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why one sample could not be made: what a dataset says to the loader.
///
/// Any error converts into a fault by `?`; its chain of sources is kept as text. It is not itself a
/// [`std::error::Error`], just so that this conversion can exist.
///
/// ```
/// use windrow::Fault;
/// fn parse(text: &str) -> Result<u32, Fault> {
///     Ok(text.parse::<u32>()?)
/// }
/// assert_eq!(parse("x").unwrap_err().message(), "invalid digit found in string");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    kind: FaultKind,
    op: Option<Cow<'static, str>>,
    index: Option<u64>,
    message: String,
}

/// How a sample failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum FaultKind {
    /// The code that makes the sample returned an error.
    Failed,
    /// The code that makes the sample panicked.
    Panicked,
}

impl Fault {
    /// A fault with this message.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { kind: FaultKind::Failed, op: None, index: None, message: message.into() }
    }

    /// A fault for a panic with this message.
    #[must_use]
    pub fn panicked(message: impl Into<String>) -> Self {
        Self { kind: FaultKind::Panicked, ..Self::new(message) }
    }

    /// Names the op and the index it was asked for, unless an op further in already did.
    #[must_use]
    pub fn at(mut self, op: impl Into<Cow<'static, str>>, index: u64) -> Self {
        self.op.get_or_insert_with(|| op.into());
        self.index.get_or_insert(index);
        self
    }

    /// Names what failed, where that was asked for no index.
    #[must_use]
    pub(crate) fn by(mut self, what: &'static str) -> Self {
        self.op.get_or_insert(what.into());
        self
    }

    /// Whether the sample failed or panicked.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// The op that failed, where known.
    #[must_use]
    pub fn op(&self) -> Option<&str> {
        self.op.as_deref()
    }

    /// The index that the failing op was asked for: after a shuffle, the number of the sample in
    /// the dataset below it.
    #[must_use]
    pub fn index(&self) -> Option<u64> {
        self.index
    }

    /// What went wrong, in one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl<E: std::error::Error> From<E> for Fault {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::new(message)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(op) = &self.op {
            write!(f, "{op}")?;
            if let Some(index) = self.index {
                write!(f, " of index {index}")?;
            }
            f.write_str(if self.kind == FaultKind::Panicked { " panicked: " } else { ": " })?;
        } else if self.kind == FaultKind::Panicked {
            f.write_str("panicked: ")?;
        }
        f.write_str(&self.message)
    }
}

/// How a worker was lost while it made a sample.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Loss {
    /// How it ended, such as `killed by SIGSEGV`.
    pub how: String,
    /// What it was doing, such as `making the sample`; empty where that is not known.
    pub stage: Cow<'static, str>,
    /// The most it was seen to occupy, in bytes, where known.
    pub rss: Option<u64>,
    /// The index that it last asked of a source, where known.
    pub index: Option<u64>,
}

impl From<String> for Loss {
    fn from(how: String) -> Self {
        Self { how, ..Self::default() }
    }
}

impl From<&str> for Loss {
    fn from(how: &str) -> Self {
        how.to_owned().into()
    }
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.how)?;
        if !self.stage.is_empty() {
            write!(f, " while {}", self.stage)?;
        }
        self.rss.map_or(Ok(()), |rss| write!(f, ", at {} MiB", rss >> 20))
    }
}

/// What a loader reports.
///
/// Each variant says what happened, where, and what to do. New variants may come.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// One sample could not be made. It is one error, in the sample's own place in the order, and
    /// the stream goes on after it.
    #[error("position {position}: {fault}{}", attempts_text(*.attempts))]
    Sample {
        /// The place in the stream.
        position: u64,
        /// Why it could not be made.
        fault: Fault,
        /// How often it was tried.
        attempts: u32,
    },
    /// Every worker that took this sample was lost.
    #[error("position {position}{}: lost its worker {} time(s): {}; the sample crashes or hangs whoever makes it", index_text(*.index), .attempts.len(), losses_text(.attempts))]
    SampleLost {
        /// The place in the stream.
        position: u64,
        /// The index that was last asked of a source, where known.
        index: Option<u64>,
        /// How each attempt ended.
        attempts: Vec<Loss>,
    },
    /// Worker processes that cannot start, or that all end.
    #[error("worker processes: {why}")]
    Workers {
        /// What the last of them said, or how it ended.
        why: String,
    },
    /// A state of another pipeline was given to this loader.
    #[error(
        "state was saved with {field} {saved}, this loader has {current}; use the same pipeline and settings, or start afresh without the state"
    )]
    Mismatch {
        /// The field that differs, such as `batch.size`.
        field: String,
        /// Its value in the state.
        saved: String,
        /// Its value in this loader.
        current: String,
    },
    /// A state that cannot be read.
    #[error("not a usable windrow state: {why}")]
    State {
        /// What is wrong with it.
        why: String,
    },
    /// A setting with a value that makes no sense.
    #[error("{name} is {value}; allowed: {allowed}")]
    Setting {
        /// The setting.
        name: String,
        /// What it was given.
        value: String,
        /// What it may be.
        allowed: String,
    },
    /// An environment variable with a value that makes no sense.
    #[error("environment variable {variable} is {value:?}; allowed: {allowed}")]
    Environment {
        /// The variable.
        variable: &'static str,
        /// What it holds.
        value: String,
        /// What it may hold.
        allowed: String,
    },
    /// Something that cannot be had here.
    #[error("{what} is not available: {why}; {instead}")]
    Unsupported {
        /// What was asked for.
        what: String,
        /// Why it cannot be had.
        why: String,
        /// What works.
        instead: String,
    },
    /// Bytes that are not what they should be.
    #[error("{name}{}: {why}", offset_text(*.offset))]
    Format {
        /// The file, or what stands for it.
        name: String,
        /// Where in it, in bytes from the start.
        offset: Option<u64>,
        /// What is wrong.
        why: String,
    },
    /// A pipeline document that says something it may not.
    #[error("{path}: {why}")]
    Spec {
        /// Where in the document, as in `$.ops[2].size`.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
}

impl Error {
    /// An [`Error::Io`] for something tried on the system.
    pub fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io { what: what.into(), source: Arc::new(source) }
    }

    /// What went wrong, for an [`Error::Workers`] that is made of it.
    // Only worker processes ask, and not every platform has them.
    #[allow(dead_code)]
    pub(crate) fn why(self) -> String {
        match self {
            Self::Workers { why } => why,
            other => other.to_string(),
        }
    }

    /// The place in the stream, for errors that have one.
    #[must_use]
    pub fn position(&self) -> Option<u64> {
        match self {
            Self::Sample { position, .. } | Self::SampleLost { position, .. } => Some(*position),
            _ => None,
        }
    }
}

fn attempts_text(attempts: u32) -> String {
    if attempts > 1 { format!(" (after {attempts} attempts)") } else { String::new() }
}

fn index_text(index: Option<u64>) -> String {
    index.map(|index| format!(" (index {index})")).unwrap_or_default()
}

fn losses_text(losses: &[Loss]) -> String {
    losses.iter().map(Loss::to_string).collect::<Vec<_>>().join("; ")
}

fn offset_text(offset: Option<u64>) -> String {
    offset.map(|at| format!(" at byte {at}")).unwrap_or_default()
}
