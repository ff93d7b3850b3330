//! Random numbers that are a pure function of (seed, epoch, op, index).

use super::philox;

/// A random generator for one sample, keyed by (seed, epoch, op, index).
///
/// The key of Philox4x64-10 is `[seed, op]` and its counter is `[block, index, epoch, 0]`, so the
/// four words enter apart. `(seed 0, epoch 1)` and `(seed 1, epoch 0)` therefore have nothing in
/// common. A sample draws the same numbers when another worker, or a run after a crash, makes the
/// sample again.
///
/// The stream of numbers is the same on every platform and pinned by golden vectors.
///
/// ```
/// use windrow::order::Rng;
/// let mut once = Rng::keyed(7, 0, 2, 41);
/// let mut again = Rng::keyed(7, 0, 2, 41);
/// assert_eq!(once.next_u64(), again.next_u64());
/// assert!(once.below(10) < 10);
/// ```
#[derive(Debug, Clone)]
pub struct Rng {
    key: [u64; 2],
    counter: [u64; 4],
    words: [u64; 4],
    used: u8,
}

impl Rng {
    /// Creates the generator for sample `index` of `epoch`, in the op numbered `op`.
    #[must_use]
    pub fn keyed(seed: u64, epoch: u64, op: u64, index: u64) -> Self {
        Self { key: [seed, op], counter: [0, index, epoch, 0], words: [0; 4], used: 4 }
    }

    /// Returns the next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        if self.used == 4 {
            self.words = philox::block(self.key, self.counter);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        let word = self.words[usize::from(self.used)];
        self.used += 1;
        word
    }

    /// Returns an integer in `0..bound`, without bias.
    ///
    /// Uses Lemire's multiply-and-reject (D. Lemire, "Fast random integer generation in an
    /// interval", 2019). Returns 0 for a bound of 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let mut product = u128::from(self.next_u64()) * u128::from(bound);
        if (product as u64) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (product as u64) < threshold {
                product = u128::from(self.next_u64()) * u128::from(bound);
            }
        }
        (product >> 64) as u64
    }

    /// Returns a number in `[0, 1)` with 53 random bits.
    pub fn unit_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Returns a number in `[0, 1)` with 24 random bits.
    pub fn unit_f32(&mut self) -> f32 {
        (self.next_u64() >> 40) as f32 * (1.0 / (1u32 << 24) as f32)
    }

    /// Shuffles a slice (Fisher and Yates, from the end).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }
}

#[cfg(feature = "rand")]
impl rand_core::TryRng for Rng {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok((self.next_u64() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&self.next_u64().to_le_bytes()[..part.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn seed_epoch_op_and_index_are_separate_words() {
        let first = |seed, epoch, op, index| Rng::keyed(seed, epoch, op, index).next_u64();
        let mut seen = vec![first(0, 0, 0, 0)];
        for (seed, epoch, op, index) in
            [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (1, 1, 0, 0), (0, 0, 1, 1)]
        {
            let word = first(seed, epoch, op, index);
            assert!(!seen.contains(&word), "({seed}, {epoch}, {op}, {index}) repeats another key");
            seen.push(word);
        }
    }

    #[test]
    fn below_is_even_over_its_range() {
        let draws = if cfg!(miri) { 700 } else { 70_000 };
        let mut counts = [0u32; 7];
        for index in 0..draws {
            counts[Rng::keyed(3, 0, 0, index).below(7) as usize] += 1;
        }
        let even = draws as f64 / 7.0;
        let chi: f64 = counts.iter().map(|&c| (f64::from(c) - even).powi(2) / even).sum();
        assert!(chi < 22.5, "chi-square over 6 degrees of freedom is {chi} (99.9 % is 22.5)");
        assert_eq!(Rng::keyed(3, 0, 0, 0).below(0), 0);
    }

    #[test]
    fn unit_numbers_stay_below_one() {
        let mut rng = Rng::keyed(1, 2, 3, 4);
        for _ in 0..if cfg!(miri) { 100 } else { 10_000 } {
            assert!((0.0..1.0).contains(&rng.unit_f64()));
            assert!((0.0..1.0).contains(&rng.unit_f32()));
        }
    }
}
