//! What workers say, and whether it can be true: the supervisor's ear.

use super::frame::{Frame, Kind, Violation};
use super::message::{Greeting, Report, Streaming, Where, another_pipeline, read};
use super::seat::Phase;
use super::slab::{Collected, Parcel};
use super::supervisor::Supervisor;

/// The most bytes that one task may send in pieces.
const STREAM_MAX: u64 = 16 << 30;

impl Supervisor {
    /// Hears what a worker has to say, and buries it if that was its end.
    pub(super) fn listen(&mut self, number: usize) {
        // Bounded, so that one worker cannot keep the others waiting.
        for _ in 0..64 {
            let Some(worker) = &mut self.seats[number].worker else { return };
            worker.flush();
            let more = worker.receive();
            let at_end = worker.at_end;
            if let Err(violation) = self.hear(number) {
                return self.bury(number, Some(violation));
            }
            if at_end {
                return self.bury(number, None);
            }
            if !more {
                break;
            }
        }
        self.bury_if_ended(number);
    }

    fn bury_if_ended(&mut self, number: usize) {
        let Some(worker) = &self.seats[number].worker else { return };
        if worker.process.has_ended() {
            self.bury(number, None);
        }
    }

    /// Takes all whole frames of a worker.
    pub(super) fn hear(&mut self, number: usize) -> Result<(), Violation> {
        let Some(worker) = &mut self.seats[number].worker else { return Ok(()) };
        let mut decoder = std::mem::take(&mut worker.decoder);
        let mut outcome = Ok(());
        while outcome.is_ok() {
            match decoder.next() {
                Ok(Some(frame)) => outcome = self.take(number, &frame),
                Ok(None) => break,
                Err(violation) => outcome = Err(violation),
            }
        }
        if let Some(worker) = &mut self.seats[number].worker {
            worker.decoder = decoder;
        }
        outcome
    }

    fn take(&mut self, number: usize, frame: &Frame<'_>) -> Result<(), Violation> {
        let Some(worker) = &mut self.seats[number].worker else { return Ok(()) };
        let wrong = |what: &str| Err(Violation(what.into()));
        match (frame.kind, worker.phase) {
            (Kind::Hello, Phase::Starting) => {
                let Some((Greeting { identity, process, parent }, _)) = read(frame.body) else {
                    return wrong("a bad greeting");
                };
                let different = self.identity.difference(&identity, &self.launch);
                worker.refused = different.or(worker.process.is_worker(process, parent).err());
                match worker.refused {
                    Some(_) => wrong("it is not a worker of this loader"),
                    None => Ok(()),
                }
            }
            (Kind::Ready, Phase::Starting) => {
                let Some((ready, _)) = read(frame.body) else { return wrong("a bad start") };
                worker.refused =
                    worker.refused.take().or_else(|| another_pipeline(&self.expected, &ready));
                if worker.refused.is_some() {
                    return wrong("it runs another pipeline");
                }
                worker.was_ready = true;
                worker.enter(Phase::Working);
                self.starts.succeeded();
                self.shared.tell_start(Ok(()));
                Ok(())
            }
            (Kind::Refused, Phase::Starting) => {
                let Some((why, _)) = read(frame.body) else { return wrong("a bad refusal") };
                worker.refused.get_or_insert(why);
                Ok(())
            }
            (Kind::Trouble, _) => {
                let Some((why, _)) = read(frame.body) else {
                    return wrong("a trouble without sense");
                };
                worker.trouble.get_or_insert(why);
                Ok(())
            }
            (Kind::Stream, _) if worker.streaming.is_none() => {
                let Some((Streaming { task, bytes }, _)) = read(frame.body) else {
                    return wrong("it sent an announcement without sense");
                };
                if bytes > STREAM_MAX {
                    let text = format!("it announced {bytes} bytes, {STREAM_MAX} are allowed");
                    return Err(Violation(text));
                }
                worker.streaming = Some((task, bytes, Collected::default()));
                Ok(())
            }
            (Kind::Piece, _) => match &mut worker.streaming {
                Some((_, bytes, collected))
                    if collected.len() as u64 + frame.body.len() as u64 <= *bytes =>
                {
                    collected.push(frame.body);
                    Ok(())
                }
                _ => wrong("it sent bytes that it had not announced"),
            },
            (Kind::Done, Phase::Working | Phase::Finishing | Phase::Draining) => {
                match read(frame.body) {
                    Some((report, rest)) => self.done(number, report, rest),
                    None => wrong("it sent a report without sense"),
                }
            }
            // It was told to end before it was ready.
            (Kind::Hello | Kind::Ready | Kind::Refused, Phase::Draining) if !worker.was_ready => {
                worker.was_ready = frame.kind == Kind::Ready;
                Ok(())
            }
            (Kind::Bye, Phase::Draining) => {
                worker.enter(Phase::Gone);
                Ok(())
            }
            (kind, phase) => Err(Violation(format!("it sent a {kind:?} frame while {phase:?}"))),
        }
    }

    fn done(&mut self, number: usize, report: Report, rest: &[u8]) -> Result<(), Violation> {
        let wrong = |what: String| Err(Violation(what));
        let seat = &mut self.seats[number];
        let Some(worker) = &mut seat.worker else { return Ok(()) };
        if worker.given.front().map(|given| given.task.id) != Some(report.task) {
            return wrong("it answered a task that was not its turn".into());
        }
        let Some(mut given) = worker.given.pop_front() else { return Ok(()) };
        let task = given.task;
        let parcel = match report.parcel {
            Where::Here => Some(Parcel::Heap(Collected::of(rest))),
            Where::Slot { slot, generation, start, bytes } => {
                let lease = given.lease.take();
                let lease = lease.filter(|lease| {
                    (lease.place().slot, lease.place().generation) == (slot, generation)
                });
                seat.without_slot = 0;
                lease.and_then(|lease| lease.deliver(start, bytes))
            }
            Where::Streamed => {
                let stream = worker.streaming.take();
                let whole = stream.filter(|(task, bytes, collected)| {
                    *task == report.task && collected.len() as u64 == *bytes
                });
                whole.map(|(_, _, collected)| Parcel::Heap(collected))
            }
        };
        let outcome = match parcel {
            Some(parcel) => {
                let bytes = parcel.bytes().len();
                let streamed = report.parcel == Where::Streamed;
                let lease = given.lease.take();
                self.sink.done(task, parcel, report.nanos).map(|()| (bytes, streamed, lease))
            }
            None => Err("it is not where the worker says".into()),
        };
        match outcome {
            Ok((bytes, streamed, lease)) => {
                worker.next_turn();
                worker.samples += task.count;
                self.crashes = 0;
                let before = if self.task_nanos == 0 { report.nanos } else { self.task_nanos };
                self.task_nanos = (before - before / 4 + report.nanos / 4).max(1);
                if streamed {
                    self.widen(number, bytes, lease);
                }
                self.recycle(number);
                Ok(())
            }
            Err(why) => {
                worker.given.push_front(given);
                wrong(format!("it sent a parcel that is none: {why}"))
            }
        }
    }
}
