//! The byte format of requests and replies.
//!
//! All numbers are little-endian. A request holds the task's number, first position and count, 8
//! bytes each. A reply holds:
//!
//! | bytes | content |
//! |---|---|
//! | 8 | the task's number |
//! | 8 | nanoseconds that the task took |
//! | 8 | size of the samples in bytes, or all ones if unknown |
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

/// The byte range of a tensor in a reply.
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
/// The length of a reply's fixed start: five numbers.
const HEAD_BYTES: usize = 40;
/// The alignment of payloads.
const ALIGN: usize = 64;

/// Encodes a task as a request.
#[must_use]
pub fn request_of(task: Task) -> [u8; REQUEST_BYTES] {
    let mut bytes = [0; REQUEST_BYTES];
    for (place, number) in bytes.chunks_exact_mut(8).zip([task.id, task.start, task.count]) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    bytes
}

/// Runs the task of a request.
///
/// # Errors
/// Fails for an invalid request, and for samples that cannot be encoded.
pub fn serve<T: Serialize>(work: &dyn Fill<T>, request: &[u8]) -> Result<Reply, Fault> {
    let [id, start, count] = numbers::<3>(request)?;
    if request.len() != REQUEST_BYTES || start.checked_add(count).is_none() {
        return Err(Fault::new("the request is invalid; send the bytes of request_of"));
    }
    let done = run(Task { id, start, count }, work, |_| true);
    let Completion { task, results, bytes, nanos } =
        done.ok_or_else(|| Fault::new("the request was cancelled"))?;
    Ok(Reply::new(task, nanos, bytes.unwrap_or(u64::MAX), wire::encode(&results)?))
}

/// A worker's answer to a request, with references to the tensors' bytes instead of copies.
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

    /// Returns the nanoseconds that the samples took.
    #[must_use]
    pub fn nanos(&self) -> u64 {
        nanos_of(&self.head)
    }

    /// Sets the nanoseconds that the samples took, from which the loader derives the size of tasks.
    pub fn set_nanos(&mut self, nanos: u64) {
        self.head[8..16].copy_from_slice(&nanos.to_le_bytes());
    }

    /// Returns the number of bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a message is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Calls `out` with each piece and the piece's offset; the bytes between pieces remain unset.
    pub fn write(&self, out: &mut impl FnMut(usize, &[u8])) {
        out(0, &self.head);
        let mut end = self.head.len();
        for tensor in &self.tensors {
            let start = end.next_multiple_of(ALIGN);
            out(start, tensor.bytes());
            end = start + tensor.bytes().len();
        }
    }

    /// Copies the reply into one tensor, as a carrier in the same memory delivers it.
    ///
    /// # Errors
    /// Fails without enough memory.
    pub fn to_tensor(&self) -> Result<Tensor, Fault> {
        Tensor::build(Dtype::U8, [self.len as u64], |bytes| {
            self.write(&mut |start, piece| {
                bytes[start..start + piece.len()].copy_from_slice(piece)
            });
            Ok(())
        })
    }
}

/// Returns the nanoseconds that a reply states for its samples; 0 for an invalid reply.
pub(super) fn nanos_of(reply: &[u8]) -> u64 {
    numbers::<2>(reply).map_or(0, |[_, nanos]| nanos)
}

/// Reads the reply to a task; the samples point into the reply.
pub(super) fn read<T: DeserializeOwned>(
    asked: Task,
    reply: &Arc<Tensor>,
) -> Result<Completion<T>, Fault> {
    let all = reply.bytes();
    let short = || Fault::new(format!("a reply of {} bytes is cut short", all.len()));
    let [task, nanos, bytes, inline, payloads] = numbers::<5>(all)?;
    if task != asked.id {
        return Err(Fault::new(format!(
            "the worker answered task {} with the number of task {task}",
            asked.id
        )));
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

/// Reads the first `N` numbers of a message.
fn numbers<const N: usize>(bytes: &[u8]) -> Result<[u64; N], Fault> {
    let short = || Fault::new(format!("a message of {} bytes is cut short", bytes.len()));
    let start: &[[u8; 8]; N] = bytes.as_chunks().0.first_chunk().ok_or_else(short)?;
    Ok(start.map(u64::from_le_bytes))
}
