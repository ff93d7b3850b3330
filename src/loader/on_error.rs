//! The policy for samples that fail.

/// The policy for samples that fail.
///
/// With either policy, the stream has the same samples in the same order on every backend.
///
/// ```
/// use windrow::{Dataset, Loader, OnError, range};
/// let evens = range(0..6).try_map(|x| if x % 2 == 1 { Err("odd") } else { Ok(x) });
/// let mut loader = Loader::builder(evens).on_error(OnError::Skip).build()?;
/// assert_eq!(loader.by_ref().count(), 3);
/// assert_eq!(loader.skips().count(), 3);
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnError {
    /// The loader returns the error in the sample's place, and the stream can go on after it.
    #[default]
    Raise,
    /// The loader leaves out the sample and counts it; the state lists the first 4 positions.
    Skip,
}
