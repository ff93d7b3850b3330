//! The number of epochs.

use std::fmt;
use std::str::FromStr;

/// The word for an endless number of epochs.
pub(crate) const FOREVER: &str = "forever";

/// The number of epochs that a loader runs.
///
/// The number is no part of the pipeline's fingerprint, so a run can resume with more epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Epochs {
    /// A number of epochs, at least 1.
    Count(u64),
    /// Epoch after epoch, without end.
    Forever,
}

impl Default for Epochs {
    fn default() -> Self {
        Self::Count(1)
    }
}

impl Epochs {
    /// Returns the number of epochs, or `None` without end.
    #[must_use]
    pub fn count(self) -> Option<u64> {
        match self {
            Self::Count(count) => Some(count),
            Self::Forever => None,
        }
    }
}

impl fmt::Display for Epochs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Forever => f.write_str(FOREVER),
        }
    }
}

impl FromStr for Epochs {
    type Err = String;

    /// Reads a number of at least 1, or `forever`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            _ if text == FOREVER => Ok(Self::Forever),
            Ok(count @ 1..) => Ok(Self::Count(count)),
            _ => Err(format!(
                "{text:?} is not a number of epochs; give a number of at least 1, or {FOREVER:?}"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Epochs;

    #[test]
    fn epochs_come_back_from_their_text() {
        for epochs in [Epochs::Count(1), Epochs::Count(u64::MAX), Epochs::Forever] {
            assert_eq!(epochs.to_string().parse(), Ok(epochs));
        }
        for wrong in ["0", "-1", "", "ever", "18446744073709551616"] {
            assert!(wrong.parse::<Epochs>().unwrap_err().contains("forever"), "{wrong}");
        }
    }
}
