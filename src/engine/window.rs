//! How far ahead of the consumer the workers may be, and how many positions make a task.

/// Bounds on work ahead of the consumer.
///
/// All are upper bounds; whichever is reached first holds. Any value will do: one sample may be
/// ahead and one position makes a task whatever they are. Grouping never shows in the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Positions ahead of the consumer.
    pub samples: u64,
    /// Bytes ahead of the consumer, made or being made.
    pub bytes: u64,
    /// Positions that may be ahead whatever their bytes, so that no worker starves; also all that
    /// may be ahead until the first is back and its size known.
    pub floor: u64,
    /// Positions that make two results: so many may be ahead in any number of tasks, and while their
    /// size cannot be known. 0 leaves both to the other bounds.
    pub results: u64,
    /// Tasks ahead of the consumer, made or being made.
    pub tasks: u64,
    /// Positions in a task.
    pub group: u64,
    /// The work that makes a task worth its overhead, in nanoseconds.
    pub group_nanos: u64,
    /// How often a position that failed is tried again.
    pub retries: u32,
    /// How many workers a position may lose before it is given up; at least 1.
    pub losses: u32,
}

impl Limits {
    /// The defaults for so many workers.
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

    /// Makes room for two results that take so many samples each, whatever tasks these are in. What
    /// is known of bytes still bounds them.
    pub fn look_ahead(&mut self, samples: u64) {
        let two = samples.saturating_mul(2).min(AHEAD_MAX);
        self.results = self.results.max(two);
    }
}

/// What a sample of unknown size may hold for each nanosecond it took: no core writes faster, even
/// where the memory is in its cache.
const BYTES_PER_NANO: u64 = 64;
/// What a task is charged with at most, far beyond any memory, so that sums of it fit 64 bits.
const TASK_BYTES_MAX: u64 = 1 << 44;
/// Samples of unknown size that may always be ahead.
const UNKNOWN_SAMPLES: u64 = 8;
/// For how many samples room is made because results take them.
const AHEAD_MAX: u64 = 1 << 16;
/// What the samples of a group may occupy: groups that stay in the cache are handed over faster,
/// and their memory is used again before the allocator gives it back to the system.
const GROUP_BYTES: u64 = 128 * 1024;
/// Into how many groups the bounds must be divisible, so that none waits for room for long.
const GROUPS_MIN: u64 = 8;
/// How fast groups may grow from one task to the next.
const GROWTH: u64 = 4;
/// Tasks for each of the floor's samples before any has come back; one more with each that has.
const FIRST_TASKS: u64 = 2;

/// The running account.
#[derive(Debug)]
pub(super) struct Window {
    limits: Limits,
    /// Positions handed out and not come back.
    away: u64,
    /// Positions come back and not popped.
    held: u64,
    /// What those occupy.
    held_bytes: u64,
    /// Bytes and nanoseconds of a sample, as running means; `None` before the first came back.
    mean: Option<Mean>,
    group: u64,
    /// Tasks come back.
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

    /// How many of the `left` positions the next task should have; 0 for none now.
    pub(super) fn group(&mut self, tasks: usize, left: u64) -> u64 {
        let ahead = self.away + self.held;
        let size = self.size(left).min(left);
        let room = self.limits.samples.saturating_sub(ahead).min(self.byte_room());
        if ahead == 0 {
            return size.min(room.max(1));
        }
        // Few tasks at first: what the first ones took, cold, says little of how many samples
        // make a good one.
        let first = self.back.saturating_add(FIRST_TASKS.saturating_mul(self.limits.floor));
        // Slow samples are tasks of their own, and two results may take more of them than that.
        let is_little = ahead.saturating_add(size) <= self.limits.results;
        let most = if is_little { first } else { first.min(self.limits.tasks) };
        // A whole group or none: filling up what each popped sample frees would undo the grouping.
        if tasks as u64 >= most || size > room { 0 } else { size }
    }

    pub(super) fn handed_out(&mut self, count: u64) {
        self.away += count;
    }

    /// Takes the account of a task that came back; returns the bytes to charge it with.
    pub(super) fn came_back(&mut self, count: u64, bytes: Option<u64>, nanos: u64) -> u64 {
        let charged = bytes.unwrap_or(nanos.saturating_mul(BYTES_PER_NANO)).min(TASK_BYTES_MAX);
        self.away -= count;
        self.held += count;
        self.held_bytes += charged;
        self.back += 1;
        let now = Mean {
            bytes: charged / count,
            // Without a clock nothing is known to be cheap, so samples go one by one.
            nanos: if nanos == 0 { self.limits.group_nanos } else { nanos / count }.max(1),
            known: bytes.is_some(),
        };
        let before = self.mean.unwrap_or(now);
        let bytes = mean(before.bytes, now.bytes, 4);
        let nanos = mean(before.nanos, now.nanos, 2);
        self.mean = Some(Mean { bytes, nanos, ..now });
        charged
    }

    /// One position that came back goes out again.
    pub(super) fn sent_again(&mut self) {
        self.away += 1;
        self.held -= 1;
    }

    /// One position will not come back: it holds nothing, and tells nothing of what others cost.
    pub(super) fn given_up(&mut self) {
        self.away -= 1;
        self.held += 1;
    }

    /// Nothing is ahead of the consumer any more.
    pub(super) fn empty(&mut self) {
        (self.away, self.held, self.held_bytes) = (0, 0, 0);
    }

    /// Whether nothing is ahead of the consumer.
    pub(super) fn is_idle(&self) -> bool {
        self.away == 0 && self.held == 0 && self.held_bytes == 0
    }

    pub(super) fn popped(&mut self, bytes: u64) {
        self.held -= 1;
        self.held_bytes -= bytes;
    }

    /// The number of positions that makes a task worth its overhead, growing step by step.
    fn size(&mut self, left: u64) -> u64 {
        let Some(mean) = self.mean else { return 1 };
        let wanted = (self.limits.group_nanos / mean.nanos).min(self.limits.group);
        let part = self.limits.samples.min(self.limits.bytes / mean.bytes.max(1)) / GROUPS_MIN;
        let cached = if mean.known { GROUP_BYTES / mean.bytes.max(1) } else { u64::MAX };
        self.group = wanted.min(self.group.saturating_mul(GROWTH)).min(part).min(cached).max(1);
        // Towards the end, smaller groups, so that no worker is left alone with a large one.
        let share = left.div_ceil(8).max(1);
        self.group.min(share)
    }

    /// How many more samples fit into the bytes that are left.
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

/// A running mean that follows upwards at once, so that bounds hold, and downwards by a part.
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
    /// What the consumer takes for a batch: 2 % less than two workers.
    const STEP: u64 = 50_000_000;
    const WORKERS: usize = 2;

    /// Workers whose clock is a number.
    struct Simulation {
        engine: Engine<()>,
        now: u64,
        queue: VecDeque<Task>,
        /// The tasks that workers are at, and when they are done.
        at: Vec<(u64, Task)>,
        /// Bytes of a sample, if they are known.
        bytes: Option<u64>,
        given: u64,
    }

    impl Simulation {
        /// Who has nothing to do begins the next task.
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

        /// Goes on to when the next task is done, unless that is later.
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

    /// How long the consumer waits for batches after the first, as a share of all the time, and how
    /// many samples were ahead of it at most.
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
        // Slow samples of known size are one to a task, and tasks are bounded too.
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
