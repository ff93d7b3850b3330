//! `Pack`: how sequences fill rows of a fixed length, one after another.
//!
//! A row holds parts of samples. The stages `pack` and `concat_then_split` decide which parts share
//! a row. Absent on purpose: that decision, and any memory of earlier rows.

use std::fmt;
use std::ops::Range;

use super::element_spec::ElementSpec;
use crate::error::{BoxError, Error, Fault, Result};
use crate::order::Op;

/// The most elements of a row.
pub(crate) const ROW_LENGTH_MAX: u64 = 1 << 24;

/// Some consecutive elements of a sample, which are one segment of a row.
#[derive(Debug)]
pub struct Segment<'a, T> {
    /// The sample.
    pub sample: &'a T,
    /// The elements of the sample that go into the row, counted from 0. A field with fewer elements
    /// ends the part early.
    pub range: Range<u64>,
}

/// A function that makes a row of a fixed length from parts of samples.
///
/// [`PackFields`](super::PackFields) makes rows of records, and [`PackBy`] calls closures.
pub trait Pack<T> {
    /// The type of a row.
    type Row;

    /// Returns the number of elements of a row, for each field that is packed.
    fn room(&self) -> Vec<u64>;

    /// Returns the number of elements of a sample, in the order of [`room`](Self::room).
    ///
    /// # Errors
    /// Returns a fault if the sample has no sequence to pack.
    fn lengths(&self, sample: &T) -> Result<Vec<u64>, Fault>;

    /// Makes a row; `parts` has at least one element.
    ///
    /// # Errors
    /// Returns a fault if the parts do not fit together.
    fn pack(&self, parts: &[Segment<'_, T>]) -> Result<Self::Row, Fault>;

    /// Returns the spec of the rows, given that of the samples; by default, nothing is known.
    ///
    /// # Errors
    /// Returns the reason why no such samples make a row.
    fn element_spec(&self, samples: &ElementSpec) -> Result<ElementSpec, String> {
        _ = samples;
        Ok(ElementSpec::unknown())
    }

    /// Returns the name of a field, by its number in [`room`](Self::room), for errors.
    fn field(&self, number: u64) -> Option<&str> {
        _ = number;
        None
    }

    /// Adds the options that affect the result to the op's description.
    fn describe(&self, op: Op) -> Op;

    /// Checks the options before anything runs.
    ///
    /// # Errors
    /// Returns [`Error::Setting`] with the name of a wrong option.
    fn check(&self) -> Result<()> {
        self.room().into_iter().try_for_each(|length| row_length("pack.length".into(), length))
    }
}

/// A [`Pack`] of closures, for samples that have one length.
///
/// ```
/// use windrow::dataset::{PackBy, Segment};
/// use windrow::stage::Fit;
/// use windrow::{Dataset, Fault, Loader, from_vec};
/// let concat = |parts: &[Segment<'_, Vec<u8>>]| {
///     let elements = |part: &Segment<'_, Vec<u8>>| {
///         part.sample[part.range.start as usize..part.range.end as usize].to_vec()
///     };
///     Ok::<_, Fault>(parts.iter().flat_map(elements).collect::<Vec<u8>>())
/// };
/// let texts = from_vec(vec![vec![1, 1, 1], vec![2, 2], vec![3]]).ordered();
/// let rows = texts.pack(Fit::First, 2, PackBy::new(4, |text: &Vec<u8>| text.len() as u64, concat));
/// let rows = Loader::builder(rows).build()?.map(|row| Ok(row?.into_inner()));
/// assert_eq!(rows.collect::<windrow::Result<Vec<_>>>()?, [vec![1, 1, 1, 3], vec![2, 2]]);
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Clone)]
pub struct PackBy<L, P> {
    length: u64,
    length_of: L,
    pack: P,
}

impl<L, P> PackBy<L, P> {
    /// Creates a `Pack` for rows of `length` elements.
    ///
    /// `length_of` returns the number of elements of a sample, and `pack` makes a row of parts.
    #[must_use]
    pub fn new<T, U, E>(length: u64, length_of: L, pack: P) -> Self
    where
        E: Into<BoxError>,
        L: Fn(&T) -> u64,
        P: Fn(&[Segment<'_, T>]) -> Result<U, E>,
    {
        Self { length, length_of, pack }
    }
}

impl<T, U, E, L, P> Pack<T> for PackBy<L, P>
where
    E: Into<BoxError>,
    L: Fn(&T) -> u64,
    P: Fn(&[Segment<'_, T>]) -> Result<U, E>,
{
    type Row = U;

    fn room(&self) -> Vec<u64> {
        vec![self.length]
    }

    fn lengths(&self, sample: &T) -> Result<Vec<u64>, Fault> {
        Ok(vec![(self.length_of)(sample)])
    }

    fn pack(&self, parts: &[Segment<'_, T>]) -> Result<U, Fault> {
        (self.pack)(parts).map_err(Fault::other)
    }

    fn describe(&self, op: Op) -> Op {
        op.with("length", self.length)
    }
}

impl<L, P> fmt::Debug for PackBy<L, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackBy").field("length", &self.length).finish_non_exhaustive()
    }
}

/// Returns an error unless a row can have so many elements.
pub(super) fn row_length(name: String, length: u64) -> Result<()> {
    if (1..=ROW_LENGTH_MAX).contains(&length) {
        return Ok(());
    }
    let allowed = format!("1 to {ROW_LENGTH_MAX} elements");
    Err(Error::Setting { name, value: length.to_string(), allowed })
}
