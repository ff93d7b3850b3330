//! Limits on the work ahead of the consumer, and the number of positions in a task.

/// Bounds on the work ahead of the consumer.
///
/// All are upper bounds, and the first one reached applies. Every value is valid: one sample may
/// always be ahead, and one position can always be a task. Grouping never shows in the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The number of positions ahead of the consumer.
    pub samples: u64,
    /// The number of bytes ahead of the consumer, in finished samples and in samples being made.
    pub bytes: u64,
    /// The number of positions that may be ahead whatever their bytes, so that no worker is idle.
    ///
    /// The floor is also the number of positions that may be ahead until the first sample is back
    /// and its size known.
    pub floor: u64,
    /// The number of positions that make two results.
    ///
    /// So many positions may be ahead in any number of tasks, and while their size is unknown. With
    /// 0, only the other bounds apply.
    pub results: u64,
    /// The number of tasks ahead of the consumer, finished or not.
    pub tasks: u64,
    /// The number of positions in a task.
    pub group: u64,
    /// The amount of work, in nanoseconds, that makes a task worth its overhead.
    pub group_nanos: u64,
    /// The number of retries for a position that failed.
    pub retries: u32,
    /// The number of workers that a position may lose before the engine gives up on the position;
    /// at least 1.
    pub losses: u32,
}

impl Limits {
    /// Returns the defaults for a number of workers.
    #[must_use]
    pub fn for_workers(workers: u32) -> Self {
        let workers = u64::from(workers.max(1));
        Self {
            samples: u64::MAX,
            bytes: 32 << 20,
            floor: workers,
            results: 0,
            tasks: (4 * workers).max(64),
            group: 4096,
            group_nanos: 100_000,
            retries: 0,
            losses: 2,
        }
    }

    /// Makes room for two results of `samples` samples each, whatever tasks they are in.
    ///
    /// The known number of bytes still bounds the samples.
    pub fn look_ahead(&mut self, samples: u64) {
        let two = samples.saturating_mul(2).min(AHEAD_MAX);
        self.results = self.results.max(two);
    }
}

/// The assumed bytes of a sample of unknown size for each nanosecond the sample took. No core
/// writes faster, even into its cache.
const BYTES_PER_NANO: u64 = 64;
/// The most bytes charged for a task, far beyond any memory, so that sums fit in 64 bits.
const TASK_BYTES_MAX: u64 = 1 << 44;
/// The number of samples of unknown size that may always be ahead.
const UNKNOWN_SAMPLES: u64 = 8;
/// The most samples for which [`Limits::look_ahead`] makes room.
const AHEAD_MAX: u64 = 1 << 16;
/// The largest size in bytes of a group's samples. A group of this size fits a core's cache, and the
/// allocator keeps its memory instead of returning it to the system.
const GROUP_BYTES: u64 = 128 * 1024;
/// The least number of groups within the bounds, so that no group waits for room for long.
const GROUPS_MIN: u64 = 8;
/// The largest growth of a group from one task to the next.
const GROWTH: u64 = 4;
/// The number of tasks for each sample of the floor before any task is back. Each task that comes
/// back adds one.
const FIRST_TASKS: u64 = 2;

/// The running account of the work ahead of the consumer.
#[derive(Debug)]
pub(super) struct Window {
    limits: Limits,
    /// The number of positions handed out and not yet back.
    away: u64,
    /// The number of positions back and not popped.
    held: u64,
    /// The bytes of the positions in `held`.
    held_bytes: u64,
    /// The running means of a sample's bytes and nanoseconds, or `None` before the first sample is
    /// back.
    mean: Option<Mean>,
    group: u64,
    /// The number of tasks that came back.
    back: u64,
}

#[derive(Debug, Clone, Copy)]
struct Mean {
    bytes: u64,
    nanos: u64,
    known: bool,
}

impl Window {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, away: 0, held: 0, held_bytes: 0, mean: None, group: 1, back: 0 }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns how many of the `left` positions the next task should have, or 0 for no task now.
    pub(super) fn group(&mut self, tasks: usize, left: u64) -> u64 {
        let ahead = self.away + self.held;
        let size = self.size(left).min(left);
        let room = self.limits.samples.saturating_sub(ahead).min(self.byte_room());
        if ahead == 0 {
            return size.min(room.max(1));
        }
        // Few tasks at first: the first ones are slow because nothing is warm, so their times say
        // little about a good group size.
        let first = self.back.saturating_add(FIRST_TASKS.saturating_mul(self.limits.floor));
        // Slow samples are one to a task, and two results may need more tasks than the limit.
        let is_little = ahead.saturating_add(size) <= self.limits.results;
        let most = if is_little { first } else { first.min(self.limits.tasks) };
        // A whole group or none: filling the room of each popped sample would undo the grouping.
        if tasks as u64 >= most || size > room { 0 } else { size }
    }

    pub(super) fn handed_out(&mut self, count: u64) {
        self.away += count;
    }

    /// Records a task that came back, and returns the bytes to charge for the task.
    pub(super) fn came_back(&mut self, count: u64, bytes: Option<u64>, nanos: u64) -> u64 {
        let charged = bytes.unwrap_or(nanos.saturating_mul(BYTES_PER_NANO)).min(TASK_BYTES_MAX);
        self.away -= count;
        self.held += count;
        self.held_bytes += charged;
        self.back += 1;
        let now = Mean {
            bytes: charged / count,
            // Without a clock no sample is known to be cheap, so each sample is a task.
            nanos: if nanos == 0 { self.limits.group_nanos } else { nanos / count }.max(1),
            known: bytes.is_some(),
        };
        let before = self.mean.unwrap_or(now);
        let bytes = mean(before.bytes, now.bytes, 4);
        let nanos = mean(before.nanos, now.nanos, 2);
        self.mean = Some(Mean { bytes, nanos, ..now });
        charged
    }

    /// Records that one position that came back is handed out again.
    pub(super) fn sent_again(&mut self) {
        self.away += 1;
        self.held -= 1;
    }

    /// Records that one position will not come back. The position holds no bytes and does not
    /// change the means.
    pub(super) fn given_up(&mut self) {
        self.away -= 1;
        self.held += 1;
    }

    /// Clears the account: nothing is ahead of the consumer any more.
    pub(super) fn empty(&mut self) {
        (self.away, self.held, self.held_bytes) = (0, 0, 0);
    }

    /// Returns `true` if nothing is ahead of the consumer.
    pub(super) fn is_idle(&self) -> bool {
        self.away == 0 && self.held == 0 && self.held_bytes == 0
    }

    pub(super) fn popped(&mut self, bytes: u64) {
        self.held -= 1;
        self.held_bytes -= bytes;
    }

    /// Returns the number of positions that makes a task worth its overhead, growing step by step.
    fn size(&mut self, left: u64) -> u64 {
        let Some(mean) = self.mean else { return 1 };
        let wanted = (self.limits.group_nanos / mean.nanos).min(self.limits.group);
        let part = self.limits.samples.min(self.limits.bytes / mean.bytes.max(1)) / GROUPS_MIN;
        let cached = if mean.known { GROUP_BYTES / mean.bytes.max(1) } else { u64::MAX };
        self.group = wanted.min(self.group.saturating_mul(GROWTH)).min(part).min(cached).max(1);
        // Groups get smaller towards the end, so that no worker is left alone with a large group.
        let share = left.div_ceil(8).max(1);
        self.group.min(share)
    }

    /// Returns the number of further samples that fit into the remaining bytes.
    fn byte_room(&self) -> u64 {
        let ahead = self.away + self.held;
        let Some(mean) = self.mean else { return self.limits.floor.saturating_sub(ahead) };
        let away = self.away.saturating_mul(mean.bytes);
        let left = self.limits.bytes.saturating_sub(self.held_bytes.saturating_add(away));
        let room = left.checked_div(mean.bytes).unwrap_or(u64::MAX);
        let unknown = if mean.known { 0 } else { self.limits.results.max(UNKNOWN_SAMPLES) };
        room.max(self.limits.floor.max(unknown).saturating_sub(ahead))
    }
}

/// Returns a running mean that rises at once, so that bounds hold, and falls by a part of the
/// difference.
fn mean(before: u64, now: u64, part: u64) -> u64 {
    if now >= before { now } else { before - (before - now) / part }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::super::{Completion, Engine, Next, Task};
    use super::Limits;

    const NANOS: u64 = 400_000;
    const BATCH: u64 = 256;
    const BATCHES: u64 = 40;
    /// The time that the consumer takes for a batch: 2 % less than two workers.
    const STEP: u64 = 50_000_000;
    const WORKERS: usize = 2;

    /// A simulation of workers with a number as the clock.
    struct Simulation {
        engine: Engine<()>,
        now: u64,
        queue: VecDeque<Task>,
        /// The tasks in progress, and the times at which the tasks finish.
        at: Vec<(u64, Task)>,
        /// The bytes of a sample, if known.
        bytes: Option<u64>,
        given: u64,
    }

    impl Simulation {
        /// Gives the next task to each idle worker.
        fn begin(&mut self) {
            while let Some(task) = self.engine.next_task() {
                self.given += task.count;
                self.queue.push_back(task);
            }
            while self.at.len() < WORKERS
                && let Some(task) = self.queue.pop_front()
            {
                self.at.push((self.now + NANOS * task.count, task));
            }
        }

        /// Advances the clock to the end of the next task, unless that end is after `until`.
        fn go_on(&mut self, until: u64) -> bool {
            self.begin();
            let next = (0..self.at.len()).min_by_key(|&place| self.at[place].0);
            let Some(next) = next.filter(|&place| self.at[place].0 <= until) else { return false };
            let (now, Task { id: task, count, .. }) = self.at.remove(next);
            self.now = now;
            let results = (0..count).map(|_| Ok(Some(()))).collect();
            let bytes = self.bytes.map(|bytes| bytes * count);
            self.engine.done(Completion { task, results, bytes, nanos: NANOS * count });
            self.begin();
            true
        }
    }

    /// Returns the share of time that the consumer waits for batches after the first, and the most
    /// samples ahead of the consumer.
    fn waits(limits: Limits, bytes: Option<u64>) -> (f64, u64) {
        let engine = Engine::new(0..BATCH * BATCHES, limits);
        let (queue, at) = (VecDeque::new(), Vec::new());
        let mut all = Simulation { engine, now: 0, queue, at, bytes, given: 0 };
        let (mut waited, mut most) = (0, 0);
        for batch in 0..BATCHES {
            let begun = all.now;
            for number in batch * BATCH..(batch + 1) * BATCH {
                while let Next::Pending = all.engine.pop() {
                    assert!(all.go_on(u64::MAX), "nobody works");
                }
                all.begin();
                most = most.max(all.given - number - 1);
            }
            waited += if batch > 0 { all.now - begun } else { 0 };
            let end = all.now + STEP;
            while all.go_on(end) {}
            all.now = end;
        }
        (waited as f64 / all.now as f64, most)
    }

    #[test]
    #[cfg_attr(miri, ignore = "a long simulation of safe code")]
    fn two_batches_of_samples_of_unknown_size_are_made_while_the_consumer_computes() {
        let before = Limits::for_workers(2);
        let mut limits = before;
        limits.look_ahead(BATCH);
        assert!(waits(before, None).0 > 0.4, "without room for batches, the consumer waits");
        let (share, most) = waits(limits, None);
        assert!(share < 0.05, "{share}");
        assert_eq!(most, 2 * BATCH);
        // Slow samples of known size are one to a task, and the number of tasks is bounded too.
        assert!(waits(before, Some(100)).0 > 0.2);
        let (share, most) = waits(limits, Some(100));
        assert!(share < 0.05, "{share}");
        assert!(most <= 2 * BATCH, "{most}");
    }

    #[test]
    #[cfg_attr(miri, ignore = "a long simulation of safe code")]
    fn what_is_known_of_bytes_bounds_batches_too() {
        let mut limits = Limits::for_workers(2);
        limits.look_ahead(BATCH);
        assert!(waits(limits, Some(1 << 20)).1 <= 32);
        limits.look_ahead(u64::MAX);
        assert_eq!(limits.results, super::AHEAD_MAX);
    }
}
