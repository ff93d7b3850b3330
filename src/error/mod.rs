//! What can go wrong, where it went wrong, and what to do about it.
//!
//! Two types: a [`Fault`] is why one sample could not be made, said by the code that tried; an
//! [`Error`] is what a loader tells its user, with the place added. Both are plain text and
//! numbers, so they cross a process boundary and are the same on every backend.

mod fault;

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use fault::{BoxError, Fault, FaultKind};

/// The result of most calls in this crate. `windrow::Result` alone is one for `main`.
///
/// ```
/// fn main() -> windrow::Result {
///     let batches = windrow::Loader::builder(windrow::range(0..4)).build()?;
///     assert_eq!(batches.count(), 4);
///     Ok(())
/// }
/// ```
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

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
/// Each variant says what happened, where, and what to do. New variants may come. Its `Debug` is the
/// same sentence, since that is what `fn main() -> windrow::Result<()>` prints.
///
/// ```
/// use windrow::{Dataset, Loader, range};
/// fn main() -> windrow::Result<()> {
///     let text = std::fs::read_to_string("Cargo.toml")?;
///     let first = range(0..10).get(3)?;
///     assert_eq!(first, Some(3));
///     let batches: u64 = "4".parse().map_err(windrow::Error::other)?;
///     assert!(text.len() as u64 > batches);
///     Ok(())
/// }
/// ```
#[derive(Clone, thiserror::Error)]
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
    #[error("position {position}{}: lost its worker {} time(s): {}; {}", index_text(*.index), .attempts.len(), losses_text(.attempts), advice_text(.attempts))]
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
    /// An error of the caller's own: see [`Error::other`].
    #[error(transparent)]
    Other(Arc<dyn std::error::Error + Send + Sync>),
    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
}

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::other(fault)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::other(error)
    }
}

impl Error {
    /// An error of the caller's own, such as of another crate.
    pub fn other(error: impl Into<BoxError>) -> Self {
        Self::Other(error.into().into())
    }

    /// An [`Error::Io`] for something tried on the system.
    pub fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io { what: what.into(), source: Arc::new(source) }
    }

    /// The same error at another position.
    pub(crate) fn at_position(mut self, at: u64) -> Self {
        if let Self::Sample { position, .. } | Self::SampleLost { position, .. } = &mut self {
            *position = at;
        }
        self
    }

    /// What went wrong, for an [`Error::Workers`] that is made of it.
    #[allow(dead_code, reason = "only worker processes ask, and not every platform has them")]
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

fn advice_text(losses: &[Loss]) -> &'static str {
    if losses.iter().any(|loss| loss.how.ends_with("its time limit")) {
        "raise the time limit where this sample, which may be a whole batch, is only slow"
    } else {
        "the sample crashes or hangs whoever makes it"
    }
}

fn offset_text(offset: Option<u64>) -> String {
    offset.map(|at| format!(" at byte {at}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_any_type_come_through_with_their_sources() {
        let inner = std::io::Error::other("the disk is gone");
        let outer = Error::io("reading a.csv", inner);
        assert_eq!(Fault::from(outer).message(), "reading a.csv: the disk is gone");
        let fault = Fault::new("no").at("map", 3);
        assert_eq!(Fault::other(fault.clone()), fault);
        let boxed: BoxError = Box::new(fault.clone());
        assert_eq!(Error::other(boxed).to_string(), fault.to_string());
    }

    #[test]
    fn main_prints_a_sentence() {
        let error = Error::from(Fault::new("no").at("map", 3));
        assert_eq!(format!("{error:?}"), "map of index 3: no");
    }
}
