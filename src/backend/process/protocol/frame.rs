//! Frames: the format of messages on a worker's channel, and the checks on received bytes.
//!
//! A frame is a header of 24 bytes, little-endian, and a body:
//!
//! | bytes | content |
//! |---|---|
//! | 0–3 | `WRW1` |
//! | 4–5 | the protocol version |
//! | 6–7 | the kind |
//! | 8–11 | the length of the body, at most 1 MiB |
//! | 12–15 | CRC-32 of bytes 0–11, 16–23 and the body |
//! | 16–23 | the number of earlier frames in this direction |
//!
//! A frame that fails any check is a [`Violation`], and its sender is no longer trusted. The
//! decoder allocates memory only for received bytes. Out of scope: sockets.

use std::fmt;

/// The version of all data exchanged between a loader and its workers.
pub(in super::super) const PROTOCOL: u16 = 1;
/// The maximum length of a body.
pub(in super::super) const BODY_MAX: usize = 1 << 20;
const HEADER: usize = 24;
const MAGIC: [u8; 4] = *b"WRW1";
/// The number of bytes requested at a time; fewer in Miri, which fills the buffer byte by byte.
const READ: usize = if cfg!(miri) { 256 } else { 64 << 10 };

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// The kind of a frame.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in super::super) enum Kind {
            $($(#[$doc])* $name = $number,)*
        }

        impl Kind {
            fn of(number: u16) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// To the worker: its number and pipeline. Carries the memory of the status page.
    Setup = 1,
    /// To the worker: slots for samples. Carries their memory.
    Slab = 2,
    /// To the worker: positions to compute.
    Task = 3,
    /// To the worker: end after all earlier tasks.
    Drain = 4,
    /// To a fork server: fork a worker. Carries the worker's end of a channel.
    Split = 5,
    /// To the worker, after its setup: the next bytes beside the configuration of its recipe.
    Beside = 6,
    /// From the worker: the identity of its program.
    Hello = 16,
    /// From the worker: its pipeline is open.
    Ready = 17,
    /// From the worker: the reason why it cannot work.
    Refused = 18,
    /// From the worker: the samples of a task follow in pieces, with this many bytes.
    Stream = 19,
    /// From the worker: the next piece.
    Piece = 20,
    /// From the worker: a task is complete.
    Done = 21,
    /// From the worker: it ends in order.
    Bye = 22,
    /// From a fork server: the number of the forked process.
    Forked = 23,
    /// From a fork server: the way one of its processes ended.
    Ended = 24,
    /// From the worker: the reason why it ends early.
    Trouble = 25,
}

/// A received message.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Frame<'a> {
    pub(in super::super) kind: Kind,
    pub(in super::super) body: &'a [u8],
}

/// A worker's violation of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Violation(pub(in super::super) String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An encoder that numbers its frames.
#[derive(Debug, Default)]
pub(in super::super) struct Encoder {
    sequence: u64,
}

impl Encoder {
    /// Appends a frame to `out`. The parts together must not exceed [`BODY_MAX`].
    pub(in super::super) fn write(&mut self, out: &mut Vec<u8>, kind: Kind, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        debug_assert!(length <= BODY_MAX, "a body of {length} bytes");
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&PROTOCOL.to_le_bytes());
        out.extend_from_slice(&(kind as u16).to_le_bytes());
        out.extend_from_slice(&(length as u32).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.sequence.to_le_bytes());
        parts.iter().for_each(|part| out.extend_from_slice(part));
        let sum = checksum(&out[start..]);
        out[start + 12..start + 16].copy_from_slice(&sum.to_le_bytes());
        self.sequence += 1;
    }

    /// Returns one encoded frame.
    pub(in super::super) fn frame(&mut self, kind: Kind, parts: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, kind, parts);
        out
    }
}

/// A decoder for bytes that arrive in pieces of any size.
#[derive(Debug, Default)]
pub(in super::super) struct Decoder {
    buffer: Vec<u8>,
    /// The range of the bytes that are not decoded yet.
    start: usize,
    end: usize,
    sequence: u64,
}

impl Decoder {
    /// Returns a buffer for the next bytes, never empty.
    pub(in super::super) fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.start > 0 && self.buffer.len() - self.end < READ {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.buffer.len() - self.end < READ {
            self.buffer.resize(self.end + READ, 0);
        }
        &mut self.buffer[self.end..]
    }

    /// Records that this many bytes were written to the buffer.
    pub(in super::super) fn came(&mut self, bytes: usize) {
        self.end = (self.end + bytes).min(self.buffer.len());
    }

    /// Returns whether a frame is partly received.
    #[cfg(test)]
    pub(in super::super) fn is_inside(&self) -> bool {
        self.start < self.end
    }

    /// Returns the next complete frame.
    pub(in super::super) fn next(&mut self) -> Result<Option<Frame<'_>>, Violation> {
        let bytes = &self.buffer[self.start..self.end];
        let wrong = |what: String| Err(Violation(what));
        let known = bytes.len().min(4);
        if bytes[..known] != MAGIC[..known] {
            return wrong("it sent bytes that are not a frame".into());
        }
        let Some((header, rest)) = bytes.split_at_checked(HEADER) else { return Ok(None) };
        let half = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| header[at + byte]));
        if half(4) != PROTOCOL {
            return wrong(format!("it speaks protocol {}, this loader speaks {PROTOCOL}", half(4)));
        }
        let length = word(8) as usize;
        if length > BODY_MAX {
            return wrong(format!("it sent a frame of {length} bytes; {BODY_MAX} are allowed"));
        }
        let Some(kind) = Kind::of(half(6)) else {
            return wrong(format!("it sent a frame of unknown kind {}", half(6)));
        };
        if rest.len() < length {
            return Ok(None);
        }
        if word(12) != checksum(&bytes[..HEADER + length]) {
            return wrong(format!("it sent a {kind:?} frame with a wrong checksum"));
        }
        let sequence = u64::from(word(16)) | u64::from(word(20)) << 32;
        if sequence != self.sequence {
            return wrong(format!("it sent frame {sequence} where {} was due", self.sequence));
        }
        self.sequence += 1;
        let body = self.start + HEADER;
        self.start = body + length;
        Ok(Some(Frame { kind, body: &self.buffer[body..body + length] }))
    }
}

/// Returns the checksum of a complete frame, excluding the four bytes of the checksum itself.
fn checksum(frame: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&frame[..12]);
    sum.update(&frame[16..]);
    sum.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn feed(decoder: &mut Decoder, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = decoder.room();
            let part = room.len().min(bytes.len());
            room[..part].copy_from_slice(&bytes[..part]);
            decoder.came(part);
            bytes = &bytes[part..];
        }
    }

    fn two() -> Vec<u8> {
        let mut encoder = Encoder::default();
        let mut out = encoder.frame(Kind::Task, &[b"one", b" and more"]);
        encoder.write(&mut out, Kind::Drain, &[]);
        out
    }

    #[test]
    fn frames_come_out_as_they_went_in_however_they_are_cut() {
        let bytes = two();
        for cut in 0..bytes.len() {
            let mut decoder = Decoder::default();
            feed(&mut decoder, &bytes[..cut]);
            let mut seen = 0;
            while let Some(frame) = decoder.next().unwrap() {
                assert_eq!(frame.kind, [Kind::Task, Kind::Drain][seen]);
                seen += 1;
            }
            feed(&mut decoder, &bytes[cut..]);
            if seen == 0 {
                let expected = Frame { kind: Kind::Task, body: b"one and more" };
                assert_eq!(decoder.next().unwrap(), Some(expected));
            }
            assert_eq!(decoder.next().unwrap().unwrap().kind, Kind::Drain);
            assert_eq!(decoder.next().unwrap(), None);
            assert!(!decoder.is_inside());
        }
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let bytes = two();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 0x10;
            let mut decoder = Decoder::default();
            feed(&mut decoder, &changed);
            let mut good = 0;
            while let Ok(Some(_)) = decoder.next() {
                good += 1;
            }
            // A larger length waits for bytes that never arrive; every other change is refused.
            assert!(good < 2, "byte {place}");
        }
    }

    #[test]
    fn a_frame_sent_twice_or_left_out_is_refused() {
        let bytes = two();
        let mut decoder = Decoder::default();
        feed(&mut decoder, &[&bytes[..36], &bytes[..36]].concat());
        decoder.next().unwrap();
        assert!(decoder.next().unwrap_err().0.contains("frame 0 where 1 was due"));
        let mut decoder = Decoder::default();
        feed(&mut decoder, &bytes[36..]);
        assert!(decoder.next().unwrap_err().0.contains("frame 1 where 0 was due"));
    }

    #[test]
    fn a_length_past_the_bound_is_refused_before_anything_is_allocated() {
        let mut bytes = two();
        bytes[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        let mut decoder = Decoder::default();
        feed(&mut decoder, &bytes[..24]);
        assert!(decoder.next().unwrap_err().0.contains("4294967295 bytes"));
        assert!(decoder.buffer.len() <= READ);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_grow(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = Decoder::default();
            feed(&mut decoder, &[&MAGIC[..], &bytes].concat());
            while let Ok(Some(_)) = decoder.next() {}
            prop_assert!(decoder.buffer.len() <= 2 * READ);
        }
    }
}
