//! The policy for samples that fail.

/// The policy for samples that fail.
///
/// With either policy, the stream has the same samples in the same order on every backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnError {
    /// Returns the error in the sample's place; the stream can go on after it.
    #[default]
    Raise,
    /// Leaves out the sample, counts it, and lists its position in the state, up to a limit.
    Skip,
}
