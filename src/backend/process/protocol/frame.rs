//! Frames: how bytes on a worker's channel become messages, and what is refused.
//!
//! A frame is a header of 24 bytes, little-endian, and a body:
//!
//! | bytes | what |
//! |---|---|
//! | 0–3 | `WRW1` |
//! | 4–5 | the protocol version |
//! | 6–7 | the kind |
//! | 8–11 | the length of the body, at most 1 MiB |
//! | 12–15 | CRC-32 of bytes 0–11, 16–23 and the body |
//! | 16–23 | how many frames went before in this direction |
//!
//! A frame that is wrong in any of these is a [`Violation`]: whoever sent it cannot be trusted any
//! more. Nothing is allocated for bytes that have not come. Absent on purpose: sockets.

use std::fmt;

/// The version of everything that goes between a loader and its workers.
pub(in super::super) const PROTOCOL: u16 = 1;
/// The longest body.
pub(in super::super) const BODY_MAX: usize = 1 << 20;
const HEADER: usize = 24;
const MAGIC: [u8; 4] = *b"WRW1";
/// How much is asked for at a time; less where an interpreter fills the room byte by byte.
const READ: usize = if cfg!(miri) { 256 } else { 64 << 10 };

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// What a frame says.
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
    /// To the worker: who it is and what it runs. Comes with the page's memory.
    Setup = 1,
    /// To the worker: slots to put samples in. Comes with their memory.
    Slab = 2,
    /// To the worker: positions to fill.
    Task = 3,
    /// To the worker: end after what was given before.
    Drain = 4,
    /// To a fork server: split a worker off. Comes with the worker's end of a channel.
    Split = 5,
    /// From the worker: which program it is.
    Hello = 16,
    /// From the worker: its pipeline is open.
    Ready = 17,
    /// From the worker: why it cannot work.
    Refused = 18,
    /// From the worker: that the samples of a task come in pieces, and how many bytes.
    Stream = 19,
    /// From the worker: the next piece.
    Piece = 20,
    /// From the worker: a task is done.
    Done = 21,
    /// From the worker: it ends in good order.
    Bye = 22,
    /// From a fork server: the number of the process that was split off.
    Forked = 23,
    /// From a fork server: how one of its processes ended.
    Ended = 24,
    /// From the worker: why it ends, where it cannot go on.
    Trouble = 25,
}

/// A message as it came.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Frame<'a> {
    pub(in super::super) kind: Kind,
    pub(in super::super) body: &'a [u8],
}

/// What a worker did that no worker does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Violation(pub(in super::super) String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes frames and numbers them.
#[derive(Debug, Default)]
pub(in super::super) struct Encoder {
    sequence: u64,
}

impl Encoder {
    /// Adds a frame to `out`. The parts together must not be longer than [`BODY_MAX`].
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

    /// One frame.
    pub(in super::super) fn frame(&mut self, kind: Kind, parts: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, kind, parts);
        out
    }
}

/// Takes frames out of bytes that come in pieces of any size.
#[derive(Debug, Default)]
pub(in super::super) struct Decoder {
    buffer: Vec<u8>,
    /// Where the bytes that are not taken out begin and end.
    start: usize,
    end: usize,
    sequence: u64,
}

impl Decoder {
    /// Room for the next bytes, never empty.
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

    /// So many bytes were put into the room.
    pub(in super::super) fn came(&mut self, bytes: usize) {
        self.end = (self.end + bytes).min(self.buffer.len());
    }

    /// Whether a frame has begun to come and has not ended.
    #[cfg(test)]
    pub(in super::super) fn is_inside(&self) -> bool {
        self.start < self.end
    }

    /// The next whole frame.
    pub(in super::super) fn next(&mut self) -> Result<Option<Frame<'_>>, Violation> {
        let bytes = &self.buffer[self.start..self.end];
        let wrong = |what: String| Err(Violation(what));
        let known = bytes.len().min(4);
        if bytes[..known] != MAGIC[..known] {
            return wrong("it sent bytes that are no frame".into());
        }
        let Some((header, rest)) = bytes.split_at_checked(HEADER) else { return Ok(None) };
        let half = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| header[at + byte]));
        if half(4) != PROTOCOL {
            return wrong(format!("it speaks protocol {}, this is {PROTOCOL}", half(4)));
        }
        let length = word(8) as usize;
        if length > BODY_MAX {
            return wrong(format!("it sent a frame of {length} bytes, {BODY_MAX} are allowed"));
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

/// The checksum of a whole frame, without the four bytes where it stands.
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
            // A longer length waits for bytes that never come; all else is refused.
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
