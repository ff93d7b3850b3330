//! The frames of a record: their bytes, and what can be read of a damaged record.
//!
//! A record is a line of magic and a chain of frames. A frame begins with the length of its
//! body, in 8 bytes, little-endian. Then come the first 8 bytes of the SHA-256 of length and body,
//! and the body in postcard's format. The first frame is the header, and each later frame is one group with its outcomes.
//! Reading ends at the first frame that is cut off or damaged. So a torn tail is never taken for an
//! outcome, and a reader never allocates more than the file has.

use std::io::{Error, ErrorKind, Read, Result};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::Fault;

/// The first bytes of a record.
pub(super) const MAGIC: &[u8] = b"windrow run record 1\n";
/// The bytes of a frame before its body.
const HEAD: usize = 16;

/// The identity of the run that a record belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Header {
    /// The text form of the pipeline.
    pub(in super::super) pipeline: String,
    /// The description of the sink.
    pub(in super::super) sink: String,
    /// The number of indices of the pipeline.
    pub(in super::super) len: u64,
    /// The names of the reducers whose values the run collects, in ascending order.
    pub(in super::super) reducers: Vec<String>,
}

/// The recorded outcome of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) enum Stored {
    /// The encoded result of the sink.
    Done(Vec<u8>),
    /// The pipeline has no sample at the index.
    Gap,
    /// The index failed.
    Failed(Fault),
    /// The group of the index is written again, so earlier outcomes of the index count no more.
    Open,
}

/// The outcomes of a group: each index, its outcome, and the values that its sample added to
/// reducers.
pub(in super::super) type Group = Vec<(u64, Stored, Vec<u8>)>;

/// Returns the bytes of a frame; `None` if the body cannot be encoded.
pub(super) fn encode(body: &impl Serialize) -> Option<Vec<u8>> {
    let mut frame = postcard::to_extend(body, vec![0; HEAD]).ok()?;
    let length = (frame.len() - HEAD) as u64;
    frame[..8].copy_from_slice(&length.to_le_bytes());
    let sum = checksum(&frame[..8], &frame[HEAD..]);
    frame[8..HEAD].copy_from_slice(&sum);
    Some(frame)
}

fn checksum(length: &[u8], body: &[u8]) -> [u8; 8] {
    let hash = Sha256::new().chain_update(length).chain_update(body).finalize();
    let mut sum = [0; 8];
    sum.copy_from_slice(&hash[..8]);
    sum
}

/// A reader of frames, from a source of a known length.
#[derive(Debug)]
pub(super) struct Frames<R> {
    source: R,
    /// The number of bytes that the source still has.
    left: u64,
    /// The number of bytes read, in whole frames.
    pub(super) good: u64,
}

impl<R: Read> Frames<R> {
    /// Reads the magic. Returns `None` if the source begins with something else.
    pub(super) fn new(mut source: R, len: u64) -> Result<Option<Self>> {
        let good = MAGIC.len() as u64;
        let magic = if len < good { None } else { read(&mut source, MAGIC.len())? };
        let is_record = magic.is_some_and(|magic| magic == MAGIC);
        Ok(is_record.then(|| Self { source, left: len - good, good }))
    }

    /// Returns the body of the next frame; `None` at the end, or if the rest is damaged.
    ///
    /// # Errors
    /// Returns the error of the source. A whole frame that this version of windrow cannot read is an
    /// error too, since the frame is not damaged.
    pub(super) fn next<T: for<'de> Deserialize<'de>>(&mut self) -> Result<Option<T>> {
        let Some(room) = self.left.checked_sub(HEAD as u64) else { return Ok(None) };
        let Some(head) = read(&mut self.source, HEAD)? else { return Ok(None) };
        let (length, sum) = head.split_at(8);
        let bytes = length.iter().rev().fold(0, |bytes, byte| bytes << 8 | u64::from(*byte));
        let Some(size) = usize::try_from(bytes).ok().filter(|_| bytes <= room) else {
            return Ok(None);
        };
        let Some(body) = read(&mut self.source, size)? else { return Ok(None) };
        if checksum(length, &body) != sum {
            return Ok(None);
        }
        let other = || Error::other("a frame has another content than this version writes");
        match postcard::take_from_bytes(&body) {
            Ok((value, [])) => {
                self.left = room - bytes;
                self.good += HEAD as u64 + bytes;
                Ok(Some(value))
            }
            _ => Err(other()),
        }
    }
}

/// Reads so many bytes; `None` if the source ends before.
fn read(source: &mut impl Read, bytes: usize) -> Result<Option<Vec<u8>>> {
    let mut read = vec![0; bytes];
    match source.read_exact(&mut read) {
        Ok(()) => Ok(Some(read)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let (pipeline, sink) = ("range(0..9)".into(), "lines".into());
        Header { pipeline, sink, len: 9, reducers: vec!["sum".into()] }
    }

    fn groups() -> Vec<Group> {
        vec![
            vec![(3, Stored::Done(vec![1, 2, 3]), vec![0, 1, 9]), (4, Stored::Gap, vec![])],
            vec![(0, Stored::Failed(Fault::new("no").at("map", 7)), vec![])],
            vec![(8, Stored::Done(Vec::new()), vec![])],
        ]
    }

    /// Returns the header and the groups that can be read, and the number of good bytes.
    fn read_all(bytes: &[u8]) -> Option<(Header, Vec<Group>, u64)> {
        let mut frames = Frames::new(bytes, bytes.len() as u64).unwrap()?;
        let header = frames.next().unwrap()?;
        let groups = std::iter::from_fn(|| frames.next().unwrap()).collect();
        Some((header, groups, frames.good))
    }

    fn record() -> (Vec<u8>, Vec<u64>) {
        let mut bytes = [MAGIC, &encode(&header()).unwrap()].concat();
        let mut ends = vec![bytes.len() as u64];
        for group in groups() {
            bytes.extend(encode(&group).unwrap());
            ends.push(bytes.len() as u64);
        }
        (bytes, ends)
    }

    #[test]
    fn every_truncation_keeps_the_whole_frames_before_it() {
        let (bytes, ends) = record();
        for len in 0..=bytes.len() {
            let whole = ends.iter().filter(|&&end| end <= len as u64).count();
            let expected =
                (whole > 0).then(|| (header(), groups()[..whole - 1].to_vec(), ends[whole - 1]));
            assert_eq!(read_all(&bytes[..len]), expected, "{len} bytes");
        }
    }

    #[test]
    fn every_changed_byte_hides_its_frame_and_the_later_ones() {
        let (bytes, ends) = record();
        for at in 0..bytes.len() {
            for change in [1, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] ^= change;
                let whole = ends.iter().filter(|&&end| end <= at as u64).count();
                let expected = (whole > 0)
                    .then(|| (header(), groups()[..whole - 1].to_vec(), ends[whole - 1]));
                assert_eq!(read_all(&bytes), expected, "byte {at}");
            }
        }
    }

    #[test]
    fn a_tail_of_zeros_is_no_frame() {
        let (mut bytes, ends) = record();
        bytes.extend([0; 100]);
        assert_eq!(read_all(&bytes).unwrap().2, *ends.last().unwrap());
    }

    #[test]
    fn a_frame_that_claims_more_than_the_file_has_allocates_nothing() {
        let (mut bytes, ends) = record();
        bytes.extend((u64::MAX / 2).to_le_bytes());
        bytes.extend([0; 8]);
        assert_eq!(read_all(&bytes).unwrap().2, *ends.last().unwrap());
    }
}
