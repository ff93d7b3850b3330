//! The reason why one sample failed.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Error;

/// The reason why one sample failed, as a dataset reports it to the loader.
///
/// Strings and the errors of the standard library convert into a fault with `?`, and any other
/// error with [`Fault::other`]. A fault keeps the chain of sources as text. Closures and
/// [`Source`](crate::source::Source)s may return errors of their own types.
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
    /// Creates a fault with this message.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { kind: FaultKind::Failed, op: None, index: None, message: message.into() }
    }

    /// Creates a fault from an error of any type, with the messages of the error and its sources.
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

    /// Creates a fault for a panic with this message.
    #[must_use]
    pub fn panicked(message: impl Into<String>) -> Self {
        Self { kind: FaultKind::Panicked, ..Self::new(message) }
    }

    /// Adds the op and the index that the op was asked for, unless an inner op has already added
    /// its own.
    #[must_use]
    pub fn at(mut self, op: impl Into<Cow<'static, str>>, index: u64) -> Self {
        self.op.get_or_insert_with(|| op.into());
        self.index.get_or_insert(index);
        self
    }

    /// Adds the part that failed, for parts that are not asked for an index.
    #[must_use]
    pub(crate) fn by(mut self, what: impl Into<Cow<'static, str>>) -> Self {
        self.op.get_or_insert_with(|| what.into());
        self
    }

    /// Returns whether the sample failed or panicked.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// Returns the op that failed, if known.
    #[must_use]
    pub fn op(&self) -> Option<&str> {
        self.op.as_deref()
    }

    /// Returns the index that the failing op was asked for.
    ///
    /// After a shuffle, the index is the number of the sample in the dataset below the shuffle.
    #[must_use]
    pub fn index(&self) -> Option<u64> {
        self.index
    }

    /// Returns the message, which is one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// A boxed error of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl std::error::Error for Fault {}

impl From<BoxError> for Fault {
    /// Keeps a fault as is, and the message and the sources' messages of any other error.
    fn from(error: BoxError) -> Self {
        match error.downcast::<Self>() {
            Ok(fault) => *fault,
            Err(error) => Self::new(chain(&*error)),
        }
    }
}

/// Joins the messages of an error and of its sources, and leaves out repeated messages.
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
