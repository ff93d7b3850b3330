//! The translation of frames into calls of the [pool](crate::backend::process::pool).

use super::Driver;
use crate::backend::process::parent::decode::Made;
use crate::backend::process::parent::slots::{Collected, Payload};
use crate::backend::process::pool::{Phase, Said};
use crate::backend::process::protocol::frame::{Frame, Kind};
use crate::backend::process::protocol::message::{
    Greeting, PayloadPlace, Report, Streaming, another_pipeline, read,
};

impl Driver {
    /// Receives a worker's messages, and handles its end.
    pub(super) fn receive(&mut self, number: usize) {
        // Bounded, so that one worker cannot delay the others.
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
            // Bytes that the worker sent before its end still count.
            while connection.receive() {}
            self.take_frames(number);
            self.exited(number, ended);
        }
    }

    /// Handles all complete frames of a worker.
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

    /// Handles a frame; returns whether the next frame counts too.
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
                None if is_starting => nonsense("it sent an invalid Hello frame"),
                None => unasked(),
            },
            Kind::Ready => match read(frame.body) {
                Some((ready, _)) => {
                    Said::Ready(another_pipeline(&self.expected, &ready).map_or(Ok(()), Err))
                }
                None if is_starting => nonsense("it sent an invalid Ready frame"),
                None => unasked(),
            },
            Kind::Refused => match read(frame.body) {
                Some((why, _)) => Said::Refused(why),
                None if is_starting => nonsense("it sent an invalid Refused frame"),
                None => unasked(),
            },
            Kind::Trouble => read(frame.body)
                .map_or(nonsense("it sent an invalid Trouble frame"), |(why, _)| {
                    Said::Trouble(why)
                }),
            Kind::Stream => match read(frame.body) {
                Some((Streaming { task, bytes }, _)) => {
                    connection.collected = Collected::default();
                    Said::Pieces { task, bytes }
                }
                None => nonsense("it sent an invalid Stream frame"),
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
                None => nonsense("it sent an invalid Done frame"),
            },
            Kind::Bye => Said::Bye,
            _ => unasked(),
        };
        self.said(number, said)
    }

    fn reported(&mut self, number: usize, mut report: Report, rest: &[u8]) -> bool {
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
        let payload = payload.ok_or_else(|| "its place is not in the task's slot".into());
        let outcome = payload.and_then(|payload| {
            let bytes = payload.bytes().len();
            let sampled = report.sampled.take();
            let made = Made { task: given.task, worker: number, nanos: report.nanos, sampled };
            self.sink.done(made, payload).map(|()| bytes)
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
