//! The measurement of the cost to transfer samples from workers, relative to the cost to compute
//! them.

use std::any::type_name;
use std::time::Duration;

use crate::backend::log;
use crate::dataset::wire::slow_to_cross;

/// The total reading time that suffices for a verdict.
const ENOUGH: Duration = Duration::from_millis(100);

/// The fraction of the workers' time, as a divisor, above which reading is expensive. Writing takes
/// longer than reading, so from here on both together take about as long as computing the samples.
const MUCH: u32 = 4;

/// The transfer cost of the first samples, until the verdict.
#[derive(Debug, Default)]
pub(in super::super) struct Cost {
    /// The time that the loader's process spent reading samples.
    reading: Duration,
    /// The time that workers spent computing and writing them.
    making: Duration,
    told: bool,
}

impl Cost {
    /// Adds a task. Logs one warning if samples of type `T` take about as long to transfer as to
    /// compute.
    ///
    /// `sample` is one sample of the task: its size in bytes, and how many of those bytes the
    /// worker wrote value by value.
    pub(in super::super) fn add<T>(
        &mut self,
        reading: Duration,
        making: Duration,
        sample: (u64, u64),
    ) {
        if let Some(why) = self.judged::<T>(reading, making, sample) {
            log::warn("processes", || {
                format!("samples take about as long to reach the loader as to compute: {why}")
            });
        }
    }

    fn judged<T>(
        &mut self,
        reading: Duration,
        making: Duration,
        (bytes, inline_bytes): (u64, u64),
    ) -> Option<String> {
        if self.told {
            return None;
        }
        self.reading = self.reading.saturating_add(reading);
        self.making = self.making.saturating_add(making);
        if self.reading < ENOUGH || self.reading.saturating_mul(MUCH) <= self.making {
            return None;
        }
        let why = slow_to_cross(type_name::<T>(), bytes, inline_bytes)?;
        self.told = true;
        Some(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: (u64, u64) = (60_000, 60_000);

    fn after<T>(tasks: &[(u64, u64)], sample: (u64, u64)) -> usize {
        let mut cost = Cost::default();
        let told = tasks.iter().filter_map(|&(reading, making)| {
            let (reading, making) = (Duration::from_millis(reading), Duration::from_millis(making));
            cost.judged::<T>(reading, making, sample)
        });
        told.inspect(|why| assert!(why.starts_with("u8 has 60000 of its 60000 bytes"), "{why}"))
            .count()
    }

    #[test]
    fn a_type_that_costs_much_to_cross_is_named_once() {
        assert_eq!(after::<u8>(&[(60, 60), (60, 60), (60, 60)], SLOW), 1);
        assert_eq!(after::<u8>(&[(60, 60)], SLOW), 0, "too few samples to judge");
        assert_eq!(
            after::<u8>(&[(60, 240), (60, 240)], SLOW),
            0,
            "the samples are slow to compute"
        );
        assert_eq!(
            after::<u8>(&[(60, 60), (60, 60)], (60_000, 600)),
            0,
            "the bytes are sent in blocks"
        );
    }
}
