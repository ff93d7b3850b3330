//! Proportions: the part that each position of a mix takes its sample from.

use crate::error::{Error, Result};

/// The largest sum of the weights, after division by their greatest common divisor.
const SUM_MAX: u64 = 1 << 16;

/// The order in which a mix takes samples from its parts.
///
/// The order repeats after as many positions as the sum of the weights. Within a period, the next
/// part is the one with the smallest (samples taken + 1) / weight, and the first one of equals.
#[derive(Debug, Clone)]
pub(crate) struct Proportions {
    weights: Vec<u64>,
    /// Each position of a period: the part, and the number of its samples earlier in the period.
    turns: Vec<(u32, u64)>,
}

impl Proportions {
    /// Creates the order for parts of these weights; without turns if the weights are refused.
    pub(crate) fn new(mut weights: Vec<u64>) -> Self {
        let divisor = weights.iter().copied().fold(0, gcd);
        if divisor > 1 {
            weights.iter_mut().for_each(|weight| *weight /= divisor);
        }
        let mut this = Self { weights, turns: Vec::new() };
        if this.check().is_ok() {
            this.turns = turns(&this.weights);
        }
        this
    }

    /// Returns the number of turns for parts of these weights: their sum without a common divisor, or
    /// 0 for weights that [`check`](Self::check) refuses.
    pub(crate) fn turns_of(weights: &[u64]) -> u64 {
        let divisor = weights.iter().copied().fold(0, gcd).max(1);
        let sum = weights.iter().fold(0, |sum: u64, weight| sum.saturating_add(weight / divisor));
        if sum > SUM_MAX || weights.contains(&0) { 0 } else { sum }
    }

    /// Returns an error for no weight, a weight of 0, or too large a sum.
    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |value: String, allowed: String| {
            Err(Error::Setting { name: "mix".into(), value, allowed })
        };
        if self.weights.is_empty() {
            return wrong("made of no dataset".into(), "at least one dataset".into());
        }
        if let Some(part) = self.weights.iter().position(|weight| *weight == 0) {
            return wrong(
                format!("made with weight 0 for dataset {part}"),
                "weights of at least 1; leave a dataset without samples out".into(),
            );
        }
        let sum = self.weights.iter().fold(0, |sum: u64, weight| sum.saturating_add(*weight));
        if sum > SUM_MAX {
            return wrong(
                format!("made with weights whose sum is {sum} after division by a common divisor"),
                format!(
                    "weights with a sum of at most {SUM_MAX}, such as 7 and 3 for 70 % and 30 %"
                ),
            );
        }
        Ok(())
    }

    /// Returns the part of a position, and the index in the part, which counts on past its end.
    #[inline]
    pub(crate) fn turn(&self, position: u64) -> Option<(u32, u64)> {
        let sum = self.turns.len() as u64;
        let (period, place) = (position.checked_div(sum)?, position.checked_rem(sum)?);
        let (part, before) = *self.turns.get(place as usize)?;
        Some((part, period * self.weights[part as usize] + before))
    }

    /// Returns the number of positions before one of the parts ends, given their lengths.
    pub(crate) fn len(&self, lengths: &[u64]) -> u64 {
        let periods = lengths.iter().zip(&self.weights).filter_map(|(len, w)| len.checked_div(*w));
        let start = periods.min().unwrap_or(0).saturating_mul(self.turns.len() as u64);
        let is_there = |offset: &u64| {
            let turn = start.checked_add(*offset).and_then(|position| self.turn(position));
            turn.is_some_and(|(part, index)| index < lengths[part as usize])
        };
        start.saturating_add((0..self.turns.len() as u64).take_while(is_there).count() as u64)
    }

    /// Returns the weights without their common divisor, as a description has them.
    pub(crate) fn weights(&self) -> String {
        let weights: Vec<String> = self.weights.iter().map(u64::to_string).collect();
        weights.join(":")
    }
}

fn turns(weights: &[u64]) -> Vec<(u32, u64)> {
    let of = |(part, weight): (u32, &u64)| (0..*weight).map(move |before| (part, before));
    let mut turns: Vec<(u32, u64)> = (0..).zip(weights).flat_map(of).collect();
    // The sort is stable, so the first part of equals comes first. Fractions are compared without
    // division: a / b < c / d if a * d < c * b.
    turns.sort_by(|(one, a), (other, b)| {
        ((a + 1) * weights[*other as usize]).cmp(&((b + 1) * weights[*one as usize]))
    });
    turns
}

fn gcd(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { gcd(other, one % other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_period_has_each_part_by_its_weight_and_each_sample_once() {
        for weights in
            [vec![1], vec![1, 1], vec![3, 1], vec![2, 3, 5], vec![7, 1, 1, 12], vec![6, 4]]
        {
            let mix = Proportions::new(weights.clone());
            let divisor = weights.iter().copied().fold(0, gcd);
            let sum = weights.iter().sum::<u64>() / divisor;
            let mut next = vec![0; weights.len()];
            for position in 0..sum * 5 {
                let (part, index) = mix.turn(position).unwrap();
                assert_eq!(index, next[part as usize], "{weights:?} at {position}");
                next[part as usize] += 1;
            }
            let exact: Vec<u64> = weights.iter().map(|weight| weight / divisor * 5).collect();
            assert_eq!(next, exact);
        }
    }

    #[test]
    fn the_length_ends_before_the_first_part_that_would_start_again() {
        let weights = [vec![1, 1], vec![3, 1], vec![2, 3, 5], vec![1, 6]];
        for weights in weights {
            let mix = Proportions::new(weights.clone());
            for lengths in [[5, 5, 5], [0, 9, 9], [9, 0, 9], [10, 3, 40], [100, 1, 1]] {
                let lengths = &lengths[..weights.len()];
                let is_there = |position: &u64| {
                    let (part, index) = mix.turn(*position).unwrap();
                    index < lengths[part as usize]
                };
                let expected = (0..).take_while(is_there).count() as u64;
                assert_eq!(mix.len(lengths), expected, "{weights:?} over {lengths:?}");
            }
        }
        assert_eq!(Proportions::new(vec![1, 1]).len(&[u64::MAX, u64::MAX]), u64::MAX);
    }

    #[test]
    fn what_cannot_be_mixed_is_refused_and_no_panic() {
        for (weights, says) in [
            (vec![], "at least one dataset"),
            (vec![0], "weight 0 for dataset 0"),
            (vec![1, 0], "weight 0 for dataset 1"),
            (vec![1, 1 << 16], "sum is 65537"),
            (vec![u64::MAX, u64::MAX - 1], "sum of at most 65536"),
        ] {
            let mix = Proportions::new(weights.clone());
            let message = mix.check().unwrap_err().to_string();
            assert!(message.contains(says), "{weights:?}: {message}");
            assert_eq!((mix.turn(0), mix.len(&[1, 1])), (None, 0));
        }
        let divided = Proportions::new(vec![u64::MAX / 3 * 2, u64::MAX / 3]);
        assert_eq!((divided.check().is_ok(), &*divided.weights()), (true, "2:1"));
    }
}
