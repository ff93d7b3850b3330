//! The clock for time limits: it advances only while the driver runs.
//!
//! A worker has had no time if it was stopped together with this process, or if its answer waits
//! because this process is busy. Therefore each turn of the driver advances the clock by a bounded
//! step, however much real time has passed. The driver also receives the worker's messages before
//! it checks the limit.

use std::time::{Duration, Instant};

/// The shortest and the longest step.
const TICK: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));
/// The number of steps in the shortest limit.
const TICKS: u32 = 16;

/// The clock for time limits.
#[derive(Debug)]
pub(super) struct Ticker {
    now: Duration,
    tick: Duration,
    woke: Instant,
}

impl Ticker {
    /// Creates a clock with enough resolution for limits of this length and longer ones.
    pub(super) fn new(shortest: Duration) -> Self {
        let tick = (shortest / TICKS).clamp(TICK.0, TICK.1);
        Self { now: Duration::ZERO, tick, woke: Instant::now() }
    }

    /// Returns the elapsed time.
    pub(super) fn now(&self) -> Duration {
        self.now
    }

    /// Returns the maximum sleep while a limit is near.
    pub(super) fn tick(&self) -> Duration {
        self.tick
    }

    /// Returns by how much the clock may be ahead of a worker's time.
    pub(super) fn slack(&self) -> Duration {
        2 * self.tick
    }

    /// Calls `sleep`, which returns at an event or at the latest after the limit, and advances the
    /// clock.
    pub(super) fn sleep<R>(&mut self, limit: Option<Duration>, sleep: impl FnOnce() -> R) -> R {
        let before = Instant::now();
        let slept = sleep();
        let woke = Instant::now();
        self.turn(before - self.woke, woke - before, limit.unwrap_or(self.tick));
        self.woke = woke;
        slept
    }

    /// Advances the clock by a turn: work, and then a sleep of at most the limit.
    fn turn(&mut self, worked: Duration, slept: Duration, limit: Duration) {
        let in_time = slept <= limit.saturating_add(self.tick);
        self.now += worked.min(self.tick);
        // After an overlong sleep, this process was suspended, and perhaps the workers were too.
        self.now += if in_time { slept } else { self.tick / 2 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_stop_of_any_length_and_a_busy_turn_are_no_more_than_a_step() {
        let mut clock = Ticker::new(160 * MS);
        assert_eq!(clock.tick(), 10 * MS);
        clock.turn(MS, 9 * MS, 10 * MS);
        assert_eq!(clock.now(), 10 * MS);
        clock.turn(Duration::ZERO, 3_600_000 * MS, 10 * MS);
        assert_eq!(clock.now(), 15 * MS);
        clock.turn(5_000 * MS, Duration::ZERO, 10 * MS);
        assert_eq!(clock.now(), 25 * MS);
    }

    #[test]
    fn limits_of_every_length_have_a_step() {
        for (limit, tick) in [(Duration::ZERO, MS), (Duration::MAX, 100 * MS), (32 * MS, 2 * MS)] {
            assert_eq!(Ticker::new(limit).tick(), tick);
        }
    }
}
