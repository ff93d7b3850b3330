//! The reactions to a worker's end and to a failed start.

use std::time::Duration;

use super::{Action, Exit, Given, Page, Phase, Pool, REAP_LIMIT, START_GRACE};
use crate::error::{Error, Loss};

/// How often a task that was not begun may return before the pool counts it as lost.
const RETURNS_MAX: u32 = 3;
/// The pauses before the next start, by the number of deaths in a row.
const PAUSES: [Duration; 4] =
    [Duration::ZERO, Duration::ZERO, Duration::from_millis(50), Duration::from_millis(200)];
/// The time limits for a worker to end: after it closes its channel, and after it announces its
/// end.
const HUNG_UP_GRACE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(1));

impl<L> Pool<L> {
    /// Kills a worker that violated the protocol, and ignores its further messages.
    pub(super) fn distrust(&mut self, number: usize, what: &str, now: Duration) {
        if let Some(run) = &mut self.workers[number].run {
            run.distrusted = true;
            self.kill(number, format!("killed by windrow: {what}"), now);
        }
    }

    /// Kills a worker, and stores the first reason.
    pub(in super::super) fn kill(&mut self, number: usize, why: String, now: Duration) {
        let Some(run) = &mut self.workers[number].run else { return };
        if run.killed.is_none() {
            run.killed = Some((why, now));
            self.actions.push_back(Action::Kill(number));
        }
    }

    /// Kills a worker that is ending if it exceeds its time limits.
    pub(super) fn see_off(&mut self, number: usize, now: Duration) {
        let Some(run) = &self.workers[number].run else { return };
        let since = |start: Duration| now.saturating_sub(start);
        if let Some((_, killed)) = run.killed {
            if since(killed) > REAP_LIMIT {
                self.ended(number, None, &Page::default(), now);
                self.actions.push_back(Action::Abandon(number));
            }
            return;
        }
        let is_said = run.phase == Phase::Gone;
        let grace = if is_said { HUNG_UP_GRACE.1 } else { HUNG_UP_GRACE.0 };
        let is_told = matches!(run.phase, Phase::Draining | Phase::Gone);
        let why = if run.hung_up.is_some_and(|start| since(start) >= grace) {
            "it closed its channel and did not end"
        } else if is_told && run.age(now) > REAP_LIMIT && !self.closing {
            "it was told to end and did not"
        } else if self.closing && !run.was_ready && run.age(now) > START_GRACE {
            "the loader was closed before it was ready"
        } else {
            return;
        };
        self.kill(number, format!("killed by windrow: {why}"), now);
    }

    /// Handles the end of a worker's process, after all of the worker's messages.
    pub(in super::super) fn exited(
        &mut self,
        number: usize,
        exit: &Exit,
        page: &Page,
        now: Duration,
    ) {
        self.ended(number, Some(exit), page, now);
    }

    fn ended(&mut self, number: usize, exit: Option<&Exit>, page: &Page, now: Duration) {
        let worker = &mut self.workers[number];
        let Some(run) = worker.run.take() else { return };
        worker.incarnation += 1;
        let is_starting = run.phase == Phase::Starting;
        let how = match (&run.killed, exit) {
            (Some((why, _)), Some(_)) => why.clone(),
            (_, None) => format!("process of worker {number} did not end after being killed"),
            (None, Some(Exit { no_init: Some(why), .. })) if is_starting => why.clone(),
            (None, Some(exit)) if exit.clean && run.phase == Phase::Gone => {
                "ended in good order".into()
            }
            (None, Some(exit)) => match &run.trouble {
                Some(why) => format!("{}: {why}", exit.how),
                None => exit.how.clone(),
            },
        };
        let is_orderly = run.phase == Phase::Gone && run.given.is_empty();
        let is_lost = !is_orderly && !is_starting && !self.broken;
        self.actions.push_back(Action::Ended { number, how: how.clone(), is_lost });
        if is_orderly {
            return;
        }
        let is_servers = exit.is_some_and(|exit| exit.with_server) && self.is_servers_end();
        if is_starting {
            self.pause_until(number, now.saturating_add(self.start_pause()));
            if is_servers && run.refused.is_none() {
                return;
            }
            let certain = run.refused.is_some() || exit.is_some_and(|exit| exit.no_init.is_some());
            let why = run.refused.unwrap_or_else(|| self.not_started(&how));
            return self.start_failed(why, certain);
        }
        self.pause_until(number, now.saturating_add(pause(self.crashes)));
        let is_blameless = exit.is_some_and(|exit| exit.blameless);
        self.crashes += u32::from(!is_servers && !is_blameless);
        let filling = run.filling(page);
        for (place, Given { task, returned, lease: _ }) in run.given.into_iter().enumerate().rev() {
            let is_begun = page.task == Some(task.id) && !exit.is_some_and(|exit| exit.with_server);
            if place > 0 || is_blameless {
                self.backlog.push_front((task, returned));
            } else if !is_begun && returned < RETURNS_MAX {
                self.backlog.push_front((task, returned + 1));
            } else {
                let index = page.index.filter(|_| filling.is_some());
                let stage = page.doing.into();
                let (how, rss, position) = (how.clone(), run.rss, filling);
                let loss = Loss { how, stage, rss, index, position };
                self.actions.push_back(Action::Lost(task, loss));
            }
        }
        if self.crashes > self.limits.crashes {
            let crashes = self.crashes;
            let why = format!(
                "{crashes} workers were lost in a row without a finished sample; the last: {how}"
            );
            self.give_up(Error::Workers { why });
        }
    }

    /// Returns whether a worker's end counts as the end of its fork server. Such ends count as one
    /// loss for all workers of the server, but for at most one end for each worker's place.
    pub(in super::super) fn is_servers_end(&mut self) -> bool {
        let is_one = self.with_server < self.workers.len();
        self.with_server += usize::from(is_one);
        is_one
    }

    /// Handles the end of a fork server that will fork no more workers.
    pub(in super::super) fn server_failed(&mut self, why: String, certain: bool) {
        self.with_server = 0;
        self.start_failed(why, certain);
    }

    /// Delays the next start of a worker that could not start, or that ended with its server during
    /// the start.
    pub(in super::super) fn not_before(&mut self, number: usize, now: Duration) {
        self.pause_until(number, now.saturating_add(self.start_pause()));
    }

    fn pause_until(&mut self, number: usize, time: Duration) {
        self.workers[number].not_before = time;
    }

    /// Handles the system's refusal to start a worker.
    pub(in super::super) fn start_refused(&mut self, number: usize, why: String, now: Duration) {
        self.not_before(number, now);
        self.start_failed(why, false);
    }

    /// Returns the pause after a failed start.
    pub(in super::super) fn start_pause(&self) -> Duration {
        pause(self.failed + 2)
    }

    /// Counts a failed start as a lost worker. If the cause is certain to persist and no worker was
    /// ever ready, the pool gives up.
    fn start_failed(&mut self, why: String, certain: bool) {
        self.failed += 1;
        self.crashes += 1;
        let most = self.limits.crashes;
        let is_hopeless = certain && !self.was_ready;
        if is_hopeless || self.failed > most || self.crashes > most {
            self.give_up(Error::Workers { why });
        } else {
            self.actions.push_back(Action::NotStarted(why));
        }
    }

    /// Describes that a worker ended before it was ready.
    pub(in super::super) fn not_started(&self, how: &str) -> String {
        match &self.limits.program {
            None => format!("a worker did not start: {how}"),
            Some(path) => format!(
                "a worker did not start by {path}: {how}. Give a program that begins with \
                 windrow::init(), or a launcher of one"
            ),
        }
    }

    fn give_up(&mut self, error: Error) {
        if !std::mem::replace(&mut self.broken, true) {
            self.actions.push_back(Action::Broken(error));
        }
    }
}

/// Returns the pause after this number of deaths in a row.
fn pause(deaths: u32) -> Duration {
    PAUSES[(deaths as usize).min(PAUSES.len() - 1)]
}
