//! A keyed permutation of `0..len` that needs no table.

use super::Rng;

/// The number of rounds of the network. `tests/order.rs` shows the flaws of fewer rounds.
const ROUNDS: usize = 8;
/// The longest permutation that is drawn as a table, which is no larger than the keys would be.
const TABLE: usize = 128;
/// The multiplier that spreads the bits of a round: the odd number next to 2^64 divided by the
/// golden ratio.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
/// The op number that keys permutations. Ops of a pipeline count from 0 and never reach this
/// number.
const OP: u64 = u64::MAX;

/// A random permutation of `0..len`, keyed by seed and epoch, in O(1) memory.
///
/// The permutation is a bijection for every length. Up to 128 entries, Fisher and Yates draw the
/// permutation, so every order is equally likely.
///
/// Above 128 entries, the permutation is a Feistel network over the smallest `2^bits >= len`. An
/// index walks along its cycle until it lands inside `0..len` (J. Black, P. Rogaway, "Ciphers with
/// arbitrary finite domains", 2002). One key bit decides whether the entries 0 and 1 change places,
/// because a Feistel network alone gives even permutations only. `ARCHITECTURE.md` specifies the
/// algorithm to the bit.
///
/// ```
/// use windrow::order::Permutation;
/// let order = Permutation::new(10, 42, 0);
/// let mut seen: Vec<u64> = (0..10).map(|index| order.get(index)).collect();
/// seen.sort();
/// assert_eq!(seen, (0..10).collect::<Vec<_>>());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Permutation {
    len: u64,
    seed: u64,
    epoch: u64,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Table([u8; TABLE]),
    Network { left_bits: u32, right_bits: u32, keys: [[u64; 2]; ROUNDS], parity: u64 },
}

impl Permutation {
    /// Creates the permutation of `0..len` for a seed and an epoch; `len` is from 0 to 2^63.
    ///
    /// # Panics
    /// Panics if `len` is over 2^63.
    #[must_use]
    pub fn new(len: u64, seed: u64, epoch: u64) -> Self {
        assert!(len <= 1 << 63, "a permutation has at most 2^63 entries, not {len}");
        let mut rng = Rng::keyed(seed, epoch, OP, 0);
        let kind = if len <= TABLE as u64 {
            let mut entries = core::array::from_fn(|entry| entry as u8);
            rng.shuffle(&mut entries[..len as usize]);
            Kind::Table(entries)
        } else {
            let bits = u64::BITS - (len - 1).leading_zeros();
            let mut keys = [[0; 2]; ROUNDS];
            for key in &mut keys {
                *key = [rng.next_u64(), rng.next_u64()];
            }
            let parity = rng.next_u64() >> 63;
            Kind::Network { left_bits: bits - bits / 2, right_bits: bits / 2, keys, parity }
        };
        Self { len, seed, epoch, kind }
    }

    /// Returns `true` if the permutation has this length, seed and epoch.
    #[inline]
    #[must_use]
    pub fn is_for(&self, len: u64, seed: u64, epoch: u64) -> bool {
        self.len == len && self.seed == seed && self.epoch == epoch
    }

    /// Returns the entry at `index`.
    ///
    /// # Panics
    /// Panics if `index` is not below the length.
    #[inline]
    #[must_use]
    pub fn get(&self, index: u64) -> u64 {
        assert!(
            index < self.len,
            "index {index} is past the end of a permutation of {} entries",
            self.len
        );
        match &self.kind {
            Kind::Table(entries) => u64::from(entries[index as usize]),
            Kind::Network { left_bits, right_bits, keys, parity } => {
                let mut value = index;
                loop {
                    value = network(value, *left_bits, *right_bits, keys);
                    if value < self.len {
                        return if value < 2 { value ^ parity } else { value };
                    }
                }
            }
        }
    }
}

/// Runs the network once over `left_bits + right_bits` bits.
///
/// The result is a bijection, because each round is its own inverse.
#[inline]
fn network(value: u64, left_bits: u32, right_bits: u32, keys: &[[u64; 2]; ROUNDS]) -> u64 {
    let mut left = value >> right_bits;
    let mut right = value & ((1 << right_bits) - 1);
    for pair in keys.chunks_exact(2) {
        left ^= round(right, pair[0], left_bits);
        right ^= round(left, pair[1], right_bits);
    }
    left << right_bits | right
}

/// Multiplies and adds with the key, spreads the bits, and takes the top ones.
#[inline]
fn round(half: u64, key: [u64; 2], bits: u32) -> u64 {
    let mixed = half.wrapping_mul(key[0]).wrapping_add(key[1]);
    (mixed ^ mixed >> 32).wrapping_mul(SPREAD) >> (u64::BITS - bits)
}

#[cfg(test)]
mod tests {
    use super::Permutation;

    #[test]
    fn every_small_length_is_a_bijection() {
        for len in if cfg!(miri) { 120..140 } else { 0..700 } {
            let order = Permutation::new(len, len ^ 5, 3);
            let mut seen = vec![false; len as usize];
            for index in 0..len {
                let entry = order.get(index) as usize;
                assert!(!std::mem::replace(&mut seen[entry], true), "len {len} repeats {entry}");
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "262,145 entries take Miri minutes")]
    fn lengths_around_powers_of_two_are_bijections() {
        for bits in [10, 12, 16, 18] {
            for len in [(1u64 << bits) - 1, 1 << bits, (1 << bits) + 1] {
                let order = Permutation::new(len, 42, 0);
                let mut seen = vec![false; len as usize];
                for index in 0..len {
                    seen[order.get(index) as usize] = true;
                }
                assert!(seen.iter().all(|&s| s), "length {len} misses an entry");
            }
        }
    }

    #[test]
    fn huge_lengths_stay_inside() {
        for len in [1 << 40, (1 << 62) + 1, (1 << 63) - 1, 1 << 63] {
            let order = Permutation::new(len, 1, 0);
            for index in [0, 1, len / 2, len - 1] {
                assert!(order.get(index) < len);
            }
        }
    }

    #[test]
    fn another_seed_or_epoch_is_another_order() {
        let order = |seed, epoch| {
            let order = Permutation::new(100, seed, epoch);
            (0..100).map(|index| order.get(index)).collect::<Vec<_>>()
        };
        assert_ne!(order(1, 0), order(2, 0));
        assert_ne!(order(1, 0), order(1, 1));
        assert_ne!(order(0, 1), order(1, 0));
    }
}
