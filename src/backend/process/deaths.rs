//! What follows from a worker's end, its weight and its age: the supervisor's other half.

use std::io::{BufRead, BufReader, Read, Write};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::frame::Violation;
use super::init::{RAN_MAIN, WHERE};
use super::seat::{Phase, Seat, Worker};
use super::supervisor::Supervisor;
use super::sys::{self, Ended};
use crate::backend::log;
use crate::error::{Error, Loss};

/// How long after several deaths in a row the next worker is started.
const PAUSES: [Duration; 4] =
    [Duration::ZERO, Duration::ZERO, Duration::from_millis(50), Duration::from_millis(200)];
/// How often a worker is weighed at most.
const WEIGH_EVERY: Duration = Duration::from_millis(50);

impl Supervisor {
    pub(super) fn bury_as(
        &mut self,
        number: usize,
        violation: Option<Violation>,
        ended: Option<Ended>,
    ) {
        let Some(worker) = &mut self.seats[number].worker else { return };
        if let Some(violation) = &violation {
            worker.kill(format!("killed by windrow: {violation}"));
        }
        let ended = ended.or_else(|| worker.reap(Self::REAP_LIMIT));
        if violation.is_none() {
            // What it sent before its end still counts.
            while worker.receive() {}
            if let Err(violation) = self.hear(number)
                && let Some(worker) = &mut self.seats[number].worker
            {
                worker.killed.get_or_insert(violation.0);
            }
        }
        let seat = &mut self.seats[number];
        seat.worker.iter_mut().for_each(Worker::hear_out);
        let Some(worker) = seat.worker.take() else { return };
        let how = describe(seat, &worker, ended);
        let orderly = worker.phase == Phase::Gone && worker.given.is_empty();
        let is_lost = !orderly && worker.phase != Phase::Starting && !self.broken;
        let tell = if is_lost { log::warn } else { log::debug };
        tell("processes", || {
            let pid = worker.process.pid();
            let more = if is_lost { "; another goes on" } else { "" };
            format!("worker {number}: process {pid}: {how}{more}")
        });
        if ended.is_none() {
            // Whatever it still writes to, nobody reads it.
            seat.slab = None;
        }
        // Once a seat, since it has no slab from then on: no sample is to blame for that.
        let blameless = ended.is_some_and(Ended::lacked_memory) && seat.slab.take().is_some();
        if blameless {
            seat.refused_slot = Some(0);
            log::info("processes", || {
                format!("worker {number} could not reach its shared memory; samples are copied")
            });
        }
        seat.incarnation += 1;
        if !orderly {
            self.mourn(number, worker, how, ended, blameless);
        }
    }

    /// Sees to the tasks of a worker that was lost.
    fn mourn(
        &mut self,
        number: usize,
        worker: Worker,
        how: String,
        ended: Option<Ended>,
        blameless: bool,
    ) {
        let is_servers = self.starts.is_servers_end(ended, self.seats.len());
        if worker.phase == Phase::Starting {
            self.seats[number].not_before = Instant::now() + self.start_pause();
            if is_servers && worker.refused.is_none() {
                return;
            }
            let certain = worker.refused.is_some() || ended.and_then(no_init).is_some();
            let why = worker.refused.unwrap_or_else(|| self.no_start(&how));
            return self.start_failed(why, certain);
        }
        self.seats[number].not_before = Instant::now() + pause(self.crashes);
        self.crashes += u32::from(!is_servers);
        let board = self.seats[number].board.clone();
        let rss = worker.rss;
        let is_filling = worker.filling(&board).is_some();
        for (place, mut given) in worker.given.into_iter().enumerate().rev() {
            if place > 0 || blameless {
                self.backlog.push_front((given.task, given.returned));
            } else if Self::is_blameless(&given, &board, ended) {
                given.returned += 1;
                self.backlog.push_front((given.task, given.returned));
            } else {
                let index = board.index().load(std::sync::atomic::Ordering::Relaxed);
                let index = index.checked_sub(1).filter(|_| is_filling);
                let stage = board.doing().name().into();
                self.sink.lost(given.task, Loss { how: how.clone(), stage, rss, index });
            }
        }
        if self.crashes > self.settings.max_crashes {
            let crashes = self.crashes;
            self.give_up(Error::Workers {
                why: format!(
                    "{crashes} were lost in a row without one sample made; the last: {how}"
                ),
            });
        }
    }

    /// That a worker ended before it was ready, in words.
    pub(super) fn no_start(&self, how: &str) -> String {
        match self.settings.launcher.as_ref().or(self.settings.program.as_ref()) {
            None => format!("a worker did not start: {how}"),
            Some((path, _)) => format!(
                "a worker did not start by {}: {how}. It must begin with windrow::init(), or be a \
                 launcher of a program that does",
                path.display()
            ),
        }
    }

    /// Looks at what a worker occupies, now and then.
    pub(super) fn weigh(&mut self, number: usize, busy: Duration) {
        let limit = self.settings.max_rss;
        let Some(worker) = &mut self.seats[number].worker else { return };
        let due = worker.weighed.is_none_or(|last| last.elapsed() >= WEIGH_EVERY);
        let wanted = worker.weighed.is_none() || limit.is_some() || busy >= WEIGH_EVERY;
        if worker.phase == Phase::Starting || !due || !wanted {
            return;
        }
        worker.weighed = Some(Instant::now());
        let Some(now) = sys::rss(worker.process.pid()) else { return };
        worker.rss = Some(worker.rss.map_or(now, |before| before.max(now)));
        worker.heavy = limit.is_some_and(|limit| now > limit);
        if let Some(limit) = limit
            && now > limit.saturating_mul(2)
        {
            worker.kill(format!(
                "killed by windrow: it occupied {now} bytes, more than twice its limit of {limit}"
            ));
        }
    }

    /// Lets a worker end that has made enough samples or has become too large.
    pub(super) fn recycle(&mut self, number: usize) {
        let most = self.settings.max_samples;
        let Some(worker) = &mut self.seats[number].worker else { return };
        let enough = most.is_some_and(|most| worker.samples >= most) || worker.heavy;
        if enough && worker.phase == Phase::Working {
            worker.enter(Phase::Finishing);
        }
        if worker.phase == Phase::Finishing && worker.given.is_empty() {
            worker.drain();
        }
    }
}

/// How a worker ended, in words.
fn describe(seat: &Seat, worker: &Worker, ended: Option<Ended>) -> String {
    if let Some(killed) = &worker.killed {
        return killed.clone();
    }
    let starting = worker.phase == Phase::Starting;
    if let Some(why) = ended.filter(|_| starting).and_then(no_init) {
        return why;
    }
    match ended {
        Some(Ended::Signal(9)) if sys::out_of_memory_kills() > worker.kills_before => {
            "killed by SIGKILL, by the system for want of memory".into()
        }
        Some(Ended::Code(0)) if worker.phase == Phase::Gone => "ended in good order".into(),
        Some(ended) => match &worker.trouble {
            Some(why) => format!("{ended}: {why}"),
            None => ended.to_string(),
        },
        None => format!("process of worker {} does not end", seat.number),
    }
}

/// That a process which ended before it was ready has not called `init`, in words.
pub(super) fn no_init(ended: Ended) -> Option<String> {
    let how = match ended {
        Ended::Code(RAN_MAIN) => "it ran the program's main() instead of windrow::init()",
        Ended::Code(0) => "it exited with code 0 without calling windrow::init(), or in its recipe",
        _ => return None,
    };
    Some(format!("{how}; {WHERE}"))
}

/// How long to wait after so many deaths in a row.
pub(super) fn pause(deaths: u32) -> Duration {
    PAUSES[(deaths as usize).min(PAUSES.len() - 1)]
}

/// Passes a worker's lines on, each after the worker's number.
pub(super) fn pass_on(errors: std::process::ChildStderr, worker: u32) -> Option<JoinHandle<()>> {
    const LINE_MAX: u64 = 64 << 10;
    let thread = std::thread::Builder::new().name(format!("windrow-err-{worker}"));
    let copy = move || {
        let mut errors = BufReader::new(errors);
        let mut line = Vec::new();
        while matches!(errors.by_ref().take(LINE_MAX).read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line);
            _ = writeln!(std::io::stderr(), "[worker {worker}] {}", text.trim_end_matches('\n'));
            line.clear();
        }
    };
    // Without a thread the lines are lost, which is no reason to stop.
    thread.stack_size(128 << 10).spawn(copy).ok()
}
