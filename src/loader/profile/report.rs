//! The table of a profile, and its bottleneck in one sentence.

use std::fmt;
use std::time::Duration;

use super::{Bottleneck, OpKind, OpProfile, Profile};

/// The share of the time that a caller waits, up to which the caller is the bottleneck.
const WAITING: f64 = 0.1;
/// The share of the time that workers work, below which the loader itself is the bottleneck.
const WORKING: f64 = 0.5;
/// The most workers with a line of their own.
const WORKERS_SHOWN: usize = 16;

impl Profile {
    /// Returns what limits the speed of the run, or `None` before the caller asked for an item.
    ///
    /// - The consumer, if the caller was busy for 90 % of the time or more.
    /// - A stage, if the stages took half of the time that the caller waited, or more.
    /// - A source without a length, if its reader read for half of the time or more, and longer than
    ///   the average worker worked.
    /// - The loader, if the workers worked for less than half of the time, or were longer beside the
    ///   ops than in any op.
    /// - Else the op or source in which the workers spent the most time.
    ///
    /// ```
    /// use std::thread::sleep;
    /// use std::time::Duration;
    /// use windrow::loader::Bottleneck;
    /// use windrow::{Loader, range};
    /// let mut loader = Loader::builder(range(0..5)).workers(1).profile(true).build()?;
    /// assert_eq!(loader.profile().and_then(|profile| profile.bottleneck()), None);
    /// for item in &mut loader {
    ///     item?;
    ///     sleep(Duration::from_millis(50)); // a step of training
    /// }
    /// let bottleneck = loader.profile().and_then(|profile| profile.bottleneck());
    /// assert!(matches!(bottleneck, Some(Bottleneck::Consumer | Bottleneck::Loader)));
    /// # Ok::<(), windrow::Error>(())
    /// ```
    #[must_use]
    pub fn bottleneck(&self) -> Option<Bottleneck> {
        let (waited, wall) = (self.stats.waited, self.wall());
        if wall.is_zero() {
            return None;
        }
        if self.stats.waiting() <= WAITING {
            return Some(Bottleneck::Consumer);
        }
        let of_stages = |op: &OpProfile| op.kind == OpKind::Stage;
        let stages = self.sum_of(of_stages);
        if !stages.is_zero() && stages.saturating_mul(2) >= waited {
            return self.slowest(of_stages).map(Bottleneck::Stage);
        }
        let slowest = self.slowest(|op| op.kind != OpKind::Stage)?;
        let room = wall.as_secs_f64() * self.workers.len() as f64;
        let working = self.working().as_secs_f64() / room;
        let reading = self.reading.unwrap_or_default();
        let share = reading.as_secs_f64() / wall.as_secs_f64();
        if share >= working.max(WORKING) {
            return Some(Bottleneck::Source(0));
        }
        // Without workers, the caller's thread reads and works in turns.
        let is_idle = working + reading.as_secs_f64() / room < WORKING;
        let op = &self.ops[slowest];
        let beside: Duration = self.workers.iter().map(|worker| worker.beside).sum();
        Some(match op.kind {
            _ if is_idle || beside > op.total.time => Bottleneck::Loader,
            OpKind::Source => Bottleneck::Source(slowest),
            _ => Bottleneck::Op(slowest),
        })
    }

    /// Returns the time between the caller's first request and the last item.
    fn wall(&self) -> Duration {
        self.stats.waited.saturating_add(self.stats.busy)
    }

    fn working(&self) -> Duration {
        self.workers.iter().fold(Duration::ZERO, |sum, worker| sum.saturating_add(worker.working))
    }

    fn sum_of(&self, which: impl Fn(&OpProfile) -> bool) -> Duration {
        let ops = self.ops.iter().filter(|op| which(op));
        ops.fold(Duration::ZERO, |sum, op| sum.saturating_add(op.total.time))
    }

    /// Returns the number of the op with the most time, the first one of several.
    fn slowest(&self, which: impl Fn(&OpProfile) -> bool) -> Option<usize> {
        let ops = self.ops.iter().enumerate().rev().filter(|(_, op)| which(op));
        ops.max_by_key(|(_, op)| op.total.time).map(|(number, _)| number)
    }

    /// Returns the bottleneck as a sentence.
    fn sentence(&self) -> String {
        let name = |op: usize| self.ops.get(op).map_or("", |op| op.op.as_str());
        let time = |op: usize| self.ops.get(op).map_or(Duration::ZERO, |op| op.total.time);
        let of_workers = |op: usize| percent(time(op), self.working());
        match self.bottleneck() {
            None => "The caller has asked for no item yet.".into(),
            Some(Bottleneck::Consumer) => {
                let busy = percent(self.stats.busy, self.wall());
                format!(
                    "The consumer is the bottleneck: the caller was busy for {busy} of the time."
                )
            }
            Some(Bottleneck::Source(op)) => match self.reading {
                Some(reading) => format!(
                    "The source {} is the bottleneck: its reader was in it for {} of the time.",
                    name(op),
                    percent(reading, self.wall())
                ),
                None => format!(
                    "The source {} is the bottleneck: workers spent {} of their working time in it.",
                    name(op),
                    of_workers(op)
                ),
            },
            Some(Bottleneck::Op(op)) => format!(
                "The op {} is the bottleneck: workers spent {} of their working time in it.",
                name(op),
                of_workers(op)
            ),
            Some(Bottleneck::Stage(op)) => format!(
                "The stage {} is the bottleneck: it took {} of the time that the caller waited.",
                name(op),
                percent(time(op), self.stats.waited)
            ),
            Some(Bottleneck::Loader) => {
                let in_ops = self.sum_of(|op| op.kind != OpKind::Stage);
                let room = self.wall().saturating_mul(self.workers.len() as u32);
                format!(
                    "The loader itself is the bottleneck: workers were in ops for {} of the time.",
                    percent(in_ops, room)
                )
            }
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.sum_of(|op| op.kind == OpKind::Stage).saturating_add(self.working());
        let all = all.saturating_add(self.reading.unwrap_or_default());
        let mut rows = vec![["op", "time", "share", "samples", "gaps", "bytes"].map(String::from)];
        for OpProfile { op, total, .. } in &self.ops {
            rows.push([
                op.clone(),
                format!("{:.1?}", total.time),
                percent(total.time, all),
                total.samples.to_string(),
                total.gaps.to_string(),
                total.bytes.map_or("?".into(), |bytes| bytes.to_string()),
            ]);
        }
        let beside: Duration = self.workers.iter().map(|worker| worker.beside).sum();
        let mut row = ["", "", "", "", "", ""].map(String::from);
        row[0] = "(beside the ops)".into();
        (row[1], row[2]) = (format!("{beside:.1?}"), percent(beside, all));
        rows.push(row);
        let width = |column: usize| {
            rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
        };
        let widths: [usize; 6] = std::array::from_fn(width);
        for row in &rows {
            let mut line = format!("{:<width$}", row[0], width = widths[0]);
            for (cell, width) in row.iter().zip(widths).skip(1) {
                line += &format!("  {cell:>width$}");
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        for (number, worker) in self.workers.iter().enumerate().take(WORKERS_SHOWN) {
            let (positions, working) = (worker.positions, worker.working);
            let part = percent(working, self.wall());
            writeln!(f, "worker {number}: {positions} positions, working {working:.1?} ({part})")?;
        }
        if let Some(more @ 1..) = self.workers.len().checked_sub(WORKERS_SHOWN) {
            writeln!(f, "and {more} more workers")?;
        }
        let (waited, busy) = (self.stats.waited, self.stats.busy);
        writeln!(f, "the caller waited {waited:.1?}, and was busy for {busy:.1?}")?;
        f.write_str(&self.sentence())
    }
}

/// Returns a part of a time in percent.
fn percent(part: Duration, all: Duration) -> String {
    let share = if all.is_zero() { 0.0 } else { part.as_secs_f64() / all.as_secs_f64() };
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::super::{OpTimes, WorkerProfile};
    use super::*;
    use crate::loader::Stats;

    /// Returns a profile of a source, an op and a stage with these times, of two workers.
    fn profile([source, op, stage]: [u64; 3], beside: u64, [waited, busy]: [u64; 2]) -> Profile {
        let millis = Duration::from_millis;
        let part = |name: &str, kind, time| {
            let total = OpTimes { time: millis(time), samples: 9, gaps: 1, bytes: Some(72) };
            OpProfile { op: name.into(), kind, total, workers: Vec::new() }
        };
        let working = millis((source + op + beside) / 2);
        let worker = WorkerProfile { positions: 5, working, beside: millis(beside / 2) };
        Profile {
            ops: vec![
                part("read", OpKind::Source, source),
                part("map", OpKind::Op, op),
                part("batch", OpKind::Stage, stage),
            ],
            workers: vec![worker; 2],
            reading: None,
            stats: Stats {
                items: 9,
                waited: millis(waited),
                busy: millis(busy),
                ..Stats::default()
            },
        }
    }

    #[test]
    fn the_bottleneck_is_named_in_one_sentence() {
        for (times, beside, caller, sentence) in [
            ([0, 0, 0], 0, [0, 0], "The caller has asked for no item yet."),
            (
                [900, 0, 0],
                0,
                [100, 900],
                "The consumer is the bottleneck: the caller was busy for 90 % of the time.",
            ),
            (
                [1200, 400, 100],
                0,
                [800, 200],
                "The source read is the bottleneck: workers spent 75 % of their working time in it.",
            ),
            (
                [400, 1200, 100],
                0,
                [1000, 0],
                "The op map is the bottleneck: workers spent 75 % of their working time in it.",
            ),
            (
                [400, 1200, 500],
                0,
                [1000, 0],
                "The stage batch is the bottleneck: it took 50 % of the time that the caller waited.",
            ),
            (
                [200, 300, 100],
                1500,
                [1000, 0],
                "The loader itself is the bottleneck: workers were in ops for 25 % of the time.",
            ),
            (
                [300, 400, 100],
                0,
                [1000, 0],
                "The loader itself is the bottleneck: workers were in ops for 35 % of the time.",
            ),
        ] {
            let profile = profile(times, beside, caller);
            assert_eq!(profile.to_string().lines().last(), Some(sentence), "{profile}");
        }
    }

    #[test]
    fn the_table_has_a_line_for_each_op_and_worker() {
        let text = profile([400, 1200, 100], 300, [1000, 50]).to_string();
        assert_eq!(
            text.lines().collect::<Vec<_>>()[..8],
            [
                "op                   time  share  samples  gaps  bytes",
                "read              400.0ms   20 %        9     1     72",
                "map                  1.2s   60 %        9     1     72",
                "batch             100.0ms    5 %        9     1     72",
                "(beside the ops)  300.0ms   15 %",
                "worker 0: 5 positions, working 950.0ms (90 %)",
                "worker 1: 5 positions, working 950.0ms (90 %)",
                "the caller waited 1.0s, and was busy for 50.0ms",
            ]
        );
        let many = Profile { workers: vec![WorkerProfile::default(); 20], ..Profile::default() };
        assert!(
            many.to_string().contains("worker 15: ") && !many.to_string().contains("worker 16")
        );
        assert!(many.to_string().contains("\nand 4 more workers\n"));
    }
}
