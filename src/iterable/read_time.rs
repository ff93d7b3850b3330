//! The time that a reader spends in its source.

use crate::dataset::probe::Clock;

/// The time in which the source made samples, and the reader did not wait for room.
#[derive(Debug, Default)]
pub(super) struct ReadTime {
    /// The clock, if the loader asks for the time.
    clock: Option<Clock>,
    nanos: u64,
    /// When the reader began to read, if it reads.
    since: Option<u64>,
}

impl ReadTime {
    pub(super) fn set_clock(&mut self, clock: Clock) {
        self.clock = Some(clock);
    }

    /// Records that the reader begins to read.
    pub(super) fn begin(&mut self) {
        self.since = self.now();
    }

    /// Records that the reader reads no more, or not before the table has room.
    pub(super) fn end(&mut self) {
        self.nanos = self.so_far();
        self.since = None;
    }

    /// Returns the nanoseconds so far, also of a read that has not ended.
    pub(super) fn so_far(&self) -> u64 {
        let running = self.since.zip(self.now()).map(|(since, now)| now.saturating_sub(since));
        self.nanos.saturating_add(running.unwrap_or_default())
    }

    fn now(&self) -> Option<u64> {
        self.clock.and_then(|clock| clock())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static NOW: Cell<u64> = const { Cell::new(0) };
    }

    #[test]
    fn waits_do_not_count_and_a_long_read_counts_before_its_end() {
        let mut time = ReadTime::default();
        time.begin();
        time.end();
        assert_eq!(time.so_far(), 0);
        time.set_clock(|| Some(NOW.get()));
        NOW.set(10);
        time.begin();
        NOW.set(15);
        assert_eq!(time.so_far(), 5);
        time.end();
        NOW.set(100);
        time.end();
        assert_eq!(time.so_far(), 5);
        time.begin();
        NOW.set(103);
        assert_eq!(time.so_far(), 8);
    }
}
