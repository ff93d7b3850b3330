//! The reactions to a worker's messages.

use std::time::Duration;

use super::run::{Given, Phase, Pieces};
use super::{Action, Pool, Said};

/// The maximum number of bytes that one task may send in pieces.
const PIECES_MAX: u64 = 16 << 30;

impl<L> Pool<L> {
    /// Handles a worker's message; returns whether the message counts.
    pub(in super::super) fn said(&mut self, number: usize, said: Said, now: Duration) -> bool {
        let Some(run) = self.workers[number].run.as_mut().filter(|run| !run.distrusted) else {
            return false;
        };
        let wrong = match (said, run.phase) {
            (Said::Hello(who), Phase::Starting) if !run.greeted => match who {
                Ok(()) => {
                    run.greeted = true;
                    return true;
                }
                Err(why) => {
                    run.refused = Some(why);
                    "the process is not a worker of this loader".into()
                }
            },
            (Said::Ready(which), Phase::Starting) if run.greeted => {
                if let Err(why) = which {
                    run.refused.get_or_insert(why);
                }
                if run.refused.is_none() {
                    run.was_ready = true;
                    run.enter(Phase::Working, now);
                    (self.failed, self.was_ready) = (0, true);
                    self.actions.push_back(Action::Ready);
                    return true;
                }
                "the worker runs another pipeline".into()
            }
            (Said::Refused(why), Phase::Starting) => {
                run.refused.get_or_insert(why);
                return true;
            }
            (Said::Trouble(why), _) => {
                run.trouble.get_or_insert(why);
                return true;
            }
            (Said::Pieces { task, bytes }, _) if run.pieces.is_none() => {
                if !run.is_at(task) {
                    "it announced a task that was not its turn".into()
                } else if bytes <= PIECES_MAX {
                    run.pieces = Some(Pieces { task, bytes, came: 0 });
                    return true;
                } else {
                    format!("it announced {bytes} bytes; {PIECES_MAX} are allowed")
                }
            }
            (Said::Piece(bytes), _) => match &mut run.pieces {
                Some(pieces) if pieces.came + bytes as u64 <= pieces.bytes => {
                    pieces.came += bytes as u64;
                    return true;
                }
                _ => "it sent bytes that it had not announced".into(),
            },
            // The loader told the worker to end before the worker was ready.
            (Said::Ready(_), Phase::Draining) if !run.was_ready => {
                run.was_ready = true;
                return true;
            }
            (Said::Hello(_) | Said::Refused(_), Phase::Draining) if !run.was_ready => {
                return true;
            }
            (Said::Bye, Phase::Draining) => {
                run.enter(Phase::Gone, now);
                return true;
            }
            (Said::Nonsense(why), _) => why,
            (said, phase) => format!("it sent {} while {phase:?}", said.name()),
        };
        self.distrust(number, &wrong, now);
        false
    }

    /// Handles a worker's report of a finished task; returns the task if the report is valid. The
    /// driver then checks the payload and calls [`delivered`](Self::delivered).
    pub(in super::super) fn reported(
        &mut self,
        number: usize,
        task: u64,
        in_pieces: bool,
        now: Duration,
    ) -> Option<Given<L>> {
        let run = self.workers[number].run.as_mut().filter(|run| !run.distrusted)?;
        let wrong = match run.phase {
            Phase::Starting | Phase::Gone => {
                format!("it sent a Done frame while {:?}", run.phase)
            }
            _ if !run.is_at(task) => "it answered a task that was not its turn".into(),
            _ => {
                let is_whole = match run.pieces.take() {
                    Some(had) => in_pieces && had.task == task && had.came == had.bytes,
                    None => !in_pieces,
                };
                if is_whole {
                    return run.given.pop_front();
                }
                "it sent an invalid payload: the pieces do not match the report".into()
            }
        };
        self.distrust(number, &wrong, now);
        None
    }

    /// Handles the outcome of a [reported](Self::reported) task: the worker's nanoseconds after a
    /// delivery, or why the payload is invalid.
    pub(in super::super) fn delivered(
        &mut self,
        number: usize,
        task: Given<L>,
        outcome: Result<u64, String>,
        now: Duration,
    ) {
        let Some(run) = &mut self.workers[number].run else { return };
        match outcome {
            Ok(nanos) => {
                run.next_turn();
                run.samples += task.task.count;
                self.crashes = 0;
                let before = if self.task_nanos == 0 { nanos } else { self.task_nanos };
                self.task_nanos = (before - before / 4 + nanos / 4).max(1);
                self.recycle(number, now);
            }
            Err(why) => {
                run.given.push_front(task);
                self.distrust(number, &format!("it sent an invalid payload: {why}"), now);
            }
        }
    }
}
