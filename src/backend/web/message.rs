//! Requests and replies as bytes.
//!
//! All numbers are little-endian. A request is the task's number, its first position and its count,
//! 8 bytes each. A reply is:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | the task's number |
//! | 8 | nanoseconds it took |
//! | 8 | what the samples occupy, or all ones where that cannot be known |
//! | 8 | length of the inline part |
//! | 8 | number of payloads |
//! | 8 each | length of each payload |
//! | | the inline part: the results in [`wire`]'s encoding |
//! | | each payload, at the next multiple of 64 bytes from the reply's start |

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::{Fill, run};
use crate::dataset::wire::{self, Wire};
use crate::dataset::{Dtype, SampleResult, Tensor};
use crate::engine::{Completion, Task};
use crate::error::Fault;

/// Bytes of a reply that a tensor points into.
struct ReplyRange {
    reply: Arc<Tensor>,
    range: std::ops::Range<usize>,
}

impl AsRef<[u8]> for ReplyRange {
    fn as_ref(&self) -> &[u8] {
        &self.reply.bytes()[self.range.clone()]
    }
}

/// The length of a request.
pub(super) const REQUEST_BYTES: usize = 24;
/// The fixed start of a reply: five numbers.
const HEAD_BYTES: usize = 40;
/// Where payloads start.
const ALIGN: usize = 64;

/// A task as bytes.
#[must_use]
pub fn request_of(task: Task) -> [u8; REQUEST_BYTES] {
    let mut bytes = [0; REQUEST_BYTES];
    for (place, number) in bytes.chunks_exact_mut(8).zip([task.id, task.start, task.count]) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    bytes
}

/// Does what a request asks for.
///
/// # Errors
/// A request that is none, or samples that cannot be encoded.
pub fn serve<T: Serialize>(work: &dyn Fill<T>, request: &[u8]) -> Result<Reply, Fault> {
    let [id, start, count] = numbers::<3>(request)?;
    if request.len() != REQUEST_BYTES || start.checked_add(count).is_none() {
        return Err(Fault::new("the request is not one"));
    }
    let done = run(Task { id, start, count }, work, |_| true);
    let Completion { task, results, bytes, nanos } =
        done.ok_or_else(|| Fault::new("the request asks for more than fits"))?;
    Ok(Reply::new(task, nanos, bytes.unwrap_or(u64::MAX), wire::encode(&results)?))
}

/// What a worker answers, with the payloads of its tensors where they were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    head: Vec<u8>,
    tensors: Vec<Tensor>,
    len: usize,
}

impl Reply {
    fn new(task: u64, nanos: u64, bytes: u64, wire: Wire) -> Self {
        let lengths = wire.payloads.iter().map(|tensor| tensor.bytes().len());
        let numbers = [task, nanos, bytes, wire.inline.len() as u64, wire.payloads.len() as u64];
        let numbers = numbers.into_iter().chain(lengths.clone().map(|length| length as u64));
        let mut head: Vec<u8> = numbers.flat_map(u64::to_le_bytes).collect();
        head.extend_from_slice(&wire.inline);
        let len = lengths.fold(head.len(), |end, length| end.next_multiple_of(ALIGN) + length);
        Self { head, tensors: wire.payloads, len }
    }

    /// Nanoseconds that the samples took.
    #[must_use]
    pub fn nanos(&self) -> u64 {
        nanos_of(&self.head)
    }

    /// Says otherwise how long they took, which decides how many make up a task.
    pub fn set_nanos(&mut self, nanos: u64) {
        self.head[8..16].copy_from_slice(&nanos.to_le_bytes());
    }

    /// The number of bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a message is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Gives each piece with the offset that it goes to; what lies between is left as it is.
    pub fn write(&self, out: &mut impl FnMut(usize, &[u8])) {
        out(0, &self.head);
        let mut end = self.head.len();
        for tensor in &self.tensors {
            let start = end.next_multiple_of(ALIGN);
            out(start, tensor.bytes());
            end = start + tensor.bytes().len();
        }
    }

    /// All bytes, as a carrier in the same memory would bring them.
    ///
    /// # Errors
    /// When there is no memory for them.
    pub fn to_tensor(&self) -> Result<Tensor, Fault> {
        Tensor::build(Dtype::U8, [self.len as u64], |bytes| {
            self.write(&mut |start, piece| {
                bytes[start..start + piece.len()].copy_from_slice(piece)
            });
            Ok(())
        })
    }
}

/// Nanoseconds that a reply says its samples took; 0 where it is none.
pub(super) fn nanos_of(reply: &[u8]) -> u64 {
    numbers::<2>(reply).map_or(0, |[_, nanos]| nanos)
}

/// Reads the reply to a task; its samples point into it.
pub(super) fn read<T: DeserializeOwned>(
    asked: Task,
    reply: &Arc<Tensor>,
) -> Result<Completion<T>, Fault> {
    let all = reply.bytes();
    let short = || Fault::new(format!("a reply of {} bytes is cut short", all.len()));
    let [task, nanos, bytes, inline, payloads] = numbers::<5>(all)?;
    if task != asked.id {
        return Err(Fault::new(format!("task {} was answered as task {task}", asked.id)));
    }
    let lengths = usize::try_from(payloads).ok().and_then(|count| count.checked_mul(8));
    let lengths_end = lengths.and_then(|bytes| bytes.checked_add(HEAD_BYTES)).ok_or_else(short)?;
    let lengths = all.get(HEAD_BYTES..lengths_end).ok_or_else(short)?;
    let inline_end = usize::try_from(inline).ok().and_then(|len| lengths_end.checked_add(len));
    let mut end = inline_end.ok_or_else(short)?;
    let inline = all.get(lengths_end..end).ok_or_else(short)?;
    let mut parts: Vec<crate::dataset::Owner> = Vec::with_capacity(lengths.len() / 8);
    for length in lengths.chunks_exact(8) {
        let [length] = numbers::<1>(length)?;
        let start = end.checked_next_multiple_of(ALIGN).ok_or_else(short)?;
        end = usize::try_from(length)
            .ok()
            .and_then(|len| start.checked_add(len))
            .ok_or_else(short)?;
        if end > all.len() {
            return Err(short());
        }
        parts.push(Arc::new(ReplyRange { reply: reply.clone(), range: start..end }));
    }
    let results: Vec<SampleResult<T>> = wire::decode_owned(inline, parts)?;
    Ok(Completion { task, results, bytes: (bytes != u64::MAX).then_some(bytes), nanos })
}

/// The first `N` numbers of some bytes.
fn numbers<const N: usize>(bytes: &[u8]) -> Result<[u64; N], Fault> {
    let short = || Fault::new(format!("a message of {} bytes is cut short", bytes.len()));
    let start: &[[u8; 8]; N] = bytes.as_chunks().0.first_chunk().ok_or_else(short)?;
    Ok(start.map(u64::from_le_bytes))
}
