//! The lengths of the parts of a dataset that is split by fractions.

use std::fmt;
use std::ops::Range;

use crate::error::{Error, Result};

/// The largest allowed distance between the sum of the fractions and 1.
const SUM_SLACK: f64 = 1e-9;
/// The weight of the fraction 1. Fractions become multiples of 2^-53, as all floats from 0.5 to 1
/// are.
const WEIGHT_OF_ONE: f64 = (1u64 << 53) as f64;

/// The parts of a split, as fractions of the whole.
///
/// ```
/// use windrow::order::Parts;
/// let parts = Parts::new([0.8, 0.1, 0.1]);
/// assert_eq!([0, 1, 2].map(|part| parts.range(part, 25)), [0..20, 20..23, 23..25]);
/// assert!(Parts::new([0.8, 0.1]).check(0).is_err());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    fractions: Vec<f64>,
}

impl Parts {
    /// Creates parts with the given fractions, which [`check`](Self::check) validates.
    #[must_use]
    pub fn new(fractions: impl Into<Vec<f64>>) -> Self {
        Self { fractions: fractions.into() }
    }

    /// Returns the range of a part among `len` samples in their shuffled order.
    ///
    /// The range is empty if [`check`](Self::check) refuses the part.
    #[must_use]
    pub fn range(&self, part: u64, len: u64) -> Range<u64> {
        if self.check(part).is_err() {
            return 0..0;
        }
        let weight = |fraction: &f64| u128::from((fraction * WEIGHT_OF_ONE) as u64);
        let sum = |fractions: &[f64]| fractions.iter().map(weight).sum::<u128>();
        let total = sum(&self.fractions);
        // Round to the nearest number, and half up. A sum of weights is about 2^53, so the product
        // stays below 2^120.
        let end = |parts: usize| {
            let twice = 2 * u128::from(len) * sum(&self.fractions[..parts]);
            ((twice + total) / (2 * total)) as u64
        };
        // `check` made sure that the part exists.
        end(part as usize)..end(part as usize + 1)
    }

    /// Checks the fractions and the number of a part, counted from 0.
    ///
    /// # Errors
    /// Returns [`Error::Setting`] in these cases:
    /// - The list of fractions is empty.
    /// - A fraction is negative or not a number.
    /// - The fractions do not add up to 1 within 10^-9.
    /// - The part does not exist.
    pub fn check(&self, part: u64) -> Result<()> {
        let refused = |name: &str, value: String, allowed: String| {
            Err(Error::Setting { name: format!("split.{name}"), value, allowed })
        };
        let sum: f64 = self.fractions.iter().sum();
        let fine = |fraction: &f64| *fraction >= 0.0;
        if !self.fractions.iter().all(fine) || (sum - 1.0).abs() > SUM_SLACK {
            let allowed = "fractions of 0 or more that add up to 1".into();
            return refused("parts", format!("{:?}", self.fractions), allowed);
        }
        let count = self.fractions.len() as u64;
        if part >= count {
            let allowed = format!("the number of a part, 0 to {}", count - 1);
            return refused("part", part.to_string(), allowed);
        }
        Ok(())
    }
}

impl fmt::Display for Parts {
    /// Writes the fractions with `;` between them, each in its shortest form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fraction) in self.fractions.iter().enumerate() {
            let before = if number == 0 { "" } else { ";" };
            write!(f, "{before}{fraction:?}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Parts;

    fn sizes(fractions: &[f64], len: u64) -> Vec<u64> {
        let parts = Parts::new(fractions);
        let mut next = 0;
        let sizes = (0..fractions.len() as u64).map(|part| {
            let range = parts.range(part, len);
            assert_eq!(range.start, next, "part {part} of {fractions:?} over {len}");
            next = range.end;
            range.end - range.start
        });
        let sizes = sizes.collect();
        assert_eq!(next, len, "{fractions:?} over {len}");
        sizes
    }

    #[test]
    fn parts_cover_every_length_and_keep_to_their_fractions() {
        let tenths = [0.1; 10];
        let thirds = [1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0];
        let lists: [&[f64]; 6] =
            [&[1.0], &[0.8, 0.1, 0.1], &thirds, &tenths, &[0.0, 1.0, 0.0], &[0.29, 0.71]];
        for fractions in lists {
            for len in (0..if cfg!(miri) { 20 } else { 500 }).chain([1 << 32, 1 << 63, u64::MAX]) {
                for (size, fraction) in sizes(fractions, len).iter().zip(fractions) {
                    let off = *size as f64 - fraction * len as f64;
                    let slack = 1.0f64.max(len as f64 * 1e-12);
                    assert!(off.abs() <= slack, "{size} of {len} for {fraction}");
                }
            }
        }
    }

    #[test]
    fn lengths_are_specified_to_the_sample() {
        assert_eq!(sizes(&[0.8, 0.1, 0.1], 1_000), [800, 100, 100]);
        assert_eq!(sizes(&[0.29, 0.71], 100), [29, 71]);
        assert_eq!(sizes(&[0.8, 0.1, 0.1], 15), [12, 2, 1]);
        assert_eq!(sizes(&[0.5, 0.5], 5), [3, 2]);
        assert_eq!(sizes(&[0.25; 4], 2), [1, 0, 1, 0]);
        assert_eq!(sizes(&[0.5, 0.5], u64::MAX), [1 << 63, (1 << 63) - 1]);
    }

    #[test]
    fn fractions_that_are_none_are_refused_by_name() {
        for fractions in [
            &[][..],
            &[0.5, 0.4],
            &[0.5, 0.500_000_01],
            &[1.5, -0.5],
            &[f64::NAN, 1.0],
            &[f64::INFINITY],
            &[f64::INFINITY, f64::NEG_INFINITY],
        ] {
            let parts = Parts::new(fractions);
            let message = parts.check(0).unwrap_err().to_string();
            assert!(message.starts_with(&format!("split.parts is {fractions:?}")), "{message}");
            assert_eq!(parts.range(0, 10), 0..0);
        }
        assert!(Parts::new([0.1; 10]).check(9).is_ok());
        let message = Parts::new([0.5, 0.5]).check(2).unwrap_err().to_string();
        assert_eq!(message, "split.part is 2; allowed: the number of a part, 0 to 1");
        assert_eq!(Parts::new([0.5, 0.5]).range(2, 9), 0..0);
    }
}
