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
/// Texts and the errors of the standard library convert into a fault by `?`, any other by
/// [`Fault::other`]; the chain of sources is kept as text. Closures and
/// [`Source`](crate::source::Source)s may return errors of their own type.
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

    /// A fault with the message of another error and its sources; any error type will do.
    ///
    /// ```
    /// use windrow::Fault;
    /// let fault = Fault::other(std::io::Error::other("the disk is gone"));
    /// assert_eq!(fault.message(), "the disk is gone");
    /// ```
    #[must_use]
    pub fn other(error: impl Into<BoxError>) -> Self {
        error.into().into()
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

/// An error of any kind, as boxes of the standard library hold it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl std::error::Error for Fault {}

impl From<BoxError> for Fault {
    /// Keeps a fault as it is, and of any other error its message and those of its sources.
    fn from(error: BoxError) -> Self {
        match error.downcast::<Self>() {
            Ok(fault) => *fault,
            Err(error) => Self::new(chain(&*error)),
        }
    }
}

/// The messages of an error and of those of its sources that it does not repeat.
fn chain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let why = cause.to_string();
        if !message.ends_with(&why) {
            message.push_str(": ");
            message.push_str(&why);
        }
        source = cause.source();
    }
    message
}

macro_rules! fault_from {
    ($($(#[$attribute:meta])* $error:ty),* $(,)?) => {$(
        $(#[$attribute])*
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::other(error)
            }
        }
    )*};
}

fault_from! {
    &str, String, Error,
    std::array::TryFromSliceError, std::char::ParseCharError, std::convert::Infallible, std::fmt::Error,
    std::io::Error, std::num::ParseFloatError, std::num::ParseIntError, std::num::TryFromIntError,
    std::str::ParseBoolError, std::str::Utf8Error, std::string::FromUtf8Error, std::time::SystemTimeError,
    serde_json::Error,
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
