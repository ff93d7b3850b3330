//! From frames to what the [pool](crate::backend::process::pool) is told.

use super::Driver;
use crate::backend::process::parent::slots::{Collected, Payload};
use crate::backend::process::pool::{Phase, Said};
use crate::backend::process::protocol::frame::{Frame, Kind};
use crate::backend::process::protocol::message::{
    Greeting, PayloadPlace, Report, Streaming, another_pipeline, read,
};

impl Driver {
    /// Receives what a worker has to say, and takes in its end.
    pub(super) fn receive(&mut self, number: usize) {
        // Bounded, so that one worker cannot keep the others waiting.
        for _ in 0..64 {
            let Some(connection) = &mut self.connections[number] else { return };
            connection.flush();
            let more = connection.receive();
            if connection.at_end {
                self.pool.hung_up(number, self.clock.now());
            }
            self.take_frames(number);
            if !more {
                break;
            }
        }
        let Some(connection) = &mut self.connections[number] else { return };
        if let Some(ended) = connection.ended() {
            // What it sent before its end still counts.
            while connection.receive() {}
            self.take_frames(number);
            self.exited(number, ended);
        }
    }

    /// Takes all whole frames of a worker.
    fn take_frames(&mut self, number: usize) {
        let Some(connection) = &mut self.connections[number] else { return };
        let mut decoder = std::mem::take(&mut connection.decoder);
        let mut goes_on = true;
        while goes_on {
            goes_on = match decoder.next() {
                Ok(Some(frame)) => self.take(number, &frame),
                Ok(None) => break,
                Err(violation) => self.said(number, Said::Nonsense(violation.0)),
            };
        }
        if let Some(connection) = &mut self.connections[number] {
            connection.decoder = decoder;
        }
    }

    fn said(&mut self, number: usize, said: Said) -> bool {
        self.pool.said(number, said, self.clock.now())
    }

    /// Takes a frame; whether the next one counts too.
    fn take(&mut self, number: usize, frame: &Frame<'_>) -> bool {
        let Some(connection) = &mut self.connections[number] else { return false };
        let phase = self.pool.phase(number);
        let nonsense = |what: &str| Said::Nonsense(what.into());
        let unasked =
            || Said::Nonsense(format!("it sent a {:?} frame while {phase:?}", frame.kind));
        let is_starting = phase == Phase::Starting;
        let said = match frame.kind {
            Kind::Hello => match read(frame.body) {
                Some((Greeting { identity, process, parent }, _)) => {
                    let different = self.identity.difference(&identity, &self.launch);
                    let known = || connection.process.is_worker(process, parent);
                    Said::Hello(different.map_or_else(known, Err))
                }
                None if is_starting => nonsense("a bad greeting"),
                None => unasked(),
            },
            Kind::Ready => match read(frame.body) {
                Some((ready, _)) => {
                    Said::Ready(another_pipeline(&self.expected, &ready).map_or(Ok(()), Err))
                }
                None if is_starting => nonsense("a bad start"),
                None => unasked(),
            },
            Kind::Refused => match read(frame.body) {
                Some((why, _)) => Said::Refused(why),
                None if is_starting => nonsense("a bad refusal"),
                None => unasked(),
            },
            Kind::Trouble => read(frame.body)
                .map_or(nonsense("a trouble without sense"), |(why, _)| Said::Trouble(why)),
            Kind::Stream => match read(frame.body) {
                Some((Streaming { task, bytes }, _)) => {
                    connection.collected = Collected::default();
                    Said::Pieces { task, bytes }
                }
                None => nonsense("it sent an announcement without sense"),
            },
            Kind::Piece => {
                if !self.pool.said(number, Said::Piece(frame.body.len()), self.clock.now()) {
                    return false;
                }
                connection.collected.push(frame.body);
                return true;
            }
            Kind::Done => match read(frame.body) {
                Some((report, rest)) => return self.reported(number, report, rest),
                None => nonsense("it sent a report without sense"),
            },
            Kind::Bye => Said::Bye,
            _ => unasked(),
        };
        self.said(number, said)
    }

    fn reported(&mut self, number: usize, report: Report, rest: &[u8]) -> bool {
        let now = self.clock.now();
        let in_pieces = report.payload == PayloadPlace::Streamed;
        let Some(mut given) = self.pool.reported(number, report.task, in_pieces, now) else {
            return false;
        };
        let Some(connection) = &mut self.connections[number] else { return false };
        let payload = match report.payload {
            PayloadPlace::Here => Some(Payload::Heap(Collected::of(rest))),
            PayloadPlace::Slot { slot, generation, start, bytes } => {
                self.slots.workers[number].worked();
                let lease = given.lease.take().filter(|lease| {
                    (lease.place().slot, lease.place().generation) == (slot, generation)
                });
                lease.and_then(|lease| lease.deliver(start, bytes))
            }
            PayloadPlace::Streamed => {
                Some(Payload::Heap(std::mem::take(&mut connection.collected)))
            }
        };
        let payload = payload.ok_or_else(|| "it is not where the worker says".into());
        let outcome = payload.and_then(|payload| {
            let bytes = payload.bytes().len();
            self.sink.done(given.task, payload, report.nanos).map(|()| bytes)
        });
        let wide = outcome.as_ref().ok().filter(|_| in_pieces).copied();
        if let Some(bytes) = wide
            && let Some(slab) = self.slots.widen(number, bytes, given.lease.as_ref())
        {
            connection.post_slab(&slab);
        }
        let is_one = outcome.is_ok();
        self.pool.delivered(number, given, outcome.map(|_| report.nanos), now);
        is_one
    }
}
