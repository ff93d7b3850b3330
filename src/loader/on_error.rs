//! What happens when a sample cannot be made.

/// What happens when a sample cannot be made.
///
/// The stream has the same samples in the same order either way, on every backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnError {
    /// The error takes the sample's place; the stream can go on after it.
    #[default]
    Raise,
    /// The sample is left out, counted, and its position listed in the state, up to a bound.
    Skip,
}
