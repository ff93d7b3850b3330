//! Errors: what went wrong, where, and what to do.
//!
//! A [`Fault`] is the reason why one sample failed, from the code that made the sample. An
//! [`Error`] is a report from the loader to its caller, with the position added. Both consist of
//! text and numbers, so both cross a process boundary and are the same on every backend.

mod fault;

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use fault::{BoxError, Fault, FaultKind};

/// The result type of most calls in this crate. `windrow::Result` alone is a result for `main`.
///
/// ```
/// fn main() -> windrow::Result {
///     let batches = windrow::Loader::builder(windrow::range(0..4)).build()?;
///     assert_eq!(batches.count(), 4);
///     Ok(())
/// }
/// ```
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// The loss of a worker while the worker made a sample.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Loss {
    /// How the worker ended, such as `killed by SIGSEGV`.
    pub how: String,
    /// What the worker was doing, such as `computing the sample`; empty if unknown.
    pub stage: Cow<'static, str>,
    /// The largest amount of memory seen in use by the worker, in bytes, if known.
    pub rss: Option<u64>,
    /// The index that the worker last asked a source for, if known.
    pub index: Option<u64>,
    /// The position that the worker was computing, if known.
    pub position: Option<u64>,
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

/// An error that a loader reports.
///
/// Each variant says what happened, where, and what to do. Later versions may add variants. `Debug`
/// prints the same sentence as `Display`, because `fn main() -> windrow::Result<()>` prints errors
/// with `Debug`.
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
    /// One sample failed. The error takes the sample's own position in the order, and the stream
    /// continues after the error.
    #[error("position {position}: {fault}{}", attempts_text(*.attempts))]
    Sample {
        /// The position in the stream.
        position: u64,
        /// Why the sample failed.
        fault: Fault,
        /// The number of attempts.
        attempts: u32,
    },
    /// Every worker that took this sample was lost.
    #[error("position {position}{}: lost its worker {} time(s): {}; {}", index_text(*.index), .attempts.len(), losses_text(.attempts), advice_text(.attempts))]
    SampleLost {
        /// The position in the stream.
        position: u64,
        /// The index that a worker last asked a source for, if known.
        index: Option<u64>,
        /// How each attempt ended.
        attempts: Vec<Loss>,
    },
    /// Worker processes cannot start, or all of them end.
    #[error("worker processes: {why}")]
    Workers {
        /// What the last worker reported, or how that worker ended.
        why: String,
    },
    /// The state given to this loader is of another pipeline.
    #[error(
        "state was saved with {field} {saved}, this loader has {current}; use the same pipeline and settings, or start without the state"
    )]
    Mismatch {
        /// The field that differs, such as `batch.size`.
        field: String,
        /// Its value in the state.
        saved: String,
        /// Its value in this loader.
        current: String,
    },
    /// A state cannot be read or used.
    #[error("not a usable windrow state: {why}")]
    State {
        /// What is wrong with the state.
        why: String,
    },
    /// A setting has a value that is not allowed.
    #[error("{name} is {value}; allowed: {allowed}")]
    Setting {
        /// The name of the setting.
        name: String,
        /// The value given.
        value: String,
        /// The values that the setting allows.
        allowed: String,
    },
    /// An environment variable has a value that is not allowed.
    #[error("environment variable {variable} is {value:?}; allowed: {allowed}")]
    Environment {
        /// The name of the variable.
        variable: &'static str,
        /// The value of the variable.
        value: String,
        /// The values that the variable allows.
        allowed: String,
    },
    /// A feature is not available on this platform or in this build.
    #[error("{what} is not available: {why}; {instead}")]
    Unsupported {
        /// The feature that was asked for.
        what: String,
        /// Why the feature is not available.
        why: String,
        /// What to use instead.
        instead: String,
    },
    /// Data has a wrong format.
    #[error("{name}{}: {why}", offset_text(*.offset))]
    Format {
        /// The name of the file or other input.
        name: String,
        /// The place in the input, in bytes from the start.
        offset: Option<u64>,
        /// What is wrong.
        why: String,
    },
    /// A pipeline document has a value that is not allowed, or an op does not suit its samples.
    #[error("{path}: {why}")]
    Spec {
        /// The place in the document, such as `$.ops[2].size`. For a pipeline without a document, the
        /// number and the name of the op or stage, such as `op 2, cast`; the source is op 0. An op of a
        /// combined dataset comes after the number of its member: `member 1, op 2, cast`.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// An error of one of several streams.
    #[error("stream {name:?}: {error}")]
    Stream {
        /// The name of the stream.
        name: Arc<str>,
        /// The error of the stream.
        error: Box<Error>,
    },
    /// An error from the caller's own code: see [`Error::other`].
    #[error(transparent)]
    Other(Arc<dyn std::error::Error + Send + Sync>),
    /// The operating system returned an error.
    #[error("{what}: {source}")]
    Io {
        /// The operation that failed, with the path.
        what: String,
        /// The error of the operating system.
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
    /// Wraps an error from the caller's own code or from another crate.
    pub fn other(error: impl Into<BoxError>) -> Self {
        Self::Other(error.into().into())
    }

    /// Creates an [`Error::Io`] for a failed operation of the operating system.
    pub fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io { what: what.into(), source: Arc::new(source) }
    }

    /// Returns the same error at another position.
    pub(crate) fn at_position(mut self, at: u64) -> Self {
        if let Self::Sample { position, .. } | Self::SampleLost { position, .. } = &mut self {
            *position = at;
        }
        self
    }

    /// Returns the reason, for use in another [`Error::Workers`].
    #[allow(dead_code, reason = "only worker processes use it, and not every platform has them")]
    pub(crate) fn why(self) -> String {
        match self {
            Self::Workers { why } => why,
            other => other.to_string(),
        }
    }

    /// Returns the error as one of a stream among several.
    pub(crate) fn of_stream(self, name: &Arc<str>) -> Self {
        Self::Stream { name: name.clone(), error: Box::new(self) }
    }

    /// Returns the position in the stream, for errors that have one.
    #[must_use]
    pub fn position(&self) -> Option<u64> {
        match self {
            Self::Stream { error, .. } => error.position(),
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
        "raise the time limit if this sample, which may be a whole batch, is only slow"
    } else {
        "correct the sample, which crashes or hangs every worker that makes it"
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
