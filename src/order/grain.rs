//! Grain's `index_shuffle`, to repeat the order of a Grain run.

/// Returns the index to which Grain's dataset shuffle sends `index` in `max_index + 1` samples.
///
/// `seed` counts modulo 2^32, and `rounds` is even. Grain's `shuffle` uses 4 rounds and, for epoch
/// `e`, the seed `seed + e`.
///
/// This function is separate from [`Permutation`](super::Permutation), because it is **not a
/// bijection** for every length. The exceptions are `2^k + 1` with `k` even and at least 16 (65,537;
/// 262,145; …). For these lengths the block is too small to hold `max_index`: one sample never
/// comes and another comes twice. The function is also slow for short datasets, because it walks a
/// block of at least 65,536 entries.
///
/// ```
/// let order: Vec<u64> = (0..5).map(|i| windrow::order::index_shuffle(i, 4, 32, 4)).collect();
/// assert_eq!(order, [2, 4, 3, 0, 1]);
/// ```
///
/// # Panics
/// Panics if `index` is over `max_index`, or if `rounds` is not an even number from 2 to 1,024.
#[must_use]
pub fn index_shuffle(index: u64, max_index: u64, seed: u32, rounds: u32) -> u64 {
    assert!(index <= max_index, "index {index} is over max_index {max_index}");
    assert!(
        rounds.is_multiple_of(2) && (2..=1024).contains(&rounds),
        "{rounds} rounds; expected an even number from 2 to 1,024"
    );
    if max_index == 0 {
        return 0;
    }
    let log = u64::BITS - (max_index - 1).leading_zeros();
    let block_bits = (log + log % 2).clamp(16, 64);
    let keys = seed_sequence(seed, rounds);
    let mut value = index;
    loop {
        value = simon(value, block_bits / 2, &keys);
        if value <= max_index {
            return value;
        }
    }
}

/// Encrypts `value` with a Feistel network like the SIMON cipher's, over two words of `bits` bits.
fn simon(value: u64, bits: u32, keys: &[u32]) -> u64 {
    let mask = (1u64 << bits) - 1;
    let rotate = |x: u64, by: u32| {
        let by = by % bits;
        (x << by | x >> (bits - by)) & mask
    };
    let mix = |x: u64| (rotate(x, 1) & rotate(x, 8)) ^ rotate(x, 2);
    let (mut left, mut right) = (value >> bits & mask, value & mask);
    for pair in keys.chunks_exact(2) {
        left ^= mix(right) ^ (u64::from(pair[0]) & mask);
        right ^= mix(left) ^ (u64::from(pair[1]) & mask);
    }
    left << bits | right
}

/// Computes `count` words as C++'s `std::seed_seq{seed}.generate` does (ISO C++
/// \[rand.util.seedseq\]).
fn seed_sequence(seed: u32, count: u32) -> Vec<u32> {
    let n = count as usize;
    let mut words = vec![0x8b8b_8b8b_u32; n];
    let t = match n {
        623.. => 11,
        68.. => 7,
        39.. => 5,
        7.. => 3,
        _ => (n - 1) / 2,
    };
    let p = (n - t) / 2;
    let q = p + t;
    let seeds = 1;
    let total = n.max(seeds + 1);
    let spread = |x: u32| x ^ x >> 27;
    for k in 0..total {
        let sum = words[k % n] ^ words[(k + p) % n] ^ words[(k + n - 1) % n];
        let first = spread(sum).wrapping_mul(1_664_525);
        let second = first.wrapping_add(match k {
            0 => seeds as u32,
            _ if k <= seeds => ((k % n) as u32).wrapping_add(seed),
            _ => (k % n) as u32,
        });
        words[(k + p) % n] = words[(k + p) % n].wrapping_add(first);
        words[(k + q) % n] = words[(k + q) % n].wrapping_add(second);
        words[k % n] = second;
    }
    for k in total..total + n {
        let sum =
            words[k % n].wrapping_add(words[(k + p) % n]).wrapping_add(words[(k + n - 1) % n]);
        let third = spread(sum).wrapping_mul(1_566_083_941);
        let fourth = third.wrapping_sub((k % n) as u32);
        words[(k + p) % n] ^= third;
        words[(k + q) % n] ^= fourth;
        words[k % n] = fourth;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{index_shuffle, seed_sequence};

    #[test]
    fn the_key_schedule_is_the_standards() {
        assert_eq!(seed_sequence(42, 4), [0x2bd7299e, 0xdcfa5f8a, 0xc427314d, 0x3a718a6d]);
        assert_eq!(seed_sequence(0, 4), [0xb0a842fd, 0x04290315, 0x75a0adfa, 0x1fb83b0f]);
    }

    #[test]
    fn large_lengths_match_grain() {
        let got: Vec<u64> = (0..4).map(|i| index_shuffle(i, (1 << 40) - 1, 5, 4)).collect();
        assert_eq!(got, [582640735631, 857887241439, 569185427390, 844230581934]);
    }

    #[test]
    #[cfg_attr(miri, ignore = "65,537 walks take Miri minutes")]
    fn it_is_not_a_bijection_at_65537_as_documented() {
        let missing = (0..65_537).all(|i| index_shuffle(i, 65_536, 42, 4) != 65_536);
        assert!(missing, "the documented flaw is gone: the documentation is wrong");
    }
}
