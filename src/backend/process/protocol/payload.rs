//! Payloads: the samples of one task as bytes, in a frame, on the heap or in a slot.
//!
//! | part | content |
//! |---|---|
//! | count | the number of words that follow, 8 bytes |
//! | words | one word for each position, followed by two for each of its tensors, 8 bytes each |
//! | inline | the inline parts one after another |
//! | tensors | the payloads, each at a multiple of 64 |
//!
//! All numbers are little-endian. A position's word holds its kind in the two lowest bits: 0 for a
//! gap, 1 for a sample, 2 for a fault. The next 22 bits are the number of its tensors, and the rest
//! is the length of its inline part. A tensor's two words are the offset and the length of its
//! payload.
//!
//! If a position added values to reducers, a word of kind 3 precedes the position's word, with the
//! additions as its inline part. In a frame and on the heap, the count comes first and the payloads
//! last. In a slot, payloads lie where the tensors were built, and the count lies in any free
//! place. Out of scope: the meaning of a sample.

use std::ops::Range;

/// The maximum size in bytes of a payload inside a frame.
pub(in super::super) const IN_FRAME_MAX: usize = 4096;
use crate::dataset::Tensor;
use crate::dataset::wire::Wire;
use crate::error::Fault;

/// The alignment of payloads.
pub(in super::super) const ALIGN: usize = 64;
const GAP: u64 = 0;
const SAMPLE: u64 = 1;
const FAULT: u64 = 2;
const ADDED: u64 = 3;
const TENSORS_BITS: u32 = 22;
const TENSORS_MAX: usize = (1 << TENSORS_BITS) - 1;
const INLINE_MAX: u64 = (1 << (64 - TENSORS_BITS - 2)) - 1;

/// The encoded samples of a task, before they have a place.
#[derive(Debug, Default)]
pub(in super::super) struct Packing {
    words: Vec<u64>,
    inline: Vec<u8>,
    tensors: Vec<Tensor>,
    /// For each tensor, the index of the word that holds its offset.
    places: Vec<usize>,
}

impl Packing {
    /// Removes everything, but keeps the allocated memory.
    pub(in super::super) fn clear(&mut self) {
        self.words.clear();
        self.inline.clear();
        self.tensors.clear();
        self.places.clear();
    }

    /// Adds the next position's additions to reducers.
    pub(in super::super) fn push_added(&mut self, added: &[u8]) {
        if !added.is_empty() {
            self.place(ADDED, added, 0);
        }
    }

    /// Adds the result of the next position.
    pub(in super::super) fn push(&mut self, outcome: Result<Option<Wire>, Fault>) {
        match outcome {
            Ok(None) => self.words.push(GAP),
            Ok(Some(wire)) if wire.payloads.len() > TENSORS_MAX => {
                let count = wire.payloads.len();
                self.push(Err(Fault::new(format!(
                    "a sample has {count} tensors; {TENSORS_MAX} are allowed"
                ))));
            }
            Ok(Some(wire)) => {
                self.place(SAMPLE, &wire.inline, wire.payloads.len());
                for tensor in wire.payloads {
                    self.places.push(self.words.len());
                    self.words.extend([0, tensor.bytes().len() as u64]);
                    self.tensors.push(tensor);
                }
            }
            Err(fault) => {
                let text = postcard::to_stdvec(&fault).unwrap_or_default();
                self.place(FAULT, &text, 0);
            }
        }
    }

    /// Returns the tensors, in order.
    pub(in super::super) fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Returns how many bytes precede the payloads.
    pub(in super::super) fn head(&self) -> usize {
        8 * (1 + self.words.len()) + self.inline.len()
    }

    /// Places the payloads one after another behind the rest; returns the total number of bytes.
    pub(in super::super) fn line_up(&mut self) -> usize {
        let mut end = self.head();
        for (tensor, place) in self.tensors.iter().zip(&self.places) {
            let start = align(end);
            self.words[*place] = start as u64;
            end = start + tensor.bytes().len();
        }
        end
    }

    /// Records that the payload of this tensor, counted from 0, lies in the slot at `start`.
    pub(in super::super) fn lies(&mut self, tensor: usize, start: usize) {
        self.words[self.places[tensor]] = start as u64;
    }

    /// Writes a lined-up payload to the start of a large enough buffer.
    pub(in super::super) fn write_to(&self, memory: &mut [u8]) {
        let mut at = self.head();
        self.write_head(&mut memory[..at]);
        for tensor in &self.tensors {
            let start = align(at);
            memory[at..start].fill(0);
            at = start + tensor.bytes().len();
            memory[start..at].copy_from_slice(tensor.bytes());
        }
    }

    /// Writes everything except the payloads.
    pub(in super::super) fn write_head(&self, mut memory: &mut [u8]) {
        let mut write = |part: &[u8]| {
            let (place, rest) = std::mem::take(&mut memory).split_at_mut(part.len());
            place.copy_from_slice(part);
            memory = rest;
        };
        write(&(self.words.len() as u64).to_le_bytes());
        if cfg!(target_endian = "little") {
            write(bytemuck::cast_slice(&self.words));
        } else {
            self.words.iter().for_each(|word| write(&word.to_le_bytes()));
        }
        write(&self.inline);
    }

    fn place(&mut self, what: u64, inline: &[u8], tensors: usize) {
        let length = (inline.len() as u64).min(INLINE_MAX);
        self.words.push(what | (tensors as u64) << 2 | length << (TENSORS_BITS + 2));
        self.inline.extend_from_slice(&inline[..length as usize]);
    }
}

/// The content of a payload for one position, as ranges of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Item {
    /// A gap, without bytes.
    Gap,
    /// A sample: its inline part and its payloads.
    Sample(Range<usize>, Vec<Range<usize>>),
    /// The fault of a failed sample.
    Fault(Range<usize>),
    /// The additions to reducers of the next item's position.
    Added(Range<usize>),
}

impl Item {
    /// Returns the number of bytes transferred for the item.
    pub(in super::super) fn byte_len(&self) -> u64 {
        match self {
            Self::Gap => 0,
            Self::Sample(inline, payloads) => {
                payloads.iter().map(Range::len).sum::<usize>() as u64 + inline.len() as u64
            }
            Self::Fault(place) | Self::Added(place) => place.len() as u64,
        }
    }
}

/// Parses a payload for this number of positions, with the count at `start`, into items.
///
/// # Errors
/// Returns why the payload is invalid.
pub(in super::super) fn unpack(
    bytes: &[u8],
    start: usize,
    positions: u64,
) -> Result<Vec<Item>, String> {
    let short = || "it is too short".to_owned();
    let number = |word: Option<u64>| word.and_then(|word| usize::try_from(word).ok());
    let word = |at: usize| {
        let bytes = bytes.get(at..at.checked_add(8)?)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    };
    let words = number(word(start)).ok_or_else(short)?;
    let head = words.checked_mul(8).and_then(|length| length.checked_add(8)?.checked_add(start));
    let head = head.filter(|&head| head <= bytes.len()).ok_or_else(short)?;
    if positions > words as u64 {
        return Err(format!("it has {words} words for {positions} positions"));
    }
    let mut items = Vec::with_capacity(positions as usize);
    let (mut inline, mut last, mut filled) = (head, 0, 0);
    let mut at = start + 8;
    while at < head {
        let item = word(at).ok_or_else(short)?;
        at += 8;
        let tensors = ((item >> 2) as usize) & TENSORS_MAX;
        let length = usize::try_from(item >> (TENSORS_BITS + 2)).map_err(|_| short())?;
        let end = inline.checked_add(length).filter(|&end| end <= bytes.len());
        let place = inline..end.ok_or_else(short)?;
        inline = place.end;
        let payloads = at..at + 16 * tensors;
        if payloads.end > head {
            return Err(short());
        }
        at = payloads.end;
        let mut payload = |at: usize| {
            let start = number(word(at)).filter(|start| start % ALIGN == 0);
            let end = start.zip(number(word(at + 8))).and_then(|(start, n)| start.checked_add(n));
            let end = end.filter(|&end| end <= bytes.len()).ok_or_else(short)?;
            last = end.max(last);
            Ok(start.unwrap_or_default()..end)
        };
        items.push(match item & 3 {
            GAP => Item::Gap,
            SAMPLE => Item::Sample(
                place,
                payloads.step_by(16).map(&mut payload).collect::<Result<_, String>>()?,
            ),
            FAULT => Item::Fault(place),
            _ if place.is_empty() || matches!(items.last(), Some(Item::Added(_))) => {
                return Err("it has additions that are empty or belong to no position".into());
            }
            _ => Item::Added(place),
        });
        filled += u64::from(item & 3 != ADDED);
    }
    if filled != positions || matches!(items.last(), Some(Item::Added(_))) {
        return Err(format!("it has {} items, {filled} for {positions} positions", items.len()));
    }
    let end = inline.max(last);
    if end != bytes.len() {
        return Err(format!("it describes {end} bytes and has {}", bytes.len()));
    }
    Ok(items)
}

fn align(at: usize) -> usize {
    at.next_multiple_of(ALIGN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed() -> Packing {
        let mut packing = Packing::default();
        let tensor = |length: usize| Tensor::from_slice([length as u64], &vec![7u8; length]);
        let tensors = vec![tensor(3).unwrap(), tensor(0).unwrap(), tensor(100).unwrap()];
        packing.push(Ok(Some(Wire { inline: b"abc".to_vec(), payloads: tensors })));
        packing.push_added(&[]);
        packing.push(Ok(None));
        packing.push(Err(Fault::new("no")));
        packing.push_added(b"more");
        packing.push(Ok(Some(Wire { inline: vec![], payloads: vec![] })));
        packing
    }

    fn bytes(mut packing: Packing) -> Vec<u8> {
        let mut bytes = vec![0; packing.line_up()];
        packing.write_to(&mut bytes);
        bytes
    }

    #[test]
    fn what_was_packed_is_found_again() {
        let bytes = bytes(packed());
        let items = unpack(&bytes, 0, 4).unwrap();
        let Item::Sample(inline, payloads) = &items[0] else { panic!("{items:?}") };
        assert_eq!(&bytes[inline.clone()], b"abc");
        assert_eq!(payloads.iter().map(Range::len).collect::<Vec<_>>(), [3, 0, 100]);
        assert!(payloads.iter().all(|payload| payload.start % ALIGN == 0));
        assert_eq!(&bytes[payloads[2].clone()], [7; 100]);
        assert_eq!(items[1], Item::Gap);
        let Item::Fault(place) = &items[2] else { panic!("{items:?}") };
        assert_eq!(postcard::from_bytes::<Fault>(&bytes[place.clone()]).unwrap().message(), "no");
        assert!(matches!(&items[3], Item::Added(added) if &bytes[added.clone()] == b"more"));
        assert!(matches!(&items[4], Item::Sample(inline, _) if inline.is_empty()));
    }

    #[test]
    fn additions_of_no_position_are_refused() {
        for outcomes in [0, 1] {
            let mut packing = packed();
            packing.push_added(b"more");
            packing.push_added(b"more");
            (0..outcomes).for_each(|_| packing.push(Ok(None)));
            assert!(unpack(&bytes(packing), 0, 4 + outcomes).is_err(), "{outcomes}");
        }
        let mut packing = packed();
        packing.push_added(b"more");
        assert!(unpack(&bytes(packing), 0, 4).is_err());
        let mut packing = packed();
        packing.place(ADDED, b"", 0);
        packing.push(Ok(None));
        assert!(unpack(&bytes(packing), 0, 5).is_err());
    }

    #[test]
    fn a_payload_of_another_count_or_length_is_refused() {
        let whole = bytes(packed());
        for positions in [0, 3, 5, u64::MAX] {
            assert!(unpack(&whole, 0, positions).is_err(), "{positions}");
        }
        for length in 0..whole.len() {
            assert!(unpack(&whole[..length], 0, 4).is_err(), "{length}");
        }
        assert!(unpack(&[&whole[..], &[0]].concat(), 0, 4).is_err());
    }

    #[test]
    fn payloads_may_lie_anywhere_and_the_rest_where_there_is_room() {
        let mut packing = packed();
        let mut slot = vec![0; 1024];
        for (tensor, start) in [(0, 512), (1, 64), (2, 128)] {
            packing.lies(tensor, start);
            let bytes = packing.tensors()[tensor].bytes().to_vec();
            slot[start..start + bytes.len()].copy_from_slice(&bytes);
        }
        packing.write_head(&mut slot[600..600 + packing.head()]);
        slot.truncate(600 + packing.head());
        let items = unpack(&slot, 600, 4).unwrap();
        let Item::Sample(inline, payloads) = &items[0] else { panic!("{items:?}") };
        assert_eq!(&slot[inline.clone()], b"abc");
        assert_eq!(payloads[..], [512..515, 64..64, 128..228]);
        packing.lies(2, 100);
        packing.write_head(&mut slot[600..]);
        assert!(unpack(&slot, 600, 4).is_err(), "a payload that is not aligned");
        packing.lies(2, 4096);
        packing.write_head(&mut slot[600..]);
        assert!(unpack(&slot, 600, 4).is_err(), "a payload outside the slot");
        assert!(unpack(&slot, slot.len(), 4).is_err() && unpack(&slot, usize::MAX, 4).is_err());
    }

    #[test]
    fn lengths_past_all_memory_are_refused() {
        let whole = bytes(packed());
        // Word 0 is the count and word 1 the item; the offsets and lengths of its tensors follow.
        for place in [0, 8, 16, 24, 32, 40, 48, 56] {
            for length in [u64::MAX, u64::MAX - 63, i64::MAX as u64] {
                let mut changed = whole.clone();
                changed[place..place + 8].copy_from_slice(&length.to_le_bytes());
                assert!(unpack(&changed, 0, 4).is_err(), "{length} at {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..300),
            words in 0u64..20,
            start in 0usize..40,
        ) {
            if let Some(place) = bytes.get_mut(start..start + 8) {
                place.copy_from_slice(&words.to_le_bytes());
            }
            for positions in 0..4 {
                _ = unpack(&bytes, start, positions);
            }
        }
    }
}
