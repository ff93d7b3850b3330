//! What it costs to get samples from workers, beside what it costs to make them.

use std::any::type_name;
use std::time::Duration;

use crate::backend::log;
use crate::dataset::wire::slow_to_cross;

/// The reading that says enough.
const ENOUGH: Duration = Duration::from_millis(100);

/// The part of the workers' time from which on reading costs much: writing takes longer than
/// reading, so that both then take about as long as making the samples.
const MUCH: u32 = 4;

/// The cost of the first samples, until it is clear that it is too much.
#[derive(Debug, Default)]
pub(in super::super) struct Cost {
    /// What the loader's process took to read samples.
    reading: Duration,
    /// What workers took to make and write them.
    making: Duration,
    told: bool,
}

impl Cost {
    /// Adds a task, and says once why samples of type `T` cost about as much to cross as to make.
    ///
    /// The sample that is given is one of the task: its bytes, and those among them that were written
    /// value by value.
    pub(in super::super) fn add<T>(
        &mut self,
        reading: Duration,
        making: Duration,
        sample: (u64, u64),
    ) {
        if let Some(why) = self.judged::<T>(reading, making, sample) {
            log::warn("processes", || {
                format!("samples take about as long to cross to the loader as to be made: {why}")
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
        assert_eq!(after::<u8>(&[(60, 60)], SLOW), 0, "too little to judge");
        assert_eq!(after::<u8>(&[(60, 240), (60, 240)], SLOW), 0, "it is slow to make");
        assert_eq!(after::<u8>(&[(60, 60), (60, 60)], (60_000, 600)), 0, "it crosses in blocks");
    }
}
