//! Properties that hold for any bytes from a worker, for the fuzzers in `tests/fuzz` and the tests
//! here.
//!
//! Each property accepts any bytes and panics on a violation. A property returns whether the bytes
//! reached the innermost check; the seeds of each property do.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::parent::slots::{Collected, Handed, Payload, PayloadRange};
use super::protocol::frame::{Decoder, Encoder, Kind};
use super::protocol::message::{
    self, Assignment, EndNote, Greeting, Identity, PayloadPlace, Report, Setup, SlabNote, Streaming,
};
use super::protocol::payload::{Item, Packing, unpack};
use crate::backend::profile::Sampled;
use crate::backend::recipe::Expected;
use crate::dataset::wire::{Wire, decode, decode_owned, encode};
use crate::dataset::{Dtype, Owner, Record, Tensor};
use crate::error::Fault;

/// A property, with its name before and its seeds after.
pub type Property = (&'static str, fn(&[u8]) -> bool, fn() -> Vec<Vec<u8>>);

/// All properties.
pub const PROPERTIES: [Property; 4] = [
    ("frames", frames, frame_seeds),
    ("messages", messages, message_seeds),
    ("payload", payload, payload_seeds),
    ("wire", wire, wire_seeds),
];

/// Returns the seeds for fuzzing a property.
#[cfg(fuzzing)]
pub fn seeds(property: &str) -> Vec<Vec<u8>> {
    let (_, _, seeds) =
        PROPERTIES.into_iter().find(|(name, ..)| *name == property).expect("the property exists");
    seeds()
}

/// Checks that the decoder returns exactly the encoded frames, however the bytes are split. The
/// first byte decides the sizes of the pieces.
pub fn frames(bytes: &[u8]) -> bool {
    let Some((&cut, rest)) = bytes.split_first() else { return false };
    let raw = decoded(rest, usize::from(cut) + 1);
    // Without repair, hardly any input has the right checksums.
    let summed = summed(rest);
    let whole = decoded(&summed, summed.len().max(1));
    assert_eq!(
        decoded(&summed, usize::from(cut) + 1),
        whole,
        "the sizes of the pieces change the decoded frames"
    );
    assert!(raw <= whole, "a wrong checksum lets more frames through");
    whole > 0
}

/// Returns how many frames the decoder finds in bytes that arrive in pieces of this size.
fn decoded(bytes: &[u8], piece: usize) -> usize {
    let (mut decoder, mut encoder) = (Decoder::default(), Encoder::default());
    let (mut frames, mut again) = (0, Vec::new());
    for mut piece in bytes.chunks(piece) {
        while !piece.is_empty() {
            let room = decoder.room();
            let length = room.len().min(piece.len());
            room[..length].copy_from_slice(&piece[..length]);
            decoder.came(length);
            piece = &piece[length..];
        }
        loop {
            match decoder.next() {
                Ok(Some(frame)) => encoder.write(&mut again, frame.kind, &[frame.body]),
                Ok(None) => break,
                Err(violation) => {
                    assert!(!violation.to_string().is_empty());
                    return frames;
                }
            }
            assert!(bytes.starts_with(&again), "the decoder invented a frame");
            frames += 1;
        }
    }
    frames
}

/// Returns the bytes with right checksums and sequence numbers wherever a frame could be.
fn summed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let (mut at, mut number) = (0, 0u64);
    while let Some(frame) = bytes.get_mut(at..).filter(|frame| frame.len() >= 24) {
        let length = u32::from_le_bytes([frame[8], frame[9], frame[10], frame[11]]) as usize;
        let Some(frame) = frame.get_mut(..24 + length) else { break };
        frame[16..24].copy_from_slice(&number.to_le_bytes());
        let mut sum = crc32fast::Hasher::new();
        sum.update(&frame[..12]);
        sum.update(&frame[16..]);
        frame[12..16].copy_from_slice(&sum.finalize().to_le_bytes());
        (at, number) = (at + 24 + length, number + 1);
    }
    bytes
}

fn frame_seeds() -> Vec<Vec<u8>> {
    let mut encoder = Encoder::default();
    let mut bytes = vec![6];
    for (kind, body) in [(Kind::Hello, &b"who"[..]), (Kind::Done, &[7; 300]), (Kind::Bye, &[])] {
        encoder.write(&mut bytes, kind, &[body]);
    }
    vec![bytes[..28].to_vec(), bytes]
}

/// Checks that a readable message can be sent, and reads the same again. The first byte selects the
/// type of the message.
pub fn messages(bytes: &[u8]) -> bool {
    fn again<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> bool {
        let Some((message, rest)) = message::read::<T>(bytes) else { return false };
        assert!(rest.len() <= bytes.len());
        let Ok(sent) = message::body(&message) else { return false };
        let (same, rest) = message::read::<T>(&sent).expect("a sent message can be read");
        assert!(rest.is_empty());
        assert_eq!(message::body(&same).expect("the message can be encoded again"), sent);
        true
    }
    let Some((which, bytes)) = bytes.split_first() else { return false };
    match which % 9 {
        0 => again::<Greeting>(bytes),
        1 => again::<Setup>(bytes),
        2 => again::<Assignment>(bytes),
        3 => again::<Report>(bytes),
        4 => again::<Streaming>(bytes),
        5 => again::<SlabNote>(bytes),
        6 => again::<EndNote>(bytes),
        7 => again::<Expected>(bytes),
        _ => again::<String>(bytes),
    }
}

fn message_seeds() -> Vec<Vec<u8>> {
    fn seed(which: u8, message: &impl Serialize) -> Vec<u8> {
        [&[which], &*postcard::to_stdvec(message).expect("a message can be encoded")].concat()
    }
    let payload = PayloadPlace::Slot { slot: 3, generation: 1, start: 69_952, bytes: 70_000 };
    vec![
        seed(0, &Greeting { identity: Identity::own("0123456789abcdef"), process: 9, parent: 8 }),
        seed(2, &Assignment { id: 300, start: 1 << 40, count: 7, slot: Some((3, 1)) }),
        seed(3, &Report { task: 300, nanos: 1_000_000, payload, sampled: None }),
        seed(3, &Report { task: 0, nanos: 1, payload: PayloadPlace::Streamed, sampled: None }),
        seed(3, &Report { task: 0, nanos: 1, payload, sampled: Some(Sampled::example()) }),
        seed(4, &Streaming { task: 5, bytes: 1 << 33 }),
        seed(5, &SlabNote { slot_bytes: 1 << 20, slots: 9 }),
        seed(6, &EndNote { pid: 4000, code: None, signal: Some(9) }),
        seed(7, &Expected { positions: 1000, pipeline: "range(start=0,end=1000)".into() }),
    ]
}

/// Checks that the parts of a payload lie inside the payload, and that unpacked items pack and
/// unpack to the same items. The first byte is the number of positions.
pub fn payload(bytes: &[u8]) -> bool {
    let Some((&positions, bytes)) = bytes.split_first() else { return false };
    let Ok(items) = unpack(bytes, 0, positions.into()) else { return false };
    let of_positions = items.iter().filter(|item| !matches!(item, Item::Added(_))).count();
    assert_eq!(of_positions, usize::from(positions));
    let payload = Arc::new(Handed::new(Payload::Heap(Collected::of(bytes)), &Arc::default()));
    assert_eq!(payload.bytes(), bytes);
    let mut packing = Packing::default();
    let mut values = Vec::new();
    for item in &items {
        let outcome = match item {
            Item::Added(place) => {
                packing.push_added(&bytes[place.clone()]);
                values.push(Err(place.clone()));
                continue;
            }
            Item::Gap => Ok(None),
            Item::Fault(place) => {
                let fault = postcard::from_bytes(&bytes[place.clone()]);
                Err(fault.unwrap_or_else(|_| Fault::new("an invalid fault")))
            }
            Item::Sample(inline, payloads) => {
                let inline = &bytes[inline.clone()];
                let parts = payloads.iter().map(|place| {
                    Arc::new(PayloadRange { payload: payload.clone(), place: place.clone() })
                        as Owner
                });
                let parts: Vec<Owner> = parts.collect();
                let value = value::<Record>(inline, &parts)
                    .or_else(|| value::<Nested>(inline, &parts))
                    .or_else(|| value::<Runs>(inline, &parts))
                    .or_else(|| value::<u64>(inline, &parts));
                let Some(value) = value else { return true };
                Ok(Some(value))
            }
        };
        values.push(Ok(outcome.clone()));
        packing.push(outcome);
    }
    let mut again = vec![0; packing.line_up()];
    packing.write_to(&mut again);
    let items = unpack(&again, 0, positions.into()).expect("a packed payload can be unpacked");
    for (value, item) in values.iter().zip(&items) {
        match (value, item) {
            (Ok(Ok(None)), Item::Gap) | (Ok(Err(_)), Item::Fault(_)) => {}
            (Err(added), Item::Added(place)) => {
                assert_eq!(bytes[added.clone()], again[place.clone()]);
            }
            (Ok(Ok(Some(wire))), Item::Sample(inline, payloads)) => {
                assert_eq!(again[inline.clone()], wire.inline);
                let bytes = payloads.iter().map(|place| &again[place.clone()]);
                assert!(bytes.eq(wire.payloads.iter().map(Tensor::bytes)));
            }
            other => panic!("{other:?}"),
        }
    }
    true
}

/// A value with every kind of part that an encoding can hold.
type Nested = (Option<i32>, String, Vec<(u8, Tensor)>, f64, bool);

/// A value with every kind of run: numbers copied as a block, numbers copied one by one, a text.
type Runs = (Vec<f32>, VecDeque<u16>, Option<String>, Vec<bool>, Vec<[i64; 2]>);

/// Returns the encoding of the value that these bytes decode to.
fn value<T: DeserializeOwned + Serialize>(inline: &[u8], parts: &[Owner]) -> Option<Wire> {
    let value: T = decode_owned(inline, parts.to_vec()).ok()?;
    encode(&value).ok()
}

fn payload_seeds() -> Vec<Vec<u8>> {
    let tensor = |length: u64| Tensor::from_slice([length], &vec![7u8; length as usize]);
    let tensor = |length: u64| tensor(length).expect("a tensor of bytes");
    let mut record = Record::new();
    for (name, length) in [("a", 3), ("b", 0), ("c", 100)] {
        record = record.with(name, tensor(length)).expect("a record of tensors");
    }
    let nested: Nested = (Some(-7), "text".into(), vec![(1, tensor(5))], 0.5, true);
    let seed = |outcomes: Vec<Result<Option<Wire>, Fault>>| {
        let mut packing = Packing::default();
        let positions = outcomes.len() as u8;
        for (number, outcome) in outcomes.into_iter().enumerate() {
            packing.push_added(&vec![7; number % 3]);
            packing.push(outcome);
        }
        let mut bytes = vec![0; packing.line_up()];
        packing.write_to(&mut bytes);
        bytes.insert(0, positions);
        bytes
    };
    vec![
        seed(vec![]),
        seed(vec![Ok(None), Err(Fault::new("no")), encode(&7u64).map(Some)]),
        seed(vec![encode(&record).map(Some), Ok(None)]),
        seed(vec![encode(&nested).map(Some)]),
    ]
}

/// Checks that a decodable value can be encoded, and decodes to the same value. The first byte is
/// the length of the inline part. The second byte is the number of tensors of bytes that the rest
/// is divided into.
pub fn wire(bytes: &[u8]) -> bool {
    let [inline, tensors, rest @ ..] = bytes else { return false };
    let Some((inline, rest)) = rest.split_at_checked((*inline).into()) else { return false };
    let size = rest.len() / usize::from(*tensors).max(1);
    let parts = (0..usize::from(*tensors)).map(|number| &rest[number * size..][..size]);
    let tensors: Result<Vec<Tensor>, _> =
        parts.map(|part| Tensor::new(Dtype::U8, [size as u64], part)).collect();
    let Ok(tensors) = tensors else { return false };
    fn again<T: DeserializeOwned + Serialize>(inline: &[u8], tensors: &[Tensor]) -> bool {
        let Ok(value) = decode::<T>(inline, tensors.to_vec()) else { return false };
        let first = encode(&value).expect("a decoded value can be encoded");
        let value: T =
            decode(&first.inline, first.payloads.clone()).expect("the encoding can be decoded");
        assert_eq!(encode(&value).expect("the value can be encoded again"), first);
        true
    }
    // Check every type, even if one fails to decode.
    again::<Record>(inline, &tensors)
        | again::<Nested>(inline, &tensors)
        | again::<Runs>(inline, &tensors)
}

fn wire_seeds() -> Vec<Vec<u8>> {
    let flat = |byte: u8| Tensor::from_slice([4], &[byte; 4]).expect("a tensor of bytes");
    let record = Record::new().with("x", flat(1)).and_then(|record| record.with("y", flat(2)));
    let nested: Nested = (None, "text".into(), vec![(1, flat(5)), (2, flat(6))], -0.0, false);
    let seed = |wire: Wire| {
        let head = [wire.inline.len() as u8, wire.payloads.len() as u8];
        let parts = wire.payloads.iter().map(Tensor::bytes);
        [&head, &*wire.inline].into_iter().chain(parts).collect::<Vec<_>>().concat()
    };
    let record = record.expect("a record of tensors");
    let keyed = record.clone().with_keys([7.into(), "a/b".into()]);
    let mut seeds: Vec<_> = [encode(&record), encode(&keyed), encode(&nested)]
        .into_iter()
        .flatten()
        .map(seed)
        .collect();
    // Blocks of 8 bytes: the decoder accepts them, although the encoder writes no block this short.
    seeds.push([&[8, 4, 5, 9, 1, 17, 17, 2, 1, 2], &[1u8; 32][..]].concat());
    seeds
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_seed_goes_all_the_way_in() {
        for (name, holds, seeds) in PROPERTIES {
            for (number, seed) in seeds().iter().enumerate() {
                assert!(holds(seed), "{name} {number}");
            }
        }
    }

    #[test]
    fn no_byte_of_a_seed_can_be_changed_for_the_worse() {
        for (_, holds, seeds) in PROPERTIES {
            for mut seed in seeds() {
                let step = if cfg!(miri) { 7 } else { 1 };
                for place in (0..seed.len()).step_by(step) {
                    let before = seed[place];
                    for byte in [0, 1, before.wrapping_add(1), before ^ 0x80, 0xff] {
                        seed[place] = byte;
                        holds(&seed);
                    }
                    seed[place] = before;
                    holds(&seed[..place]);
                    let mut long = seed.clone();
                    long[place..].iter_mut().take(8).for_each(|byte| *byte = 0xff);
                    holds(&long);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_will_do(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            PROPERTIES.iter().for_each(|(_, holds, _)| _ = holds(&bytes));
        }

        #[test]
        fn seeds_with_some_bytes_changed_will_do(
            which in 0..PROPERTIES.len(),
            seed in 0usize..8,
            changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..6),
        ) {
            let (_, holds, seeds) = PROPERTIES[which];
            let seeds = seeds();
            let mut bytes = seeds[seed % seeds.len()].clone();
            for (place, byte) in changes {
                let place = usize::from(place) % bytes.len();
                bytes[place] = byte;
            }
            holds(&bytes);
        }
    }
}
