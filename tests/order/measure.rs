//! How far counts are from what they should be, and the orders to measure.

use windrow::order::{Permutation, Rng};

/// The normal quantile of 99.99 %.
///
/// All seeds are fixed, so a test either always passes or never does. A sound permutation had one
/// chance in 5,000 (both tails) to miss a threshold when its seeds were chosen; with about 80
/// thresholds, one in 60 that anything at all would have had to be looked at. The faults that these
/// tests are for are dozens of such deviations away: see `weaker_networks_are_seen_through`.
pub const Z_MAX: f64 = 3.719;

/// An order: what stands at an index.
pub type Order = Box<dyn Fn(u64) -> u64>;

/// The orders of this crate, by seed and epoch.
pub fn permutation(len: u64) -> impl Fn(u64, u64) -> Order {
    move |seed, epoch| {
        let order = Permutation::new(len, seed, epoch);
        Box::new(move |index| order.get(index))
    }
}

/// The network of `Permutation`, written again for any number of rounds, and with or without the
/// spreading step of its round function.
pub fn network(len: u64, rounds: usize, spread: bool) -> impl Fn(u64, u64) -> Order {
    let bits = u64::BITS - (len - 1).leading_zeros();
    move |seed, epoch| {
        let mut rng = Rng::keyed(seed, epoch, u64::MAX, 0);
        let keys: Vec<[u64; 2]> = (0..rounds).map(|_| [rng.next_u64(), rng.next_u64()]).collect();
        let swap = rng.next_u64() >> 63;
        Box::new(move |mut value| {
            loop {
                let (mut left, mut right) = (value >> (bits / 2), value % (1 << (bits / 2)));
                for (number, [times, plus]) in keys.iter().enumerate() {
                    let (from, to, width) = match number % 2 {
                        0 => (right, &mut left, bits - bits / 2),
                        _ => (left, &mut right, bits / 2),
                    };
                    let mut mixed = times.wrapping_mul(from).wrapping_add(*plus);
                    if spread {
                        mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                    }
                    *to ^= mixed >> (64 - width);
                }
                value = (left << (bits / 2)) + right;
                if value < len {
                    return if value < 2 { value ^ swap } else { value };
                }
            }
        })
    }
}

/// An order by Fisher and Yates from another generator: what a random order looks like.
pub fn reference(len: u64, seed: u64) -> Vec<u64> {
    let mut state = seed.wrapping_mul(0xD129_0DDF_53C5_9F2D);
    let mut next = || {
        // SplitMix64 (G. Steele, D. Lea, C. Flood, 2014).
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    };
    let mut entries: Vec<u64> = (0..len).collect();
    for last in (1..entries.len()).rev() {
        entries.swap(last, ((u128::from(next()) * (last as u128 + 1)) >> 64) as usize);
    }
    entries
}

/// How many standard deviations a chi-square statistic is off (E. Wilson, M. Hilferty, 1931).
pub fn deviation(chi: f64, freedom: f64) -> f64 {
    let spread = 2.0 / (9.0 * freedom);
    ((chi / freedom).cbrt() - (1.0 - spread)) / spread.sqrt()
}

/// The deviation of counts from a law given as a probability a cell; cells of probability 0 must be
/// empty.
pub fn against_law(counts: &[u32], law: impl Fn(usize) -> f64) -> f64 {
    let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
    let (mut chi, mut cells) = (0.0, 0.0);
    for (cell, &count) in counts.iter().enumerate() {
        let expected = total * law(cell);
        if expected == 0.0 {
            assert_eq!(count, 0, "cell {cell} is impossible");
            continue;
        }
        assert!(expected >= 5.0, "cell {cell} expects {expected}: too few for chi-square");
        chi += (f64::from(count) - expected).powi(2) / expected;
        cells += 1.0;
    }
    deviation(chi, cells - 1.0)
}

/// The deviation of counts from being level.
pub fn against_level(counts: &[u32]) -> f64 {
    let level = 1.0 / counts.len() as f64;
    against_law(counts, |_| level)
}

/// The deviation between two samples of a number, in classes with enough of both.
pub fn between_samples(some: &mut [i64], others: &mut [i64]) -> f64 {
    const IN_CLASS: f64 = 20.0;
    some.sort_unstable();
    others.sort_unstable();
    let (a, b) = (some.len() as f64, others.len() as f64);
    let (mut chi, mut classes) = (0.0, -1.0);
    let (mut from_some, mut from_others) = (0, 0);
    let mut start = (0, 0);
    while start.0 < some.len() || start.1 < others.len() {
        let next = some.get(from_some).into_iter().chain(others.get(from_others)).min();
        if let Some(&value) = next {
            from_some += some[from_some..].iter().take_while(|&&x| x == value).count();
            from_others += others[from_others..].iter().take_while(|&&x| x == value).count();
        }
        let (x, y) = ((from_some - start.0) as f64, (from_others - start.1) as f64);
        if (x + y) * a.min(b) / (a + b) >= IN_CLASS || next.is_none() {
            // What is left over at the end counts as a class of its own, however small.
            chi += (x * (b / a).sqrt() - y * (a / b).sqrt()).powi(2) / (x + y);
            classes += 1.0;
            start = (from_some, from_others);
        }
    }
    assert!(classes >= 1.0, "all in one class: too coarse, or too few");
    deviation(chi, classes)
}
