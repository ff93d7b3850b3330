//! The clock of time limits: it goes only while the driver is seen to run.
//!
//! A worker that was stopped together with this process, or whose answer lies unread because this
//! process is busy, has had no time. So each turn of the driver moves the clock by a bounded
//! step, however long the turn took by the clock on the wall, and the worker is heard before it is
//! judged.

use std::time::{Duration, Instant};

/// The shortest and the longest step.
const TICK: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));
/// How many steps make the shortest limit.
const TICKS: u32 = 16;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Ticker {
    now: Duration,
    tick: Duration,
    woke: Instant,
}

impl Ticker {
    /// A clock that is exact enough for limits of this length and longer ones.
    pub(super) fn new(shortest: Duration) -> Self {
        let tick = (shortest / TICKS).clamp(TICK.0, TICK.1);
        Self { now: Duration::ZERO, tick, woke: Instant::now() }
    }

    /// How long it has gone.
    pub(super) fn now(&self) -> Duration {
        self.now
    }

    /// How long may be slept at most while a limit is near.
    pub(super) fn tick(&self) -> Duration {
        self.tick
    }

    /// By how much the clock may be ahead of a worker's time.
    pub(super) fn slack(&self) -> Duration {
        2 * self.tick
    }

    /// The driver sleeps: `sleep` returns when it wakes, after the limit at the latest.
    pub(super) fn sleep<R>(&mut self, limit: Option<Duration>, sleep: impl FnOnce() -> R) -> R {
        let before = Instant::now();
        let slept = sleep();
        let woke = Instant::now();
        self.turn(before - self.woke, woke - before, limit.unwrap_or(self.tick));
        self.woke = woke;
        slept
    }

    /// A turn: work, then sleep that should have taken no longer than the limit.
    fn turn(&mut self, worked: Duration, slept: Duration, limit: Duration) {
        let in_time = slept <= limit.saturating_add(self.tick);
        self.now += worked.min(self.tick);
        // Asleep for longer than it should be, this process did not run, nor perhaps any other.
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
