//! The answer of a part of the ordered stream.

use crate::error::{Error, Result};

/// The answer of a part of the ordered stream that was asked for its next item.
#[derive(Debug)]
pub enum Step<T> {
    /// The next item.
    Item(T),
    /// A failed sample, at its position in the order. The stream continues after the error.
    SampleError(Error),
    /// Samples that a stage refused, at their position in the order. The stream continues.
    StageError(Error),
    /// An error that ends the stream.
    Broken(Error),
    /// No item yet: an earlier sample is not finished.
    Pending,
    /// The end of this epoch.
    End,
}

impl<T> Step<T> {
    /// Returns the same step for another item type. A step that ends the stream becomes an error.
    pub(super) fn without_item<U>(self) -> Result<Step<U>> {
        match self {
            Self::SampleError(error) => Ok(Step::SampleError(error)),
            Self::StageError(error) => Ok(Step::StageError(error)),
            Self::Broken(error) => Err(error),
            Self::Pending => Ok(Step::Pending),
            Self::Item(_) | Self::End => Ok(Step::End),
        }
    }
}
