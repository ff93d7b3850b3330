//! Weights of samples, and the samples that random numbers draw by the weights.

use super::{Rng, short_hash_of};

/// The op number that keys draws by weight. Ops of a pipeline count from 0 and never reach this
/// number.
const OP: u64 = u64::MAX - 1;

/// Weights as whole numbers whose sum is below 2^63.
///
/// All weights are multiplied by one power of two and rounded down, so every platform computes the
/// same numbers. The power is the largest for which each weight is below `2^(63 - b)`, where `b` is
/// the number of bits of the number of weights. A positive weight becomes 1 at least.
#[derive(Debug)]
pub(crate) struct Weights {
    /// The sum of the weights up to and with each sample.
    sums: Vec<u64>,
    /// The number of weights above 0.
    positive: u64,
    /// The first 8 bytes, in hexadecimal, of the SHA-256 of the weights as given.
    hash: String,
    /// The place and the value of the first weight that is no weight.
    refused: Option<(u64, f64)>,
}

impl Weights {
    /// Creates the weights; without samples to draw if one of them is negative or not finite.
    pub(crate) fn new(weights: &[f64]) -> Self {
        let hash = short_hash_of(weights.iter().map(|weight| weight.to_bits()));
        let fine = |weight: &f64| weight.is_finite() && *weight >= 0.0;
        let refused = (0..).zip(weights).find(|(_, weight)| !fine(weight));
        if let Some((place, weight)) = refused {
            let refused = Some((place, *weight));
            return Self { sums: vec![0; weights.len()], positive: 0, hash, refused };
        }
        let bits = u64::BITS - (weights.len() as u64).leading_zeros();
        let top = weights.iter().copied().map(parts).map(|(digits, exponent)| {
            if digits == 0 { i32::MIN } else { bits_of(digits) + exponent }
        });
        let shift = (63 - bits as i32).saturating_sub(top.max().unwrap_or(0));
        let mut sum = 0;
        let sums = weights.iter().map(|weight| {
            sum += whole(*weight, shift);
            sum
        });
        let sums = sums.collect();
        let positive = weights.iter().filter(|weight| **weight > 0.0).count() as u64;
        Self { sums, positive, hash, refused: None }
    }

    /// Returns the number of weights.
    pub(crate) fn len(&self) -> u64 {
        self.sums.len() as u64
    }

    /// Returns the number of weights above 0.
    pub(crate) fn positive(&self) -> u64 {
        self.positive
    }

    /// Returns the place and the value of the first weight that is negative or not finite.
    pub(crate) fn refused(&self) -> Option<(u64, f64)> {
        self.refused
    }

    /// Returns the hash that tells these weights from others.
    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }

    /// Draws the sample at `offset` of an epoch with replacement; `None` without weights above 0.
    #[inline]
    pub(crate) fn draw(&self, seed: u64, epoch: u64, offset: u64) -> Option<u64> {
        let total = *self.sums.last().filter(|total| **total > 0)?;
        let number = Rng::keyed(seed, epoch, OP, offset).below(total);
        Some(self.sums.partition_point(|sum| *sum <= number) as u64)
    }

    /// Draws the first `count` samples of an epoch without replacement; fewer if fewer weights are
    /// above 0.
    ///
    /// Each draw has the weights of the samples that are left. The tree of partial sums is that of
    /// P. M. Fenwick, "A new data structure for cumulative frequency tables", 1994.
    pub(crate) fn order(&self, seed: u64, epoch: u64, count: u64) -> Vec<u64> {
        let mut rng = Rng::keyed(seed, epoch, OP, 0);
        let mut left = self.sums.last().copied().unwrap_or(0);
        let mut tree = Tree::new(&self.sums);
        let drawn = (0..count.min(self.positive)).map(|_| {
            let (place, weight) = tree.take(rng.below(left));
            left -= weight;
            place as u64
        });
        drawn.collect()
    }
}

/// Returns a weight times 2^shift as a whole number, rounded down, and 1 at least above 0.
fn whole(weight: f64, shift: i32) -> u64 {
    let (digits, exponent) = parts(weight);
    if digits == 0 {
        return 0;
    }
    let shift = exponent.saturating_add(shift);
    let whole = match u32::try_from(shift) {
        Ok(left) => digits.checked_shl(left).unwrap_or(0),
        Err(_) => digits.checked_shr(shift.unsigned_abs()).unwrap_or(0),
    };
    whole.max(1)
}

/// Splits a positive number into digits and an exponent, so that the number is digits · 2^exponent.
fn parts(weight: f64) -> (u64, i32) {
    let bits = weight.to_bits();
    let (digits, exponent) = (bits & ((1 << 52) - 1), (bits >> 52 & 0x7FF) as i32);
    if exponent == 0 { (digits, -1074) } else { (digits | 1 << 52, exponent - 1075) }
}

/// Returns the number of binary digits.
fn bits_of(digits: u64) -> i32 {
    (u64::BITS - digits.leading_zeros()) as i32
}

/// Weights from which samples are taken away, in a tree of partial sums.
struct Tree {
    /// Node *i*, from 1 on, has the sum of the last `i & -i` weights up to weight *i*.
    nodes: Vec<u64>,
    /// The largest power of two that is not above the number of weights.
    top: usize,
}

impl Tree {
    fn new(sums: &[u64]) -> Self {
        let before = |node: usize| if node == 0 { 0 } else { sums[node - 1] };
        let node = |node: usize| match node {
            0 => 0,
            _ => before(node) - before(node & (node - 1)),
        };
        let top = sums.len().checked_ilog2().map_or(0, |bits| 1 << bits);
        Self { nodes: (0..=sums.len()).map(node).collect(), top }
    }

    /// Takes away the sample at which the sum of the weights exceeds `number`, and returns its place
    /// and weight. `number` must be below the sum of all weights.
    fn take(&mut self, number: u64) -> (usize, u64) {
        let (mut place, mut number, mut step) = (0, number, self.top);
        while step > 0 {
            let next = place + step;
            if next < self.nodes.len() && self.nodes[next] <= number {
                (place, number) = (next, number - self.nodes[next]);
            }
            step /= 2;
        }
        let weight = self.weight(place + 1);
        let mut node = place + 1;
        while node < self.nodes.len() {
            self.nodes[node] -= weight;
            node += node & node.wrapping_neg();
        }
        (place, weight)
    }

    /// Returns the weight of a node alone: its sum without those of the nodes right below it.
    fn weight(&self, node: usize) -> u64 {
        let (from, mut below, mut weight) = (node & (node - 1), node - 1, self.nodes[node]);
        while below > from {
            weight -= self.nodes[below];
            below &= below - 1;
        }
        weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_become_whole_numbers_in_proportion() {
        let wholes = |weights: &[f64]| {
            let sums = Weights::new(weights).sums;
            let before = std::iter::once(&0).chain(&sums);
            let wholes: Vec<u64> = sums.iter().zip(before).map(|(sum, one)| sum - one).collect();
            wholes
        };
        // Three weights take two bits, so each has up to 61.
        let of_six = [1 << 58, 2 << 58, 3 << 58].map(|whole: u64| whole * 2);
        assert_eq!(wholes(&[1.0, 2.0, 3.0]), of_six);
        assert_eq!(wholes(&[0.125, 0.25, 0.375]), of_six);
        assert_eq!(wholes(&[f64::MAX, 0.0, f64::MIN_POSITIVE / 4.0])[1..], [0, 1]);
        let smallest = f64::from_bits(1);
        assert_eq!(wholes(&[smallest, -0.0, 2.0 * smallest]), [1 << 59, 0, 1 << 60]);
        assert_eq!(wholes(&[0.0, 0.0]), [0, 0]);
        assert_eq!(wholes(&[0.1])[0], 0x0019_9999_9999_999A << 9);
    }

    #[test]
    fn draws_follow_the_weights() {
        let weights = Weights::new(&[1.0, 0.0, 2.5, 0.0, 6.5]);
        let (draws, mut counts) = (if cfg!(miri) { 500 } else { 50_000 }, [0u32; 5]);
        for offset in 0..draws {
            counts[weights.draw(7, 1, offset).unwrap() as usize] += 1;
        }
        assert_eq!((counts[1], counts[3]), (0, 0));
        let chi: f64 = [(0, 0.1), (2, 0.25), (4, 0.65)]
            .map(|(place, share)| {
                let expected = draws as f64 * share;
                (f64::from(counts[place]) - expected).powi(2) / expected
            })
            .iter()
            .sum();
        assert!(chi < 13.8, "chi-square over 2 degrees of freedom is {chi} (99.9 % is 13.8)");
        assert_ne!(
            (0..9).map(|offset| weights.draw(7, 1, offset)).collect::<Vec<_>>(),
            (0..9).map(|offset| weights.draw(1, 7, offset)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn orders_without_replacement_follow_the_weights_that_are_left() {
        let weights = Weights::new(&[1.0, 0.0, 2.0, 3.0]);
        let runs = if cfg!(miri) { 100 } else { 30_000 };
        let mut counts = std::collections::BTreeMap::new();
        for epoch in 0..runs {
            *counts.entry(weights.order(3, epoch, 9)).or_insert(0u32) += 1;
        }
        // Each order has the product of its draws' shares: 3/6 · 2/3 of [3, 2, 0].
        let expected = [
            ([0, 2, 3], 1.0 / 6.0 * 2.0 / 5.0),
            ([0, 3, 2], 1.0 / 6.0 * 3.0 / 5.0),
            ([2, 0, 3], 2.0 / 6.0 * 1.0 / 4.0),
            ([2, 3, 0], 2.0 / 6.0 * 3.0 / 4.0),
            ([3, 0, 2], 3.0 / 6.0 * 1.0 / 3.0),
            ([3, 2, 0], 3.0 / 6.0 * 2.0 / 3.0),
        ];
        assert_eq!(counts.len(), expected.len());
        let chi = expected.map(|(order, share)| {
            let expected = runs as f64 * share;
            (f64::from(counts[&order.to_vec()]) - expected).powi(2) / expected
        });
        let chi: f64 = chi.iter().sum();
        assert!(chi < 20.5, "chi-square over 5 degrees of freedom is {chi} (99.9 % is 20.5)");
    }

    #[test]
    fn an_order_has_each_sample_with_a_weight_once() {
        for len in 1..70u64 {
            let given: Vec<f64> = (0..len).map(|place| (place % 5) as f64 * 0.3).collect();
            let weights = Weights::new(&given);
            let mut order = weights.order(len, 2, u64::MAX);
            assert_eq!(order.len() as u64, weights.positive());
            let prefix = weights.order(len, 2, 3);
            assert_eq!(prefix[..], order[..prefix.len()]);
            order.sort_unstable();
            let expected: Vec<u64> = (0..len).filter(|place| place % 5 > 0).collect();
            assert_eq!(order, expected, "{len}");
        }
    }

    #[test]
    fn a_number_on_the_border_of_two_samples_is_of_the_second() {
        let sums = vec![1, 1, 3, 6];
        let taken = [0, 1, 2, 3, 4, 5].map(|number| Tree::new(&sums).take(number));
        assert_eq!(taken, [(0, 1), (2, 2), (2, 2), (3, 3), (3, 3), (3, 3)]);
        let weights = Weights { sums, positive: 3, hash: String::new(), refused: None };
        let first = (0..600).filter(|offset| weights.draw(1, 0, *offset) == Some(0)).count();
        assert!((60..140).contains(&first), "{first} of 600 draws of weight 1 of 6");
    }

    #[test]
    fn what_is_no_weight_is_told_with_its_place() {
        for wrong in [-1.0, f64::NAN, f64::INFINITY, -f64::MIN_POSITIVE] {
            let weights = Weights::new(&[1.0, wrong, -2.0]);
            let (place, weight) = weights.refused().unwrap();
            assert_eq!((place, weight.to_bits()), (1, wrong.to_bits()));
            assert_eq!((weights.draw(0, 0, 0), weights.order(0, 0, 2)), (None, vec![]));
        }
        let none = Weights::new(&[]);
        assert_eq!((none.draw(0, 0, 0), none.order(0, 0, 2), none.len()), (None, vec![], 0));
        assert_eq!(Weights::new(&[0.0]).draw(0, 0, 0), None);
    }

    #[test]
    fn the_largest_weights_do_not_overflow() {
        let weights = Weights::new(&vec![f64::MAX; 1000]);
        assert_eq!(weights.sums[999] / 1000, weights.sums[0]);
        assert!(weights.sums[999] < 1 << 63 && weights.sums[999] > 1 << 61);
        assert_eq!(weights.order(1, 1, 1000).len(), 1000);
    }
}
