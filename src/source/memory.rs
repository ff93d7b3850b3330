//! Sources that need no file: a range of numbers, and a `Vec`.

use super::{FromSource, Source, from_source};
use crate::error::{Fault, Result};
use crate::order::Op;

/// A source of the numbers of a range, as [`range`] returns it.
#[derive(Debug, Clone)]
pub struct Range {
    start: u64,
    len: u64,
}

/// Creates a dataset of the numbers of a range.
///
/// ```
/// use windrow::{Dataset, range};
/// assert_eq!(range(5..8).get(2)?, Some(7));
/// # Ok::<(), windrow::Fault>(())
/// ```
#[must_use]
pub fn range(range: std::ops::Range<u64>) -> FromSource<Range> {
    from_source(Range::new(range))
}

impl Range {
    /// Creates a source of the numbers of a range.
    pub(crate) fn new(range: std::ops::Range<u64>) -> Self {
        Self { start: range.start, len: range.end.saturating_sub(range.start) }
    }
}

impl Source for Range {
    type Sample = u64;
    type Error = Fault;

    #[inline]
    fn len(&self) -> u64 {
        self.len
    }

    #[inline]
    fn get(&self, index: u64) -> Result<u64, Fault> {
        Ok(self.start + index)
    }

    fn op(&self) -> Op {
        Op::new("range").with("start", self.start).with("end", self.start + self.len)
    }
}

/// A source of the values of a `Vec`, as [`from_vec`] returns it.
#[derive(Debug, Clone)]
pub struct Values<T>(Vec<T>);

/// Creates a dataset of clones of the values of a `Vec`.
///
/// A state tells two such datasets apart by their length alone, since values of any type have no
/// bytes to compare. An [`Arc`](std::sync::Arc) around each large value makes cloning cheap.
///
/// ```
/// use windrow::{Dataset, from_vec};
/// assert_eq!(from_vec(vec!["a", "b"]).get(1)?, Some("b"));
/// # Ok::<(), windrow::Fault>(())
/// ```
#[must_use]
pub fn from_vec<T: Clone>(values: Vec<T>) -> FromSource<Values<T>> {
    from_source(Values(values))
}

impl<T: Clone> Source for Values<T> {
    type Sample = T;
    type Error = Fault;

    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn get(&self, index: u64) -> Result<T, Fault> {
        let value = usize::try_from(index).ok().and_then(|index| self.0.get(index));
        value.cloned().ok_or_else(|| Fault::new(format!("the source has {} values", self.0.len())))
    }

    fn op(&self) -> Op {
        Op::new("vec").with("len", self.0.len())
    }
}
